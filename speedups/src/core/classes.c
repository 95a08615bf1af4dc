/* The classes of the model, as Python code registers them. */

#include "core.h"

#include <stddef.h>
#include <string.h>
#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_OBJECT_EX T_OBJECT_EX
#endif

/* In the order of `Kind`. */
static const char *const kind_names[] = {
    "text",   "required_text",  "time",     "optional_time", "integer",
    "number", "member",         "model",    "optional_model", "text_map",
    "number_map", "texts_map",  "model_map",
};
#define KINDS ((int)(sizeof kind_names / sizeof *kind_names))

/*
What is registered is never deleted: a type may be called as long as the process lives.

A second copy of the package in one process registers its own classes, each with the
mappings that its copy registered before.
*/
static const MapClass *map_classes[KINDS];
static Class **classes;
static int class_count;

Class *
class_of(PyTypeObject *type)
{
    for (int i = 0; i < class_count; i++) {
        if (classes[i]->type == type) {
            return classes[i];
        }
    }
    return NULL;
}

static int64_t owner = -1; /* the interpreter that uses all this; -1 for none yet */

static int64_t
this_interpreter(void)
{
    return PyInterpreterState_GetID(PyInterpreterState_Get());
}

/* Whether this interpreter uses all this, or no one does yet. */
int
may_own(void)
{
    return owner == -1 || owner == this_interpreter();
}

/* claim(): whether this interpreter may register classes. One of a process may: the
tables above are shared by all, and objects are not. */
PyObject *
claim(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments))
{
    if (owner == -1) {
        owner = this_interpreter();
    }
    return PyBool_FromLong(may_own());
}

/* Take a class into the table, in place of one at the same address, if there is any. */
static int
keep(Class *class)
{
    for (int i = 0; i < class_count; i++) {
        if (classes[i]->type == class->type) {
            classes[i] = class;
            return 0;
        }
    }
    Class **more =
        PyMem_RawRealloc(classes, (size_t)(class_count + 1) * sizeof *classes);
    if (more == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    classes = more;
    classes[class_count++] = class;
    return 0;
}

static int
kind_named(const char *name)
{
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            return i;
        }
    }
    PyErr_Format(PyExc_ValueError, "no kind of field is named %s", name);
    return -1;
}

/* Return the offset of a slot of a class; -1 with an exception if it has none. */
static Py_ssize_t
slot_offset(PyObject *type, const char *name)
{
    PyObject *found = PyObject_GetAttrString(type, name);
    if (found == NULL) {
        return -1;
    }
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == Py_T_OBJECT_EX) {
            offset = member->offset;
        }
    }
    Py_DECREF(found);
    if (offset < 0) {
        PyErr_Format(PyExc_TypeError, "%s is no slot", name);
    }
    return offset;
}

/* register_map(kind, cls, empty): the class of such mappings, and the empty one. */
PyObject *
register_map(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    const char *name;
    PyObject *type, *empty;
    if (!PyArg_ParseTuple(arguments, "sO!O", &name, &PyType_Type, &type, &empty)) {
        return NULL;
    }
    int kind = kind_named(name);
    if (kind < 0) {
        return NULL;
    }
    MapClass found = {.type = (PyTypeObject *)type, .empty = empty};
    if ((found.data = slot_offset(type, "_data")) < 0 ||
        (found.hash = slot_offset(type, "_hash")) < 0) {
        return NULL;
    }
    MapClass *class = PyMem_RawMalloc(sizeof *class);
    if (class == NULL) {
        return PyErr_NoMemory();
    }
    Py_INCREF(type);
    Py_INCREF(empty);
    *class = found;
    map_classes[kind] = class;
    Py_RETURN_NONE;
}

/* Read (name, kind, of, members, low, high, default, factory, is_keyword). */
static int
read_field(PyObject *type, PyObject *facts, Field *field)
{
    const char *kind_name, *text;
    PyObject *of, *members, *standard, *factory;
    Field found = {0};
    if (!PyArg_ParseTuple(facts, "UsOOLLOOp", &found.name, &kind_name, &of, &members,
            &found.low, &found.high, &standard, &factory, &found.is_keyword)) {
        return -1;
    }
    int kind = kind_named(kind_name);
    if (kind < 0 || (text = PyUnicode_AsUTF8(found.name)) == NULL ||
        (found.offset = slot_offset(type, text)) < 0) {
        return -1;
    }
    int has_class = kind == KIND_MEMBER || kind == KIND_MODEL ||
        kind == KIND_OPTIONAL_MODEL || kind == KIND_MODEL_MAP;
    if ((has_class && !PyType_Check(of)) ||
        (kind == KIND_MEMBER && !PyDict_CheckExact(members))) {
        PyErr_Format(PyExc_TypeError, "field %s has no class, or no members", text);
        return -1;
    }
    found.kind = (Kind)kind;
    found.map = map_classes[kind];
    if (kind >= KIND_TEXT_MAP && found.map == NULL) {
        PyErr_Format(PyExc_ValueError, "register_map comes before field %s", text);
        return -1;
    }
    found.of = has_class ? (PyTypeObject *)Py_NewRef(of) : NULL;
    found.members = kind == KIND_MEMBER ? Py_NewRef(members) : NULL;
    found.factory = factory == Py_None ? NULL : Py_NewRef(factory);
    /* A tuple of the default, as None is one. */
    if (PyTuple_CheckExact(standard) && PyTuple_GET_SIZE(standard) == 1) {
        found.standard = Py_NewRef(PyTuple_GET_ITEM(standard, 0));
    }
    Py_INCREF(found.name);
    PyUnicode_InternInPlace(&found.name);
    *field = found;
    return 0;
}

static int
field_named(const Class *class, PyObject *name)
{
    for (int i = 0; i < class->count; i++) {
        if (PyUnicode_Compare(class->fields[i].name, name) == 0) {
            return i;
        }
    }
    PyErr_Format(PyExc_ValueError, "no field is named %R", name);
    return -1;
}

static int
read_class(Class *class, PyObject *type, PyObject *fields, PyObject *kept_if)
{
    class->hash = slot_offset(type, "_hash");
    if (class->hash < 0) {
        return -1;
    }
    for (; class->count < PyTuple_GET_SIZE(fields); class->count++) {
        PyObject *facts = PyTuple_GET_ITEM(fields, class->count);
        if (read_field(type, facts, &class->fields[class->count]) < 0) {
            return -1;
        }
    }
    int *parts[] = {&class->none, &class->or_given};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kept_if) && i < 2; i++) {
        *parts[i] = field_named(class, PyTuple_GET_ITEM(kept_if, i));
        if (*parts[i] < 0) {
            return -1;
        }
    }
    return 0;
}

/* register_class(cls, fields, python_new, kept_if): construct its objects here. */
PyObject *
register_class(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *type, *fields, *python_new, *kept_if;
    if (!PyArg_ParseTuple(arguments, "O!O!OO!", &PyType_Type, &type, &PyTuple_Type,
            &fields, &python_new, &PyTuple_Type, &kept_if)) {
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(fields);
    if (count > MAX_FIELDS) {
        PyErr_SetString(PyExc_ValueError, "too many fields");
        return NULL;
    }
    Class *class = PyMem_RawCalloc(1, sizeof *class);
    if (class == NULL) {
        return PyErr_NoMemory();
    }
    *class = (Class){.type = (PyTypeObject *)type, .none = -1, .or_given = -1};
    if (read_class(class, type, fields, kept_if) < 0 || keep(class) < 0) {
        PyMem_RawFree(class);
        return NULL;
    }
    Py_INCREF(type);
    class->python_new = Py_NewRef(python_new);
    class->type->tp_vectorcall = construct;
    Py_RETURN_NONE;
}

/* name_fields(cls, names): write the fields under these names, and the others not. */
PyObject *
name_fields(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *type, *names, *name, *wire_name;
    Py_ssize_t position = 0;
    if (!PyArg_ParseTuple(
            arguments, "O!O!", &PyType_Type, &type, &PyDict_Type, &names)) {
        return NULL;
    }
    Class *class = class_of((PyTypeObject *)type);
    if (class == NULL) {
        PyErr_SetString(PyExc_ValueError, "the class is not registered");
        return NULL;
    }
    while (PyDict_Next(names, &position, &name, &wire_name)) {
        int place = field_named(class, name);
        const char *text = place < 0 ? NULL : PyUnicode_AsUTF8(wire_name);
        PyObject *key = text == NULL ? NULL : PyBytes_FromFormat("\"%s\":", text);
        if (key == NULL) {
            return NULL;
        }
        Py_XSETREF(class->fields[place].key, key);
    }
    class->is_written = 1;
    Py_RETURN_NONE;
}
