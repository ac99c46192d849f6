# Slots of objects, which compiled code reads and fills in place, and the stamp of the version. A part
# of native.pyx and of _cstruct.pyx.

cdef extern from *:
    """
    #include <structmember.h>
    #ifndef FAMSOCK_VERSION
    #define FAMSOCK_VERSION ""
    #endif
    #define FAMSOCK_RECEIVE_PARTS "famsock._calls.native.RECEIVE_PARTS"
    static PyObject *famsock_alloc(PyTypeObject *cls) {
        return cls->tp_alloc(cls, 0);
    }
    /* The value of a slot, as the interpreter's own LOAD_ATTR_SLOT reads it; NULL if it has none. */
    static PyObject *famsock_slot(PyObject *owner, Py_ssize_t offset) {
        return *(PyObject **)((char *)owner + offset);
    }
    static void famsock_fill(PyObject *owner, Py_ssize_t offset, PyObject *value) {
        PyObject **slot = (PyObject **)((char *)owner + offset), *before = *slot;
        Py_INCREF(value);
        *slot = value;
        Py_XDECREF(before);
    }
    static Py_ssize_t famsock_offset(PyObject *member) {
        return ((PyMemberDescrObject *)member)->d_member->offset;
    }
    """
    const char *c_version "FAMSOCK_VERSION"
    const char *RECEIVE_PARTS_NAME "FAMSOCK_RECEIVE_PARTS"
    object famsock_alloc(PyTypeObject *)
    PyObject *famsock_slot(object, Py_ssize_t)
    void famsock_fill(object, Py_ssize_t, object)
    Py_ssize_t famsock_offset(object)

cdef extern from "Python.h":
    object PyCapsule_New(void *, const char *, void *)
    void *PyCapsule_GetPointer(object, const char *) except NULL

VERSION = c_version.decode("ascii")  # of the famsock that this was compiled for


cdef Py_ssize_t slot_of(type cls, str name) except -1:
    """Return the offset of a slot in the instances of a class, in bytes; TypeError without one."""
    for base in cls.__mro__:
        member = vars(base).get(name)
        if member is not None:
            if type(member) is not type(_socket.socket.family):
                break
            return famsock_offset(member)
    raise TypeError(f"{cls.__name__} has no slot {name!r}")
