/* Constructors: valid arguments become an object here, any others go to Python. */

#include "core.h"

#include <string.h>

/* Call the constructor in Python with the same arguments. */
static PyObject *
construct_in_python(const Class *class, PyObject *const *values, Py_ssize_t count,
    PyObject *names)
{
    Py_ssize_t all = count + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    PyObject **arguments = PyMem_New(PyObject *, all + 1);
    if (arguments == NULL) {
        return PyErr_NoMemory();
    }
    arguments[0] = (PyObject *)class->type;
    memcpy(arguments + 1, values, (size_t)all * sizeof *values);
    PyObject *made = PyObject_Vectorcall(
        class->python_new, arguments, (size_t)count + 1, names);
    PyMem_Free(arguments);
    return made;
}

/* Return the place of a field, looked for from another one on; -1 if it has none. */
static int
place_of(const Class *class, PyObject *name, int place)
{
    /* Names are interned, and mostly in the order of the fields. */
    for (int tried = 0; tried < class->count; tried++) {
        if (class->fields[place].name == name) {
            return place;
        }
        place = place + 1 < class->count ? place + 1 : 0;
    }
    /* Keys that were read from a file are not. Names of a subclass are left to Python:
    to compare them may run other code. */
    if (!is_sound_text(name)) {
        return -1;
    }
    for (int tried = 0; tried < class->count; tried++) {
        if (PyUnicode_Compare(class->fields[place].name, name) == 0) {
            return place;
        }
        place = place + 1 < class->count ? place + 1 : 0;
    }
    return -1;
}

/* Put each argument at the place of its field; return -1 where they do not fit. */
static int
arrange(const Class *class, PyObject *const *values, Py_ssize_t count,
    PyObject *names, PyObject **given)
{
    if (count > class->count) {
        return -1;
    }
    for (int place = 0; place < class->count; place++) {
        given[place] = place < count ? values[place] : NULL;
        if (place < count && class->fields[place].is_keyword) {
            return -1;
        }
    }
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    int place = 0;
    for (Py_ssize_t i = 0; i < named; i++) {
        place = place_of(class, PyTuple_GET_ITEM(names, i), place);
        if (place < 0 || given[place] != NULL) {
            return -1;
        }
        given[place] = values[count + i];
    }
    return 0;
}

static int
is_rule_kept(const Class *class, PyObject *const *made)
{
    return class->none < 0 || made[class->none] == Py_None ||
        (class->or_given >= 0 && made[class->or_given] != Py_None);
}

/* `tp_vectorcall` of the registered classes. */
PyObject *
construct(PyObject *type, PyObject *const *values, size_t flags, PyObject *names)
{
    const Class *class = class_of((PyTypeObject *)type);
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    PyObject *given[MAX_FIELDS], *made[MAX_FIELDS];
    int place = 0;
    if (class == NULL) {
        PyErr_SetString(PyExc_SystemError, "the class is not registered");
        return NULL;
    }
    if (arrange(class, values, count, names, given) < 0) {
        return construct_in_python(class, values, count, names);
    }
    for (; place < class->count; place++) {
        made[place] = sound_value(&class->fields[place], given[place]);
        if (made[place] == NULL) {
            goto give_up;
        }
    }
    if (!is_rule_kept(class, made)) {
        goto give_up;
    }
    PyObject *object = class->type->tp_alloc(class->type, 0);
    if (object == NULL) {
        goto give_up;
    }
    for (place = 0; place < class->count; place++) {
        *slot_of(object, class->fields[place].offset) = made[place];
    }
    *slot_of(object, class->hash) = Py_NewRef(Py_None);
    return object;

give_up:
    while (place > 0) {
        Py_DECREF(made[--place]);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    return construct_in_python(class, values, count, names);
}
