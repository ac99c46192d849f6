# Compiled ways in front of some methods of the class of sockets; a part of _native.pyx.
#
# They serve the usual call whole: a kind of socket that was made before, a family with a plugin, an
# address that the codec has seen. Any other goes on to the method that was there before, so there
# is one place for each rule.

cdef extern from *:
    """
    /* A new reference, None if there is nothing: where there is no GIL, another thread may empty the
       cache between finding an entry and taking a reference to it. */
    static PyObject *famsock_cached(PyObject *cache, PyObject *key) {
        PyObject *found;
    #if PY_VERSION_HEX >= 0x030d0000
        if (PyDict_GetItemRef(cache, key, &found) < 0)
            return NULL;
    #else
        found = PyDict_GetItemWithError(cache, key);
        Py_XINCREF(found);
        if (found == NULL && PyErr_Occurred())
            return NULL;
    #endif
        if (found == NULL)
            Py_RETURN_NONE;
        return found;
    }
    """
    object famsock_cached(dict, object)

cdef extern from *:
    """
    /* A new reference to the value of a slot that other threads assign. */
    static PyObject *famsock_shared_slot(PyObject *owner, Py_ssize_t offset, PyObject *name) {
    #ifdef Py_GIL_DISABLED
        return PyObject_GetAttr(owner, name);
    #else
        return Py_NewRef(*(PyObject **)((char *)owner + offset));
    #endif
    }
    """
    object famsock_shared_slot(object, Py_ssize_t, str)

cdef extern from "Python.h":
    int PySys_Audit(const char *, const char *, PyObject *, PyObject *) except -1
    int PyBytes_CheckExact(object)
    int PyLong_CheckExact(object)
    object PyUnicode_DecodeFSDefault(const char *)
    object PyDescr_NewMethod(PyTypeObject *, PyMethodDef *)
    long PyLong_AsLongAndOverflow(object, int *) except? -1
    int METH_FASTCALL
    int METH_KEYWORDS
    int METH_NOARGS
    int METH_O
    struct PyMethodDef:
        const char *ml_name
        void *ml_meth
        int ml_flags
        const char *ml_doc

cdef extern from *:
    """
    #include <structmember.h>
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
    /* A member that the interpreter keeps as a C int. */
    static int famsock_int(PyObject *owner, Py_ssize_t offset) {
        return *(int *)((char *)owner + offset);
    }
    static Py_ssize_t famsock_offset(PyObject *member) {
        return ((PyMemberDescrObject *)member)->d_member->offset;
    }
    static PyObject *famsock_new(PyTypeObject *cls, PyObject *arguments) {
        return cls->tp_new(cls, arguments, NULL);
    }
    /* Whether a memoryview is there, may be written to and has no gaps. */
    static int famsock_takes_bytes(PyObject *view) {
        const Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
        return !(((PyMemoryViewObject *)view)->flags & _Py_MEMORYVIEW_RELEASED)
            && !buffer->readonly && PyBuffer_IsContiguous(buffer, 'C');
    }
    static int famsock_init(PyTypeObject *cls, PyObject *instance, PyObject *arguments) {
        return cls->tp_init(instance, arguments, NULL);
    }
    """
    PyObject *famsock_slot(object, Py_ssize_t)
    void famsock_fill(object, Py_ssize_t, object)
    int famsock_int(object, Py_ssize_t)
    Py_ssize_t famsock_offset(object)
    bint famsock_takes_bytes(object)
    object famsock_new(PyTypeObject *, tuple)
    int famsock_init(PyTypeObject *, object, tuple) except -1

cdef object member_type = type(_socket.socket.family)
cdef Py_ssize_t codec_slot, encoded_slot, decoded_slot
cdef type codec_class


cdef Py_ssize_t slot_of(object cls, str name) except -1:
    """Where an instance of a class with ``__slots__`` has one of them."""
    cdef object member = vars(cls)[name]
    if type(member) is not member_type:
        raise TypeError(f"{cls.__name__} has no slot {name!r}")
    return famsock_offset(member)


cdef inline object codec_of(object sock):
    """The codec of one of our sockets; None for the stdlib's own way."""
    cdef PyObject *codec = famsock_slot(sock, codec_slot)
    if codec == NULL or not isinstance(<object>codec, codec_class):
        return None
    return <object>codec


cdef inline object found(object codec, Py_ssize_t slot, object key):
    """What one of the codec's caches has, or None."""
    cdef PyObject *cache = famsock_slot(codec, slot)
    if cache == NULL or not isinstance(<object>cache, dict):
        return None
    return famsock_cached(<dict><object>cache, key)


cdef inline bint same(object cached, object address):
    """Whether two equal addresses have the same types too, so that 80.0 never rides on 80."""
    cdef Py_ssize_t index
    if cached is address:
        return True
    if type(cached) is not type(address):
        return False
    if type(cached) is tuple:
        for index in range(len(<tuple>cached)):
            if type((<tuple>cached)[index]) is not type((<tuple>address)[index]):
                return False
    return True


cdef bint answers(object sock, tuple asked) except -1:
    """Whether the system gives the same answers again, each to its question."""
    cdef object descriptor = fileno(sock)
    for question, argument, answer in asked:
        try:
            if question(descriptor, argument) != answer:
                return False
        except OSError:
            return False
    return True


# The methods that were there before, and the stdlib's.
cdef object full_init, full_accept, full_connect, full_sendto, full_recvfrom
cdef object full_sendmsg, full_recvmsg, full_recvmsg_into, full_recvfrom_into
cdef object stdlib_sendto = _socket.socket.sendto
cdef object stdlib_sendmsg = _socket.socket.sendmsg
cdef object stdlib_recvfrom = _socket.socket.recvfrom
cdef object getdefaulttimeout = _socket.getdefaulttimeout
cdef PyTypeObject *stdlib_class = <PyTypeObject *>_socket.socket
cdef frozenset FORMS = frozenset((tuple, str, bytes))  # of the stdlib's addresses
cdef type socket_class
cdef object registry_of_plugins
cdef Py_ssize_t snapshot_slot, kinds_slot
cdef object explain_creation
cdef Py_ssize_t served_slot, io_refs_slot, closed_slot
cdef Py_ssize_t family_member = famsock_offset(_socket.socket.family)
cdef Py_ssize_t type_member = famsock_offset(_socket.socket.type)
cdef Py_ssize_t proto_member = famsock_offset(_socket.socket.proto)


cdef inline object served_for(object kind):
    """What the newest snapshot of the registry has for (family, type, protocol), or None."""
    cdef object snapshot = famsock_shared_slot(registry_of_plugins, snapshot_slot, "_snapshot")
    return famsock_cached(<dict>famsock_shared_slot(snapshot, kinds_slot, "served"), kind)


def install_fast_methods(type cls, type codec, registry, explain):
    """Put the compiled ways in front of the class's methods.

    ``codec`` is the class of what the sockets have in their slot ``_codec``; ``registry`` has a
    ``_snapshot`` with a dict ``served``: what is in their slot ``_served`` by (family, type,
    protocol). ``explain(error, family, type, protocol)`` notes on a failed socket(2) what would cure it.
    """
    global full_init, full_accept, full_connect, full_sendto, full_recvfrom
    global full_sendmsg, full_recvmsg, full_recvmsg_into, full_recvfrom_into
    global socket_class, registry_of_plugins, explain_creation
    global codec_class, codec_slot, encoded_slot, decoded_slot
    global served_slot, snapshot_slot, kinds_slot, io_refs_slot, closed_slot
    cdef int with_names = METH_FASTCALL | METH_KEYWORDS
    socket_class, codec_class = cls, codec
    registry_of_plugins, explain_creation = registry, explain
    snapshot_slot = slot_of(type(registry), "_snapshot")
    kinds_slot = slot_of(type(registry._snapshot), "served")
    codec_slot, served_slot = slot_of(cls, "_codec"), slot_of(cls, "_served")
    encoded_slot, decoded_slot = slot_of(codec, "encoded"), slot_of(codec, "decoded")
    full_connect = replace(cls, "connect", <void *>short_connect, METH_O)
    full_sendto = replace(cls, "sendto", <void *>short_sendto, METH_FASTCALL)
    full_sendmsg = replace(cls, "sendmsg", <void *>short_sendmsg, METH_FASTCALL)
    full_recvfrom = replace(cls, "recvfrom", <void *>short_recvfrom, METH_FASTCALL)
    full_recvfrom_into = replace(cls, "recvfrom_into", <void *>short_recvfrom_into, with_names)
    full_recvmsg = replace(cls, "recvmsg", <void *>short_recvmsg, METH_FASTCALL)
    full_recvmsg_into = replace(cls, "recvmsg_into", <void *>short_recvmsg_into, METH_FASTCALL)
    base = cls.__base__
    if not {"_io_refs", "_closed"} <= set(vars(base)):
        return  # an interpreter whose sockets begin in another way
    io_refs_slot, closed_slot = slot_of(base, "_io_refs"), slot_of(base, "_closed")
    full_init = replace(cls, "__init__", <void *>short_init, with_names)
    cls.__signature__ = SignatureOfInit()
    full_accept = replace(cls, "accept", <void *>short_accept, METH_NOARGS)


class SignatureOfInit:
    """`inspect.signature` of the class: from Python 3.13 on it gives up at a C method's `__init__`."""

    def __get__(self, instance, owner):
        if instance is not None or owner.__init__ is not socket_class.__init__:
            raise AttributeError("__signature__")
        import inspect

        return inspect.signature(socket_class.__base__)


# What `inspect.signature` reads in front of a docstring.
cdef dict SIGNATURES = {
    "__init__": "($self, family=-1, type=-1, proto=-1, fileno=None)",
    "accept": "($self)",
    "connect": "($self, address, /)",
    "recvfrom": "($self, bufsize, flags=0, /)",
    "recvfrom_into": "($self, buffer, nbytes=0, flags=0)",
    "recvmsg": "($self, bufsize, ancbufsize=0, flags=0, /)",
    "recvmsg_into": "($self, buffers, ancbufsize=0, flags=0, /)",
    "sendmsg": "($self, buffers, ancdata=(), flags=0, address=None, /)",
}
cdef list definition_texts = []  # what the definitions point to


cdef object replace(type cls, str name, void *function, int flags):
    """Define a method as C code does, to be called without a tuple; the one that was there."""
    cdef object full = getattr(cls, name)
    cdef str signature = f"{name}{SIGNATURES[name]}\n--\n\n" if name in SIGNATURES else ""
    cdef bytes label = name.encode(), doc = (signature + (full.__doc__ or "")).encode()
    cdef PyMethodDef *definition = <PyMethodDef *>allocate(1, sizeof(PyMethodDef))  # never freed
    definition_texts.extend((label, doc))
    definition.ml_name, definition.ml_doc = PyBytes_AS_STRING(label), PyBytes_AS_STRING(doc)
    definition.ml_meth, definition.ml_flags = function, flags
    setattr(cls, name, PyDescr_NewMethod(<PyTypeObject *>cls, definition))
    return full


cdef tuple arguments(PyObject **given, Py_ssize_t count):
    cdef Py_ssize_t index
    return tuple([<object>given[index] for index in range(count)])


cdef inline bint is_left_alone(object sock):
    """Whether no plugin serves the socket's family, which the stdlib knows."""
    return famsock_slot(sock, codec_slot) == <PyObject *>None


cdef dict keywords(PyObject **given, Py_ssize_t count, PyObject *names):
    cdef Py_ssize_t index
    cdef tuple words = <tuple><object>names if names != NULL else ()
    return {word: <object>given[count + index] for index, word in enumerate(words)}


cdef object short_init(object sock, PyObject **given, Py_ssize_t count, PyObject *names):
    cdef object served = None, proto = -1
    if names == NULL and 2 <= count <= 3:
        if count == 3:
            proto = <object>given[2]
        try:
            served = served_for((<object>given[0], <object>given[1], proto))
        except TypeError:
            pass
    if served is None:
        return full_init(sock, *arguments(given, count), **keywords(given, count, names))
    family, kind = <object>given[0], <object>given[1]
    try:
        famsock_init(stdlib_class, sock, (family, kind, 0 if proto == -1 else proto, None))
    except OSError as error:
        explain_creation(error, family, kind, proto)
        raise
    fill(sock, served)


cdef int fill(object sock, object served) except -1:
    """What a new socket has beyond the stdlib's C object."""
    famsock_fill(sock, io_refs_slot, 0)
    famsock_fill(sock, closed_slot, False)
    famsock_fill(sock, served_slot, served)
    famsock_fill(sock, codec_slot, served.codec)
    return 0


cdef object short_accept(object sock, PyObject *unused):
    cdef object codec = codec_of(sock), accepted, served
    cdef int descriptor
    if codec is None:
        return full_accept(sock)
    timeout, served = gettimeout(sock), sock._served
    ask = served is None or served.protocol.accepts_address
    descriptor, sockaddr = accept(sock, timeout, ask)
    cdef int family = famsock_int(sock, family_member)
    cdef int kind = famsock_int(sock, type_member)
    cdef int proto = famsock_int(sock, proto_member)
    try:
        address = codec.decode_peer(sock, sockaddr)
        served = served_for((family, kind, proto))
        if served is not None:
            accepted = famsock_new(<PyTypeObject *>socket_class, ())
            famsock_init(stdlib_class, accepted, (family, kind, proto, descriptor))
            descriptor = -1
            fill(accepted, served)
    except BaseException:
        if descriptor >= 0:
            c_close(descriptor)
        raise
    if served is None:
        accepted = sock._adopt(socket_class, descriptor)
    if timeout and getdefaulttimeout() is None:
        accepted.setblocking(True)
    return accepted, address


cdef inline object known(object sock, object address):
    """What the codec keeps of an address, if it still holds; None if it must be encoded anew."""
    cdef object codec = codec_of(sock), hit = None
    if codec is not None:
        try:
            hit = found(codec, encoded_slot, address)
        except TypeError:
            pass
    if hit is None or not same((<tuple>hit)[0], address):
        return None
    if (<tuple>hit)[2] and not answers(sock, (<tuple>hit)[2]):
        return None
    return hit


cdef object short_connect(object sock, PyObject *given):
    cdef object address = <object>given, hit = known(sock, address)
    if hit is None:
        return full_connect(sock, address)
    PySys_Audit("socket.connect", "OO", <PyObject *>sock, <PyObject *>address)
    error = connect(sock, gettimeout(sock), (<tuple>hit)[1])
    if error:
        sock._refuse_connection(error)


cdef object short_sendto(object sock, PyObject **given, Py_ssize_t count):
    cdef object address, hit = None
    cdef int flags
    if is_left_alone(sock) and count > 1 and type(<object>given[count - 1]) in FORMS:
        return stdlib_sendto(sock, *arguments(given, count))
    if (count == 2 or count == 3 and PyLong_CheckExact(<object>given[1])) and PyBytes_CheckExact(
        <object>given[0]
    ):
        address = <object>given[count - 1]
        hit = known(sock, address)
    if hit is None:
        return full_sendto(sock, *arguments(given, count))
    flags = 0 if count == 2 else <object>given[1]
    PySys_Audit("socket.sendto", "OO", <PyObject *>sock, <PyObject *>address)
    try:
        return send_bytes(sock, <bytes>given[0], flags, <bytes>(<tuple>hit)[1])
    except OSError as error:
        sock._explain(error, "sendto")
        raise


cdef object send_bytes(object sock, bytes data, int flags, bytes sockaddr):
    cdef double deadline = begin(sock, POLLOUT, gettimeout(sock))
    cdef int fd
    cdef char *start = PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef char *name = PyBytes_AS_STRING(sockaddr)
    cdef socklen_t length = <socklen_t>PyBytes_GET_SIZE(sockaddr)
    cdef ssize_t sent
    while True:
        fd = number(sock)
        with nogil:
            sent = c_sendto(fd, start, size, flags, <sockaddr_c *>name, length)
        if sent >= 0:
            return sent
        again(sock, POLLOUT, deadline)


cdef object short_sendmsg(object sock, PyObject **given, Py_ssize_t count):
    cdef object hit = None
    cdef int flags = 0
    if 1 <= count <= 4 and (count < 4 or given[3] == <PyObject *>None):
        return stdlib_sendmsg(sock, *arguments(given, count))
    if count == 4 and is_c_int(<object>given[2]) and are_readable(<object>given[0]):
        if are_items(<object>given[1]):
            hit = known(sock, <object>given[3])
    if hit is None:
        return full_sendmsg(sock, *arguments(given, count))
    flags = <object>given[2]
    PySys_Audit("socket.sendmsg", "OO", <PyObject *>sock, given[3])
    try:
        return send_message(
            sock, gettimeout(sock), <object>given[0], <object>given[1], flags, (<tuple>hit)[1]
        )
    except OSError as error:
        sock._explain(error, "sendmsg")
        raise


cdef object short_recvfrom(object sock, PyObject **given, Py_ssize_t count):
    cdef object codec = codec_of(sock)
    cdef int flags
    if is_left_alone(sock):
        return stdlib_recvfrom(sock, *arguments(given, count))
    if codec is None or not 1 <= count <= 2 or not are_sizes(given, count, 1):
        return full_recvfrom(sock, *arguments(given, count))
    flags = <object>given[1] if count == 2 else 0
    data, sockaddr = receive(sock, gettimeout(sock), <object>given[0], flags)
    return data, decoded(sock, codec, sockaddr)


cdef object short_recvfrom_into(object sock, PyObject **given, Py_ssize_t count, PyObject *names):
    cdef object codec = codec_of(sock)
    cdef Py_ssize_t size_bytes = 0
    cdef int flags
    cdef object buffer
    if (
        codec is None or names != NULL or not 1 <= count <= 3
        or not is_writable(<object>given[0]) or not are_sizes(given + 1, count - 1, 1)
    ):
        return full_recvfrom_into(sock, *arguments(given, count), **keywords(given, count, names))
    buffer = <object>given[0]
    if count > 1:
        size_bytes = <object>given[1]
    if not size_bytes:
        size_bytes = len(buffer) if type(buffer) is bytearray else buffer.nbytes
    flags = <object>given[2] if count == 3 else 0
    received, sockaddr = recvfrom_into(sock, gettimeout(sock), buffer, size_bytes, flags)
    return received, decoded(sock, codec, sockaddr)


cdef object short_recvmsg(object sock, PyObject **given, Py_ssize_t count):
    cdef object codec = codec_of(sock)
    cdef int control_bytes, flags
    if codec is None or not 1 <= count <= 3 or not are_sizes(given, count, 2):
        return full_recvmsg(sock, *arguments(given, count))
    control_bytes = <object>given[1] if count > 1 else 0
    flags = <object>given[2] if count > 2 else 0
    data, items, message_flags, sockaddr = recvmsg(
        sock, gettimeout(sock), <object>given[0], control_bytes, flags
    )
    return data, items, message_flags, decoded_with(sock, codec, sockaddr, items)


cdef object short_recvmsg_into(object sock, PyObject **given, Py_ssize_t count):
    cdef object codec = codec_of(sock)
    cdef int control_bytes, flags
    if (
        codec is None or not 1 <= count <= 3
        or not are_writable(<object>given[0]) or not are_sizes(given + 1, count - 1, 1)
    ):
        return full_recvmsg_into(sock, *arguments(given, count))
    control_bytes = <object>given[1] if count > 1 else 0
    flags = <object>given[2] if count > 2 else 0
    received, items, message_flags, sockaddr = recvmsg_into(
        sock, gettimeout(sock), <object>given[0], control_bytes, flags
    )
    return received, items, message_flags, decoded_with(sock, codec, sockaddr, items)


cdef object decoded(object sock, object codec, object sockaddr):
    cdef object hit = found(codec, decoded_slot, sockaddr)
    if hit is not None and (not (<tuple>hit)[1] or answers(sock, (<tuple>hit)[1])):
        return (<tuple>hit)[0]
    return codec.decode(sock, sockaddr)


cdef object decoded_with(object sock, object codec, object sockaddr, object items):
    """`decoded`; if that fails, the descriptors that came with the message are closed."""
    cdef object hit = found(codec, decoded_slot, sockaddr)
    if hit is not None and not (<tuple>hit)[1]:
        return (<tuple>hit)[0]
    return sock._decode_received(codec, sockaddr, items)


# What the short ways take as it is. Anything else is for the methods, and so are its errors.

cdef bint is_between(object number, long lowest, long highest) except -1:
    cdef int overflow = 0
    cdef long value
    if type(number) is not int:
        return False
    value = PyLong_AsLongAndOverflow(number, &overflow)
    return not overflow and lowest <= value <= highest


cdef bint is_c_int(object number) except -1:
    return is_between(number, -INT_MAX, INT_MAX)


cdef bint are_sizes(PyObject **given, Py_ssize_t count, Py_ssize_t sizes) except -1:
    """Whether these are C ints, the first so many of them not negative."""
    cdef Py_ssize_t index
    for index in range(count):
        if not is_between(<object>given[index], 0 if index < sizes else -INT_MAX, INT_MAX):
            return False
    return True


cdef bint is_writable(object buffer) except -1:
    if type(buffer) is bytearray:
        return True
    return type(buffer) is memoryview and famsock_takes_bytes(buffer)


cdef bint are_writable(object buffers) except -1:
    if type(buffers) is not list and type(buffers) is not tuple:
        return False
    for buffer in buffers:
        if not is_writable(buffer):
            return False
    return True


cdef bint are_readable(object buffers) except -1:
    if type(buffers) is not list and type(buffers) is not tuple:
        return False
    for buffer in buffers:
        if type(buffer) is not bytes and type(buffer) is not bytearray:
            return False
    return True


cdef bint are_items(object control) except -1:
    if type(control) is not list and type(control) is not tuple:
        return False
    for item in control:
        if type(item) is not tuple or len(<tuple>item) != 3:
            return False
        if not is_c_int((<tuple>item)[0]) or not is_c_int((<tuple>item)[1]):
            return False
        if type((<tuple>item)[2]) is not bytes:
            return False
    return True
