# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
"""The raw system calls, compiled: the interface of :mod:`famsock.syscalls._ctypes`, for speed.

Optional: where it was not built, ctypes makes the calls. The GIL is released around every call that
may block; buffers of any kind are used in place. What `_ctypes` documents holds here too.
"""

from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_AsStringAndSize, PyBytes_FromStringAndSize, PyBytes_GET_SIZE,
)
from cpython.object cimport PyObject
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from libc.errno cimport EAGAIN, EINPROGRESS, EINTR, EISCONN, errno
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

from time import monotonic

from famsock.syscalls import TIMED_OUT

cdef extern from "poll.h" nogil:
    ctypedef unsigned long nfds_t
    struct pollfd:
        int fd
        short events
        short revents
    int c_poll "poll"(pollfd *, nfds_t, int)
    short POLLIN
    short POLLOUT
    short POLLERR

cdef extern from "sys/uio.h" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "sys/socket.h" nogil:
    ctypedef unsigned int socklen_t
    struct sockaddr_c "sockaddr":
        pass
    struct msghdr:
        void *msg_name
        socklen_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    int MSG_WAITFORONE
    int c_recvmmsg "recvmmsg"(int, mmsghdr *, unsigned int, int, void *)
    int c_sendmmsg "sendmmsg"(int, mmsghdr *, unsigned int, int)
    int c_bind "bind"(int, const sockaddr_c *, socklen_t)
    int c_connect "connect"(int, const sockaddr_c *, socklen_t)
    int c_getsockname "getsockname"(int, sockaddr_c *, socklen_t *)
    int c_getpeername "getpeername"(int, sockaddr_c *, socklen_t *)
    int c_getsockopt "getsockopt"(int, int, int, void *, socklen_t *)
    int c_setsockopt "setsockopt"(int, int, int, const void *, socklen_t)
    ssize_t c_sendto "sendto"(int, const void *, size_t, int, const sockaddr_c *, socklen_t)
    ssize_t c_recvfrom "recvfrom"(int, void *, size_t, int, sockaddr_c *, socklen_t *)
    ssize_t c_sendmsg "sendmsg"(int, const msghdr *, int)
    ssize_t c_recvmsg "recvmsg"(int, msghdr *, int)
    int SOL_SOCKET
    int SO_ERROR

cdef extern from * nogil:
    """
    #include <sys/socket.h>
    #include <fcntl.h>
    #include <errno.h>
    static int famsock_accept(int fd, void *name, socklen_t *length) {
    #ifdef SOCK_CLOEXEC
        int accepted = accept4(fd, (struct sockaddr *)name, length, SOCK_CLOEXEC);
        if (accepted >= 0 || errno != ENOSYS)
            return accepted;
    #endif
        {
            int plain = accept(fd, (struct sockaddr *)name, length);
            if (plain >= 0)
                fcntl(plain, F_SETFD, FD_CLOEXEC);
            return plain;
        }
    }
    """
    int famsock_accept(int, void *, socklen_t *)

cdef enum:
    SOCKADDR_BYTES = 128  # struct sockaddr_storage
    STACK_BYTES = 4096
    INT_MAX = 0x7FFFFFFF
    SPARE_BYTES = 1 << 20
    BATCH_MESSAGES = 1024  # UIO_MAXIOV: the kernel takes no more in one call

cdef object FOREVER = float("inf")
cdef object ancillary = None


cdef object control_messages():
    """The module that packs and unpacks them, imported on first use."""
    global ancillary
    if ancillary is None:
        from famsock.syscalls import ancillary as loaded
        ancillary = loaded
    return ancillary


cdef socklen_t whole(object data, char **start) except? 0:
    """Where bytes (or a subclass of theirs) start, and their length."""
    cdef Py_ssize_t length
    PyBytes_AsStringAndSize(data, start, &length)
    if length > INT_MAX:
        raise OverflowError(f"length must be 0-{INT_MAX}, not {length}")
    return <socklen_t>length


cdef int number(object descriptor) except? -2:
    """The descriptor's number, asked for before each attempt: see `_ctypes`."""
    return descriptor if type(descriptor) is int else descriptor.fileno()


cdef int refuse_negative(Py_ssize_t size_bytes) except -1:
    if size_bytes < 0:
        raise ValueError("negative size")
    return 0


cdef int wait_until(object descriptor, short events, double deadline) except -1:
    """Return when the descriptor is ready; TimeoutError at the deadline (monotonic seconds)."""
    if not is_ready(descriptor, events, deadline):
        raise TimeoutError("timed out")
    return 0


cdef int is_ready(object descriptor, short events, double deadline) except -1:
    """Wait for the descriptor: 1, or 0 at the deadline. Raises what a signal's handler raises."""
    cdef pollfd waited
    cdef double remaining_ms
    cdef int ready, timeout_ms
    waited.events = events
    while True:
        waited.fd = number(descriptor)
        if waited.fd < 0:
            return 1
        remaining_ms = (deadline - <double>monotonic()) * 1000
        timeout_ms = INT_MAX if remaining_ms >= INT_MAX else <int>remaining_ms
        if timeout_ms < 0:
            timeout_ms = 0
        elif timeout_ms < remaining_ms and timeout_ms < INT_MAX:
            timeout_ms += 1
        with nogil:
            ready = c_poll(&waited, 1, timeout_ms)
        if ready > 0:
            return 1
        if ready == 0 and timeout_ms < INT_MAX:
            return 0
        if ready < 0:
            if errno != EINTR:
                PyErr_SetFromErrno(OSError)
                return -1
            PyErr_CheckSignals()


cdef double begin(object descriptor, short events, object timeout) except? -2:
    """Wait before the first attempt, as the stdlib does with a timeout; the deadline, or -1."""
    cdef double deadline
    if not timeout:
        return -1
    deadline = <double>monotonic() + <double>timeout
    wait_until(descriptor, events, deadline)
    return deadline


cdef int again(object descriptor, short events, double deadline) except -1:
    """After a failed call: return to make it once more, or raise its error."""
    cdef int error = errno
    if error == EINTR:
        PyErr_CheckSignals()
    elif deadline < 0 or error != EAGAIN:
        PyErr_SetFromErrno(OSError)
        return -1
    if deadline >= 0:
        wait_until(descriptor, events, deadline)
    return 0


def bind(int descriptor, sockaddr):
    """bind(2)."""
    cdef char *name
    cdef socklen_t length = whole(sockaddr, &name)
    cdef int result
    with nogil:
        result = c_bind(descriptor, <sockaddr_c *>name, length)
    if result < 0:
        PyErr_SetFromErrno(OSError)


def connect(descriptor, timeout, sockaddr):
    """connect(2): 0, the errno of the failure, or `TIMED_OUT`."""
    cdef char *name
    cdef socklen_t length = whole(sockaddr, &name)
    cdef int result, error, outcome = 0, fd = number(descriptor)
    cdef socklen_t size = sizeof(int)
    with nogil:
        result = c_connect(fd, <sockaddr_c *>name, length)
        error = errno
    if result >= 0:
        return 0
    if error == EINTR:
        PyErr_CheckSignals()
        if timeout is not None and timeout == 0:
            return error
    elif not timeout or error != EINPROGRESS:
        return error
    if not is_ready(descriptor, POLLOUT | POLLERR,
                    FOREVER if timeout is None else monotonic() + timeout):
        return TIMED_OUT
    if c_getsockopt(number(descriptor), SOL_SOCKET, SO_ERROR, &outcome, &size) < 0:
        PyErr_SetFromErrno(OSError)
    return 0 if outcome == EISCONN else outcome


def accept(descriptor, timeout, bint ask_address):
    """accept4(2) with SOCK_CLOEXEC: the new descriptor and the peer's sockaddr."""
    cdef char name[SOCKADDR_BYTES]
    cdef socklen_t length = SOCKADDR_BYTES
    cdef int accepted, fd
    cdef double deadline = begin(descriptor, POLLIN, timeout)
    while True:
        length = SOCKADDR_BYTES
        fd = number(descriptor)
        with nogil:
            accepted = famsock_accept(
                fd, name if ask_address else NULL, &length if ask_address else NULL
            )
        if accepted >= 0:
            break
        again(descriptor, POLLIN, deadline)
    return accepted, taken(name, length if ask_address else 0)


cdef bytes taken(char *name, socklen_t length):
    return PyBytes_FromStringAndSize(name, min(length, <socklen_t>SOCKADDR_BYTES))


def getsockname(int descriptor):
    """getsockname(2)."""
    cdef char name[SOCKADDR_BYTES]
    cdef socklen_t length = SOCKADDR_BYTES
    cdef int result
    with nogil:
        result = c_getsockname(descriptor, <sockaddr_c *>name, &length)
    if result < 0:
        PyErr_SetFromErrno(OSError)
    return taken(name, length)


def getpeername(int descriptor):
    """getpeername(2)."""
    cdef char name[SOCKADDR_BYTES]
    cdef socklen_t length = SOCKADDR_BYTES
    cdef int result
    with nogil:
        result = c_getpeername(descriptor, <sockaddr_c *>name, &length)
    if result < 0:
        PyErr_SetFromErrno(OSError)
    return taken(name, length)


def getsockopt(int descriptor, int level, int option, int size_bytes,
               bytes request not None=b"", int unit=1):
    """getsockopt(2) with a buffer of ``size_bytes`` that ``request`` begins."""
    cdef bytearray buffer = bytearray(max(size_bytes, len(request)))
    cdef socklen_t length = size_bytes // unit
    cdef char *start = buffer
    cdef int result
    memcpy(start, PyBytes_AS_STRING(request), len(request))
    with nogil:
        result = c_getsockopt(descriptor, level, option, start, &length)
    if result < 0:
        PyErr_SetFromErrno(OSError)
    return bytes(buffer[:length * unit])


def setsockopt(int descriptor, int level, int option, value):
    """setsockopt(2) with ``value`` as it is; without a value it passes none."""
    cdef char *start
    cdef socklen_t length = whole(value, &start)
    cdef int result
    with nogil:
        result = c_setsockopt(descriptor, level, option, start if length else NULL, length)
    if result < 0:
        PyErr_SetFromErrno(OSError)


def sendto(descriptor, timeout, data, int flags, sockaddr):
    """sendto(2): the number of bytes sent."""
    cdef Py_buffer view
    cdef ssize_t sent
    cdef double deadline
    cdef char *name
    cdef int fd
    cdef socklen_t length = whole(sockaddr, &name)
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        deadline = begin(descriptor, POLLOUT, timeout)
        while True:
            fd = number(descriptor)
            with nogil:
                sent = c_sendto(fd, view.buf, view.len, flags, <sockaddr_c *>name, length)
            if sent >= 0:
                return sent
            again(descriptor, POLLOUT, deadline)
    finally:
        PyBuffer_Release(&view)


def recvfrom(descriptor, timeout, Py_ssize_t size_bytes, int flags):
    """recvfrom(2) of at most ``size_bytes``: the data and the sender's sockaddr."""
    return receive(descriptor, timeout, size_bytes, flags)


cdef tuple receive(object descriptor, object timeout, Py_ssize_t size_bytes, int flags):
    cdef char name[SOCKADDR_BYTES]
    cdef char small[STACK_BYTES]
    cdef char *target = small
    cdef bytes data = None
    cdef socklen_t length
    cdef ssize_t received
    cdef int fd
    cdef double deadline
    refuse_negative(size_bytes)
    deadline = begin(descriptor, POLLIN, timeout)
    if size_bytes > STACK_BYTES:
        data = PyBytes_FromStringAndSize(NULL, size_bytes)
        target = PyBytes_AS_STRING(data)
    while True:
        length = SOCKADDR_BYTES
        fd = number(descriptor)
        with nogil:
            received = c_recvfrom(
                fd, target, size_bytes, flags, <sockaddr_c *>name, &length
            )
        if received >= 0:
            break
        again(descriptor, POLLIN, deadline)
    if received > size_bytes:  # MSG_TRUNC: the datagram's own length
        received = size_bytes
    if data is None:
        data = PyBytes_FromStringAndSize(small, received)
    elif received < size_bytes:
        data = data[:received]
    return data, taken(name, length)


def recvfrom_into(descriptor, timeout, buffer, Py_ssize_t size_bytes, int flags):
    """recvfrom(2) of at most ``size_bytes`` into a writable buffer: their number, the sockaddr."""
    cdef char name[SOCKADDR_BYTES]
    cdef socklen_t length
    cdef Py_buffer view
    cdef ssize_t received
    cdef int fd
    cdef double deadline
    refuse_negative(size_bytes)
    PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
    try:
        if size_bytes > view.len:
            raise ValueError("nbytes is greater than the length of the buffer")
        deadline = begin(descriptor, POLLIN, timeout)
        while True:
            length = SOCKADDR_BYTES
            fd = number(descriptor)
            with nogil:
                received = c_recvfrom(
                    fd, view.buf, size_bytes, flags, <sockaddr_c *>name, &length
                )
            if received >= 0:
                return received, taken(name, length)
            again(descriptor, POLLIN, deadline)
    finally:
        PyBuffer_Release(&view)


cdef class Vector:
    """The iovec over a sequence of buffers, which stay exported as long as it lives."""

    cdef iovec *slots
    cdef Py_buffer *views
    cdef Py_ssize_t count

    def __cinit__(self, buffers, int access):
        cdef tuple pieces = tuple(buffers)  # taking a buffer may run code that changes the list
        cdef Py_ssize_t wanted = len(pieces)
        self.count = 0
        self.slots = <iovec *>malloc(max(wanted, 1) * sizeof(iovec))
        self.views = <Py_buffer *>malloc(max(wanted, 1) * sizeof(Py_buffer))
        if self.slots == NULL or self.views == NULL:
            raise MemoryError()
        for buffer in pieces:
            PyObject_GetBuffer(buffer, &self.views[self.count], access)
            self.slots[self.count].iov_base = self.views[self.count].buf
            self.slots[self.count].iov_len = self.views[self.count].len
            self.count += 1

    def __dealloc__(self):
        cdef Py_ssize_t index
        for index in range(self.count):
            PyBuffer_Release(&self.views[index])
        free(self.slots)
        free(self.views)


def sendmsg(descriptor, timeout, buffers, control, int flags, sockaddr):
    """sendmsg(2): the number of bytes sent."""
    cdef Vector vector = Vector(buffers, PyBUF_SIMPLE)
    cdef bytes packed = control_messages().pack(control)
    cdef msghdr header
    cdef char *name
    cdef socklen_t length
    cdef ssize_t sent
    cdef int fd
    cdef double deadline = begin(descriptor, POLLOUT, timeout)
    memset(&header, 0, sizeof(header))
    length = whole(sockaddr, &name)
    if length:
        header.msg_name = name
        header.msg_namelen = length
    header.msg_iov = vector.slots
    header.msg_iovlen = vector.count
    if len(packed):
        header.msg_control = PyBytes_AS_STRING(packed)
        header.msg_controllen = len(packed)
    while True:
        fd = number(descriptor)
        with nogil:
            sent = c_sendmsg(fd, &header, flags)
        if sent >= 0:
            return sent
        again(descriptor, POLLOUT, deadline)


def recvmsg(descriptor, timeout, Py_ssize_t size_bytes, Py_ssize_t control_bytes, int flags):
    """recvmsg(2): the data, the ancillary items, msg_flags, the sender's sockaddr."""
    cdef bytearray data = bytearray(size_bytes)
    received, items, message_flags, sockaddr = recvmsg_into(
        descriptor, timeout, (data,), control_bytes, flags
    )
    return bytes(memoryview(data)[:received]), items, message_flags, sockaddr


def recvmsg_into(descriptor, timeout, buffers, Py_ssize_t control_bytes, int flags):
    """recvmsg(2) scattered over ``buffers``: the number of bytes, and the rest as `recvmsg`."""
    cdef Vector vector = Vector(buffers, PyBUF_WRITABLE)
    cdef bytearray control = bytearray(control_bytes)
    cdef char *control_start = control
    cdef char name[SOCKADDR_BYTES]
    cdef msghdr header
    cdef ssize_t received
    cdef int fd
    cdef double deadline = begin(descriptor, POLLIN, timeout)
    memset(name, 0, SOCKADDR_BYTES)
    while True:
        memset(&header, 0, sizeof(header))
        header.msg_name = name
        header.msg_namelen = SOCKADDR_BYTES
        header.msg_iov = vector.slots
        header.msg_iovlen = vector.count
        if control_bytes:
            header.msg_control = control_start
            header.msg_controllen = control_bytes
        fd = number(descriptor)
        with nogil:
            received = c_recvmsg(fd, &header, flags)
        if received >= 0:
            break
        again(descriptor, POLLIN, deadline)
    items = control_messages().unpack(bytes(control[:header.msg_controllen]))
    return received, items, header.msg_flags, taken(name, header.msg_namelen)


cdef void *room(Py_ssize_t count, Py_ssize_t each_bytes) except NULL:
    refuse_negative(min(count, each_bytes))
    cdef void *start = calloc(max(count, 1), max(each_bytes, 1))  # which refuses an overflow
    if start == NULL:
        raise MemoryError()
    return start


# One batch that nobody uses now: fresh memory would cost a page fault for every other message.
cdef dict spare = {}


cdef class Batch:
    """The headers of many messages, and room for what the kernel writes or reads with them."""

    cdef mmsghdr *headers
    cdef iovec *slots
    cdef char *names
    cdef char *control
    cdef char *data
    cdef Py_ssize_t count, size_bytes, control_bytes

    def __cinit__(self, Py_ssize_t count):
        self.count = count
        self.headers = <mmsghdr *>room(count, sizeof(mmsghdr))
        self.slots = <iovec *>room(count, sizeof(iovec))

    cdef int receive(self, Py_ssize_t size_bytes, Py_ssize_t control_bytes, Vector into) except -1:
        """Make room to receive: into the buffers given, or ``size_bytes`` for each message."""
        cdef Py_ssize_t index
        self.size_bytes, self.control_bytes = size_bytes, control_bytes
        self.names = <char *>room(self.count, SOCKADDR_BYTES)
        self.control = <char *>room(self.count, control_bytes)
        if into is None:
            self.data = <char *>room(self.count, size_bytes)
        for index in range(self.count):
            if into is None:
                self.slots[index].iov_base = self.data + index * size_bytes
                self.slots[index].iov_len = size_bytes
            else:
                self.slots[index] = into.slots[index]
        return 0

    cdef void prepare(self) noexcept:
        cdef Py_ssize_t index
        cdef msghdr *header
        for index in range(self.count):
            header = &self.headers[index].msg_hdr
            header.msg_name = self.names + index * SOCKADDR_BYTES
            header.msg_namelen = SOCKADDR_BYTES
            header.msg_iov = &self.slots[index]
            header.msg_iovlen = 1
            header.msg_control = (
                self.control + index * self.control_bytes if self.control_bytes else NULL
            )
            header.msg_controllen = self.control_bytes

    def __dealloc__(self):
        free(self.headers)
        free(self.slots)
        free(self.names)
        free(self.control)
        free(self.data)


def recvmmsg(descriptor, timeout, Py_ssize_t count, Py_ssize_t size_bytes,
             Py_ssize_t control_bytes, int flags):
    """recvmmsg(2): what `recvmsg` gives, for each message that was there."""
    cdef tuple shape = (min(count, BATCH_MESSAGES), size_bytes, control_bytes)
    cdef Batch batch = spare.pop(shape, None)
    cdef list messages
    if batch is None:
        batch = Batch(shape[0])
        batch.receive(size_bytes, control_bytes, None)
    messages = receive_batch(descriptor, timeout, batch, flags)
    if batch.count * (size_bytes + control_bytes) <= SPARE_BYTES:
        spare.clear()
        spare[shape] = batch
    return messages


def recvmmsg_into(descriptor, timeout, buffers, Py_ssize_t control_bytes, int flags):
    """recvmmsg(2), each message into a buffer of its own: what `recvmsg_into` gives for each."""
    cdef Vector vector = Vector(buffers, PyBUF_WRITABLE)
    cdef Batch batch = Batch(min(vector.count, BATCH_MESSAGES))
    batch.receive(0, control_bytes, vector)
    return receive_batch(descriptor, timeout, batch, flags)


cdef list receive_batch(object descriptor, object timeout, Batch batch, int flags):
    cdef int got, index, fd
    cdef msghdr *header
    cdef bytes sockaddr = b""
    cdef object data, items, controls = None
    cdef list messages = []
    cdef double deadline = begin(descriptor, POLLIN, timeout)
    flags |= MSG_WAITFORONE
    while True:
        batch.prepare()
        fd = number(descriptor)
        with nogil:
            got = c_recvmmsg(fd, batch.headers, batch.count, flags, NULL)
        if got >= 0:
            break
        again(descriptor, POLLIN, deadline)
    if batch.control_bytes:
        controls = control_messages().unpack_each([
            PyBytes_FromStringAndSize(
                <char *>batch.headers[index].msg_hdr.msg_control,
                batch.headers[index].msg_hdr.msg_controllen,
            )
            for index in range(got)
        ])
    for index in range(got):
        header = &batch.headers[index].msg_hdr
        if batch.data == NULL:
            data = batch.headers[index].msg_len
        else:
            data = PyBytes_FromStringAndSize(
                <char *>header.msg_iov.iov_base,
                min(<Py_ssize_t>batch.headers[index].msg_len, batch.size_bytes),
            )
        # Neighbours mostly have one sender; the same object spares its hash when it is looked up.
        if header.msg_namelen != <socklen_t>len(sockaddr) or memcmp(
            header.msg_name, PyBytes_AS_STRING(sockaddr), len(sockaddr)
        ):
            sockaddr = taken(<char *>header.msg_name, header.msg_namelen)
        items = [] if controls is None else controls[index]
        messages.append((data, items, header.msg_flags, sockaddr))
    return messages


def sendmmsg(descriptor, timeout, messages, int flags):
    """sendmmsg(2): how many messages were sent.

    What a signal's handler raises goes out with that number as its ``messages_sent``.
    """
    cdef list given = [tuple(message) for message in messages]  # keeps data and names alive
    cdef Batch batch = Batch(len(given))
    cdef list kept = []
    cdef Vector vector
    cdef msghdr *header
    cdef char *start
    cdef bytes packed
    cdef Py_ssize_t index
    cdef unsigned int at = 0, total = <unsigned int>len(given)
    cdef int sent, fd
    cdef bint stopped = False
    cdef double deadline
    for index, (data, control, sockaddr) in enumerate(given):
        header = &batch.headers[index].msg_hdr
        if type(data) is bytes:
            batch.slots[index].iov_base = PyBytes_AS_STRING(data)
            batch.slots[index].iov_len = PyBytes_GET_SIZE(data)
            header.msg_iov = &batch.slots[index]
            header.msg_iovlen = 1
        else:
            vector = Vector(data if isinstance(data, (list, tuple)) else (data,), PyBUF_SIMPLE)
            header.msg_iov = vector.slots
            header.msg_iovlen = vector.count
            kept.append(vector)
        header.msg_namelen = whole(sockaddr, &start)
        if header.msg_namelen:
            header.msg_name = start
        if control:
            packed = control_messages().pack(control)
            header.msg_control = PyBytes_AS_STRING(packed)
            header.msg_controllen = PyBytes_GET_SIZE(packed)
            kept.append(packed)
    if not total:
        return 0
    try:
        deadline = begin(descriptor, POLLOUT, timeout)
        while at < total and not stopped:
            fd = number(descriptor)
            with nogil:
                sent = c_sendmmsg(fd, batch.headers + at, total - at, flags)
            if sent > 0:
                at += sent
            elif errno == EAGAIN and deadline >= 0:
                if not is_ready(descriptor, POLLOUT, deadline):
                    if not at:
                        raise TimeoutError("timed out")
                    stopped = True
            elif errno != EINTR:
                if not at:
                    PyErr_SetFromErrno(OSError)
                stopped = True
            # A signal may end the call after some messages: their number comes, and no EINTR.
            PyErr_CheckSignals()
    except BaseException as error:
        error.messages_sent = at
        raise
    return at


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

cdef extern from "Python.h":
    int PySys_Audit(const char *, const char *, PyObject *, PyObject *) except -1

cdef object UNSET = object()


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


def shorten(cls):
    """Put compiled ways in front of the class's sendto and recvfrom.

    They serve the usual call whole: a family with a plugin, an address that the codec has seen. Any
    other goes on to the method that was there before, so there is one place for each rule.
    """
    full_sendto = cls.sendto
    full_recvfrom = cls.recvfrom

    def sendto(self, data, first=UNSET, second=UNSET, /, *others):
        cdef object codec
        if first is UNSET or others:
            given = [argument for argument in (first, second) if argument is not UNSET]
            return full_sendto(self, data, *given, *others)
        codec = self._codec
        cdef object address = first if second is UNSET else second
        cdef int flags = 0
        cdef object hit = None
        if codec is not None and (second is UNSET or type(first) is int):
            try:
                hit = famsock_cached(codec.encoded, address)
            except TypeError:
                pass
        if hit is None or type(data) is not bytes or not same((<tuple>hit)[0], address):
            if second is UNSET:
                return full_sendto(self, data, first)
            return full_sendto(self, data, first, second)
        if second is not UNSET:
            flags = first
        PySys_Audit("socket.sendto", "OO", <PyObject *>self, <PyObject *>address)
        try:
            return send_bytes(self, <bytes>data, flags, <bytes>(<tuple>hit)[1])
        except OSError as error:
            self._explain(error)
            raise

    def recvfrom(self, bufsize, flags=0, /):
        cdef object codec = self._codec
        cdef tuple got
        if codec is None or type(bufsize) is not int or type(flags) is not int or bufsize < 0:
            return full_recvfrom(self, bufsize, flags)
        got = receive(self, self.gettimeout(), bufsize, flags)
        form = famsock_cached(codec.decoded, got[1])
        if form is None:
            form = codec.decode(self, got[1])
        return got[0], form

    for method, full in ((sendto, full_sendto), (recvfrom, full_recvfrom)):
        method.__doc__ = full.__doc__
        method.__qualname__ = full.__qualname__
        method.__module__ = full.__module__
        setattr(cls, full.__name__, method)


cdef object send_bytes(object sock, bytes data, int flags, bytes sockaddr):
    cdef double deadline = begin(sock, POLLOUT, sock.gettimeout())
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
