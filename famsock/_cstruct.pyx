# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
"""Conversion of C structs, integers and received messages, compiled.

`famsock.cstruct` describes a struct by its members: C type, offset, size. Its own ``pack`` and
``unpack`` are in Python. This module has the same, in one pass over the members, straight between
the bytes and the slots of the object. Optional, as the compiled layer of the calls is; both ways
give the same values and errors, which a test compares for every struct.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
)
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import sys

import _socket

from famsock import _calls
from famsock._struct import Struct

cdef extern from "Python.h":
    bint PyObject_TypeCheck(object, PyTypeObject *)
    bint PyLong_Check(object)
    bint PyLong_CheckExact(object)
    object PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *)
    unsigned long long PyLong_AsUnsignedLongLong(object) except? 0xFFFFFFFFFFFFFFFF
    long long PyLong_AsLongLong(object) except? -1
    long long PyLong_AsLongLongAndOverflow(object, int *) noexcept
    PyObject *PyDict_GetItemWithError(dict, object) except? NULL
    unsigned long long PyLong_AsUnsignedLongLongMask(object) except? 0xFFFFFFFFFFFFFFFF
    void Py_XDECREF(PyObject *)

cdef extern from "arpa/inet.h":
    const char *inet_ntop(int, const void *, char *, unsigned int)
    int AF_INET
    int AF_INET6
    uint16_t ntohs(uint16_t)
    uint32_t ntohl(uint32_t)
    uint16_t htons(uint16_t)
    uint32_t htonl(uint32_t)

cdef extern from "string.h":
    size_t strnlen(const char *, size_t)

include "_calls/slots.pxi"


cdef enum Kind:
    U8, U16, U32, U64, I8, I16, I32, I64, BE16, BE32, BOOLEAN, OCTETS, TEXT, IPV4, IPV6

cdef dict KINDS = {
    "B": U8, "H": U16, "I": U32, "Q": U64, "b": I8, "h": I16, "i": I32, "q": I64,
    "be16": BE16, "be32": BE32, "bool": BOOLEAN, "text": TEXT, "ipv4": IPV4, "ipv6": IPV6,
}
cdef dict SIZES = {
    U8: 1, U16: 2, U32: 4, U64: 8, I8: 1, I16: 2, I32: 4, I64: 8, BE16: 2, BE32: 4, BOOLEAN: 4,
    IPV4: 4, IPV6: 16,
}


cdef struct Field:
    Kind kind  # how it is read
    Kind raw  # how it is written, and what its own decoder is given
    Py_ssize_t offset
    Py_ssize_t size
    Py_ssize_t slot
    PyObject *decode  # where compiled code does not know the conversion; `functions` keeps it
    PyObject *encode


cdef object read_value(Kind kind, const char *at, Py_ssize_t size):
    cdef uint16_t u16
    cdef uint32_t u32
    cdef uint64_t u64
    cdef int16_t i16
    cdef int32_t i32
    cdef int64_t i64
    cdef char text[64]
    if kind == U8:
        return (<const uint8_t *>at)[0]
    if kind == U32:
        memcpy(&u32, at, 4)
        return u32
    if kind == U64:
        memcpy(&u64, at, 8)
        return u64
    if kind == U16:
        memcpy(&u16, at, 2)
        return u16
    if kind == I32 or kind == BOOLEAN:
        memcpy(&i32, at, 4)
        return i32 if kind == I32 else i32 != 0
    if kind == BE16:
        memcpy(&u16, at, 2)
        return ntohs(u16)
    if kind == BE32:
        memcpy(&u32, at, 4)
        return ntohl(u32)
    if kind == OCTETS:
        return PyBytes_FromStringAndSize(at, size)
    if kind == TEXT:
        return PyUnicode_DecodeUTF8(at, strnlen(at, size), "surrogateescape")
    if kind == IPV4 or kind == IPV6:
        inet_ntop(AF_INET if kind == IPV4 else AF_INET6, at, text, sizeof(text))
        return text.decode("ascii")
    if kind == I8:
        return (<const int8_t *>at)[0]
    if kind == I16:
        memcpy(&i16, at, 2)
        return i16
    memcpy(&i64, at, 8)
    return i64


cdef bint write_value(Kind kind, char *at, Py_ssize_t size, object value) except -1:
    """Write a value that fits; False for one that does not, or is of another type."""
    cdef uint16_t u16
    cdef uint32_t u32
    cdef unsigned long long unsigned_value
    cdef long long signed_value
    if kind == OCTETS:
        if type(value) is not bytes or PyBytes_GET_SIZE(value) > size:
            return False
        memcpy(at, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        return True
    if not PyLong_Check(value):
        return False
    try:
        if kind == U64:
            unsigned_value = PyLong_AsUnsignedLongLong(value)
            memcpy(at, &unsigned_value, 8)
            return True
        signed_value = PyLong_AsLongLong(value)
    except OverflowError:
        return False
    if kind == I64:
        memcpy(at, &signed_value, 8)
        return True
    if kind == I8 or kind == I16 or kind == I32 or kind == BOOLEAN:
        if not -(1LL << (8 * size - 1)) <= signed_value < 1LL << (8 * size - 1):
            return False
    elif not 0 <= signed_value < 1LL << (8 * size):
        return False
    if size == 1:
        at[0] = <char>signed_value
    elif size == 2:
        u16 = <uint16_t>signed_value
        if kind == BE16:
            u16 = htons(u16)
        memcpy(at, &u16, 2)
    else:
        u32 = <uint32_t>signed_value
        if kind == BE32:
            u32 = htonl(u32)
        memcpy(at, &u32, 4)
    return True


@cython.no_gc_clear  # a field borrows its functions
cdef class Converter:
    """The conversion of one struct class to and from its bytes.

    ``cls`` has a `famsock.cstruct.Layout`. TypeError for a class that is not made of slots only, or
    whose objects do more when they are made: Python's own conversion serves it.
    """

    cdef readonly type cls
    cdef Py_ssize_t size
    cdef bytes head
    cdef int count
    cdef Field *fields
    cdef list functions
    cdef bint has_post_init

    def __cinit__(self, type cls):
        cdef int index
        layout = cls.layout
        if cls.__new__ is not object.__new__ or hasattr(cls, "__attrs_pre_init__"):
            raise TypeError(f"{cls.__name__} is made in its own way")
        self.cls, self.size, self.head = cls, layout.size, layout.head
        self.has_post_init = hasattr(cls, "__attrs_post_init__")
        self.count = len(layout.members)
        self.fields = <Field *>calloc(max(self.count, 1), sizeof(Field))
        if self.fields == NULL:
            raise MemoryError()
        self.functions = []
        for index, member in enumerate(layout.members):
            self.add(&self.fields[index], member)

    def __dealloc__(self):
        free(self.fields)

    cdef int add(self, Field *field, object member) except -1:
        """Fill in a field, and its functions where compiled code does not know the conversion."""
        ctype = member.type
        field.offset, field.size = member.offset, ctype.size
        field.slot = slot_of(self.cls, member.attribute)
        if not len(self.head) <= field.offset <= self.size - field.size:
            raise TypeError(f"{self.cls.__name__}: {member.attribute!r} lies outside")
        field.raw = field.kind = KINDS.get(ctype.code, OCTETS)
        if field.raw == OCTETS and ctype.code != f"{field.size}s":
            raise TypeError(f"{self.cls.__name__}: no value of code {ctype.code!r}")
        decode, encode = ctype.decode, ctype.encode
        if ctype.kind:
            field.kind = KINDS[ctype.kind]
            if SIZES.get(field.kind, field.size) != field.size:
                raise TypeError(f"{self.cls.__name__}: {ctype.kind} of {field.size} bytes")
            decode = None
            if field.kind == BE16 or field.kind == BE32:
                field.raw, encode = field.kind, None
        if SIZES.get(field.raw, field.size) != field.size:
            raise TypeError(f"{self.cls.__name__}: {ctype.code} of {field.size} bytes")
        if decode is not None:
            self.functions.append(decode)
            field.decode = <PyObject *>decode
        if encode is not None:
            self.functions.append(encode)
            field.encode = <PyObject *>encode
        return 0

    cdef object read(self, const char *data, object lookup):
        """Return an instance of bytes, as many as the struct has."""
        cdef object made = famsock_alloc(<PyTypeObject *>self.cls)
        cdef object value
        cdef Field *field
        cdef int index
        for index in range(self.count):
            field = &self.fields[index]
            if field.decode == NULL:
                value = read_value(field.kind, data + field.offset, field.size)
            else:
                value = read_value(field.raw, data + field.offset, field.size)
                value = (<object>field.decode)(value, lookup)
            famsock_fill(made, field.slot, value)
        if self.has_post_init:
            made.__attrs_post_init__()
        return made

    cdef bytes write(self, object instance, object lookup):
        """Return the bytes of an instance; None where a value does not fit."""
        cdef bytes packed = PyBytes_FromStringAndSize(NULL, self.size)
        cdef char *data = PyBytes_AS_STRING(packed)
        cdef PyObject *slot
        cdef object value
        cdef Field *field
        cdef int index
        memset(data, 0, self.size)
        memcpy(data, PyBytes_AS_STRING(self.head), PyBytes_GET_SIZE(self.head))
        for index in range(self.count):
            field = &self.fields[index]
            slot = famsock_slot(instance, field.slot)
            if slot == NULL:
                return None
            value = <object>slot
            if field.encode != NULL:
                value = (<object>field.encode)(value, lookup)
            if not write_value(field.raw, data + field.offset, field.size, value):
                return None
        return packed

    def unpack(self, data, lookup=None):
        """Return the struct at the start of ``data``; as `Struct.unpack`."""
        cdef Py_buffer view
        if type(data) is bytes and PyBytes_GET_SIZE(data) >= self.size:
            return self.read(PyBytes_AS_STRING(data), lookup)
        if type(data) is not bytearray and type(data) is not memoryview:
            return python_unpack(self.cls, data, lookup)
        if type(data) is memoryview and not (data.contiguous and data.itemsize == 1):
            return python_unpack(self.cls, data, lookup)
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if view.len >= self.size:  # no other thread can resize it any more
                return self.read(<const char *>view.buf, lookup)
        finally:
            PyBuffer_Release(&view)
        return python_unpack(self.cls, data, lookup)


cdef object python_unpack = Struct.unpack.__func__
cdef object python_pack = Struct.pack


def methods(type cls):
    """Return ``pack`` and ``unpack`` for a struct class; TypeError as `Converter`."""
    cdef Converter converter = Converter(cls)

    def pack(self, lookup=None):
        cdef bytes packed = None
        if type(self) is converter.cls or (
            PyObject_TypeCheck(self, <PyTypeObject *>converter.cls)
            and type(self).layout is converter.cls.layout  # not that of a wider struct below
        ):
            packed = converter.write(self, lookup)
        return python_pack(self, lookup) if packed is None else packed

    def unpack(cls, data, lookup=None):
        if cls is not converter.cls:
            return python_unpack(cls, data, lookup)
        return converter.unpack(data, lookup)

    return pack, unpack


cdef class IntegerCheck:
    """The check of an integer type, ``low``-``high``: the ``check`` of `famsock.cstruct.integer`.

    What compiled code does not take goes to the function in Python, which has the errors.
    """

    cdef long long low, high
    cdef object python_check

    def __cinit__(self, low, high, python_check):
        self.low, self.high = max(low, -1 << 63), min(high, (1 << 63) - 1)
        self.python_check = python_check

    def __deepcopy__(self, memo):
        return self

    cdef inline bint passes(self, object value) noexcept:
        cdef int overflow
        cdef long long number
        if not PyLong_CheckExact(value):
            return False
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        return not overflow and self.low <= number <= self.high

    def __call__(self, value):
        """Return ``value`` as an integer of the range."""
        return value if self.passes(value) else self.python_check(value)


cdef struct Argument:
    PyObject *name
    PyObject *default  # NULL for a field without one
    Py_ssize_t slot


cdef struct Check:
    PyObject *attribute
    PyObject *check
    Py_ssize_t slot


@cython.no_gc_clear  # the structs borrow what `kept` has
cdef class Initializer:
    """The arguments of a struct class's ``__init__``, and the checks of its fields in their order.

    ``fields`` has the name of each argument, whether it has a default, and the default. TypeError
    for a class that is not made of slots only, or whose objects are made in their own way.
    """

    cdef type cls
    cdef int count, checks_count
    cdef Argument *arguments
    cdef Check *checks
    cdef tuple kept
    cdef object refuse
    cdef bint has_post_init

    def __cinit__(self, type cls, tuple fields, refuse):
        cdef int index
        if cls.__new__ is not object.__new__ or hasattr(cls, "__attrs_pre_init__"):
            raise TypeError(f"{cls.__name__} is made in its own way")
        members = tuple([(m.attribute, m.type.check) for m in cls.layout.members])
        self.cls, self.refuse, self.kept = cls, refuse, (fields, members)
        self.has_post_init = hasattr(cls, "__attrs_post_init__")
        self.count, self.checks_count = len(fields), len(members)
        self.arguments = <Argument *>calloc(max(self.count, 1), sizeof(Argument))
        self.checks = <Check *>calloc(max(self.checks_count, 1), sizeof(Check))
        if self.arguments == NULL or self.checks == NULL:
            raise MemoryError()
        for index, (name, has_default, default) in enumerate(fields):
            self.arguments[index].slot = slot_of(cls, name)
            self.arguments[index].name = <PyObject *>name
            self.arguments[index].default = <PyObject *>default if has_default else NULL
        for index, (attribute, check) in enumerate(members):
            self.checks[index].slot = slot_of(cls, attribute)
            self.checks[index].attribute = <PyObject *>attribute
            self.checks[index].check = <PyObject *>check

    def __dealloc__(self):
        free(self.arguments)
        free(self.checks)

    cdef bint fill(self, object made, tuple args, dict kwargs) except -1:
        """Fill the slots as the class's ``__attrs_init__`` does; False for arguments that do not fit.

        What it has filled then is filled again.
        """
        cdef Py_ssize_t given = len(args)
        cdef Py_ssize_t used = 0
        cdef Argument *argument
        cdef PyObject *value
        cdef Py_ssize_t index
        if given > self.count:
            return False
        for index in range(self.count):
            argument = &self.arguments[index]
            if index < given:
                value = <PyObject *>args[index]
            else:
                value = PyDict_GetItemWithError(kwargs, <object>argument.name)
                if value != NULL:
                    used += 1
                elif argument.default != NULL:
                    value = argument.default
                else:
                    return False
            famsock_fill(made, argument.slot, <object>value)
        return used == len(kwargs)

    cdef int check(self, object made) except -1:
        """Check each field in its slot, and put there what its check returns."""
        cdef Check *each
        cdef PyObject *slot
        cdef object value, check
        cdef int index
        for index in range(self.checks_count):
            each = &self.checks[index]
            slot = famsock_slot(made, each.slot)
            value = getattr(made, <object>each.attribute) if slot == NULL else <object>slot
            check = <object>each.check
            if type(check) is IntegerCheck and (<IntegerCheck>check).passes(value):
                continue
            try:
                value = check(value)
            except (TypeError, ValueError, OverflowError) as error:
                self.refuse(self.cls, <object>each.attribute, error)
            famsock_fill(made, each.slot, value)
        return 0


def initializer(type cls, tuple fields, python_init, refuse):
    """Return ``__init__`` for a struct class; TypeError as `Initializer`.

    ``python_init`` makes the objects of classes below, and has the errors of wrong arguments;
    ``refuse(cls, attribute, error)`` raises the error of a check.
    """
    cdef Initializer made_by = Initializer(cls, fields, refuse)

    def __init__(self, *args, **kwargs):
        if type(self) is not made_by.cls or not made_by.fill(self, args, kwargs):
            python_init(self, *args, **kwargs)
            return
        if made_by.has_post_init:
            self.__attrs_post_init__()
        made_by.check(self)

    return __init__


cdef class Integer:
    """The conversion of a C integer type: ``encode`` and ``decode`` of `famsock.codecs.scalar`.

    ``code`` is the type's in `struct`. What compiled code does not take goes to the functions in
    Python, which have the errors.
    """

    cdef Kind kind
    cdef Py_ssize_t size
    cdef object low, high, python_encode, python_decode

    def __cinit__(self, str code, low, high, encode, decode):
        self.kind = KINDS[code]
        self.size = SIZES[self.kind]
        self.low, self.high, self.python_encode, self.python_decode = low, high, encode, decode

    def __deepcopy__(self, memo):
        return self

    def encode(self, value):
        """Return the bytes of an integer in the type's range."""
        cdef char data[8]
        if (
            PyLong_CheckExact(value)
            and self.low <= value <= self.high
            and write_value(self.kind, data, self.size, value)
        ):
            return PyBytes_FromStringAndSize(data, self.size)
        return self.python_encode(value)

    def decode(self, data):
        """Return the integer of what the kernel gave."""
        if type(data) is bytes and PyBytes_GET_SIZE(data) == self.size:
            return read_value(self.kind, PyBytes_AS_STRING(data), self.size)
        return self.python_decode(data)


cdef class Integers:
    """The conversion of integers one after the other: `famsock.codecs.array` of `Integer`."""

    cdef Kind kind
    cdef Py_ssize_t size, limit
    cdef object python_encode

    def __cinit__(self, str code, Py_ssize_t limit, encode):
        self.kind = KINDS[code]
        self.size, self.limit, self.python_encode = SIZES[self.kind], limit, encode

    def __deepcopy__(self, memo):
        return self

    def encode(self, values):
        """Return the bytes of a tuple of integers in the type's range."""
        cdef bytes packed
        cdef Py_ssize_t at = 0
        if type(values) is not tuple or len(values) > self.limit:
            return self.python_encode(values)
        packed = PyBytes_FromStringAndSize(NULL, len(values) * self.size)
        for value in <tuple>values:
            if not PyLong_CheckExact(value) or not write_value(
                self.kind, PyBytes_AS_STRING(packed) + at, self.size, value
            ):
                return self.python_encode(values)
            at += self.size
        return packed

    def decode(self, data):
        """Return the integers of what the kernel gave; a partial one at the end is none."""
        cdef Py_ssize_t at
        cdef bytes whole = data if type(data) is bytes else bytes(data)
        return tuple([
            read_value(self.kind, PyBytes_AS_STRING(whole) + at, self.size)
            for at in range(0, PyBytes_GET_SIZE(whole) - self.size + 1, self.size)
        ])


cdef class Time:
    """The conversion of two longs, seconds and units of ``fraction_ns``, to nanoseconds."""

    cdef int fraction_ns
    cdef object python_decode

    def __cinit__(self, int fraction_ns, decode):
        self.fraction_ns, self.python_decode = fraction_ns, decode

    def __deepcopy__(self, memo):
        return self

    def decode(self, data):
        """Return the nanoseconds of what the kernel gave."""
        cdef object value = None
        if type(data) is bytes:
            value = self.read(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        return self.python_decode(data) if value is None else value

    cdef object read(self, const char *data, Py_ssize_t size):
        """Return the nanoseconds of so many bytes; None where Python must tell them."""
        cdef long pair[2]
        if size < <Py_ssize_t>sizeof(pair):
            return None
        memcpy(pair, data, sizeof(pair))
        if not 0 <= pair[0] < 1 << 31 or not 0 <= pair[1] < 1_000_000_000:
            return None  # so that no product overflows
        return <long long>pair[0] * 1_000_000_000 + <long long>pair[1] * self.fraction_ns


cdef extern from "Python.h":
    PyObject *_PyType_Lookup(PyTypeObject *, object)  # borrowed; NULL where there is none


cdef enum:
    RANGES = 4  # of one integer, at most


cdef struct Part:
    Kind kind  # OCTETS, or an unsigned integer's
    Py_ssize_t offset
    Py_ssize_t size  # of octets: the most
    Py_ssize_t length_offset  # of octets: where their number is, a byte
    Py_ssize_t slot
    int ranges
    unsigned long long low[RANGES]
    unsigned long long high[RANGES]
    PyObject *default  # NULL where it has to be given; `kept` keeps it


@cython.no_gc_clear  # a part borrows its default
cdef class PlainConverter:
    """The conversion of the plain form of a class: see `famsock.cstruct.Plain`.

    What is not plain goes to the methods of the class in Python. TypeError for a class that is not
    made of slots only.
    """

    cdef readonly type cls
    cdef Py_ssize_t size
    cdef int count
    cdef Part *parts
    cdef list kept
    cdef list none_slots
    cdef bytes zero
    cdef object python_init, python_pack, python_unpack
    cdef object own_pack, own_unpack  # what the class has, unless somebody replaced it

    def __cinit__(self, type cls, plain):
        cdef int index
        if cls.__new__ is not object.__new__:
            raise TypeError(f"{cls.__name__} is made in its own way")
        self.cls, self.size, self.zero = cls, plain.size_bytes, plain.zero
        if len(self.zero) > self.size:
            raise TypeError(f"{cls.__name__}: zero has more than {self.size} bytes")
        self.none_slots = [slot_of(cls, name) for name in plain.none]
        self.python_init = vars(cls)["__init__"]
        self.python_pack = vars(cls)["pack"]
        self.python_unpack = vars(cls)["unpack"].__func__
        self.count = len(plain.members)
        self.parts = <Part *>calloc(max(self.count, 1), sizeof(Part))
        if self.parts == NULL:
            raise MemoryError()
        self.kept = []
        for index, member in enumerate(plain.members):
            self.add(&self.parts[index], member)

    def __dealloc__(self):
        free(self.parts)

    cdef int add(self, Part *part, object member) except -1:
        part.slot, part.offset = slot_of(self.cls, member.attribute), member.offset
        if member.length_offset is None:
            part.kind = KINDS[member.code]
            if part.kind not in (U8, U16, U32, U64) or len(member.ranges) > RANGES:
                raise TypeError(f"{self.cls.__name__}: no plain member of {member.code!r}")
            part.size = SIZES[part.kind]
            for low, high in member.ranges:
                part.low[part.ranges], part.high[part.ranges] = low, high
                part.ranges += 1
        else:
            part.kind, part.size, part.length_offset = OCTETS, member.most, member.length_offset
            if not 0 <= part.length_offset < self.size or not 0 <= part.size <= 255:
                raise TypeError(f"{self.cls.__name__}: {member.attribute!r} has no length")
        if not 0 <= part.offset <= self.size - part.size:
            raise TypeError(f"{self.cls.__name__}: {member.attribute!r} lies outside")
        if member.has_default:
            self.kept.append(member.default)
            part.default = <PyObject *>self.kept[len(self.kept) - 1]
        return 0

    cdef object read(self, bytes data):
        """Return the instance of a plain form; None if it is not plain."""
        cdef const char *start = PyBytes_AS_STRING(data)
        cdef const char *zero = PyBytes_AS_STRING(self.zero)
        cdef Part *part
        cdef Py_ssize_t at, size
        cdef int index
        if PyBytes_GET_SIZE(data) != self.size:
            return None
        for at in range(PyBytes_GET_SIZE(self.zero)):
            if start[at] & zero[at]:
                return None
        for index in range(self.count):
            part = &self.parts[index]
            if part.kind == OCTETS and <uint8_t>start[part.length_offset] > part.size:
                return None
        made = famsock_alloc(<PyTypeObject *>self.cls)
        for index in range(self.count):
            part = &self.parts[index]
            size = part.size
            if part.kind == OCTETS:
                size = <uint8_t>start[part.length_offset]
            famsock_fill(made, part.slot, read_value(part.kind, start + part.offset, size))
        for at in self.none_slots:
            famsock_fill(made, at, None)
        return made

    cdef bytes write(self, object instance):
        """Return the bytes of an instance; None if it has no plain form."""
        cdef bytes packed
        cdef char *data
        cdef PyObject *slot
        cdef object value
        cdef Part *part
        cdef Py_ssize_t at
        cdef int index
        for at in self.none_slots:
            slot = famsock_slot(instance, at)
            if slot == NULL or <object>slot is not None:
                return None
        packed = PyBytes_FromStringAndSize(NULL, self.size)
        data = PyBytes_AS_STRING(packed)
        memset(data, 0, self.size)
        for index in range(self.count):
            part = &self.parts[index]
            slot = famsock_slot(instance, part.slot)
            if slot == NULL:
                return None
            value = <object>slot
            if not write_value(part.kind, data + part.offset, part.size, value):
                return None
            if part.kind == OCTETS:
                data[part.length_offset] = <char>PyBytes_GET_SIZE(value)
        return packed

    cdef bint fill(self, object made, tuple given) except -1:
        """Fill in a new instance from arguments; False if they are not plain."""
        cdef Part *part
        cdef object value
        cdef Py_ssize_t at
        cdef int index
        if len(given) > self.count:
            return False
        for index in range(self.count):
            part = &self.parts[index]
            if index >= len(given):
                if part.default == NULL:
                    return False
            elif not fits(part, given[index]):
                return False
        for index in range(self.count):
            part = &self.parts[index]
            value = given[index] if index < len(given) else <object>part.default
            famsock_fill(made, part.slot, value)
        for at in self.none_slots:
            famsock_fill(made, at, None)
        return True


cdef bint fits(Part *part, object value) except -1:
    """Whether a value has exactly its member's type, and in its range."""
    cdef unsigned long long number
    cdef int index
    if part.kind == OCTETS:
        return type(value) is bytes and PyBytes_GET_SIZE(value) <= part.size
    if type(value) is not int:
        return False
    try:
        number = PyLong_AsUnsignedLongLong(value)
    except OverflowError:
        return False
    for index in range(part.ranges):
        if part.low[index] <= number <= part.high[index]:
            return True
    return False


def plain_methods(type cls, plain):
    """Return the converter of a plain form, and ``__init__``, ``pack`` and ``unpack`` by it."""
    cdef PlainConverter converter = PlainConverter(cls, plain)
    cdef object python_init = converter.python_init
    cdef object python_pack_own = converter.python_pack
    cdef object python_unpack_own = converter.python_unpack

    def __init__(self, *given, **named):
        if named or type(self) is not converter.cls or not converter.fill(self, given):
            python_init(self, *given, **named)

    def pack(self):
        cdef bytes packed = converter.write(self) if type(self) is converter.cls else None
        return python_pack_own(self) if packed is None else packed

    def unpack(cls, data):
        if type(data) is bytes and cls is converter.cls:
            made = converter.read(data)
            if made is not None:
                return made
        return python_unpack_own(cls, data)

    return converter, __init__, pack, unpack


cdef class PlainForms:
    """Several classes with plain forms of different sizes: see `famsock.cstruct.PlainForms`.

    A method of a class that somebody replaced is called, by the functions in Python.
    """

    cdef dict by_size, by_class
    cdef object python_pack, python_unpack

    def __cinit__(self, converters, pack, unpack):
        self.by_size = {(<PlainConverter?>each).size: each for each in converters}
        self.by_class = {(<PlainConverter?>each).cls: each for each in converters}
        self.python_pack, self.python_unpack = pack, unpack

    def pack(self, value):
        """Return the bytes of an instance of one of the classes."""
        cdef PlainConverter converter = self.by_class.get(type(value))
        cdef bytes packed
        if converter is not None and is_own(converter.cls, "pack", converter.own_pack):
            packed = converter.write(value)
            if packed is not None:
                return packed
        return self.python_pack(value)

    def unpack(self, data):
        """Return the instance of bytes."""
        cdef PlainConverter converter
        if type(data) is bytes:
            converter = self.by_size.get(PyBytes_GET_SIZE(data))
            if converter is not None and is_own(converter.cls, "unpack", converter.own_unpack):
                made = converter.read(data)
                if made is not None:
                    return made
        return self.python_unpack(data)


cdef inline bint is_own(type cls, str name, object method):
    return _PyType_Lookup(<PyTypeObject *>cls, name) == <PyObject *>method


def install_plain(type cls, plain):
    """Give a class the methods by its plain form; return the converter."""
    cdef PlainConverter converter
    converter, init, pack, unpack = plain_methods(cls, plain)
    for name, method, python in (
        ("__init__", init, converter.python_init),
        ("pack", pack, converter.python_pack),
        ("unpack", unpack, converter.python_unpack),
    ):
        method.__name__, method.__qualname__ = python.__name__, python.__qualname__
        method.__doc__, method.__wrapped__ = python.__doc__, python
    converter.own_pack, converter.own_unpack = pack, classmethod(unpack)
    cls.__init__ = init
    cls.pack = converter.own_pack
    cls.unpack = converter.own_unpack
    return converter


cdef extern from "sys/socket.h" nogil:
    struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    size_t CMSG_SPACE(size_t)

ctypedef bytes (*receive_parts_t)(
    object sock, Py_ssize_t size_bytes, char *control, size_t *control_bytes, int *flags,
    PyObject **address,
)
cdef receive_parts_t receive_parts = NULL  # of the layer of the calls, where that is compiled
if _calls.native is not None:
    receive_parts = <receive_parts_t>PyCapsule_GetPointer(
        _calls.native.RECEIVE_PARTS, RECEIVE_PARTS_NAME
    )

cdef object GENERAL = ("famsock._struct", "famsock._cstruct")  # modules of a struct's own `unpack`


def from_source(source, message):
    """Return what a source of data, address or flags tells: in Python, as it is seldom asked."""
    from famsock.control import _from_source
    return _from_source(source, message)


cdef inline bint as_small(object value, long long *found) except -1:
    """Whether a value is an int or of a subclass, and a size or flags that fit a C int."""
    cdef int overflow = 0
    if not PyLong_Check(value):
        return False
    found[0] = PyLong_AsLongLongAndOverflow(value, &overflow)
    return not overflow and 0 <= found[0] <= 0x7FFFFFFF


cdef bint are_whole(const char *control, size_t length) noexcept:
    """Whether no item of a control buffer is cut."""
    cdef size_t at = 0
    cdef cmsghdr item
    while at + sizeof(item) <= length:
        memcpy(&item, control + at, sizeof(item))
        if not sizeof(item) <= item.cmsg_len <= length - at:
            return False
        at += CMSG_SPACE(item.cmsg_len - sizeof(item))
    return True


cdef enum Origin:
    FROM_DATA, FROM_ADDRESS, FROM_ADDRESS_ITEM, FROM_FLAGS, FROM_ITEM, FROM_READER

cdef dict ORIGINS = {
    "data": FROM_DATA, "address": FROM_ADDRESS, "address item": FROM_ADDRESS_ITEM,
    "flags": FROM_FLAGS, "item": FROM_ITEM, "reader": FROM_READER,
}


cdef enum:
    MEMBERS = 4  # that are taken of one control message without its object, at most
    CONTROL_BYTES = 2304  # as in the layer of the calls


cdef struct Source:
    Origin origin
    Py_ssize_t slot
    int number  # an index of the address, a mask of flags, or the type of a control message
    int level
    PyObject *function  # NULL for none; `kept` keeps it
    PyObject *default
    bint default_is_source
    PyObject *time  # a `Time` whose method the function is, or NULL
    PyObject *convert  # of members; NULL for the only one
    unsigned long long mask
    int members  # 0 where the function has to read them
    Py_ssize_t least_bytes
    Kind kinds[MEMBERS]
    Py_ssize_t offsets[MEMBERS]


@cython.no_gc_clear  # a source borrows its functions
cdef class Reader:
    """Makes instances of a class of received messages: see `famsock.control.Reader`.

    ``python`` is that, and reads what compiled code does not take. TypeError for a class that is
    not made of slots only, or whose objects do more when they are made.
    """

    cdef readonly type cls
    cdef readonly object python
    cdef int count
    cdef bint has_items, has_default_sources
    cdef Source *sources
    cdef list kept

    def __cinit__(self, python):
        cdef type cls = python.cls
        cdef int index
        self.cls, self.python = cls, python
        if cls.__new__ is not object.__new__ or any(
            hasattr(cls, f"__attrs_{name}_init__") for name in ("pre", "post")
        ):
            raise TypeError(f"{cls.__name__} is made in its own way")
        self.count = len(python.sources)
        self.sources = <Source *>calloc(max(self.count, 1), sizeof(Source))
        if self.sources == NULL:
            raise MemoryError()
        self.kept = []
        for index, (name, source) in enumerate(python.sources.items()):
            self.add(&self.sources[index], name, source)

    def __dealloc__(self):
        free(self.sources)

    cdef int add(self, Source *source, str name, object given) except -1:
        source.slot, source.origin = slot_of(self.cls, name), ORIGINS[given.origin]
        source.number, source.level = given.number, given.level
        function = given.convert
        if source.origin == FROM_READER:
            function = <Reader?>function  # else TypeError: it is read in Python, and so is this one
        if function is not None:
            self.kept.append(function)
            source.function = <PyObject *>function
        self.kept.append(given.default)
        source.default = <PyObject *>given.default
        source.default_is_source = type(given.default) is type(given)
        self.has_default_sources |= source.default_is_source
        self.has_items |= source.origin == FROM_ITEM
        owner = getattr(function, "__self__", None)
        if type(owner) is Time and function == owner.decode:
            source.time = <PyObject *>owner
        if given.members is not None:
            self.add_members(source, given.members)
        return 0

    cdef int add_members(self, Source *source, object given) except -1:
        """Fill in where members are; leave them to the function where they are not plain."""
        cdef type cls = given.struct_class
        cdef int index
        if len(given.names) > MEMBERS or cls.unpack.__module__ not in GENERAL or (
            hasattr(cls, "__attrs_post_init__")
        ):
            return 0
        members = {member.attribute: member for member in cls.layout.members}
        for index, name in enumerate(given.names):
            ctype = members[name].type
            kind = KINDS.get(ctype.kind or ctype.code)
            if kind is None or kind > BE32 or (ctype.decode is not None and not ctype.kind):
                return 0
            source.kinds[index], source.offsets[index] = kind, members[name].offset
        source.least_bytes, source.mask = cls.layout.size, given.mask
        if given.convert is not None:
            self.kept.append(given.convert)
            source.convert = <PyObject *>given.convert
        source.members = len(given.names)
        return 0

    @cython.boundscheck(True)
    @cython.wraparound(True)
    cdef object make(
        self, object data, list items, const char *control, size_t length, int flags,
        object address,
    ):
        """Return an instance; with None for items ``control`` has them, none of which is cut."""
        cdef object made = famsock_alloc(<PyTypeObject *>self.cls)
        cdef object value
        cdef Source *source
        cdef int index
        for index in range(self.count):
            source = &self.sources[index]
            if source.origin == FROM_FLAGS:
                value = flags & source.number != 0
            elif source.origin == FROM_ITEM:
                if source.default_is_source:
                    continue
                value = <object>source.default
            elif source.origin == FROM_READER:
                value = (<Reader>source.function).make(
                    data, items, control, length, flags, address
                )
            elif source.origin == FROM_ADDRESS_ITEM:
                value = address[source.number]
            else:
                value = data if source.origin == FROM_DATA else address
                if source.function != NULL:
                    value = (<object>source.function)(value)
            famsock_fill(made, source.slot, value)
        if self.has_items:
            if items is None:
                self.take_each(made, control, length)
            else:
                for item in items:
                    self.take_item(made, item)
        if self.has_default_sources:
            for index in range(self.count):
                source = &self.sources[index]
                if source.default_is_source and famsock_slot(made, source.slot) == NULL:
                    given = data, [] if items is None else items, flags, address
                    value = from_source(<object>source.default, given)
                    famsock_fill(made, source.slot, value)
        return made

    cdef int take_item(self, object made, object item) except -1:
        """Fill in what a control message tells, of which the type is any."""
        cdef int level, number
        level, number, data = item
        if type(data) is bytes:
            return self.take(
                made, level, number, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), data
            )
        return self.take(made, level, number, NULL, 0, data)

    cdef int take_each(self, object made, const char *control, size_t length) except -1:
        cdef size_t at = 0
        cdef cmsghdr item
        while at + sizeof(item) <= length:
            memcpy(&item, control + at, sizeof(item))
            self.take(
                made, item.cmsg_level, item.cmsg_type, control + at + sizeof(item),
                item.cmsg_len - sizeof(item), None,
            )
            at += CMSG_SPACE(item.cmsg_len - sizeof(item))
        return 0

    cdef int take(
        self, object made, int level, int number, const char *start, Py_ssize_t size, object data
    ) except -1:
        """Fill in what a control message tells: so many bytes, or only ``data`` if they are NULL."""
        cdef Source *source
        cdef object value
        cdef int index
        for index in range(self.count):
            source = &self.sources[index]
            if source.origin != FROM_ITEM or source.number != number or source.level != level:
                continue
            value = None
            if source.time != NULL and start != NULL:
                value = (<Time>source.time).read(start, size)
            if value is None:
                try:
                    if source.members and start != NULL:
                        if size < source.least_bytes:
                            continue
                        value = self.members(source, start)
                    else:
                        if data is None:
                            data = PyBytes_FromStringAndSize(start, size)
                        value = (<object>source.function)(data)
                except ValueError:
                    continue
            famsock_fill(made, source.slot, value)
        return 0

    cdef object members(self, Source *source, const char *start):
        """Return what members of a struct tell."""
        cdef object first = read_value(source.kinds[0], start + source.offsets[0], 0)
        cdef int index
        if source.mask and not PyLong_AsUnsignedLongLongMask(first) & source.mask:
            return None
        if source.convert == NULL:
            return first
        return (<object>source.convert)(*[
            read_value(source.kinds[index], start + source.offsets[index], 0)
            for index in range(source.members)
        ])

    def receive(self, sock, bufsize_bytes=65536, control_bytes=1024, flags=0):
        """Receive one message, and return the instance of it."""
        cdef char control[CONTROL_BYTES]
        cdef PyObject *held = NULL
        cdef object address, data = None
        cdef size_t length
        cdef int c_flags
        cdef long long size, space, given
        if (
            receive_parts != NULL
            and as_small(bufsize_bytes, &size) and as_small(control_bytes, &space)
            and as_small(flags, &given) and space <= CONTROL_BYTES
        ):
            length, c_flags = space, <int>given
            data = receive_parts(sock, size, control, &length, &c_flags, &held)
        if data is None:
            return self.python.receive(sock, bufsize_bytes, control_bytes, flags)
        address = <object>held
        Py_XDECREF(held)
        if are_whole(control, length):
            return self.make(data, None, control, length, c_flags, address)
        from famsock._calls.ancillary import unpack
        items = unpack(PyBytes_FromStringAndSize(control, length))
        return self.make(data, items, NULL, 0, c_flags, address)

    def _takes(self, item):
        return self.python._takes(item)

    def read(self, message):
        """Return the instance of what recvmsg gave."""
        if type(message) is tuple and len(<tuple>message) == 4:
            data, items, flags, address = <tuple>message
            if type(items) is list and type(flags) is int:
                return self.make(data, items, NULL, 0, flags, address)
        return self.python.read(message)

    def read_each(self, messages):
        """Return the instances of what recvmmsg gave."""
        return [self.read(message) for message in messages]


include "_tlv.pxi"
