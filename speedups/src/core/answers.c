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
intern(PyObject **name, const char *text)
{
    if (*name == NULL) {
        *name = PyUnicode_InternFromString(text);
    }
    return *name == NULL ? -1 : 0;
}

/* Each name is looked at: memory may have run out between two of them. */
static int
prepare_names(void)
{
    if (intern(&status_code, "StatusCode") < 0 || intern(&message, "Message") < 0 ||
        intern(&of_endpoint, "EndpointItemResponse") < 0 ||
        intern(&of_events, "EventsItemResponse") < 0) {
        return -1;
    }
    if (code_names == NULL) {
        code_names = name_pair("status_code", "message");
    }
    if (item_names == NULL) {
        item_names = name_pair("endpoint_item_response", "events_item_response");
    }
    return code_names == NULL || item_names == NULL ? -1 : 0;
}

/* Release references, at the places where they are. */
static void
release(PyObject **first, PyObject **second)
{
    Py_CLEAR(*first);
    Py_CLEAR(*second);
}

/* Find two members of an answer, as references of the caller's: to look one up may
compare foreign keys, and so run other code. Return -1 where it has not both. */
static int
find_both(PyObject *answer, PyObject *const *names, PyObject **found)
{
    found[0] = found[1] = NULL;
    for (int i = 0; i < 2; i++) {
        found[i] = PyDict_CheckExact(answer)
            ? Py_XNewRef(PyDict_GetItemWithError(answer, names[i]))
            : NULL;
        if (found[i] == NULL) {
            release(&found[0], &found[1]);
            return -1;
        }
    }
    return 0;
}

/* Find code and message of an answer; return -1 where it is none of the usual form. */
static int
find_parts(PyObject *answer, PyObject **parts)
{
    PyObject *names[2] = {status_code, message};
    if (find_both(answer, names, parts) < 0) {
        return -1;
    }
    if (is_sound_integer(parts[0], 0, INT_MAX) && is_sound_text(parts[1])) {
        return 0;
    }
    release(&parts[0], &parts[1]);
    return -1;
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
        PyObject *parts[2] = {NULL, NULL};
        int is_sound = is_sound_text(key) && find_parts(answer, parts) == 0;
        if (is_sound && (item == NULL || !is_same(parts, last))) {
            Py_XSETREF(item, construct((PyObject *)field->of, parts, 0, code_names));
            release(&last[0], &last[1]);
            last[0] = Py_NewRef(parts[0]);
            last[1] = Py_NewRef(parts[1]);
        }
        release(&parts[0], &parts[1]);
        /* In place of the answer: the key is there, so the dict keeps its order. */
        if (!is_sound || item == NULL || PyDict_SetItem(read, key, item) < 0) {
            Py_CLEAR(read);
        }
    }
    release(&last[0], &last[1]);
    Py_XDECREF(item);
    return read;
}

/* Make the members of an item; return -1 where they are none of the usual form. */
static int
read_members(const Class *class, PyObject *answer, PyObject **members)
{
    PyObject *names[2] = {of_endpoint, of_events};
    const Field *fields = class->fields;
    PyObject *found[2], *parts[2] = {NULL, NULL};
    if (find_both(answer, names, found) < 0) {
        return -1;
    }
    if (PyDict_CheckExact(found[1]) && find_parts(found[0], parts) == 0) {
        members[0] = construct((PyObject *)fields[0].of, parts, 0, code_names);
        release(&parts[0], &parts[1]);
        if (members[0] != NULL) {
            members[1] = read_events(&fields[1], found[1]);
        }
    }
    release(&found[0], &found[1]);
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
