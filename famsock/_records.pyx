# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
"""Reading and writing of records in memory, compiled: as `famsock.records` does in Python.

Optional, as the compiled layer of the calls is. Every value is copied out of the memory before it
is checked, as the kernel or another process may change it at any time.
"""

from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove

import _socket

include "_calls/slots.pxi"

cdef extern from *:
    """
    static PyObject *famsock_tuple(PyTypeObject *cls, Py_ssize_t count) {
        return cls->tp_alloc(cls, count);
    }
    /* Another processor sees what was stored before this not later than the state. */
    #define famsock_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
    """
    object famsock_tuple(PyTypeObject *, Py_ssize_t)
    void famsock_fence()

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX
    Py_ssize_t PyNumber_AsSsize_t(object, PyObject *) except? -1
    int PyGC_Disable()
    int PyGC_Enable()
    void Py_INCREF(object)
    void PyTuple_SET_ITEM(object, Py_ssize_t, object)
    PyObject *PyTuple_GET_ITEM(object, Py_ssize_t)

cdef enum:
    ITEMS_MAX = 16
    INTEGER = 0
    COUNTED = 1
    OCTETS = 2
    NANOSECONDS = 3
    # Codes of integers: the low bits are the width in bytes.
    SIGNED = 16

cdef dict KINDS = {
    "integer": INTEGER, "counted": COUNTED, "octets": OCTETS, "nanoseconds": NANOSECONDS,
}
cdef dict CODES = {
    "": 0, "B": 1, "H": 2, "I": 4, "Q": 8, "b": SIGNED | 1, "h": SIGNED | 2, "i": SIGNED | 4,
    "q": SIGNED | 8,
}


cdef struct Item:
    int kind
    int code
    int second_code
    Py_ssize_t offset
    Py_ssize_t second_offset  # of octets, their number


cdef inline uint64_t load(int code, const char *at) noexcept:
    """An unsigned integer."""
    cdef uint16_t u16
    cdef uint32_t u32
    cdef uint64_t u64
    if code == 4:
        memcpy(&u32, at, 4)
        return u32
    if code == 2:
        memcpy(&u16, at, 2)
        return u16
    if code == 1:
        return (<const uint8_t *>at)[0]
    memcpy(&u64, at, 8)
    return u64


cdef inline int64_t load_signed(int code, const char *at) noexcept:
    cdef int16_t i16
    cdef int32_t i32
    cdef int64_t i64
    if code == (SIGNED | 4):
        memcpy(&i32, at, 4)
        return i32
    if code == (SIGNED | 2):
        memcpy(&i16, at, 2)
        return i16
    if code == (SIGNED | 1):
        return (<const int8_t *>at)[0]
    memcpy(&i64, at, 8)
    return i64


cdef inline void store(int code, char *at, uint64_t value) noexcept:
    cdef uint8_t u8 = <uint8_t>value
    cdef uint16_t u16 = <uint16_t>value
    cdef uint32_t u32 = <uint32_t>value
    if code == 4:
        memcpy(at, &u32, 4)
    elif code == 2:
        memcpy(at, &u16, 2)
    elif code == 1:
        memcpy(at, &u8, 1)
    else:
        memcpy(at, &value, 8)


cdef int place(object member, int *code, Py_ssize_t *offset, Py_ssize_t size_bytes) except -1:
    """Take code and offset of a member, which lies within so many bytes."""
    code[0], offset[0] = CODES[member[0]], member[1]
    if not 0 <= offset[0] <= size_bytes - (code[0] & 15):
        raise ValueError(f"a member lies outside of {size_bytes} bytes: {offset[0]}")
    return 0


cdef inline Py_ssize_t size_of(object number) except? -1:
    """Return an integer; one that does not fit becomes the nearest one that does."""
    return PyNumber_AsSsize_t(number, NULL)


cdef inline Py_ssize_t part(
    Py_buffer *view, object start, object end, Py_ssize_t *first
) except -1:
    """Find the first byte between two offsets, and return how many there are."""
    cdef Py_ssize_t last = size_of(end)
    first[0] = size_of(start)
    if not 0 <= first[0] <= last <= view.len:
        raise ValueError(f"records lie at 0-{view.len}, not at {start}-{end}")
    return last - first[0]


cdef class Reader:
    """The reading of records: see `famsock.records.RecordReader`."""

    cdef type made
    cdef Py_ssize_t header_bytes
    cdef int count
    cdef Item items[ITEMS_MAX]
    cdef int step_code
    cdef Py_ssize_t step_offset

    def __init__(self, type made, Py_ssize_t header_bytes, tuple plans, tuple step):
        cdef int index
        cdef Item *item
        self.count = 0
        if not 1 <= len(plans) <= ITEMS_MAX or not issubclass(made, tuple):
            raise ValueError("1-16 items of a tuple")
        for index, (kind, code, offset, second_code, second_offset) in enumerate(plans):
            item = &self.items[index]
            item.kind = KINDS[kind]
            if item.kind == OCTETS:
                item.offset, item.second_offset = offset, second_offset
                if item.offset < 0 or item.second_offset < 0:
                    raise ValueError("octets in front of the record")
                continue
            place((code, offset), &item.code, &item.offset, header_bytes)
            place((second_code, second_offset), &item.second_code, &item.second_offset, header_bytes)
        place(step, &self.step_code, &self.step_offset, header_bytes)
        self.made, self.header_bytes, self.count = made, header_bytes, len(plans)

    def read(self, memory, start, end, count):
        """Return at most ``count`` records; see `famsock.records.RecordReader`."""
        cdef Py_buffer view
        cdef list found = []
        cdef Py_ssize_t first, size, most = size_of(max(count, 0))
        cdef int had_gc
        if not self.count:
            raise TypeError("a reader that was never made")
        PyObject_GetBuffer(memory, &view, PyBUF_SIMPLE)
        # A collection would run other code, which may want to unmap the memory.
        had_gc = PyGC_Disable()
        try:
            size = part(&view, start, end, &first)
            first += self.read_into(found, <const char *>view.buf + first, size, most)
        finally:
            PyBuffer_Release(&view)
            if had_gc:
                PyGC_Enable()
        return found, first

    cdef Py_ssize_t read_into(
        self, list found, const char *at, Py_ssize_t left, Py_ssize_t most
    ) except -1:
        """Append records of so many bytes; return how many bytes they take."""
        cdef uint64_t step
        cdef Py_ssize_t size, taken = 0, all_bytes = left
        cdef object made = None
        while taken < most:
            if left < self.header_bytes:
                return all_bytes
            step = load(self.step_code, at + self.step_offset)
            if not <uint64_t>self.header_bytes <= step <= <uint64_t>left:
                step = 0
            size = <Py_ssize_t>step if step else left
            made = self.record(at, size, made)
            found.append(made)
            taken += 1
            at += size
            left -= size
        return all_bytes - left

    cdef object record(self, const char *at, Py_ssize_t size, object before):
        """Return the record of so many bytes; what it has in common with the one before is shared."""
        cdef object made = famsock_tuple(<PyTypeObject *>self.made, self.count)
        cdef Item *item
        cdef int index
        cdef uint64_t start, length
        cdef object value
        for index in range(self.count):
            item = &self.items[index]
            if item.kind == INTEGER:
                if item.code & SIGNED:
                    value = load_signed(item.code, at + item.offset)
                else:
                    value = load(item.code, at + item.offset)
            elif item.kind == NANOSECONDS:
                value = (
                    load(item.code, at + item.offset) * 1_000_000_000
                    + load(item.second_code, at + item.second_offset)
                )
            else:
                if item.kind == COUNTED:
                    start = load(item.code, at + item.offset)
                    length = load(item.second_code, at + item.second_offset)
                else:
                    start, length = item.offset, item.second_offset
                start = min(start, <uint64_t>size)
                length = min(length, <uint64_t>size - start)
                value = None
                if item.kind == OCTETS and before is not None:
                    value = <object>PyTuple_GET_ITEM(before, index)
                    if <uint64_t>PyBytes_GET_SIZE(value) != length or memcmp(
                        PyBytes_AS_STRING(value), at + start, length
                    ):
                        value = None
                if value is None:
                    value = PyBytes_FromStringAndSize(at + start, length)
            Py_INCREF(value)
            PyTuple_SET_ITEM(made, index, value)
        return made


cdef class Writer:
    """The writing of a record: see `famsock.records.RecordWriter`."""

    cdef Py_ssize_t data, length_offset, state_offset
    cdef int length_code, state_code
    cdef uint64_t free, ready

    def __init__(self, Py_ssize_t data, tuple length, tuple state, free, ready):
        self.data = 0
        place(length, &self.length_code, &self.length_offset, data)
        place(state, &self.state_code, &self.state_offset, data)
        if not self.length_code or not self.state_code:
            raise ValueError("no members")
        self.free, self.ready, self.data = free, ready, data

    def write(self, memory, start, end, data):
        """Write one record; see `famsock.records.RecordWriter`."""
        cdef Py_buffer piece
        if not self.data:
            raise TypeError("a writer that was never made")
        if type(data) is bytes:
            return self.store(
                memory, start, end, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
            )
        PyObject_GetBuffer(data, &piece, PyBUF_SIMPLE)
        try:
            return self.store(memory, start, end, <const char *>piece.buf, piece.len)
        finally:
            PyBuffer_Release(&piece)

    cdef bint store(
        self, object memory, object start, object end, const char *data, Py_ssize_t size
    ) except -1:
        cdef Py_buffer view
        cdef Py_ssize_t first, record_bytes
        cdef char *at
        PyObject_GetBuffer(memory, &view, PyBUF_WRITABLE)
        try:
            record_bytes = part(&view, start, end, &first)
            if record_bytes < self.data:
                raise ValueError(f"a record needs {self.data} bytes, not {record_bytes}")
            if size > record_bytes - self.data or (
                self.length_code < 8 and size >> 8 * self.length_code
            ):
                raise ValueError(f"{size} bytes do not fit into the record")
            at = <char *>view.buf + first
            if load(self.state_code, at + self.state_offset) != self.free:
                return False
            memmove(at + self.data, data, size)
            store(self.length_code, at + self.length_offset, size)
            famsock_fence()
            store(self.state_code, at + self.state_offset, self.ready)
            famsock_fence()
        finally:
            PyBuffer_Release(&view)
        return True
