/* Times: in UTC, whole milliseconds. */

#include "core.h"

#include <datetime.h>

int
prepare_times(void)
{
    PyDateTime_IMPORT;
    return PyDateTimeAPI == NULL ? -1 : 0;
}

/* A subclass, too, such as that of a test's clock. */
int
is_time(PyObject *value)
{
    return PyDateTime_Check(value);
}

static PyObject *
new_time(int year, int month, int day, int hour, int minute, int second,
    int microsecond, int fold)
{
    return PyDateTimeAPI->DateTime_FromDateAndTimeAndFold(year, month, day, hour,
        minute, second, microsecond, PyDateTime_TimeZone_UTC, fold,
        PyDateTimeAPI->DateTimeType);
}

/* Read so many decimal digits; -1 if others are among them. */
static int
read_digits(const char *at, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        int digit = at[i] - '0';
        if (digit < 0 || digit > 9) {
            return -1;
        }
        number = number * 10 + digit;
    }
    return number;
}

/* Read `2026-11-24T09:30:00.123Z`, also without the fraction: as SDKs write it. */
static PyObject *
read_time(PyObject *value)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(value);
    if (!PyUnicode_IS_ASCII(value) || (length != TIME_LENGTH && length != 20)) {
        return NULL;
    }
    const char *at = PyUnicode_DATA(value);
    int has_fraction = length == TIME_LENGTH;
    if (at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' ||
        at[16] != ':' || (has_fraction && at[19] != '.') || at[length - 1] != 'Z') {
        return NULL;
    }
    int parts[] = {
        read_digits(at, 4),
        read_digits(at + 5, 2),
        read_digits(at + 8, 2),
        read_digits(at + 11, 2),
        read_digits(at + 14, 2),
        read_digits(at + 17, 2),
        has_fraction ? read_digits(at + 20, 3) : 0,
    };
    for (int i = 0; i < 7; i++) {
        if (parts[i] < 0) {
            return NULL;
        }
    }
    PyObject *moment = new_time(parts[0], parts[1], parts[2], parts[3], parts[4],
        parts[5], parts[6] * 1000, 0);
    if (moment == NULL) {
        PyErr_Clear(); /* a day or an hour that does not exist */
    }
    return moment;
}

PyObject *
sound_time(PyObject *value)
{
    if (PyUnicode_CheckExact(value)) {
        return read_time(value);
    }
    if (!PyDateTime_CheckExact(value) ||
        PyDateTime_DATE_GET_TZINFO(value) != PyDateTime_TimeZone_UTC) {
        return NULL;
    }
    int microsecond = PyDateTime_DATE_GET_MICROSECOND(value);
    if (microsecond % 1000 == 0) {
        return Py_NewRef(value);
    }
    return new_time(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
        PyDateTime_GET_DAY(value), PyDateTime_DATE_GET_HOUR(value),
        PyDateTime_DATE_GET_MINUTE(value), PyDateTime_DATE_GET_SECOND(value),
        microsecond - microsecond % 1000, PyDateTime_DATE_GET_FOLD(value));
}

static void
write_digits(char *at, int number, int count)
{
    while (count-- > 0) {
        at[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

/* Write TIME_LENGTH characters: `2026-11-24T09:30:00.123Z`. */
void
write_time(char *at, PyObject *moment)
{
    write_digits(at, PyDateTime_GET_YEAR(moment), 4);
    at[4] = '-';
    write_digits(at + 5, PyDateTime_GET_MONTH(moment), 2);
    at[7] = '-';
    write_digits(at + 8, PyDateTime_GET_DAY(moment), 2);
    at[10] = 'T';
    write_digits(at + 11, PyDateTime_DATE_GET_HOUR(moment), 2);
    at[13] = ':';
    write_digits(at + 14, PyDateTime_DATE_GET_MINUTE(moment), 2);
    at[16] = ':';
    write_digits(at + 17, PyDateTime_DATE_GET_SECOND(moment), 2);
    at[19] = '.';
    write_digits(at + 20, PyDateTime_DATE_GET_MICROSECOND(moment) / 1000, 3);
    at[23] = 'Z';
}

/* time_text(moment): the text of a time of the model. */
PyObject *
time_text(PyObject *Py_UNUSED(module), PyObject *moment)
{
    if (!is_time(moment)) {
        PyErr_Format(PyExc_TypeError, "%.200s is no time", Py_TYPE(moment)->tp_name);
        return NULL;
    }
    PyObject *text = PyUnicode_New(TIME_LENGTH, 127);
    if (text != NULL) {
        write_time(PyUnicode_DATA(text), moment);
    }
    return text;
}
