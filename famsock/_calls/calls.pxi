# The calls of sockets that make one, or carry an address or several messages. A part of native.pyx,
# with the interface of `calls`.

cdef extern from "Python.h":
    int PyArg_Parse(object, const char *, ...) except 0
    int PyBytes_CheckExact(object)
    int PyLong_Check(object)
    object PyNumber_Index(object)
    long PyLong_AsLongAndOverflow(object, int *) except? -1
    bint PyObject_TypeCheck(object, PyTypeObject *)

cdef extern from *:
    """
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
    static int famsock_has_dict(PyTypeObject *cls) { return cls->tp_dictoffset != 0; }
    static PyObject *famsock_new(PyTypeObject *base, PyTypeObject *cls, PyObject *arguments) {
        return base->tp_new(cls, arguments, NULL);
    }
    static int famsock_init(PyTypeObject *base, PyObject *instance, PyObject *arguments) {
        return base->tp_init(instance, arguments, NULL);
    }
    /* Whether a memoryview is there, may be written to and has no gaps. */
    static int famsock_takes_bytes(PyObject *view) {
        const Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
        return !(((PyMemoryViewObject *)view)->flags & _Py_MEMORYVIEW_RELEASED)
            && !buffer->readonly && PyBuffer_IsContiguous(buffer, 'C');
    }
    """
    object famsock_cached(dict, object)
    bint famsock_has_dict(PyTypeObject *)
    object famsock_new(PyTypeObject *, PyTypeObject *, tuple)
    int famsock_init(PyTypeObject *, object, tuple) except -1
    bint famsock_takes_bytes(object)

from famsock._calls import arguments as checks
from famsock._calls.descriptors import keeping
from famsock._calls.arguments import Signature

cdef object std = _socket.socket
cdef PyTypeObject *std_class = <PyTypeObject *>_socket.socket
cdef object std_bind = std.bind, std_connect = std.connect, std_connect_ex = std.connect_ex
cdef object std_accept = _stdlib.socket.accept, std_accept_fd = std._accept
cdef object std_sendto = std.sendto, std_sendmsg = std.sendmsg, std_recvfrom = std.recvfrom
cdef object std_recvfrom_into = std.recvfrom_into, std_recvmsg = std.recvmsg
cdef object std_recvmsg_into = std.recvmsg_into, std_init = _stdlib.socket.__init__
cdef object std_getsockname = std.getsockname, std_getpeername = std.getpeername
cdef object std_getsockopt = std.getsockopt, std_setsockopt = std.setsockopt
cdef object getdefaulttimeout = _socket.getdefaulttimeout
cdef object family_of_socket = std.family.__get__
cdef object type_of_socket = std.type.__get__
cdef object proto_of_socket = std.proto.__get__
cdef Py_ssize_t codec_slot, served_slot, states_slot, io_refs_slot, closed_slot
cdef PyTypeObject *calls_class
cdef object own_accept, own_recv_message


cdef inline int check_self(object sock) except -1:
    """Refuse a ``self`` of another class, as the stdlib's methods do: it has no slots of ours."""
    if not PyObject_TypeCheck(sock, calls_class):
        raise TypeError(f"a socket of famsock is required, not {type(sock).__name__!r}")
    return 0


cdef inline AddressCache codec_of(object sock):
    """The codec of a socket; None where the stdlib serves it."""
    check_self(sock)
    cdef PyObject *codec = famsock_slot(sock, codec_slot)
    if codec == NULL:
        raise AttributeError("the socket was not initialized")
    return <AddressCache?><object>codec if <object>codec is not None else None


cdef AddressCache codec_for(object sock, object address):
    """The codec for an address that is passed; None where the stdlib's own method takes it."""
    cdef AddressCache codec = codec_of(sock)
    cdef object kind = type(address)
    if codec is not None or kind is tuple or kind is str or kind is bytes:  # the stdlib's forms
        return codec
    return sock._codec_for(address)


cdef inline int c_int(object value) except? -1:
    """A C int, refused as CPython refuses it: Cython's own conversion takes 1.5 for 1."""
    cdef int overflow = 0
    cdef long found
    if type(value) is not int:
        value = PyNumber_Index(value)
    found = PyLong_AsLongAndOverflow(value, &overflow)
    if overflow or not -INT_MAX - 1 <= found <= INT_MAX:
        checks.c_int(value)  # which raises
    return <int>found


cdef inline bint as_int(object value, int *found) except -1:
    """Whether a value is an int or of a subclass, as flags are, and fits a C int."""
    cdef int overflow = 0
    cdef long number
    if not PyLong_Check(value):
        return False
    number = PyLong_AsLongAndOverflow(value, &overflow)
    found[0] = <int>number
    return not overflow and -INT_MAX - 1 <= number <= INT_MAX


cdef inline bint as_size(object value, Py_ssize_t *found) except -1:
    """Whether a value is an int or of a subclass, and a size."""
    cdef int overflow = 0
    if not PyLong_Check(value):
        return False
    found[0] = PyLong_AsLongAndOverflow(value, &overflow)
    return not overflow and found[0] >= 0


cdef inline object timeout_for(object sock, int flags):
    """The timeout of a call with such flags; None where it waits for nothing."""
    return None if flags & (MSG_DONTWAIT | MSG_ERRQUEUE) else timeout_of(sock)


cdef inline int control_size(object size) except? -1:
    """The size of a buffer for ancillary data."""
    cdef int found = 0
    return found if fits_int(size, &found) and found >= 0 else checks.control_bytes(size)


cdef object wrong_count(object method, tuple given):
    """Have the stdlib's method refuse a number of arguments, in the words of this Python."""
    method(*[value for value in given if value is not NOT_GIVEN])
    raise TypeError(f"{method.__name__}(): wrong number of arguments")


cdef object have_stdlib(object sock, object method, tuple given):
    """Have the stdlib's method make a call whose address, the last, is out of reach for the plugin."""
    try:
        return method(sock, *given)
    except OSError as error:
        sock._explain(error, method.__name__, given[len(given) - 1])
        raise


cdef object failed(object sock, AddressCache codec, object operation, object address, int number):
    """The exception of a failed call, with a hint where the plugin has one."""
    cdef object error = failure(number)
    cdef PyObject *served = famsock_slot(sock, served_slot)
    if codec is not None:
        codec.drop(address)
    if number != TIMED_OUT and served != NULL and <object>served is not None:
        note = (<object>served).note(operation, number, sock, address)
        if note:
            error.add_note(note)
    return error


cdef bint fits_int(object value, int *found):
    """Whether a value is an int, and no other number, that fits a C int."""
    cdef int overflow = 0
    cdef long number
    if type(value) is not int:
        return False
    number = PyLong_AsLongAndOverflow(value, &overflow)
    found[0] = <int>number
    return not overflow and -INT_MAX - 1 <= number <= INT_MAX


cdef int fill(object sock, object served) except -1:
    """Fill in what a new socket has beyond the stdlib's C object."""
    famsock_fill(sock, io_refs_slot, 0)
    famsock_fill(sock, closed_slot, False)
    famsock_fill(sock, served_slot, served)
    famsock_fill(sock, codec_slot, served.codec)
    return 0


cdef bint export_to_write(object buffer, Py_buffer *view):
    """Whether a buffer may be written to; if so it is exported."""
    try:
        PyObject_GetBuffer(buffer, view, PyBUF_WRITABLE)
    except Exception:
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
    cdef int number
    for item in control:
        if type(item) is not tuple or len(<tuple>item) != 3:
            return False
        if not fits_int((<tuple>item)[0], &number) or not fits_int((<tuple>item)[1], &number):
            return False
        if type((<tuple>item)[2]) is not bytes:
            return False
    return True


cdef int close_items(list items) except -1:
    """Close every descriptor that items carry: `ancillary.close_descriptors`."""
    cdef int descriptor
    cdef bytes data
    cdef Py_ssize_t at
    for level, kind, data in items:
        if level == SOL_SOCKET and (kind == SCM_RIGHTS or kind == SCM_PIDFD):
            for at in range(0, PyBytes_GET_SIZE(data) - 3, 4):
                memcpy(&descriptor, PyBytes_AS_STRING(data) + at, 4)
                c_close(descriptor)
    return 0


cdef object typed_name(object sock, bint of_peer):
    """The typed address that getsockname(2) or getpeername(2) tells; None where there is none."""
    cdef AddressCache codec = codec_of(sock)
    cdef char name[SOCKADDR_BYTES]
    cdef socklen_t length = SOCKADDR_BYTES
    cdef int result
    if of_peer:
        result = c_getpeername(number(sock), <sockaddr_c *>name, &length)
    else:
        result = c_getsockname(number(sock), <sockaddr_c *>name, &length)
    if result < 0:
        if errno == ENOTCONN or errno == EOPNOTSUPP or errno == EINVAL:
            return None
        PyErr_SetFromErrno(OSError)
    if not length:
        return None
    if codec is None:
        codec = sock._codec_for(None)
    return codec.decode_typed(
        sock, PyBytes_FromStringAndSize(name, min(length, <socklen_t>SOCKADDR_BYTES))
    )


cdef class MessageMaker:
    """Makes the result of `recv_message`, a `famsock.control.Message`, by its slots."""

    cdef type cls
    cdef object kinds
    cdef Py_ssize_t data, address, flags, items, types

    def __cinit__(self, type cls, kinds):
        self.cls, self.kinds = cls, kinds
        self.data, self.address = slot_of(cls, "data"), slot_of(cls, "address")
        self.flags = slot_of(cls, "flags")
        self.items, self.types = slot_of(cls, "_items"), slot_of(cls, "_kinds")

    def __call__(self, data, address, items, flags):
        return self.make(data, address, items, flags)

    cdef object make(self, object data, object address, object items, object flags):
        cdef object made = famsock_alloc(<PyTypeObject *>self.cls)
        famsock_fill(made, self.data, data)
        famsock_fill(made, self.address, address)
        famsock_fill(made, self.flags, flags)
        famsock_fill(made, self.items, items)
        famsock_fill(made, self.types, self.kinds)
        return made


class Calls(_stdlib.socket):
    """The calls of sockets that make one, or carry an address or several messages: see `calls`."""

    __slots__ = ("_codec", "_served", "_states")

    @classmethod
    def __class_getitem__(cls, item):
        """Return the class itself: the parameters are for type checkers."""
        return cls

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None, *more):
        cdef object served = None
        check_self(self)
        if more:
            wrong_count(std_init, (self, family, type, proto, fileno, *more))
        kind = self._kind
        if fileno is None:
            given = (family, type, proto)
            if kind is not None:
                given = (self._protocol_class, family, type, proto)
            try:
                served = famsock_cached(self._registry._snapshot.served, given)
            except Exception:  # of no hash: the stdlib says what is wrong
                pass
        if served is None:
            self._open(family, type, proto, fileno)
            if fd_offset < 0:
                find_members(self)
            return
        if kind is not None:  # a protocol's class knows what is not given
            family = kind[0] if family == -1 else family
            type = kind[1][0] if type == -1 else type
            proto = (kind[2] or 0) if proto <= 0 else proto
        try:
            famsock_init(std_class, self, (family, type, 0 if proto == -1 else proto, None))
        except OSError as error:
            self._explain_creation(error, family, type, proto)
            raise
        # What Lib/socket.py's own __init__ adds; calling it would cost half as much again.
        fill(self, served)
        if fd_offset < 0:
            find_members(self)

    __init__.__signature__ = Signature("self, family=-1, type=-1, proto=-1, fileno=None")

    def accept(self, *more):
        cdef AddressCache codec
        cdef object served, cls, accepted, timeout, address
        cdef char name[SOCKADDR_BYTES]
        cdef Transfer given
        cdef int descriptor
        cdef list kept = None  # the descriptor, for code that is not compiled
        cdef object close = None
        if more:
            wrong_count(std_accept, (self, *more))
        codec = codec_of(self)
        if codec is None or type(self)._accept is not own_accept:  # a subclass may have its own
            kept, close = keeping()
            try:
                taken_over, address = self._accept()
                kept.append(taken_over)
                accepted = self._adopt(self._accepted_class(), kept)
            except BaseException:
                close()
                raise
            if timeout_of(self) and getdefaulttimeout() is None:
                accepted.setblocking(True)
            return accepted, address
        timeout, served = timeout_of(self), self._served
        given.name, given.name_length = name, 0
        if served is not None and not served.protocol.accepts_address:
            given.name = NULL
        descriptor = <int>sock_call(self, POLLIN, timeout, attempt_accept, &given, NULL)
        try:
            kind = family_of_socket(self), type_of_socket(self), proto_of_socket(self)
            address = codec.read(self, name, min(given.name_length, <socklen_t>SOCKADDR_BYTES))
            served = famsock_cached(self._registry._snapshot.served, kind)
            if served is not None:
                cls = self._accepted_class()
                accepted = famsock_new(std_class, <PyTypeObject *>cls, ())
                famsock_init(std_class, accepted, (*kind, descriptor))
                descriptor = -1
                fill(accepted, served)
            else:
                kept, close = keeping()
                kept.append(descriptor)
                descriptor = -1
                accepted = self._adopt(self._accepted_class(), kept)
        except BaseException:
            if descriptor >= 0:
                c_close(descriptor)
            elif kept:
                close()
            raise
        if timeout and getdefaulttimeout() is None:
            accepted.setblocking(True)
        return accepted, address

    accept.__signature__ = Signature("self")

    def _accept(self, *more):
        cdef AddressCache codec
        cdef int descriptor
        if more:
            wrong_count(std_accept_fd, (self, *more))
        codec = codec_of(self)
        if codec is None:
            return std_accept_fd(self)
        ask = self._served is None or self._served.protocol.accepts_address
        descriptor, sockaddr = accept(self, timeout_of(self), ask)
        try:
            return descriptor, codec.decode(self, sockaddr)
        except BaseException:
            c_close(descriptor)
            raise

    _accept.__signature__ = Signature("self")

    def bind(self, address=NOT_GIVEN, /, *more):
        cdef AddressCache codec
        cdef object sockaddr
        cdef int error
        if address is NOT_GIVEN or more:
            wrong_count(std_bind, (self, address, *more))
        codec = codec_for(self, address)
        if codec is None:
            return std_bind(self, address)
        sockaddr = getsockaddrarg(self, codec, "bind", "socket.bind", address)
        if sockaddr is None:
            return have_stdlib(self, std_bind, (address,))
        error = bind_to(number(self), sockaddr)
        if error:
            raise failed(self, codec, "bind", address, error)

    bind.__signature__ = Signature("self, address, /")

    def connect(self, address=NOT_GIVEN, /, *more):
        cdef AddressCache codec
        cdef object sockaddr
        cdef int error
        if address is NOT_GIVEN or more:
            wrong_count(std_connect, (self, address, *more))
        codec = codec_for(self, address)
        if codec is None:
            return std_connect(self, address)
        sockaddr = getsockaddrarg(self, codec, "connect", "socket.connect", address)
        if sockaddr is None:
            return have_stdlib(self, std_connect, (address,))
        error = connect(self, timeout_of(self), sockaddr)
        if error:
            raise failed(self, codec, "connect", address, error)

    connect.__signature__ = Signature("self, address, /")

    def connect_ex(self, address=NOT_GIVEN, /, *more):
        cdef AddressCache codec
        cdef object sockaddr
        cdef int error
        if address is NOT_GIVEN or more:
            wrong_count(std_connect_ex, (self, address, *more))
        codec = codec_for(self, address)
        if codec is None:
            return std_connect_ex(self, address)
        sockaddr = getsockaddrarg(self, codec, "connect_ex", "socket.connect", address)
        if sockaddr is None:
            return std_connect_ex(self, address)
        error = connect(self, timeout_of(self), sockaddr)
        if error:
            codec.drop(address)
        return EAGAIN if error == TIMED_OUT else error

    connect_ex.__signature__ = Signature("self, address, /")

    def getsockname(self, *more):
        cdef AddressCache codec
        if more:
            wrong_count(std_getsockname, (self, *more))
        codec = codec_of(self)
        if codec is None:
            return std_getsockname(self)
        return codec.decode(self, getsockname(number(self)))

    getsockname.__signature__ = Signature("self")

    def getpeername(self, *more):
        cdef AddressCache codec
        if more:
            wrong_count(std_getpeername, (self, *more))
        codec = codec_of(self)
        if codec is None:
            return std_getpeername(self)
        return codec.decode(self, getpeername(number(self)))

    getpeername.__signature__ = Signature("self")

    @property
    def local_address(self):
        """The typed address that the socket is bound to; None where the kernel names none.

        OSError as getsockname(2) fails on a closed socket.
        """
        return typed_name(self, of_peer=False)

    @property
    def peer_address(self):
        """The typed address of the peer; None if there is no peer.

        OSError as getpeername(2) fails on a closed socket.
        """
        return typed_name(self, of_peer=True)

    def sendto(self, data=NOT_GIVEN, flags_or_address=NOT_GIVEN, address=NOT_GIVEN, /, *more):
        cdef AddressCache codec
        cdef int flags = 0, error = 0
        cdef ssize_t sent
        cdef object sockaddr
        cdef char out[SOCKADDR_BYTES]
        cdef char *name = out
        cdef socklen_t length
        if flags_or_address is NOT_GIVEN or more:
            wrong_count(std_sendto, (self, data, flags_or_address, address, *more))
        if address is NOT_GIVEN:
            address = flags_or_address
        elif not as_int(flags_or_address, &flags):
            given = data, flags_or_address, address
            flags = checks.converted(checks.c_int, flags_or_address, self, std_sendto, *given)
        codec = codec_for(self, address)
        if codec is None:
            return std_sendto(self, data, flags, address)
        if not PyBytes_CheckExact(data):
            data = checks.converted(checks.view, data, self, std_sendto, data, flags, address)
        length = <socklen_t>codec.encode_into(self, address, out)
        if length:
            PySys_Audit("socket.sendto", "OO", <PyObject *>self, <PyObject *>address)
        else:
            sockaddr = getsockaddrarg(self, codec, "sendto", "socket.sendto", address)
            if sockaddr is None:
                return have_stdlib(self, std_sendto, (data, flags, address))
            length = whole(sockaddr, &name)
        sent = send_to(self, timeout_of(self), data, flags, name, length, &error)
        if sent < 0:
            raise failed(self, codec, "sendto", address, error)
        return sent

    sendto.__signature__ = Signature("self, data, *flags_and_address")

    def sendmsg(
        self, buffers=NOT_GIVEN, ancdata=(), flags=0, address=None, /, *more
    ):
        cdef AddressCache codec = None
        cdef int c_flags, error = 0
        cdef ssize_t sent
        cdef object sockaddr
        if buffers is NOT_GIVEN or more:
            wrong_count(std_sendmsg, (self, buffers, ancdata, flags, address, *more) if more else (self,))
        if address is not None:
            codec = codec_for(self, address)
        if codec is None:
            return std_sendmsg(self, buffers, ancdata, flags, address)
        if not as_int(flags, &c_flags):
            given = buffers, ancdata, flags, address
            c_flags = checks.converted(checks.c_int, flags, self, std_sendmsg, *given)
        sockaddr = getsockaddrarg(self, codec, "sendmsg", "socket.sendmsg", address)
        if sockaddr is None:
            return have_stdlib(self, std_sendmsg, (buffers, ancdata, flags, address))
        if not are_readable(buffers):
            buffers = checks.views(buffers, "sendmsg() argument 1 must be an iterable")
        if not are_items(ancdata):
            ancdata = checks.items(ancdata)
        sent = send_message(
            self, timeout_of(self), buffers, ancdata, c_flags, sockaddr, &error
        )
        if sent < 0:
            raise failed(self, codec, "sendmsg", address, error)
        return sent

    sendmsg.__signature__ = Signature("self, buffers, ancdata=(), flags=0, address=None, /")

    def sendmmsg(self, messages, flags=0):
        """Send messages, any number of them: how many were sent.

        A message is (data, address) or (data, address, control): bytes or a list of buffers, an
        address in any shape or None, control messages as objects or (level, type, data). All are
        checked before one is sent. What fails after others were sent shows as their number, and
        raises when the rest is sent again. What a signal's handler raises goes out with the number
        of messages sent as its ``messages_sent``. Errors are those of sendmmsg(2) and of the
        addresses.
        """
        cdef AddressCache codec = codec_of(self)
        cdef int c_flags = c_int(flags)
        cdef Outgoing outgoing
        if codec is None:
            codec = self._codec_for(None)
        outgoing = gather(self, codec, messages, self._message)
        try:
            return send_messages(self, timeout_for(self, c_flags), outgoing, c_flags)
        except OSError as error:
            for address in outgoing.addresses:
                codec.forget(address)
            self._explain(error, "sendmmsg", outgoing.addresses[0] if outgoing.addresses else None)
            raise

    sendmmsg.__signature__ = Signature("self, messages, flags=0")

    def recvfrom(self, bufsize=NOT_GIVEN, flags=0, /, *more):
        cdef AddressCache codec
        cdef Py_ssize_t size
        cdef int c_flags
        if bufsize is NOT_GIVEN or more:
            wrong_count(std_recvfrom, (self, bufsize, flags, *more) if more else (self,))
        codec = codec_of(self)
        if codec is None:
            return std_recvfrom(self, bufsize, flags)
        if not (as_size(bufsize, &size) and as_int(flags, &c_flags)):
            size, c_flags = checks.recvfrom(self, bufsize, flags)
        return receive(self, timeout_of(self), size, c_flags, codec)

    recvfrom.__signature__ = Signature("self, bufsize, flags=0, /")

    def recvfrom_into(self, buffer=NOT_GIVEN, nbytes=0, flags=0, *more):
        cdef AddressCache codec
        cdef Py_ssize_t wanted
        cdef int c_flags
        cdef Py_buffer view
        if buffer is NOT_GIVEN or more:
            wrong_count(std_recvfrom_into, (self, buffer, nbytes, flags, *more) if more else (self,))
        codec = codec_of(self)
        if codec is None:
            return std_recvfrom_into(self, buffer, nbytes, flags)
        # The size that is compared is that of the export into which the kernel writes: at another
        # one the buffer may have another size.
        if not (
            as_size(nbytes, &wanted) and as_int(flags, &c_flags) and export_to_write(buffer, &view)
        ):
            buffer, wanted, c_flags = checks.recvfrom_into(self, buffer, nbytes, flags)
            PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        try:
            if wanted > view.len:
                checks.recvfrom_into(self, buffer, nbytes, flags)  # which raises
                raise ValueError("nbytes is greater than the length of the buffer")
            return receive_into(
                self, timeout_of(self), &view, wanted or view.len, c_flags, codec
            )
        finally:
            PyBuffer_Release(&view)

    recvfrom_into.__signature__ = Signature("self, buffer, nbytes=0, flags=0")

    def recvmsg(self, bufsize=NOT_GIVEN, ancbufsize=0, flags=0, /, *more):
        cdef AddressCache codec
        cdef Py_ssize_t size
        cdef int control_bytes, c_flags
        if bufsize is NOT_GIVEN or more:
            wrong_count(std_recvmsg, (self, bufsize, ancbufsize, flags, *more) if more else (self,))
        codec = codec_of(self)
        if codec is None:
            return std_recvmsg(self, bufsize, ancbufsize, flags)
        if not (
            as_size(bufsize, &size)
            and as_int(ancbufsize, &control_bytes)
            and control_bytes >= 0
            and as_int(flags, &c_flags)
        ):
            size, control_bytes, c_flags = checks.recvmsg(self, bufsize, ancbufsize, flags)
        return receive_msg(self, timeout_of(self), size, control_bytes, c_flags, codec)

    recvmsg.__signature__ = Signature("self, bufsize, ancbufsize=0, flags=0, /")

    def recv_message(self, bufsize_bytes=65536, control_bytes=1024, flags=0):
        """Receive one message with typed address and control messages.

        At most ``bufsize_bytes`` of data and ``control_bytes`` of ancillary data; what did not fit
        shows in ``Message.flags`` (MSG_TRUNC, MSG_CTRUNC). Received descriptors are close-on-exec.
        Errors are those of recvmsg(2).
        """
        cdef AddressCache codec = codec_of(self)
        cdef object served = <object>famsock_slot(self, served_slot)
        cdef object message, address = None
        cdef int c_flags = c_int(flags), c_control = control_size(control_bytes)
        cdef Py_ssize_t size = (
            bufsize_bytes if type(bufsize_bytes) is int else PyNumber_Index(bufsize_bytes)
        )
        if served is None:
            message = self._definitions.message
            c_flags |= MSG_CMSG_CLOEXEC
        else:
            message = served.message
            if served.protocol.passes_descriptors:
                c_flags |= MSG_CMSG_CLOEXEC
        data, items, message_flags, sockaddr = receive_msg(
            self, timeout_for(self, c_flags), size, c_control, c_flags, None
        )
        try:
            if sockaddr:
                codec = self._codec_for(None) if codec is None else codec
                address = codec.decode_typed(self, sockaddr)
            message_flags = <int>message_flags & ~MSG_CMSG_CLOEXEC
            if type(message) is MessageMaker:
                return (<MessageMaker>message).make(data, address, items, message_flags)
            return message(data, address, items, message_flags)
        except BaseException:
            close_items(items)
            raise

    recv_message.__signature__ = Signature(
        "self, bufsize_bytes=65536, control_bytes=1024, flags=0"
    )

    def recvmsg_into(self, buffers=NOT_GIVEN, ancbufsize=0, flags=0, /, *more):
        cdef AddressCache codec
        cdef int control_bytes, c_flags
        if buffers is NOT_GIVEN or more:
            wrong_count(std_recvmsg_into, (self, buffers, ancbufsize, flags, *more) if more else (self,))
        codec = codec_of(self)
        if codec is None:
            return std_recvmsg_into(self, buffers, ancbufsize, flags)
        if not (
            as_int(ancbufsize, &control_bytes)
            and control_bytes >= 0
            and as_int(flags, &c_flags)
            and are_writable(buffers)
        ):
            given = buffers, ancbufsize, flags
            buffers, control_bytes, c_flags = checks.recvmsg_into(self, *given)
        return receive_msg_into(self, timeout_of(self), buffers, control_bytes, c_flags, codec)

    recvmsg_into.__signature__ = Signature("self, buffers, ancbufsize=0, flags=0, /")

    def recvmmsg(self, count, bufsize_bytes=2048, control_bytes=0, flags=0):
        """Receive the messages that are there, at most ``count`` (1-1024), each as `recvmsg` does.

        Waits only for the first one, no longer than the socket's timeout. Of each message
        at most ``bufsize_bytes`` of data and ``control_bytes`` of ancillary data are received; what
        did not fit shows in its flags (MSG_TRUNC, MSG_CTRUNC). Errors are those of recvmmsg(2), and
        TimeoutError.
        """
        cdef int c_flags = c_int(flags)
        cdef AddressCache codec = codec_of(self)
        cdef Py_ssize_t messages = 0, size_bytes = 0
        if not (as_size(count, &messages) and messages and as_size(bufsize_bytes, &size_bytes)):
            messages, size_bytes = checks.batch_sizes(count, bufsize_bytes)
        if codec is None:
            codec = self._codec_for(None)
        return receive_messages(
            self, timeout_for(self, c_flags), messages, size_bytes, control_size(control_bytes),
            c_flags, codec,
        )

    recvmmsg.__signature__ = Signature(
        "self, count, bufsize_bytes=2048, control_bytes=0, flags=0"
    )

    def recvmmsg_into(self, buffers, control_bytes=0, flags=0):
        """Receive as `recvmmsg`, each message into a writable buffer; its length comes instead."""
        cdef int c_flags = c_int(flags)
        if not are_writable(buffers) or not buffers:
            buffers = checks.batch_buffers(buffers)
        cdef AddressCache codec = codec_of(self)
        if codec is None:
            codec = self._codec_for(None)
        return receive_messages_into(
            self, timeout_for(self, c_flags), buffers, control_size(control_bytes), c_flags, codec
        )

    recvmmsg_into.__signature__ = Signature("self, buffers, control_bytes=0, flags=0")

    def recv_joined(self, size, bufsize_bytes=65535, flags=0):
        """Receive messages of one sender that the kernel has joined: apart again, flags, sender.

        ``size`` is the kind of control message that tells the length of each (of all but the last,
        which may be shorter); without it there is one message. What does not fit into
        ``bufsize_bytes`` together shows as MSG_TRUNC in the flags. Other control messages are
        dropped: `recv_message` has them all. Errors are those of recvmsg(2).
        """
        cdef AddressCache codec = codec_of(self)
        cdef object served = <object>famsock_slot(self, served_slot)
        cdef object address = None
        cdef char name[SOCKADDR_BYTES]
        cdef msghdr header
        cdef list messages
        cdef int c_flags = c_int(flags)
        cdef Py_ssize_t size_bytes = PyNumber_Index(bufsize_bytes)
        if size_bytes < 0:
            raise ValueError("negative buffer size in recv_joined()")
        if served is None or served.protocol.passes_descriptors:
            c_flags |= MSG_CMSG_CLOEXEC
        messages = receive_joined(
            self, timeout_for(self, c_flags), size_bytes, c_flags, size.level, size.number, name,
            &header,
        )
        if header.msg_namelen:
            codec = self._codec_for(None) if codec is None else codec
            address = codec.typed(
                self, name, min(header.msg_namelen, <socklen_t>SOCKADDR_BYTES), None
            )
        return messages, header.msg_flags & ~MSG_CMSG_CLOEXEC, address

    recv_joined.__signature__ = Signature("self, size, bufsize_bytes=65535, flags=0")

    def protocol_state(self, make):
        """Return the state of a protocol's class between calls; ``make`` gives it at first.

        For plugins, whose classes have no slots: each has its own state, by ``make``. It must not
        refer to the socket, which keeps it. A copy of the socket begins with none.
        """
        check_self(self)
        cdef PyObject *states = famsock_slot(self, states_slot)
        cdef object kept
        if states == NULL:
            self._states = kept = {}
        else:
            kept = <object>states
        state = famsock_cached(kept, make)
        if state is None:
            if make not in kept:
                kept[make] = make()
            state = kept[make]
        return state

    protocol_state.__signature__ = Signature("self, make")

    def getsockopt(self, level=NOT_GIVEN, option=NOT_GIVEN, buflen=NOT_GIVEN, /, *more):
        check_self(self)
        cdef PyObject *served = famsock_slot(self, served_slot)
        cdef object sizes = None
        cdef int c_level, c_option, value = 0
        cdef socklen_t size = sizeof(value)
        if option is NOT_GIVEN or more:
            return wrong_count(std_getsockopt, (self, level, option, buflen, *more))
        if served != NULL and <object>served is not None:
            sizes = (<object>served).integer_bytes
            if sizes is not None:
                given = () if buflen is NOT_GIVEN else (buflen,)
                return self._get_sized(sizes, level, option, *given)
            if buflen is NOT_GIVEN and fits_int(level, &c_level) and fits_int(option, &c_option):
                if c_getsockopt(number(self), c_level, c_option, &value, &size) < 0:
                    PyErr_SetFromErrno(OSError)
                return value
        if buflen is NOT_GIVEN:
            return std_getsockopt(self, level, option)
        return std_getsockopt(self, level, option, buflen)

    getsockopt.__signature__ = Signature("self, level, option, buflen=0, /")

    def setsockopt(
        self, level=NOT_GIVEN, option=NOT_GIVEN, value=NOT_GIVEN, optlen=NOT_GIVEN, /, *more
    ):
        check_self(self)
        cdef PyObject *served = famsock_slot(self, served_slot)
        cdef object sizes = None
        cdef int c_level, c_option, c_value
        if value is NOT_GIVEN or more:
            return wrong_count(std_setsockopt, (self, level, option, value, optlen, *more))
        if optlen is not NOT_GIVEN:
            return std_setsockopt(self, level, option, value, optlen)
        if served != NULL and <object>served is not None:
            sizes = (<object>served).integer_bytes
            if sizes is not None and value is not None:
                self._set_sized(sizes, level, option, value)
                return
            if fits_int(value, &c_value) and fits_int(level, &c_level) and (
                fits_int(option, &c_option)
            ):
                if c_setsockopt(
                    number(self), c_level, c_option, &c_value, sizeof(c_value)
                ) < 0:
                    PyErr_SetFromErrno(OSError)
                return
        std_setsockopt(self, level, option, value)

    setsockopt.__signature__ = Signature("self, level, option, value, optlen=None, /")


calls_class, own_accept = <PyTypeObject *>Calls, Calls._accept
own_recv_message = Calls.recv_message


cdef bytes receive_parts(
    object sock, Py_ssize_t size_bytes, char *control, size_t *control_bytes, int *flags,
    PyObject **address,
):
    """Receive one message as `recv_message` does, in its parts: `famsock._cstruct` calls it.

    Returns the data. ``control`` has ``control_bytes``, which become what was received, and
    ``flags`` become msg_flags; ``address`` is a new reference. None, with nothing received, where
    the method has to be called: for a class that has another one, and for what is unusual.
    """
    cdef AddressCache codec
    cdef PyObject *served
    cdef object typed = None, timeout
    cdef char name[SOCKADDR_BYTES]
    cdef char small[STACK_BYTES]
    cdef PyObject *buffer = NULL
    cdef iovec slot
    cdef msghdr header
    cdef ssize_t received
    cdef bytes data
    if not PyObject_TypeCheck(sock, calls_class) or not is_own_recv_message(sock):
        return None
    codec = codec_of(sock)
    served = famsock_slot(sock, served_slot)
    if codec is None or served == NULL or <object>served is None:
        return None
    if flags[0] & MSG_TRUNC or size_bytes < 0 or (<object>served).protocol.passes_descriptors:
        return None
    timeout = timeout_for(sock, flags[0])
    slot.iov_base, slot.iov_len = small, size_bytes
    if size_bytes > STACK_BYTES:
        buffer = receive_buffer(size_bytes)
        slot.iov_base = PyBytes_AS_STRING(<object>buffer)
    header.msg_iov, header.msg_iovlen, header.msg_control = &slot, 1, control
    try:
        received = receive_message(sock, timeout, &header, name, control_bytes[0], flags[0])
    except BaseException:
        if buffer != NULL:
            give_back(buffer)
        raise
    if buffer != NULL:
        data = taken_of(buffer, received)
    else:
        data = PyBytes_FromStringAndSize(small, received)
    if header.msg_namelen:
        typed = codec.typed(sock, name, min(header.msg_namelen, <socklen_t>SOCKADDR_BYTES), None)
    control_bytes[0], flags[0] = header.msg_controllen, header.msg_flags & ~MSG_CMSG_CLOEXEC
    Py_INCREF(typed)
    address[0] = <PyObject *>typed
    return data


cdef bint is_own_recv_message(object sock) except -1:
    """Whether a socket's `recv_message` is the one here: nobody has replaced it."""
    cdef type cls = type(sock)
    if _PyType_Lookup(<PyTypeObject *>cls, "recv_message") != <PyObject *>own_recv_message:
        return False
    if not famsock_has_dict(<PyTypeObject *>cls):
        return True
    return "recv_message" not in sock.__dict__


RECEIVE_PARTS = PyCapsule_New(<void *>receive_parts, RECEIVE_PARTS_NAME, NULL)


codec_slot, served_slot = slot_of(Calls, "_codec"), slot_of(Calls, "_served")
states_slot = slot_of(Calls, "_states")
io_refs_slot = slot_of(_stdlib.socket, "_io_refs")
closed_slot = slot_of(_stdlib.socket, "_closed")
