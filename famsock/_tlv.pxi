# What famsock.tlv does in Python, compiled: records of a header and attributes. A part of
# _cstruct.pyx. Whatever is unusual or wrong goes to the Python code, which has the errors.

cdef extern from "Python.h":
    int PyObject_GenericSetAttr(object, object, object) except -1
    object PyTuple_New(Py_ssize_t)
    object PyObject_CallObject(object, object)
    void Py_INCREF(object)
    void PyTuple_SET_ITEM(object, Py_ssize_t, object)

cdef enum:
    MOST = 8  # famsock.tlv.TYPES_MAX
    TYPES = 128  # attributes of types below are looked up, those above have no field

cdef enum FieldSource:
    FROM_HEADER, UNSIGNED, SIGNED, TEXTUAL, VALUE, PART, MADE, UNKNOWN

cdef dict FIELD_SOURCES = {
    "member": FROM_HEADER, "unsigned": UNSIGNED, "signed": SIGNED, "text": TEXTUAL, "value": VALUE,
    "part": PART, "made": MADE, "unknown": UNKNOWN,
}

cdef struct Place:
    Kind kind
    Py_ssize_t offset
    Py_ssize_t size


cdef struct Found:  # the value of an attribute; NULL if it is missing
    const char *at
    Py_ssize_t size


cdef struct TableField:
    FieldSource source
    Py_ssize_t slot
    int type_count
    int types[MOST]
    bint at_once[MOST]
    bint needed[MOST]
    int member_count
    Place members[MOST]
    Py_ssize_t struct_size
    bint counts_bits
    PyObject *default  # NULL if there is none; `objects` keeps these
    PyObject *convert
    PyObject *sizes


cdef Place place_of(type struct, str name) except *:
    """Return where a member of a struct is; TypeError if compiled code does not read it."""
    cdef Place place
    if struct.unpack.__func__.__module__ not in ("famsock._struct", "famsock._cstruct"):
        raise TypeError(f"{struct.__name__} is unpacked in its own way")
    for member in struct.layout.members:
        if member.attribute == name:
            break
    else:
        raise TypeError(f"{struct.__name__} has no member {name!r}")
    ctype = member.type
    place.offset, place.size = member.offset, ctype.size
    if not 0 <= place.offset <= struct.layout.size - place.size:
        raise TypeError(f"{struct.__name__}: {name!r} lies outside")
    code = ctype.kind or ctype.code
    if code not in KINDS or ctype.decode is not None and not ctype.kind:
        raise TypeError(f"{struct.__name__}: {name!r} is converted in Python")
    place.kind = KINDS[code]
    if SIZES.get(place.kind, place.size) != place.size:
        raise TypeError(f"{struct.__name__}: {code} of {place.size} bytes")
    return place


cdef int check_made_of_slots(type cls) except -1:
    """Raise TypeError for a class whose objects do more, when they are made, than fill slots."""
    if (
        cls.__new__ is not object.__new__
        or hasattr(cls, "__attrs_pre_init__")
        or hasattr(cls, "__attrs_post_init__")
    ):
        raise TypeError(f"{cls.__name__} is made in its own way")
    return 0


cdef bint walk(
    const char *data, Py_ssize_t size, int mask, Found *items, const uint8_t *known, bint *unknown
) noexcept nogil:
    """Find the last attribute of each type; False if one is truncated."""
    cdef uint16_t length, kind
    cdef Py_ssize_t at = 0
    while size - at >= 4:
        memcpy(&length, data + at, 2)
        memcpy(&kind, data + at + 2, 2)
        if length < 4 or length > size - at:
            return False
        kind &= mask
        if kind < TYPES:
            items[kind].at, items[kind].size = data + at + 4, length - 4
        if known != NULL and (kind >= TYPES or not known[kind]):
            unknown[0] = True
        at += length + 3 & ~3
    while at < size:
        if data[at]:
            return False
        at += 1
    return True


cdef bint find(Found *item, int kind, int mask) noexcept nogil:
    """Replace an item by the last of a type among the attributes in it; False if truncated."""
    cdef Found items[TYPES]
    cdef bint unknown
    if item.at == NULL:
        return True
    memset(items, 0, sizeof(items))
    if not walk(item.at, item.size, mask, items, NULL, &unknown):
        return False
    item[0] = items[kind]
    return True


cdef object read_integer(const char *at, Py_ssize_t size, bint is_signed):
    if size == 4:
        return read_value(I32 if is_signed else U32, at, 4)
    if size == 1:
        return read_value(I8 if is_signed else U8, at, 1)
    if size == 2:
        return read_value(I16 if is_signed else U16, at, 2)
    if size == 8:
        return read_value(I64 if is_signed else U64, at, 8)
    return int.from_bytes(at[:size], sys.byteorder, signed=is_signed)


@cython.no_gc_clear  # a field borrows its objects
cdef class Table:
    """`famsock.tlv.Table`, compiled; TypeError where only Python's own does it."""

    cdef type cls
    cdef Py_ssize_t header_size, record_slot
    cdef int mask, count
    cdef TableField *fields
    cdef list objects
    cdef dict places
    cdef uint8_t known[TYPES]
    cdef bint tells_unknown
    cdef object python_unpack, python_make

    def __cinit__(self, table):
        cdef int index
        self.cls = table.cls
        check_made_of_slots(self.cls)
        self.header_size, self.mask = table.header.layout.size, table.type_mask
        if table.header.layout.head:
            raise TypeError(f"{table.header.__name__} begins with a constant")
        self.python_unpack, self.python_make = table.unpack_in_python, table.make_in_python
        self.record_slot = slot_of(self.cls, "_record") if table.deferred else 0
        self.objects, self.places = [], {}
        self.count = len(table.fields)
        self.fields = <TableField *>calloc(max(self.count, 1), sizeof(TableField))
        if self.fields == NULL:
            raise MemoryError()
        for index, (name, field) in enumerate(table.fields.items()):
            self.add(&self.fields[index], name, field, table)
            self.places[name] = index

    def __dealloc__(self):
        free(self.fields)

    cdef PyObject *kept(self, object value) except? NULL:
        self.objects.append(value)
        return <PyObject *>value

    cdef int add(self, TableField *field, str name, object described, object table) except -1:
        cdef int index
        field.source = FIELD_SOURCES[described.source]
        field.slot = slot_of(self.cls, name)
        if len(described.types) > MOST or len(described.members) > MOST:
            raise TypeError(f"{name}: more than {MOST} attributes or members")
        for index, kind in enumerate(described.types):
            if not 0 <= kind < TYPES:
                raise TypeError(f"{name}: type {kind} is looked up in Python")
            field.types[index] = kind
            field.at_once[index] = kind in described.at_once
            field.needed[index] = kind in described.needed
        field.type_count, field.member_count = len(described.types), len(described.members)
        struct = described.struct or table.header
        for index, member in enumerate(described.members):
            field.members[index] = place_of(struct, member)
        field.struct_size = struct.layout.size
        if described.has_default:
            field.default = self.kept(described.default)
        elif field.source == PART or (
            field.source in (UNSIGNED, SIGNED, TEXTUAL, VALUE) and not field.member_count
        ):
            raise TypeError(f"{name}: no value without the attribute")
        if described.convert is not None:
            field.convert = self.kept(described.convert)
        elif field.source == MADE or field.source == UNKNOWN:
            raise TypeError(f"{name}: nothing makes it")
        if name in table.deferred:
            field.sizes = self.kept(dict(described.sizes))
            field.counts_bits = described.counts_bits
        if field.source == UNKNOWN:
            if self.tells_unknown:
                raise TypeError(f"{name}: a second field of unknown attributes")
            self.tells_unknown = True
            for kind in described.known:
                if kind < TYPES:
                    self.known[kind] = 1
                else:
                    raise TypeError(f"{name}: type {kind} is looked up in Python")
        return 0

    cdef object header_value(self, Place *place, const char *data):
        return read_value(place.kind, data + place.offset, place.size)

    cdef object arguments(self, TableField *field, const char *data, Found *items):
        """Return what the function of a field is called with."""
        cdef object given = PyTuple_New(field.member_count + field.type_count)
        cdef object value
        cdef Found *item
        cdef int index
        for index in range(field.member_count + field.type_count):
            if index < field.member_count:
                value = self.header_value(&field.members[index], data)
            else:
                item = &items[field.types[index - field.member_count]]
                value = None if item.at == NULL else PyBytes_FromStringAndSize(item.at, item.size)
            Py_INCREF(value)
            PyTuple_SET_ITEM(given, index, value)
        return given

    cdef bint can_wait(self, TableField *field, const char *data, Found *items) except -1:
        """Return whether the function of a field cannot fail; see `famsock.tlv.made`."""
        cdef Py_ssize_t size
        cdef bint came = False
        cdef int index
        found = (<dict>field.sizes).get(self.header_value(&field.members[0], data))
        if found is None:
            return False
        size = found
        for index in range(field.type_count):
            if items[field.types[index]].at == NULL:
                continue
            if field.at_once[index] or items[field.types[index]].size != size:
                return False
            came = True
        return came and (
            not field.counts_bits or self.header_value(&field.members[1], data) <= 8 * size
        )

    cdef object unknown_values(self, const char *data, Py_ssize_t size):
        """Return types and bytes of the attributes that have no field."""
        cdef uint16_t length, kind
        cdef Py_ssize_t at = 0
        cdef list pairs = []
        while size - at >= 4:
            memcpy(&length, data + at, 2)
            memcpy(&kind, data + at + 2, 2)
            if kind & self.mask >= TYPES or not self.known[kind & self.mask]:
                pairs.append((kind, PyBytes_FromStringAndSize(data + at + 4, length - 4)))
            at += length + 3 & ~3
        return pairs

    cdef object read(self, bytes record):
        """Return an object of a record; None where Python has to look at it."""
        cdef const char *data = PyBytes_AS_STRING(record)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(record) - self.header_size
        cdef Found items[TYPES]
        cdef Found item
        cdef bint has_unknown = False, waits = False, is_missing
        cdef TableField *field
        cdef object made, value
        cdef int index, place
        if size < 0:
            return None
        memset(items, 0, sizeof(items))
        if not walk(
            data + self.header_size, size, self.mask, items,
            self.known if self.tells_unknown else NULL, &has_unknown,
        ):
            return None
        made = famsock_alloc(<PyTypeObject *>self.cls)
        for index in range(self.count):
            field = &self.fields[index]
            if field.source == FROM_HEADER:
                value = self.header_value(&field.members[0], data)
            elif field.source == MADE:
                is_missing = field.default != NULL
                for place in range(field.type_count):
                    if field.needed[place] and items[field.types[place]].at != NULL:
                        is_missing = False
                if is_missing:
                    value = <object>field.default
                elif field.sizes != NULL and self.can_wait(field, data, items):
                    waits = True
                    continue
                else:
                    value = PyObject_CallObject(
                        <object>field.convert, self.arguments(field, data, items)
                    )
            elif field.source == UNKNOWN:
                value = ()
                if has_unknown:
                    value = (<object>field.convert)(
                        self.unknown_values(data + self.header_size, size)
                    )
            else:
                item = items[field.types[0]]
                for place in range(1, field.type_count):
                    if not find(&item, field.types[place], self.mask):
                        return None
                if item.at == NULL:
                    if field.default != NULL:
                        value = <object>field.default
                    else:
                        value = self.header_value(&field.members[0], data)
                elif field.source == PART:
                    if item.size < field.struct_size:
                        return None
                    value = self.header_value(&field.members[0], item.at)
                elif field.source == TEXTUAL:
                    value = read_value(TEXT, item.at, item.size)
                elif field.source == VALUE:
                    value = PyBytes_FromStringAndSize(item.at, item.size)
                else:
                    value = read_integer(item.at, item.size, field.source == SIGNED)
            famsock_fill(made, field.slot, value)
        if waits:
            famsock_fill(made, self.record_slot, record)
        return made

    def unpack(self, data, cls=None):
        """Return an object of a record."""
        cdef object made = None
        if type(data) is bytes and (cls is None or cls is self.cls):
            try:
                made = self.read(data)
            except ValueError:  # which of several Python says
                made = None
        return self.python_unpack(data, cls) if made is None else made

    def make(self, str name, data):
        """Return the value of a field that waited."""
        cdef Found items[TYPES]
        cdef bint unknown
        cdef TableField *field
        cdef const char *at
        if type(data) is not bytes or PyBytes_GET_SIZE(data) < self.header_size:
            return self.python_make(name, data)
        at = PyBytes_AS_STRING(data)
        field = &self.fields[<int>self.places[name]]
        memset(items, 0, sizeof(items))
        if field.source != MADE or not walk(
            at + self.header_size, PyBytes_GET_SIZE(data) - self.header_size, self.mask, items,
            NULL, &unknown,
        ):
            return self.python_make(name, data)
        return PyObject_CallObject(<object>field.convert, self.arguments(field, at, items))


def getter(Table table, waiting, python_getattr):
    """Return what `famsock.tlv.Deferred` has as ``__getattr__``, for the class of a table."""

    def __getattr__(self, name):
        cdef PyObject *record = NULL
        cdef object value
        if PyObject_TypeCheck(self, <PyTypeObject *>table.cls):
            record = famsock_slot(self, table.record_slot)
        if record == NULL or name not in waiting:
            return python_getattr(self, name)
        value = table.make(name, <object>record)
        PyObject_GenericSetAttr(self, name, value)
        return value

    return __getattr__


cdef class Records:
    """`famsock.tlv.Records`, compiled; TypeError where only Python's own does it."""

    cdef type cls
    cdef Py_ssize_t header_size, payload_slot
    cdef int count
    cdef Place length
    cdef Place places[MOST]
    cdef Py_ssize_t slots[MOST]
    cdef object python_unpack

    def __cinit__(self, records):
        cdef int index
        self.cls = records.cls
        check_made_of_slots(self.cls)
        self.python_unpack = records.unpack_in_python
        self.header_size = records.header.layout.size
        self.length = place_of(records.header, records.length)
        self.payload_slot = slot_of(self.cls, records.payload)
        names = [m.attribute for m in records.header.layout.members if m.attribute != records.length]
        if records.header.layout.head or len(names) > MOST or self.length.kind not in (U16, U32):
            raise TypeError(f"{self.cls.__name__}: a header that Python reads")
        self.count = len(names)
        for index, name in enumerate(names):
            self.places[index] = place_of(records.header, name)
            self.slots[index] = slot_of(self.cls, name)

    def unpack(self, data):
        """Return the records of one datagram."""
        cdef const char *at
        cdef Py_ssize_t left, used
        cdef uint32_t length
        cdef uint16_t short_length
        cdef list found = []
        cdef object made
        cdef Place *place
        cdef int index
        if type(data) is not bytes:
            return self.python_unpack(data)
        at, left = PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
        while left > 0:
            if left < self.header_size:
                return self.python_unpack(data)
            if self.length.size == 2:
                memcpy(&short_length, at + self.length.offset, 2)
                length = short_length
            else:
                memcpy(&length, at + self.length.offset, 4)
            if length < self.header_size or length > left:
                return self.python_unpack(data)
            made = famsock_alloc(<PyTypeObject *>self.cls)
            for index in range(self.count):
                place = &self.places[index]
                famsock_fill(
                    made, self.slots[index], read_value(place.kind, at + place.offset, place.size)
                )
            famsock_fill(
                made, self.payload_slot,
                PyBytes_FromStringAndSize(at + self.header_size, length - self.header_size),
            )
            found.append(made)
            used = (<Py_ssize_t>length + 3) & ~3
            at += used
            left -= used
        return found


def split(data, Py_ssize_t offset, python_split, label):
    """Return types and values of attributes; as `famsock.tlv.split`."""
    cdef const char *at
    cdef uint16_t length, kind
    cdef Py_ssize_t left
    cdef list pairs = []
    if type(data) is not bytes or not 0 <= offset <= PyBytes_GET_SIZE(data):
        return python_split(data, offset, label)
    at, left = PyBytes_AS_STRING(data) + offset, PyBytes_GET_SIZE(data) - offset
    while left >= 4:
        memcpy(&length, at, 2)
        memcpy(&kind, at + 2, 2)
        if length < 4 or length > left:
            return python_split(data, offset, label)
        pairs.append((kind, PyBytes_FromStringAndSize(at + 4, length - 4)))
        length = (length + 3) & ~3 if length <= 0xFFFC else 0
        if not length:
            return python_split(data, offset, label)
        at += length
        left -= length
    while left > 0:
        if at[0]:
            return python_split(data, offset, label)
        at, left = at + 1, left - 1
    return pairs
