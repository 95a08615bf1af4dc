/* The valid values of each kind of field: exact types alone, containers copied. */

#include "core.h"

/* Whether UTF-8 can hold a str: it has no lone surrogate. */
int
is_sound_text(PyObject *value)
{
    if (!PyUnicode_CheckExact(value)) {
        return 0;
    }
#if PY_VERSION_HEX < 0x030C0000
    if (!PyUnicode_IS_READY(value)) { /* of an extension that uses a removed API */
        return 0;
    }
#endif
    int kind = PyUnicode_KIND(value);
    if (kind == PyUnicode_1BYTE_KIND) {
        return 1;
    }
    const void *data = PyUnicode_DATA(value);
    Py_ssize_t length = PyUnicode_GET_LENGTH(value);
    for (Py_ssize_t i = 0; i < length; i++) {
        if (Py_UNICODE_IS_SURROGATE(PyUnicode_READ(kind, data, i))) {
            return 0;
        }
    }
    return 1;
}

int
is_sound_integer(PyObject *value, long long low, long long high)
{
    int overflow;
    if (!PyLong_CheckExact(value)) {
        return 0;
    }
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    return !overflow && low <= number && number <= high;
}

static int
is_sound_number(const Field *field, PyObject *value)
{
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        return field->low <= number && number <= field->high;
    }
    return is_sound_integer(value, field->low, field->high);
}

static int
is_sound_item(const Field *field, PyObject *value)
{
    switch (field->kind) {
    case KIND_TEXT_MAP:
        return is_sound_text(value);
    case KIND_NUMBER_MAP:
        if (PyFloat_CheckExact(value)) {
            double number = PyFloat_AS_DOUBLE(value);
            return number - number == 0.0; /* neither NaN nor an infinity */
        }
        return is_sound_integer(value, field->low, field->high);
    default:
        return Py_IS_TYPE(value, field->of);
    }
}

/* Return a mapping of the model around a dict, which it takes over. */
PyObject *
new_map(const MapClass *class, PyObject *data)
{
    PyObject *map = class->type->tp_alloc(class->type, 0);
    if (map == NULL) {
        Py_DECREF(data);
        return NULL;
    }
    *slot_of(map, class->data) = data;
    *slot_of(map, class->hash) = Py_NewRef(Py_None);
    return map;
}

/* Return the items of a list as a tuple; NULL if the list changes meanwhile. */
static PyObject *
tuple_of(PyObject *list)
{
    Py_ssize_t size = PyList_GET_SIZE(list);
    PyObject *tuple = PyTuple_New(size); /* may run the garbage collector */
    if (tuple == NULL || PyList_GET_SIZE(list) != size) {
        Py_XDECREF(tuple);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < size; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(PyList_GET_ITEM(list, i)));
    }
    return tuple;
}

/* Return a tuple of a list or tuple of str. */
static PyObject *
sound_texts(PyObject *value)
{
    PyObject *texts = PyList_CheckExact(value) ? tuple_of(value)
        : PyTuple_CheckExact(value)            ? Py_NewRef(value)
                                               : NULL;
    if (texts == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(texts); i++) {
        if (!is_sound_text(PyTuple_GET_ITEM(texts, i))) {
            Py_DECREF(texts);
            return NULL;
        }
    }
    return texts;
}

/* Return a dict of tuples of str. */
static PyObject *
sound_texts_dict(PyObject *value)
{
    PyObject *key, *item, *copy = PyDict_Copy(value);
    Py_ssize_t position = 0;
    while (copy != NULL && PyDict_Next(copy, &position, &key, &item)) {
        /* To make a tuple may run the garbage collector, and so code that changes what
        was given: the copy has all of it, as it was at one time. */
        Py_INCREF(key);
        Py_INCREF(item);
        PyObject *texts = is_sound_text(key) ? sound_texts(item) : NULL;
        /* In place of the list: the key is there, so the dict keeps its order. */
        if (texts == NULL ||
            (texts != item && PyDict_SetItem(copy, key, texts) < 0)) {
            Py_CLEAR(copy);
        }
        Py_XDECREF(texts);
        Py_DECREF(item);
        Py_DECREF(key);
    }
    return copy;
}

/* Return a copy of a dict whose keys and items are valid. */
static PyObject *
sound_dict(const Field *field, PyObject *value)
{
    PyObject *key, *item, *copy = PyDict_Copy(value);
    Py_ssize_t position = 0;
    int needs_name = field->kind == KIND_MODEL_MAP;
    while (copy != NULL && PyDict_Next(copy, &position, &key, &item)) {
        if (!is_sound_item(field, item) || !is_sound_text(key) ||
            (needs_name && PyUnicode_GET_LENGTH(key) == 0)) {
            Py_CLEAR(copy);
        }
    }
    return copy;
}

/* Whether all objects in a mapping of the model are of the field's class. */
static int
holds_only(const Field *field, PyObject *map)
{
    PyObject *key, *item, *data = *slot_of(map, field->map->data);
    Py_ssize_t position = 0;
    if (data == NULL || !PyDict_CheckExact(data)) { /* it was tampered with */
        return 0;
    }
    while (PyDict_Next(data, &position, &key, &item)) {
        if (!Py_IS_TYPE(item, field->of)) {
            return 0;
        }
    }
    return 1;
}

static PyObject *
sound_map(const Field *field, PyObject *value)
{
    const MapClass *class = field->map;
    if (value == Py_None) {
        return Py_NewRef(class->empty);
    }
    if (Py_IS_TYPE(value, class->type)) {
        int is_sound =
            field->kind != KIND_MODEL_MAP || holds_only(field, value);
        return is_sound ? Py_NewRef(value) : NULL;
    }
    if (!PyDict_CheckExact(value)) {
        return NULL;
    }
    if (PyDict_GET_SIZE(value) == 0) {
        return Py_NewRef(class->empty);
    }
    PyObject *data = field->kind == KIND_TEXTS_MAP ? sound_texts_dict(value)
                                                   : sound_dict(field, value);
    return data == NULL ? NULL : new_map(class, data);
}

static PyObject *
sound_member(const Field *field, PyObject *value)
{
    if (Py_IS_TYPE(value, field->of)) {
        return Py_NewRef(value);
    }
    if (!PyUnicode_CheckExact(value)) {
        return NULL;
    }
    return Py_XNewRef(PyDict_GetItemWithError(field->members, value));
}

/* Return the value of a field; NULL where that is not for C to say. */
PyObject *
sound_value(const Field *field, PyObject *value)
{
    int is_sound = 0;
    if (value == NULL || value == field->standard) {
        if (field->factory != NULL) {
            return PyObject_CallNoArgs(field->factory);
        }
        return Py_XNewRef(field->standard); /* valid already */
    }
    switch (field->kind) {
    case KIND_TEXT:
        is_sound = value == Py_None || is_sound_text(value);
        break;
    case KIND_REQUIRED_TEXT:
        is_sound = is_sound_text(value) && PyUnicode_GET_LENGTH(value) > 0;
        break;
    case KIND_TIME:
        return sound_time(value);
    case KIND_OPTIONAL_TIME:
        return value == Py_None ? Py_NewRef(value) : sound_time(value);
    case KIND_INTEGER:
        is_sound =
            value == Py_None || is_sound_integer(value, field->low, field->high);
        break;
    case KIND_NUMBER:
        is_sound = value == Py_None || is_sound_number(field, value);
        break;
    case KIND_MEMBER:
        return value == Py_None ? Py_NewRef(value) : sound_member(field, value);
    case KIND_MODEL:
        is_sound = Py_IS_TYPE(value, field->of);
        break;
    case KIND_OPTIONAL_MODEL:
        is_sound = value == Py_None || Py_IS_TYPE(value, field->of);
        break;
    case KIND_TEXT_MAP:
    case KIND_NUMBER_MAP:
    case KIND_TEXTS_MAP:
    case KIND_MODEL_MAP:
        return sound_map(field, value);
    }
    return is_sound ? Py_NewRef(value) : NULL;
}
