/* Answers: the items of one endpoint's events. */

#include "core.h"

static PyObject *status_code, *message, *names;

static int
prepare_names(void)
{
    if (names != NULL) {
        return 0;
    }
    status_code = PyUnicode_InternFromString("StatusCode");
    message = PyUnicode_InternFromString("Message");
    PyObject *ours[] = {
        PyUnicode_InternFromString("status_code"),
        PyUnicode_InternFromString("message"),
    };
    if (status_code != NULL && message != NULL && ours[0] != NULL && ours[1] != NULL) {
        names = PyTuple_Pack(2, ours[0], ours[1]);
    }
    Py_XDECREF(ours[0]);
    Py_XDECREF(ours[1]);
    return names == NULL ? -1 : 0;
}

/* Find code and message of an answer; return -1 where it is none of the usual form. */
static int
find_parts(PyObject *answer, PyObject **parts)
{
    if (!PyDict_CheckExact(answer)) {
        return -1;
    }
    parts[0] = PyDict_GetItemWithError(answer, status_code);
    parts[1] = PyDict_GetItemWithError(answer, message);
    return parts[0] != NULL && parts[1] != NULL &&
            is_sound_integer(parts[0], 0, INT_MAX) && is_sound_text(parts[1])
        ? 0
        : -1;
}

static int
is_same(PyObject *const *parts, PyObject *const *last)
{
    return PyLong_AsLong(parts[0]) == PyLong_AsLong(last[0]) &&
        PyUnicode_Compare(parts[1], last[1]) == 0;
}

/* Return the field of a class that holds objects by their ids; NULL if it has none. */
static const Field *
field_of_objects(const Class *class)
{
    for (int i = 0; class != NULL && i < class->count; i++) {
        if (class->fields[i].kind == KIND_MODEL_MAP) {
            return &class->fields[i];
        }
    }
    return NULL;
}

/* read_event_responses(answers, cls): what the field of a class holds that answers for
an endpoint: id to answer, equal neighbours as one object. None where an answer is none
of the usual form. */
PyObject *
read_event_responses(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *answers, *type, *key, *answer, *last[2] = {NULL, NULL};
    Py_ssize_t position = 0;
    if (!PyArg_ParseTuple(arguments, "OO!", &answers, &PyType_Type, &type) ||
        prepare_names() < 0) {
        return NULL;
    }
    const Field *field = field_of_objects(class_of((PyTypeObject *)type));
    if (!PyDict_CheckExact(answers) || field == NULL) {
        Py_RETURN_NONE;
    }
    if (PyDict_GET_SIZE(answers) == 0) {
        return Py_NewRef(field->map->empty);
    }
    /* A copy: making an object may run the garbage collector, and so other code. */
    PyObject *read = PyDict_Copy(answers), *item = NULL;
    int is_read = read != NULL;
    while (is_read && PyDict_Next(read, &position, &key, &answer)) {
        PyObject *parts[2];
        is_read = is_sound_text(key) && find_parts(answer, parts) == 0;
        if (is_read && (item == NULL || !is_same(parts, last))) {
            Py_XDECREF(item);
            item = construct((PyObject *)field->of, parts, 0, names);
            last[0] = parts[0];
            last[1] = parts[1];
        }
        /* In place of the answer: the key is there, so the dict keeps its order. */
        is_read = is_read && item != NULL && PyDict_SetItem(read, key, item) == 0;
    }
    Py_XDECREF(item);
    if (is_read) {
        return new_map(field->map, read);
    }
    Py_XDECREF(read);
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}
