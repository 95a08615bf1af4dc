/* Answers: the item of one endpoint, with those of its events. */

#include "core.h"

/* The service's names of members, and ours. */
static PyObject *status_code, *message, *of_endpoint, *of_events;
static PyObject *code_names, *item_names;

static PyObject *
name_pair(const char *first, const char *second)
{
    PyObject *pair = Py_BuildValue("(ss)", first, second);
    for (Py_ssize_t i = 0; pair != NULL && i < 2; i++) {
        PyUnicode_InternInPlace(&((PyTupleObject *)pair)->ob_item[i]);
    }
    return pair;
}

static int
prepare_names(void)
{
    if (item_names == NULL) {
        status_code = PyUnicode_InternFromString("StatusCode");
        message = PyUnicode_InternFromString("Message");
        of_endpoint = PyUnicode_InternFromString("EndpointItemResponse");
        of_events = PyUnicode_InternFromString("EventsItemResponse");
        code_names = name_pair("status_code", "message");
        item_names = name_pair("endpoint_item_response", "events_item_response");
    }
    return PyErr_Occurred() ? -1 : 0;
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

/* Return a dict of the answers of events, equal neighbours as one object. */
static PyObject *
read_events(const Field *field, PyObject *answers)
{
    PyObject *key, *answer, *last[2] = {NULL, NULL}, *item = NULL;
    Py_ssize_t position = 0;
    /* A copy: making an object may run the garbage collector, and so other code. */
    PyObject *read = PyDict_Copy(answers);
    while (read != NULL && PyDict_Next(read, &position, &key, &answer)) {
        PyObject *parts[2];
        int is_sound = is_sound_text(key) && find_parts(answer, parts) == 0;
        if (is_sound && (item == NULL || !is_same(parts, last))) {
            Py_XDECREF(item);
            item = construct((PyObject *)field->of, parts, 0, code_names);
            last[0] = parts[0];
            last[1] = parts[1];
        }
        /* In place of the answer: the key is there, so the dict keeps its order. */
        if (!is_sound || item == NULL || PyDict_SetItem(read, key, item) < 0) {
            Py_CLEAR(read);
        }
    }
    Py_XDECREF(item);
    return read;
}

/* Make the members of an item; return -1 where they are none of the usual form. */
static int
read_members(const Class *class, PyObject *answer, PyObject **members)
{
    PyObject *endpoint = PyDict_GetItemWithError(answer, of_endpoint);
    PyObject *events = PyDict_GetItemWithError(answer, of_events);
    const Field *fields = class->fields;
    PyObject *parts[2];
    if (endpoint == NULL || find_parts(endpoint, parts) < 0 || events == NULL ||
        !PyDict_CheckExact(events)) {
        return -1;
    }
    members[0] = construct((PyObject *)fields[0].of, parts, 0, code_names);
    members[1] = read_events(&fields[1], events);
    return members[0] == NULL || members[1] == NULL ? -1 : 0;
}

/* read_item(answer, cls): the item of an endpoint, an object of a class whose first two
fields are the answer of the endpoint and those of its events; None where that is none of
the usual form. */
PyObject *
read_item(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    PyObject *answer, *type, *members[2] = {NULL, NULL}, *item = NULL;
    if (!PyArg_ParseTuple(arguments, "OO!", &answer, &PyType_Type, &type) ||
        prepare_names() < 0) {
        return NULL;
    }
    const Class *class = class_of((PyTypeObject *)type);
    if (PyDict_CheckExact(answer) && class != NULL && class->count >= 2 &&
        class->fields[0].kind == KIND_OPTIONAL_MODEL &&
        class->fields[1].kind == KIND_MODEL_MAP &&
        read_members(class, answer, members) == 0) {
        item = construct(type, members, 0, item_names);
    }
    Py_XDECREF(members[0]);
    Py_XDECREF(members[1]);
    if (item == NULL && !PyErr_Occurred()) {
        Py_RETURN_NONE;
    }
    return item;
}
