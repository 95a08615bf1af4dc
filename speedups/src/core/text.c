/* JSON text, as the writers in Python write it: compact, UTF-8, the same escapes. */

#include "core.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

void
begin_text(Text *text)
{
    text->start = text->at = text->small;
    text->end = text->small + SMALL_TEXT;
}

void
end_text(Text *text)
{
    if (text->start != text->small) {
        PyMem_Free(text->start);
    }
}

int
make_room(Text *text, Py_ssize_t size)
{
    Py_ssize_t used = text->at - text->start;
    if (text->end - text->at >= size) {
        return 0;
    }
    if (size > PY_SSIZE_T_MAX / 2 - used) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t wanted = (used + size) * 2;
    char *moved = PyMem_Realloc(
        text->start == text->small ? NULL : text->start, (size_t)wanted);
    if (moved == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (text->start == text->small) {
        memcpy(moved, text->small, (size_t)used);
    }
    text->start = moved;
    text->at = moved + used;
    text->end = moved + wanted;
    return 0;
}

int
write_bytes(Text *text, const char *bytes, Py_ssize_t size)
{
    if (make_room(text, size) < 0) {
        return -1;
    }
    memcpy(text->at, bytes, (size_t)size);
    text->at += size;
    return 0;
}

/* Whether JSON escapes any of these characters; without a branch, for the compiler to
look at many at a time. */
static int
has_escapes(const Py_UCS1 *data, Py_ssize_t length)
{
    int found = 0;
    for (Py_ssize_t i = 0; i < length; i++) {
        found |= (data[i] < 0x20) | (data[i] == '"') | (data[i] == '\\');
    }
    return found;
}

/* What stands after the backslash; 0 for six characters with the number. */
static char
short_escape(Py_UCS4 character)
{
    switch (character) {
    case '"':
    case '\\':
        return (char)character;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static char *
put_escaped(char *at, Py_UCS4 character)
{
    static const char digits[] = "0123456789abcdef";
    char letter = short_escape(character);
    *at++ = '\\';
    if (letter != 0) {
        *at++ = letter;
        return at;
    }
    memcpy(at, "u00", 3);
    at[3] = digits[character >> 4];
    at[4] = digits[character & 15];
    return at + 5;
}

static char *
put_utf8(char *at, Py_UCS4 character)
{
    if (character < 0x80) {
        *at++ = (char)character;
    }
    else if (character < 0x800) {
        *at++ = (char)(0xC0 | character >> 6);
        *at++ = (char)(0x80 | (character & 0x3F));
    }
    else if (character < 0x10000) {
        *at++ = (char)(0xE0 | character >> 12);
        *at++ = (char)(0x80 | (character >> 6 & 0x3F));
        *at++ = (char)(0x80 | (character & 0x3F));
    }
    else {
        *at++ = (char)(0xF0 | character >> 18);
        *at++ = (char)(0x80 | (character >> 12 & 0x3F));
        *at++ = (char)(0x80 | (character >> 6 & 0x3F));
        *at++ = (char)(0x80 | (character & 0x3F));
    }
    return at;
}

#define MOST_BYTES 6 /* of a character: `\u001f` */

/* Write a valid text of the model, or a member of one of its enums. */
int
write_string(Text *text, PyObject *string)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(string);
    const void *data = PyUnicode_DATA(string);
    int kind = PyUnicode_KIND(string);
    if (PyUnicode_IS_ASCII(string) && !has_escapes(data, length)) {
        if (make_room(text, length + 2) < 0) {
            return -1;
        }
        *text->at = '"';
        memcpy(text->at + 1, data, (size_t)length);
        text->at[length + 1] = '"';
        text->at += length + 2;
        return 0;
    }
    if (length > PY_SSIZE_T_MAX / MOST_BYTES - 2 ||
        make_room(text, length * MOST_BYTES + 2) < 0) {
        return -1;
    }
    char *at = text->at;
    *at++ = '"';
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 character = PyUnicode_READ(kind, data, i);
        if (character < 0x20 || character == '"' || character == '\\') {
            at = put_escaped(at, character);
        }
        else if (Py_UNICODE_IS_SURROGATE(character)) {
            return -1; /* of an object that was tampered with */
        }
        else {
            at = put_utf8(at, character);
        }
    }
    *at++ = '"';
    text->at = at;
    return 0;
}

#define MOST_DIGITS 20 /* of 64 bits */

/* Write the digits of a number, at least so many. */
static int
write_digits(Text *text, unsigned long long number, int least)
{
    char digits[MOST_DIGITS];
    int start = MOST_DIGITS;
    while (number != 0 || start > MOST_DIGITS - least) {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    }
    return write_bytes(text, digits + start, MOST_DIGITS - start);
}

int
write_integer(Text *text, PyObject *number)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow || value == LLONG_MIN) {
        return -1; /* no number of the model */
    }
    if (value < 0 && write_char(text, '-') < 0) {
        return -1;
    }
    return write_digits(
        text, (unsigned long long)(value < 0 ? -value : value), 1);
}

/* Writes a number as JSON. The one of the standard library and the accelerator's write
large and small floats differently (`1e+22`, `1e22`). */
static PyObject *number_writer;

/* set_number_writer(function): how to write floats that need an exponent. */
PyObject *
set_number_writer(PyObject *Py_UNUSED(module), PyObject *function)
{
    Py_XSETREF(number_writer, Py_NewRef(function));
    Py_RETURN_NONE;
}

static int
write_by_python(Text *text, PyObject *number)
{
    PyObject *written =
        number_writer == NULL ? NULL : PyObject_CallOneArg(number_writer, number);
    if (written == NULL) {
        return -1;
    }
    int status = -1;
    if (PyBytes_CheckExact(written)) {
        status = write_bytes(
            text, PyBytes_AS_STRING(written), PyBytes_GET_SIZE(written));
    }
    Py_DECREF(written);
    return status;
}

/*
Write a float that has at most 7 decimals and 15 digits; return 0 for any other.

The digits are those of the whole number `number * 10**decimals`, for the fewest decimals
by which dividing it again gives the float back. Whole numbers below 10**15 and these
powers of ten are exact in a double, and the quotient is correctly rounded: it equals
the float just if the float is what these digits are read as. No shorter digits are read
as it, as fewer decimals were tried before, and no others of this length, as numbers of
15 digits are further apart than doubles are.
*/
static int
write_short_float(Text *text, double number)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    double size = fabs(number);
    if (FLT_EVAL_METHOD != 0 || !(size == 0.0 || (size >= 1e-4 && size < 1e15))) {
        return 0;
    }
    for (int decimals = 0; decimals < 8; decimals++) {
        double scaled = size * powers[decimals];
        if (scaled >= 1e15) {
            return 0;
        }
        /* Rounded: a double of this size has no fraction. Faster than `rint`. */
        double whole = (scaled + 0x1p52) - 0x1p52;
        if (whole / powers[decimals] != size) {
            continue;
        }
        unsigned long long digits = (unsigned long long)whole;
        unsigned long long power = (unsigned long long)powers[decimals];
        if ((signbit(number) && write_char(text, '-') < 0) ||
            write_digits(text, digits / power, 1) < 0 || write_char(text, '.') < 0 ||
            write_digits(text, digits % power, decimals == 0 ? 1 : decimals) < 0) {
            return -1;
        }
        return 1;
    }
    return 0;
}

int
write_float(Text *text, PyObject *number)
{
    double value = PyFloat_AS_DOUBLE(number);
    int status = write_short_float(text, value);
    if (status != 0) {
        return status < 0 ? -1 : 0;
    }
    char *digits = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (digits == NULL) {
        return -1;
    }
    /* An exponent, or no number that JSON has. */
    if (strpbrk(digits, "ein") != NULL) {
        status = write_by_python(text, number);
    }
    else {
        status = write_bytes(text, digits, (Py_ssize_t)strlen(digits));
    }
    PyMem_Free(digits);
    return status;
}
