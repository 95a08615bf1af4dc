#include "core.h"

static PyMethodDef functions[] = {
    {"claim", claim, METH_NOARGS, NULL},
    {"register_map", register_map, METH_VARARGS, NULL},
    {"register_class", register_class, METH_VARARGS, NULL},
    {"name_fields", name_fields, METH_VARARGS, NULL},
    {"set_number_writer", set_number_writer, METH_O, NULL},
    {"time_text", time_text, METH_O, NULL},
    {"text_of", text_of, METH_O, NULL},
    {"limited_writer", limited_writer, METH_VARARGS, NULL},
    {"read_item", read_item, METH_VARARGS, NULL},
    {NULL},
};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pinpoint_events_speedups._core",
    .m_doc = "The compiled part of pinpoint_events; its interface is not public.",
    .m_size = -1, /* one set of classes for a process; see `claim` */
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    if (prepare_times() < 0) {
        return NULL;
    }
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddIntConstant(made, "INTERFACE", CORE_INTERFACE) < 0) {
        Py_CLEAR(made);
    }
    return made;
}
