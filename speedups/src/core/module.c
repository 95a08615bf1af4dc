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

/* May run more than once: in each interpreter, and where the module is imported anew. */
static int
execute(PyObject *module)
{
    if (may_own() && prepare_times() < 0) {
        return -1;
    }
    return PyModule_AddIntConstant(module, "INTERFACE", CORE_INTERFACE);
}

/* Initialized in phases: of a module with one phase, Python runs the initialization
before it refuses an interpreter that has its own lock, and 3.12 and 3.13.0 then abort
the process. */
static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pinpoint_events_speedups._core",
    .m_doc = "The compiled part of pinpoint_events; its interface is not public.",
    .m_size = 0, /* one set of classes for a process; see `claim` */
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&module);
}
