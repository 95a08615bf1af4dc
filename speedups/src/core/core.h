/*
The sound case of what `pinpoint_events` does for every event, in C.

Python code holds all rules, messages and rare types. Everything here handles one case,
the one that nearly every object is in: exact types, valid values. In any other case it
"gives up": it returns NULL or -1 without an exception, and its caller lets Python code
do the work from the start. An exception that is set means that memory ran out, or that
Python code which was called raised it; it is passed on.
*/

#ifndef PINPOINT_EVENTS_CORE_H
#define PINPOINT_EVENTS_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#ifdef Py_GIL_DISABLED
#error "pinpoint-events-speedups needs a Python with the global interpreter lock"
#endif

/* What pinpoint_events/compiled.py expects. To be raised with each change of what one
side calls on the other, of what a class is registered with, of which values are taken
as sound here, or of what is written. */
#define CORE_INTERFACE 1

#define MAX_FIELDS 16

typedef enum {
    KIND_TEXT,           /* str or None */
    KIND_REQUIRED_TEXT,  /* str, not empty */
    KIND_TIME,           /* datetime */
    KIND_OPTIONAL_TIME,  /* datetime or None */
    KIND_INTEGER,        /* int within bounds, or None */
    KIND_NUMBER,         /* int or float within bounds, or None */
    KIND_MEMBER,         /* member of an enum of str, or None */
    KIND_MODEL,          /* object of a registered class */
    KIND_OPTIONAL_MODEL, /* the same, or None */
    KIND_TEXT_MAP,       /* str to str */
    KIND_NUMBER_MAP,     /* str to int or float, finite, ints within bounds */
    KIND_TEXTS_MAP,      /* str to tuple of str */
    KIND_MODEL_MAP,      /* str, not empty, to object of a registered class */
} Kind;

/* An immutable mapping of the model, which holds a dict. */
typedef struct {
    PyTypeObject *type;
    PyObject *empty;
    Py_ssize_t data; /* offsets of its slots */
    Py_ssize_t hash;
} MapClass;

typedef struct {
    PyObject *name;
    PyObject *key; /* `"Name":` as bytes; NULL if the field is not written */
    PyObject *standard; /* default; NULL if the field is required */
    PyObject *factory;  /* makes the default; NULL if there is none */
    PyObject *members;  /* text to member, for enums */
    PyTypeObject *of;   /* class of the member or of the objects */
    const MapClass *map; /* of mappings */
    long long low;      /* bounds of ints */
    long long high;
    Py_ssize_t offset; /* of the slot in an object */
    Kind kind;
    int is_keyword;
} Field;

typedef struct {
    PyTypeObject *type;
    PyObject *python_new; /* the constructor in Python */
    Py_ssize_t hash;      /* offset of the slot */
    Field fields[MAX_FIELDS];
    int count;
    int is_written; /* whether the fields have names on the wire */
    /* The rule between members is kept if the first of these fields is None, or the
    second is not; -1 for none. */
    int none;
    int or_given;
} Class;

/* classes.c */
int may_own(void);
Class *class_of(PyTypeObject *type);
PyObject *claim(PyObject *module, PyObject *arguments);
PyObject *register_map(PyObject *module, PyObject *arguments);
PyObject *register_class(PyObject *module, PyObject *arguments);
PyObject *name_fields(PyObject *module, PyObject *arguments);

/* constructor.c */
PyObject *construct(
    PyObject *type, PyObject *const *values, size_t flags, PyObject *names);

/* values.c */
int is_sound_text(PyObject *value);
int is_sound_integer(PyObject *value, long long low, long long high);
PyObject *sound_value(const Field *field, PyObject *value);
PyObject *new_map(const MapClass *class, PyObject *data);

/* times.c */
int prepare_times(void);
int is_time(PyObject *value);
PyObject *sound_time(PyObject *value);
#define TIME_LENGTH 24
void write_time(char *at, PyObject *moment);
PyObject *time_text(PyObject *module, PyObject *moment);

/* text.c: a text that grows. Functions return -1 where they give up. */
#define SMALL_TEXT 4096
typedef struct {
    char *start;
    char *at;
    char *end;
    char small[SMALL_TEXT];
} Text;
void begin_text(Text *text);
void end_text(Text *text);
int make_room(Text *text, Py_ssize_t size);
int write_bytes(Text *text, const char *bytes, Py_ssize_t size);
int write_string(Text *text, PyObject *string);
int write_integer(Text *text, PyObject *number);
int write_float(Text *text, PyObject *number);
PyObject *set_number_writer(PyObject *module, PyObject *function);

static inline int
write_char(Text *text, char character)
{
    if (text->at == text->end && make_room(text, 1) < 0) {
        return -1;
    }
    *text->at++ = character;
    return 0;
}

/* writer.c */
PyObject *text_of(PyObject *module, PyObject *object);
PyObject *limited_writer(PyObject *module, PyObject *arguments);

/* answers.c */
PyObject *read_item(PyObject *module, PyObject *arguments);

static inline PyObject **
slot_of(PyObject *object, Py_ssize_t offset)
{
    return (PyObject **)((char *)object + offset);
}

#endif
