/* The JSON text of objects, and whether they are within the quotas of an item. */

#include "core.h"

#include <string.h>

/* Quotas of an item, in the order of `limited_writer`. */
typedef struct {
    Py_ssize_t bytes;
    Py_ssize_t names;  /* keys of all its mappings */
    Py_ssize_t key;    /* characters of a key of a text */
    Py_ssize_t value;  /* characters of a text */
    Py_ssize_t values; /* texts under one key */
} Limits;

typedef struct {
    Text text;
    Limits limits;
    Py_ssize_t names; /* met so far */
} Writer;

static int write_object(Writer *writer, const Class *class, PyObject *object);

static int
write_text(Writer *writer, PyObject *value)
{
    if (!PyUnicode_Check(value) ||
        PyUnicode_GET_LENGTH(value) > writer->limits.value) {
        return -1;
    }
    return write_string(&writer->text, value);
}

static int
write_texts(Writer *writer, PyObject *texts)
{
    if (!PyTuple_CheckExact(texts) ||
        PyTuple_GET_SIZE(texts) > writer->limits.values ||
        write_char(&writer->text, '[') < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(texts); i++) {
        if ((i > 0 && write_char(&writer->text, ',') < 0) ||
            write_text(writer, PyTuple_GET_ITEM(texts, i)) < 0) {
            return -1;
        }
    }
    return write_char(&writer->text, ']');
}

static int
write_number(Writer *writer, PyObject *number)
{
    if (PyFloat_CheckExact(number)) {
        return write_float(&writer->text, number);
    }
    return PyLong_CheckExact(number) ? write_integer(&writer->text, number) : -1;
}

static int
write_item(Writer *writer, const Field *field, PyObject *item)
{
    switch (field->kind) {
    case KIND_TEXT_MAP:
        return write_text(writer, item);
    case KIND_NUMBER_MAP:
        return write_number(writer, item);
    case KIND_TEXTS_MAP:
        return write_texts(writer, item);
    default:
        return Py_IS_TYPE(item, field->of)
            ? write_object(writer, class_of(field->of), item)
            : -1;
    }
}

static int
write_map(Writer *writer, const Field *field, PyObject *data)
{
    int has_texts = field->kind == KIND_TEXT_MAP || field->kind == KIND_TEXTS_MAP;
    Py_ssize_t longest = has_texts ? writer->limits.key : PY_SSIZE_T_MAX;
    PyObject *key, *item;
    Py_ssize_t position = 0;
    char separator = '{';
    if (field->kind != KIND_MODEL_MAP) {
        writer->names += PyDict_GET_SIZE(data);
    }
    while (PyDict_Next(data, &position, &key, &item)) {
        if (!PyUnicode_Check(key) || PyUnicode_GET_LENGTH(key) > longest ||
            write_char(&writer->text, separator) < 0 ||
            write_string(&writer->text, key) < 0 ||
            write_char(&writer->text, ':') < 0 ||
            write_item(writer, field, item) < 0) {
            return -1;
        }
        separator = ',';
    }
    if (separator == '{' && write_char(&writer->text, separator) < 0) {
        return -1;
    }
    return write_char(&writer->text, '}');
}

/* Write what is not None, nor a mapping. */
static int
write_value(Writer *writer, const Field *field, PyObject *value)
{
    switch (field->kind) {
    case KIND_TEXT:
    case KIND_REQUIRED_TEXT:
        return PyUnicode_CheckExact(value) ? write_string(&writer->text, value) : -1;
    case KIND_MEMBER:
        return Py_IS_TYPE(value, field->of) ? write_string(&writer->text, value) : -1;
    case KIND_TIME:
    case KIND_OPTIONAL_TIME:
        if (!is_time(value) || make_room(&writer->text, TIME_LENGTH + 2) < 0) {
            return -1;
        }
        writer->text.at[0] = '"';
        write_time(writer->text.at + 1, value);
        writer->text.at[TIME_LENGTH + 1] = '"';
        writer->text.at += TIME_LENGTH + 2;
        return 0;
    case KIND_INTEGER:
    case KIND_NUMBER:
        return write_number(writer, value);
    default:
        return Py_IS_TYPE(value, field->of)
            ? write_object(writer, class_of(field->of), value)
            : -1;
    }
}

/* Write an object; what is None, or an empty mapping, only if it is required. */
static int
write_object(Writer *writer, const Class *class, PyObject *object)
{
    char separator = '{';
    if (class == NULL || !class->is_written) {
        return -1;
    }
    for (int i = 0; i < class->count; i++) {
        const Field *field = &class->fields[i];
        PyObject *value = *slot_of(object, field->offset), *data = NULL;
        if (field->key == NULL) {
            continue;
        }
        if (value == NULL) { /* of an object that was tampered with */
            return -1;
        }
        if (field->kind >= KIND_TEXT_MAP) {
            if (!Py_IS_TYPE(value, field->map->type)) {
                return -1;
            }
            data = *slot_of(value, field->map->data);
            if (data == NULL || !PyDict_CheckExact(data)) {
                return -1;
            }
            if (PyDict_GET_SIZE(data) == 0 && field->standard != NULL) {
                continue;
            }
        }
        else if (value == Py_None) {
            continue;
        }
        if (write_char(&writer->text, separator) < 0 ||
            write_bytes(&writer->text, PyBytes_AS_STRING(field->key),
                PyBytes_GET_SIZE(field->key)) < 0 ||
            (data == NULL ? write_value(writer, field, value)
                          : write_map(writer, field, data)) < 0) {
            return -1;
        }
        separator = ',';
    }
    if (separator == '{' && write_char(&writer->text, separator) < 0) {
        return -1;
    }
    return write_char(&writer->text, '}');
}

/* Return the text of an object, `"key":` before it if there is a key; else None. */
static PyObject *
written(const Limits *limits, const Class *class, PyObject *object, PyObject *key)
{
    Writer writer;
    writer.limits = *limits;
    writer.names = 0;
    begin_text(&writer.text);
    PyObject *bytes = NULL;
    int status = 0;
    if (key != NULL) {
        status = is_sound_text(key) && PyUnicode_GET_LENGTH(key) > 0 &&
                write_string(&writer.text, key) == 0
            ? write_char(&writer.text, ':')
            : -1;
    }
    Py_ssize_t before = writer.text.at - writer.text.start;
    if (status == 0 && write_object(&writer, class, object) == 0) {
        Py_ssize_t all = writer.text.at - writer.text.start;
        if (all - before <= limits->bytes && writer.names <= limits->names) {
            bytes = PyBytes_FromStringAndSize(writer.text.start, all);
        }
    }
    end_text(&writer.text);
    if (bytes == NULL && !PyErr_Occurred()) {
        Py_RETURN_NONE;
    }
    return bytes;
}

/* text_of(object): its JSON text; None where that is not for C to say. */
PyObject *
text_of(PyObject *Py_UNUSED(module), PyObject *object)
{
    static const Limits none = {
        PY_SSIZE_T_MAX,
        PY_SSIZE_T_MAX,
        PY_SSIZE_T_MAX,
        PY_SSIZE_T_MAX,
        PY_SSIZE_T_MAX,
    };
    return written(&none, class_of(Py_TYPE(object)), object, NULL);
}

/* What a limited writer knows. Registered classes are never deleted. */
typedef struct {
    Limits limits;
    const Class *class;
} Item;

/* write(object, key): the method of a limited writer, whose self holds an Item. */
static PyObject *
write_limited(PyObject *self, PyObject *const *arguments, Py_ssize_t count)
{
    Item item;
    if (count != 1 && count != 2) {
        PyErr_SetString(PyExc_TypeError, "pass an object, and perhaps its key");
        return NULL;
    }
    memcpy(&item, PyBytes_AS_STRING(self), sizeof item);
    if (!Py_IS_TYPE(arguments[0], item.class->type)) {
        Py_RETURN_NONE;
    }
    return written(
        &item.limits, item.class, arguments[0], count == 2 ? arguments[1] : NULL);
}

static PyMethodDef write_method = {
    "write",
    (PyCFunction)(void (*)(void))write_limited,
    METH_FASTCALL,
    "Return the JSON text of an object within the limits; None in any other case.",
};

/* limited_writer(cls, bytes, names, key, value, values): a function that writes objects
of a class, without a key or after it. */
PyObject *
limited_writer(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Item item;
    PyObject *type;
    memset(&item, 0, sizeof item);
    if (!PyArg_ParseTuple(arguments, "O!nnnnn", &PyType_Type, &type,
            &item.limits.bytes, &item.limits.names, &item.limits.key,
            &item.limits.value, &item.limits.values)) {
        return NULL;
    }
    item.class = class_of((PyTypeObject *)type);
    if (item.class == NULL) {
        PyErr_SetString(PyExc_ValueError, "the class is not registered");
        return NULL;
    }
    PyObject *self = PyBytes_FromStringAndSize((char *)&item, sizeof item);
    if (self == NULL) {
        return NULL;
    }
    PyObject *function = PyCFunction_New(&write_method, self);
    Py_DECREF(self);
    return function;
}
