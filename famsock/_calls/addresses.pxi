# Addresses: the conversion of layouts, and the results that are kept. A part of native.pyx, with
# the interface of `address_cache` and `layout`.

cdef extern from "Python.h":
    int PySys_Audit(const char *, const char *, PyObject *, PyObject *) except -1
    object PyUnicode_DecodeFSDefault(const char *)
    object PyUnicode_DecodeFSDefaultAndSize(const char *, Py_ssize_t)
    Py_hash_t PyObject_Hash(object) except? -1
    int PyObject_RichCompareBool(object, object, int) except -1
    int Py_EQ
    object PyTuple_New(Py_ssize_t)
    void PyTuple_SET_ITEM(object, Py_ssize_t, object)
    PyObject *PyTuple_GET_ITEM(object, Py_ssize_t)
    Py_ssize_t PyTuple_GET_SIZE(object)
    void Py_INCREF(object)
    PyObject *_PyType_Lookup(PyTypeObject *, object)  # borrowed; NULL where there is none

cdef extern from "arpa/inet.h" nogil:
    int c_inet_pton "inet_pton"(int, const char *, void *)
    const char *c_inet_ntop "inet_ntop"(int, const void *, char *, socklen_t)
    int C_INET "AF_INET"
    int C_INET6 "AF_INET6"

cdef extern from "string.h":
    size_t strlen(const char *) noexcept
    size_t strnlen(const char *, size_t) noexcept

cdef extern from *:
    """
    static PyObject *famsock_ascii(const char *text, Py_ssize_t length) {
        PyObject *made = PyUnicode_New(length, 127);
        if (made != NULL)
            memcpy(PyUnicode_DATA(made), text, length);
        return made;
    }
    static int famsock_is_ascii(PyObject *o) {
        return PyUnicode_CheckExact(o) && PyUnicode_IS_COMPACT_ASCII(o);
    }
    static const char *famsock_chars(PyObject *o) { return (const char *)PyUnicode_DATA(o); }
    static Py_ssize_t famsock_length(PyObject *o) { return PyUnicode_GET_LENGTH(o); }
    static int famsock_are_ascii(const char *text, Py_ssize_t length) {
        for (Py_ssize_t i = 0; i < length; i++)
            if (text[i] & 0x80)
                return 0;
        return 1;
    }
    static Py_ssize_t famsock_octet(char *out, unsigned octet) {
        Py_ssize_t n = 0;
        if (octet >= 100) {
            out[n++] = '0' + octet / 100;
            octet %= 100;
            out[n++] = '0' + octet / 10;
        } else if (octet >= 10) {
            out[n++] = '0' + octet / 10;
        }
        out[n++] = '0' + octet % 10;
        return n;
    }
    static PyObject *famsock_ipv4(const unsigned char *raw) {
        char text[16];
        Py_ssize_t n = 0;
        for (int i = 0; i < 4; i++) {
            if (i)
                text[n++] = '.';
            n += famsock_octet(text + n, raw[i]);
        }
        return famsock_ascii(text, n);
    }
    /* 1 for an integer that is no unsigned long long. */
    static int famsock_unsigned(PyObject *o, unsigned long long *value) {
        int overflow;
        long long plain = PyLong_AsLongLongAndOverflow(o, &overflow);
        if (overflow > 0) {
            *value = PyLong_AsUnsignedLongLong(o);
            if (*value == (unsigned long long)-1 && PyErr_Occurred()) {
                PyErr_Clear();
                return 1;
            }
            return 0;
        }
        *value = (unsigned long long)plain;
        return overflow || plain < 0;
    }
    /* Whether an integer fits 64 bits: a larger one is no key, as keys are bounded in bytes. */
    static int famsock_is_small(PyObject *o) {
        int overflow;
        PyLong_AsLongLongAndOverflow(o, &overflow);
        return !overflow;
    }
    static PyObject *famsock_item(PyObject *list, Py_ssize_t index) {
    #if PY_VERSION_HEX >= 0x030d0000
        return PyList_GetItemRef(list, index);
    #else
        PyObject *item = PyList_GET_ITEM(list, index);
        Py_INCREF(item);
        return item;
    #endif
    }
    static int famsock_put(PyObject *list, Py_ssize_t index, PyObject *item) {
        Py_INCREF(item);
        return PyList_SetItem(list, index, item);
    }
    """
    object famsock_ascii(const char *, Py_ssize_t)
    bint famsock_are_ascii(const char *, Py_ssize_t)
    object famsock_ipv4(const unsigned char *)
    bint famsock_is_ascii(object)
    int famsock_unsigned(object, unsigned long long *)
    bint famsock_is_small(object)
    const char *famsock_chars(object)
    Py_ssize_t famsock_length(object)
    object famsock_item(list, Py_ssize_t)
    int famsock_put(list, Py_ssize_t, object) except -1

cdef enum:
    MOST_FIELDS = 8
    SLOTS = 1024
    # Directions of conversion whose results are kept.
    ENCODED = 0
    DECODED = 1
    TYPED = 2
    DIRECTIONS = 3
    PATH_BYTES = 108
    # Kinds of fields; of integers the low bits are the width in bytes.
    U8 = 1
    U16 = 2
    U32 = 4
    U64 = 8
    BE16 = 18
    BE32 = 20
    IPV4 = 32
    IPV6 = 33
    IFNAME = 34
    IFNAME_GIVEN = 35
    IFNAME_KNOWN = 36
    COUNTED8 = 37
    PATH = 38

cdef dict KINDS = {
    "u8": U8, "u16": U16, "u32": U32, "u64": U64, "be16": BE16, "be32": BE32, "ipv4": IPV4,
    "ipv6": IPV6, "ifname": IFNAME, "ifname_given": IFNAME_GIVEN, "ifname_known": IFNAME_KNOWN,
    "counted8": COUNTED8, "path": PATH,
}


cdef class Converter:
    """The conversion of a `SockaddrLayout`."""

    cdef Py_ssize_t count, size, least, required
    cdef char head[2]
    cdef int kinds[MOST_FIELDS]
    cdef Py_ssize_t offsets[MOST_FIELDS]
    cdef unsigned long long highest[MOST_FIELDS]
    cdef readonly bint is_kept, is_path
    cdef bint is_slow, is_typed

    def __cinit__(self, layout):
        cdef Py_ssize_t index
        cdef bytes head = layout.head
        cdef tuple fields = layout.fields
        from famsock._calls.layout import WIDTHS  # whose layout has imported it

        if not 2 <= layout.size_bytes <= SOCKADDR_BYTES or len(head) != 2:
            raise ValueError("no sockaddr")
        if not 1 <= len(fields) <= MOST_FIELDS:
            raise ValueError(f"1-{MOST_FIELDS} fields, not {len(fields)}")
        self.size, self.least = layout.size_bytes, layout.least_bytes
        self.required, self.count = layout.required, len(fields)
        memcpy(self.head, PyBytes_AS_STRING(head), 2)
        self.is_path, self.is_slow, self.is_kept = layout.is_path, False, True
        self.is_typed = layout.typed
        for index, (_, kind, offset, high) in enumerate(fields):
            if not 2 <= offset <= self.size - WIDTHS[kind]:
                raise ValueError(f"no offset in {self.size} bytes: {offset}")
            self.kinds[index], self.offsets[index] = KINDS[kind], offset
            self.highest[index] = high
            if self.kinds[index] == IPV6:
                self.is_slow = True
            elif self.kinds[index] in (IFNAME, IFNAME_GIVEN, IFNAME_KNOWN):
                self.is_kept = False

    def decode(self, sock, bytes sockaddr not None):
        """The stdlib's form of a sockaddr; None where the address class must read it."""
        return self.read(sock, PyBytes_AS_STRING(sockaddr), PyBytes_GET_SIZE(sockaddr))

    def encode(self, sock, form):
        """The sockaddr of the stdlib's form; None where the address class must encode it."""
        cdef char out[SOCKADDR_BYTES]
        cdef Py_ssize_t length = self.write(sock, form, out)
        return PyBytes_FromStringAndSize(out, length) if length else None

    cdef object read(self, object sock, const char *raw, Py_ssize_t length):
        cdef Py_ssize_t index, size
        cdef int kind
        cdef const unsigned char *at
        cdef unsigned long long value
        cdef char text[64]
        cdef char whole_name[SOCKADDR_BYTES]
        cdef object made, item
        if not 2 <= length <= SOCKADDR_BYTES or raw[0] != self.head[0] or raw[1] != self.head[1]:
            return None
        if self.is_path:
            if length > 2 and raw[2] == 0:
                return PyBytes_FromStringAndSize(raw + 2, length - 2)
            size = 0
            while size < length - 2 and 0 < raw[size + 2] < 128:
                size += 1
            if size == length - 2 or raw[size + 2] == 0:
                return famsock_ascii(raw + 2, size)
            return PyUnicode_DecodeFSDefaultAndSize(raw + 2, strnlen(raw + 2, length - 2))
        if length < self.least:
            return None
        if length < self.size:
            memset(whole_name, 0, self.size)
            memcpy(whole_name, raw, length)
            raw = whole_name
        made = PyTuple_New(self.count)
        for index in range(self.count):
            kind, at = self.kinds[index], <const unsigned char *>raw + self.offsets[index]
            if kind == IPV4:
                item = famsock_ipv4(at)
            elif kind == IPV6:
                c_inet_ntop(C_INET6, at, text, sizeof(text))
                item = famsock_ascii(text, strlen(text))
            elif kind == COUNTED8:
                size = (at - 1)[0]
                if size > 8 or self.offsets[index] + size > length:
                    return None
                item = PyBytes_FromStringAndSize(<const char *>at, size)
            elif kind < IPV4:
                value = load(kind, at)
                item = <object>value
            else:
                value = load(U32, at)
                if sock is None or value == 0 and kind == IFNAME_KNOWN:
                    return None
                item = name_of(number(sock), value) if value else ""
            Py_INCREF(item)
            PyTuple_SET_ITEM(made, index, item)
        return made

    cdef bint lacks_name(self, const char *raw, Py_ssize_t length, tuple form):
        """Whether the form may have "" for an interface that the sockaddr names: it is gone."""
        cdef Py_ssize_t index, offset
        if self.is_kept:
            return False
        for index in range(self.count):
            offset = self.offsets[index]
            if self.kinds[index] not in (IFNAME, IFNAME_GIVEN, IFNAME_KNOWN):
                continue
            if famsock_length(<object>PyTuple_GET_ITEM(form, index)):
                continue
            if length < offset + 4 or load(U32, <const unsigned char *>raw + offset):
                return True
        return False

    cdef Py_ssize_t write(self, object sock, object form, char *out) except -1:
        """Write the sockaddr; its length, or 0 where the address class must encode it."""
        cdef Py_ssize_t index, given, length
        cdef int kind, overflow, interface
        cdef char *at
        cdef unsigned long long value
        cdef object item
        if self.is_path:
            return self.write_path(form, out)
        if type(form) is not tuple:
            return 0
        given = PyTuple_GET_SIZE(form)
        if not self.required <= given <= self.count:
            return 0
        memset(out, 0, self.size)
        out[0], out[1] = self.head[0], self.head[1]
        for index in range(given):
            kind, at = self.kinds[index], out + self.offsets[index]
            item = <object>PyTuple_GET_ITEM(form, index)
            if kind < IPV4:
                if type(item) is not int:
                    return 0
                overflow = famsock_unsigned(item, &value)
                if overflow or value > self.highest[index]:
                    if kind != U32 or self.highest[index] != 0xFFFFFFFF or item != -1:
                        return 0
                    value = 0xFFFFFFFF
                store(kind, <unsigned char *>at, value)
            elif kind == COUNTED8:
                if type(item) is not bytes or PyBytes_GET_SIZE(item) > 8:
                    return 0
                length = PyBytes_GET_SIZE(item)
                (at - 1)[0] = <char>length
                memcpy(at, PyBytes_AS_STRING(item), length)
            else:
                if not famsock_is_ascii(item):
                    return 0
                length = famsock_length(item)
                if <Py_ssize_t>strlen(famsock_chars(item)) != length:
                    return 0
                if kind == IPV4 or kind == IPV6:
                    if c_inet_pton(
                        C_INET if kind == IPV4 else C_INET6, famsock_chars(item), at
                    ) != 1:
                        return 0
                elif length:
                    if sock is None:
                        return 0
                    interface = index_of(number(sock), famsock_chars(item), length)
                    if interface <= 0:
                        return 0
                    memcpy(at, &interface, sizeof(interface))
                elif kind == IFNAME_GIVEN:
                    return 0
        return self.size

    cdef Py_ssize_t write_path(self, object form, char *out) except -1:
        cdef const char *path
        cdef Py_ssize_t length
        if famsock_is_ascii(form):
            path, length = famsock_chars(form), famsock_length(form)
        elif type(form) is str:
            try:
                form = PyUnicode_EncodeFSDefault(form)
            except UnicodeEncodeError:
                return 0
            path, length = PyBytes_AS_STRING(form), PyBytes_GET_SIZE(form)
        elif type(form) is bytes:
            path, length = PyBytes_AS_STRING(form), PyBytes_GET_SIZE(form)
        else:
            return 0
        out[0], out[1] = self.head[0], self.head[1]
        if length == 0 or path[0] == 0:
            if length > PATH_BYTES:
                return 0
            memcpy(out + 2, path, length)
            return length + 2
        if length >= PATH_BYTES or <Py_ssize_t>strnlen(path, length) != length:
            return 0
        memcpy(out + 2, path, length)
        out[length + 2] = 0
        return length + 3


cdef object name_of(int descriptor, unsigned long long index):
    """The name of an interface, as `interface_name` has it; the call does not wait."""
    cdef ifreq request
    cdef Py_ssize_t length
    if index > INT_MAX:
        return ""
    request.ifr_ifindex = <int>index
    if c_ioctl(descriptor, SIOCGIFNAME, &request) < 0:
        return ""
    length = strnlen(request.ifr_name, IFNAMSIZ)
    if famsock_are_ascii(request.ifr_name, length):
        return famsock_ascii(request.ifr_name, length)
    return PyUnicode_DecodeFSDefaultAndSize(request.ifr_name, length)


cdef int index_of(int descriptor, const char *name, Py_ssize_t length) except -2:
    """The index of an interface; -1 if there is none."""
    cdef ifreq request
    cdef int result
    if length >= IFNAMSIZ:
        return -1
    memset(&request, 0, sizeof(request))
    memcpy(request.ifr_name, name, length)
    with nogil:
        result = c_ioctl(descriptor, SIOCGIFINDEX, &request)
    return -1 if result < 0 else request.ifr_ifindex


cdef inline unsigned long long load(int kind, const unsigned char *at) noexcept:
    cdef unsigned short u16
    cdef unsigned int u32
    cdef unsigned long long u64
    if kind == BE16:
        return (at[0] << 8) | at[1]
    if kind == BE32:
        return (<unsigned int>at[0] << 24) | (at[1] << 16) | (at[2] << 8) | at[3]
    if kind == U8:
        return at[0]
    if kind == U16:
        memcpy(&u16, at, 2)
        return u16
    if kind == U32:
        memcpy(&u32, at, 4)
        return u32
    memcpy(&u64, at, 8)
    return u64


cdef inline void store(int kind, unsigned char *at, unsigned long long value) noexcept:
    cdef unsigned short u16 = <unsigned short>value
    cdef unsigned int u32 = <unsigned int>value
    if kind == BE16:
        at[0], at[1] = <unsigned char>(value >> 8), <unsigned char>value
    elif kind == BE32:
        at[0], at[1] = <unsigned char>(value >> 24), <unsigned char>(value >> 16)
        at[2], at[3] = <unsigned char>(value >> 8), <unsigned char>value
    elif kind == U8:
        at[0] = <unsigned char>value
    elif kind == U16:
        memcpy(at, &u16, 2)
    elif kind == U32:
        memcpy(at, &u32, 4)
    else:
        memcpy(at, &value, 8)


cdef Py_ssize_t slot_of_plain(object address) except -2:
    """Return the slot of a plain address's result; -1 if it is not plain, or too long."""
    cdef Py_ssize_t index
    cdef object item
    if type(address) is str:
        return PyObject_Hash(address) & (SLOTS - 1) if len(address) <= SOCKADDR_BYTES else -1
    if type(address) is not tuple or PyTuple_GET_SIZE(address) > MOST_FIELDS:
        return -1
    for index in range(PyTuple_GET_SIZE(address)):
        item = <object>PyTuple_GET_ITEM(address, index)
        if type(item) is str:
            if famsock_length(item) > SOCKADDR_BYTES:
                return -1
        elif type(item) is not int or not famsock_is_small(item):
            return -1
    return PyObject_Hash(address) & (SLOTS - 1)


cdef class AddressCache:
    """Converts addresses for the sockets of one protocol, and keeps results: see `address_cache`."""

    cdef Converter converter
    cdef bint is_ready
    cdef list kept  # the results of each direction, once there are any
    cdef TypedClass typed_class
    cdef public object loaded_class
    cdef public object typed_fields

    def __cinit__(self):
        self.kept = [None] * DIRECTIONS

    cdef object kept_in(self, int direction, Py_ssize_t slot):
        """The key and the result in a slot; None if it is empty."""
        cdef object results = famsock_item(self.kept, direction)
        return None if results is None else famsock_item(<list>results, slot)

    cdef int keep(self, int direction, Py_ssize_t slot, object result) except -1:
        cdef object results = famsock_item(self.kept, direction)
        if results is None:
            try:
                results = [None] * SLOTS
            except MemoryError:  # which is no reason to lose what was received
                return 0
            famsock_put(self.kept, direction, results)
        return famsock_put(<list>results, slot, result)

    cdef Converter prepared(self):
        if not self.is_ready:
            layout = self.load_layout()
            self.converter = None if layout is None else Converter(layout)
            self.is_ready = True
        return self.converter

    cdef Py_ssize_t slot_of(self, object address) except -2:
        cdef Py_ssize_t slot = slot_of_plain(address)
        if slot < 0 and type(address) is self.loaded_class:
            slot = (<Py_ssize_t><void *>address >> 4) & (SLOTS - 1)
        return slot

    def encode(self, sock, operation, address):
        """Return the sockaddr of an address in any of its shapes, for ``operation`` on ``sock``."""
        return self.sockaddr_of(sock, operation, address)

    cdef object sockaddr_of(self, object sock, object operation, object address):
        cdef Converter converter = self.prepared()
        cdef char out[SOCKADDR_BYTES]
        cdef Py_ssize_t length, slot
        cdef object sockaddr, kept, form
        length = self.encode_into(sock, address, out)
        if length:
            return PyBytes_FromStringAndSize(out, length)
        slot = self.slot_of(address)
        if slot >= 0:
            kept = self.kept_in(ENCODED, slot)
            if kept is not None:
                form = (<tuple>kept)[0]
                if form is address or (
                    (type(address) is tuple or type(address) is str)
                    and PyObject_RichCompareBool(form, address, Py_EQ)
                ):
                    return (<tuple>kept)[1]
        keep = True
        length = 0
        if converter is not None and converter.is_slow:
            length = self.write(converter, sock, address, out)
        if length:
            sockaddr = PyBytes_FromStringAndSize(out, length)
            keep = converter.is_kept
        else:
            sockaddr, keep = self.encode_unusual(sock, operation, address)
        if keep and slot >= 0 and len(sockaddr) <= SOCKADDR_BYTES:
            self.keep(ENCODED, slot, (address, sockaddr))
        return sockaddr

    cdef Py_ssize_t encode_into(self, object sock, object address, char *out) except -1:
        """Write the sockaddr of an address that costs little to convert; 0 for any other."""
        cdef Converter converter = self.prepared()
        if converter is None or converter.is_slow:
            return 0
        return self.write(converter, sock, address, out)

    cdef Py_ssize_t write(
        self, Converter converter, object sock, object address, char *out
    ) except -1:
        cdef object form = address
        if self.typed_fields is not None and type(address) is self.loaded_class:
            form = tuple([getattr(address, name) for name in <tuple>self.typed_fields])
            if converter.is_path:
                form = (<tuple>form)[0]
        return converter.write(sock, form, out)

    def convert(self, sock, form):
        """Return the sockaddr of a form that the layout covers; None for any other."""
        cdef Converter converter = self.prepared()
        return None if converter is None else converter.encode(sock, form)

    def forget(self, address):
        """Keep no result of an address that the kernel refused."""
        self.drop(address)

    cdef int drop(self, object address) except -1:
        cdef Py_ssize_t slot = self.slot_of(address)
        if slot >= 0 and self.kept_in(ENCODED, slot) is not None:
            self.keep(ENCODED, slot, None)
        return 0

    def decode(self, sock, bytes sockaddr not None):
        """Return the stdlib's form of what the kernel gave: None for no address; never cut."""
        return self.read(sock, PyBytes_AS_STRING(sockaddr), PyBytes_GET_SIZE(sockaddr))

    cdef object read(self, object sock, const char *name, Py_ssize_t length):
        cdef Converter converter
        cdef bytes sockaddr
        cdef Py_ssize_t slot
        cdef object kept, form = None
        if not length:
            return None
        converter = self.prepared()
        if converter is not None and not converter.is_slow:
            form = converter.read(sock, name, length)
            if form is not None:
                return form
        sockaddr = PyBytes_FromStringAndSize(name, length)
        slot = PyObject_Hash(sockaddr) & (SLOTS - 1)
        kept = self.kept_in(DECODED, slot)
        if kept is not None and (<tuple>kept)[0] == sockaddr:
            return (<tuple>kept)[1]
        if converter is not None and converter.is_slow:
            form = converter.read(sock, name, length)
            keep = converter.is_kept
        if form is None:
            form, keep = self.decode_unusual(sock, sockaddr)
        if keep and length <= SOCKADDR_BYTES:
            self.keep(DECODED, slot, (sockaddr, form))
        return form

    def decode_typed(self, sock, bytes sockaddr not None):
        """Return the typed address of what the kernel gave; `RawAddress` where no class fits."""
        return self.typed(sock, PyBytes_AS_STRING(sockaddr), PyBytes_GET_SIZE(sockaddr), sockaddr)

    cdef object typed(self, object sock, const char *name, Py_ssize_t length, bytes sockaddr):
        """`decode_typed` of a sockaddr, which is made of its bytes if it is None."""
        cdef Converter converter = self.prepared()
        cdef Py_ssize_t slot
        cdef object kept, typed = None
        cdef bint is_kept = converter is None or converter.is_kept
        if not is_kept:
            typed = self.make_typed(converter, sock, name, length)
            if typed is not None:
                return typed
        if sockaddr is None:
            sockaddr = PyBytes_FromStringAndSize(name, length)
        slot = PyObject_Hash(sockaddr) & (SLOTS - 1)
        kept = self.kept_in(TYPED, slot)
        if kept is not None and (<tuple>kept)[0] == sockaddr:
            return (<tuple>kept)[1]
        keep = True
        if converter is not None and is_kept:
            typed = self.make_typed(converter, sock, name, length)
        if typed is None:
            typed, keep = self.unpack_typed(sock, sockaddr)
        if keep and length <= SOCKADDR_BYTES:
            self.keep(TYPED, slot, (sockaddr, typed))
        return typed

    cdef object make_typed(
        self, Converter converter, object sock, const char *name, Py_ssize_t length
    ):
        """Return the typed address that the layout makes; None where its class must."""
        cdef TypedClass found = self.typed_class
        cdef object form
        if not converter.is_typed:
            return None
        if found is None:
            if self.loaded_class is None or self.typed_fields is None:
                return None
            try:
                found = self.typed_class = TypedClass(self.loaded_class, self.typed_fields)
            except TypeError:  # a class whose objects are made in their own way
                converter.is_typed = False
                return None
        if not found.reads_as_made():
            return None
        form = converter.read(sock, name, length)
        if form is None or converter.lacks_name(name, length, form):
            return None
        return found.make(form)


cdef class TypedClass:
    """The slots of a class of typed addresses; TypeError if it is not made of slots only."""

    cdef type cls
    cdef Py_ssize_t count
    cdef Py_ssize_t slots[MOST_FIELDS]
    cdef object unpack  # what the class has, unless somebody replaced it

    def __cinit__(self, type cls, tuple names):
        cdef Py_ssize_t index
        if cls.__new__ is not object.__new__ or any(
            [hasattr(cls, hook) for hook in ("__attrs_pre_init__", "__attrs_post_init__")]
        ):
            raise TypeError(f"{cls.__name__} is made in its own way")
        (self.unpack,) = cls._unpack_as_made
        self.cls, self.count = cls, len(names)
        for index, name in enumerate(names):
            self.slots[index] = slot_of(cls, name)

    cdef bint reads_as_made(self):
        return _PyType_Lookup(<PyTypeObject *>self.cls, "unpack") == <PyObject *>self.unpack

    cdef object make(self, tuple form):
        cdef object made = famsock_alloc(<PyTypeObject *>self.cls)
        cdef Py_ssize_t index
        for index in range(self.count):
            famsock_fill(made, self.slots[index], <object>PyTuple_GET_ITEM(form, index))
        return made


cdef inline object makesockaddr(
    object sock, AddressCache codec, const char *name, socklen_t length
):
    """The stdlib's form of a received address; its bytes where there is no codec."""
    length = min(length, <socklen_t>SOCKADDR_BYTES)
    if codec is None:
        return PyBytes_FromStringAndSize(name, length)
    return codec.read(sock, name, length)


cdef object getsockaddrarg(
    object sock, AddressCache codec, object operation, const char *event, object address
):
    """The sockaddr of an argument, after its audit event; b"" for None where the call takes none.

    None where only the stdlib's method can convert the address.
    """
    cdef object sockaddr  # bytes; one of another class may keep something open
    if address is None and operation == "sendmmsg":
        sockaddr = b""
    else:
        sockaddr = codec.sockaddr_of(sock, operation, address)
        if sockaddr is None:
            return None
    PySys_Audit(event, "OO", <PyObject *>sock, <PyObject *>address)
    return sockaddr
