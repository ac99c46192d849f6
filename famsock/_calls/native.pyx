# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
"""The calls of sockets, compiled.

First the raw system calls, with the interface of :mod:`famsock._calls.python`; then addresses
(``addresses.pxi``) and the class `Calls` (``calls.pxi``), with the interface of
:mod:`famsock._calls.calls`. Optional: where this was not built, ctypes makes the calls. The GIL is
released around every call that may block; buffers of any kind are used in place.
"""

from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_AsStringAndSize, PyBytes_FromStringAndSize, PyBytes_GET_SIZE,
)
from cpython.object cimport PyObject, PyTypeObject
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from libc.errno cimport (
    EADDRNOTAVAIL, EAGAIN, EINPROGRESS, EINTR, EINVAL, EISCONN, ENODEV, ENOTCONN, EOPNOTSUPP,
    errno,
)
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

import _socket
import socket as _stdlib
from os import fsencode, strerror
from sys import byteorder

from famsock._lazy import load as load_part

include "slots.pxi"

cdef extern from *:
    """
    /* Each interpreter has a copy of this library (`famsock._calls._load_compiled`), and so its
       own variables. Cython states that a module may be loaded in an interpreter with its own GIL
       only where it keeps them in the module, which makes each use of them slower. So the slot is
       put in front of the one that Cython writes. */
    #if PY_VERSION_HEX >= 0x030C0000
    enum { famsock_mod_exec = Py_mod_exec };
    #undef Py_mod_exec
    #define Py_mod_exec Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, \\
        {famsock_mod_exec
    #endif
    """

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

cdef extern from "Python.h":
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    int resize_bytes "_PyBytes_Resize"(PyObject **, Py_ssize_t) except -1
    void Py_XDECREF(PyObject *)
    object PyUnicode_EncodeFSDefault(object)
    Py_ssize_t PY_SSIZE_T_MAX

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
    struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    size_t CMSG_SPACE(size_t)
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    int MSG_WAITFORONE
    int MSG_TRUNC
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
    int SCM_RIGHTS
    int MSG_CMSG_CLOEXEC
    int MSG_DONTWAIT
    int MSG_ERRQUEUE
    int MSG_OOB
    int SOCK_DGRAM
    int SOCK_RAW

cdef extern from "unistd.h" nogil:
    int c_close "close"(int)
    int getpagesize()

cdef extern from "sys/mman.h" nogil:
    void *c_mmap "mmap"(void *, size_t, int, int, int, long)
    int c_munmap "munmap"(void *, size_t)
    int c_mincore "mincore"(void *, size_t, unsigned char *)
    int PROT_READ
    int PROT_WRITE
    int MAP_PRIVATE
    int MAP_ANONYMOUS
    void *MAP_FAILED

cdef extern from "time.h" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    int c_clock_gettime "clock_gettime"(int, timespec *)
    int CLOCK_MONOTONIC

cdef extern from "sys/ioctl.h" nogil:
    int c_ioctl "ioctl"(int, unsigned long, void *)

cdef extern from "net/if.h" nogil:
    enum:
        IFNAMSIZ
    struct ifreq:
        char *ifr_name
        int ifr_ifindex
    unsigned long SIOCGIFINDEX
    unsigned long SIOCGIFNAME

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
    CONTROL_BYTES = 2304  # for the most descriptors that a message can carry, and a label
    OPTION_BYTES = 512
    INT_MAX = 0x7FFFFFFF
    SPARE_BYTES = 1 << 22
    SPARE_SHAPES = 4
    FEW_BUFFERS = 4
    TIMED_OUT = -1  # instead of an errno: `famsock._calls.TIMED_OUT`
    BATCH_MESSAGES = 1024  # UIO_MAXIOV: the kernel takes no more in one call
    SCM_PIDFD = 4  # linux/socket.h

# As in the stdlib's own C code, a class that overrides these two changes nothing for its sockets.
cdef object fileno = _socket.socket.fileno
cdef object gettimeout = _socket.socket.gettimeout
cdef type socket_class = _socket.socket
cdef object FOREVER = float("inf")
cdef object NOT_GIVEN = object()
cdef object ancillary = None


cdef object control_messages():
    """The module that packs and unpacks them, imported on first use."""
    global ancillary
    if ancillary is None:
        ancillary = load_part("famsock._calls.ancillary")
    return ancillary


cdef socklen_t whole(object data, char **start) except? 0:
    """Find the start of bytes (or a subclass of theirs); return their length."""
    cdef Py_ssize_t length
    PyBytes_AsStringAndSize(data, start, &length)
    if length > INT_MAX:
        raise OverflowError(f"length must be 0-{INT_MAX}, not {length}")
    return <socklen_t>length


# Where the interpreter's own object has its descriptor and its timeout: read there, as its own
# methods do, once `find_members` has seen that they are there; -1 until then.
cdef Py_ssize_t fd_offset = -1, timeout_offset = -1
cdef Py_ssize_t type_offset = famsock_offset(_socket.socket.type)

cdef extern from *:
    """
    /* The buffer that nobody uses now, or NULL; threads exchange it in one step. */
    static PyObject *famsock_spare;
    static PyObject *famsock_swap_spare(PyObject *unused) {
        return __atomic_exchange_n(&famsock_spare, unused, __ATOMIC_ACQ_REL);
    }
    static int famsock_int(PyObject *owner, Py_ssize_t offset) {
        return *(volatile int *)((char *)owner + offset);
    }
    static void famsock_set_int(PyObject *owner, Py_ssize_t offset, int value) {
        *(int *)((char *)owner + offset) = value;
    }
    static long long famsock_long(PyObject *owner, Py_ssize_t offset) {
        return *(volatile long long *)((char *)owner + offset);
    }
    """
    PyObject *famsock_swap_spare(PyObject *)
    int famsock_int(object, Py_ssize_t)
    void famsock_set_int(object, Py_ssize_t, int)
    long long famsock_long(object, Py_ssize_t)


cdef int find_members(object sock) except -1:
    """Look where a socket, which is open, has its descriptor and its timeout (PySocketSockObject).

    sock_fd stands in front of sock_family; sock_timeout, in nanoseconds, behind sock_proto and a
    pointer. Where it is otherwise the methods are called.
    """
    global fd_offset, timeout_offset
    cdef Py_ssize_t descriptor = famsock_offset(_socket.socket.family) - <Py_ssize_t>sizeof(int)
    cdef Py_ssize_t timeout = famsock_offset(_socket.socket.proto) + <Py_ssize_t>sizeof(int)
    timeout = (timeout + 7) // 8 * 8 + <Py_ssize_t>sizeof(void *)
    cdef object seconds = gettimeout(sock)
    if timeout + 8 > _socket.socket.__basicsize__ or descriptor < <Py_ssize_t>sizeof(PyObject):
        return 0
    if famsock_int(sock, descriptor) != fileno(sock):
        return 0
    fd_offset = descriptor
    cdef long long found = famsock_long(sock, timeout)
    if found == -1000000000 if seconds is None else found == <long long>round(seconds * 10**9):
        timeout_offset = timeout
    return 0


cdef inline int number(object descriptor) except? -2:
    """Return the descriptor's number, asked for before each attempt: see `python`."""
    if type(descriptor) is int:
        return descriptor
    if fd_offset >= 0 and isinstance(descriptor, socket_class):
        return famsock_int(descriptor, fd_offset)
    return fileno(descriptor)


cdef inline bint has_messages(object descriptor):
    """Whether a descriptor is a socket that receives whole messages, one in a call.

    Of a stream there may be less than SO_RCVLOWAT, for which only poll(2) waits.
    """
    cdef int kind
    if fd_offset < 0 or not isinstance(descriptor, socket_class):
        return False
    kind = famsock_int(descriptor, type_offset)
    return kind == SOCK_DGRAM or kind == SOCK_RAW


cdef inline object timeout_of(object sock):
    """Return what gettimeout() returns for a socket."""
    cdef long long found
    if timeout_offset < 0:
        return gettimeout(sock)
    found = famsock_long(sock, timeout_offset)
    return None if found < 0 else <double>found / 1e9


cdef int refuse_negative(Py_ssize_t size_bytes) except -1:
    if size_bytes < 0:
        raise ValueError("negative size")
    return 0


cdef inline double now() noexcept:
    """Return `time.monotonic()`, which does not fail on Linux."""
    cdef timespec found
    c_clock_gettime(CLOCK_MONOTONIC, &found)
    return found.tv_sec + found.tv_nsec / 1e9


cdef int is_ready(object descriptor, short events, double deadline) except -1:
    """Wait for the descriptor: 1, or 0 at the deadline (monotonic seconds).

    Raises what a signal's handler raises.
    """
    cdef pollfd waited
    cdef double remaining_ms
    cdef int ready, timeout_ms
    waited.events = events
    while True:
        waited.fd = number(descriptor)
        if waited.fd < 0:
            return 1
        remaining_ms = (deadline - now()) * 1000
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


cdef int is_ready_again(object descriptor, short events, double deadline) except -1:
    """`is_ready` for one that was ready and had nothing, as with an error that nobody asked for.

    Such a descriptor stays ready for ever: only the time can end it.
    """
    return 0 if now() > deadline else is_ready(descriptor, events, deadline)


ctypedef ssize_t (*attempt_t)(int, void *) noexcept nogil


cdef inline bint comes_again(int error, int flags) noexcept:
    """Whether a receiving call's failure is of its arguments or of the socket's state.

    The stdlib makes such a call only when the descriptor is ready. Any other failure came over the
    network, made the descriptor ready, and is told once.
    """
    return error == EINVAL or error == EADDRNOTAVAIL or (error == EOPNOTSUPP and flags & MSG_OOB)


cdef double deadline_of(object timeout) except? -2:
    """The monotonic time at which a timeout ends, in seconds; -1 where there is none."""
    return now() + <double>timeout if timeout is not None and timeout else -1


cdef ssize_t sock_call_ex(
    object descriptor, short events, double deadline, attempt_t attempt, void *arguments, int *flags,
    int *error,
) except -2:
    """Make one system call, waiting as the stdlib does; return what it returned, or -1.

    ``attempt`` makes the call once, without the GIL, and sets errno. With a deadline the descriptor
    is waited for before each attempt; after EINTR, and after EAGAIN with a deadline, there is
    another one (PEP 475). ``flags`` are those of a call that receives, else NULL: a message that is
    already there needs no waiting. ``error`` becomes the errno of the failure, or TIMED_OUT. Raises
    only what a signal's handler raises, and what `number` and poll(2) do.
    """
    cdef ssize_t result
    cdef int fd, given
    if deadline >= 0 and flags != NULL and has_messages(descriptor):
        given, fd = flags[0], number(descriptor)
        flags[0] |= MSG_DONTWAIT
        with nogil:
            result = attempt(fd, arguments)
        flags[0] = given
        if result >= 0:
            return result
        error[0] = errno
        if error[0] != EINTR and error[0] != EAGAIN and not comes_again(error[0], given):
            return -1
        PyErr_CheckSignals()
    if deadline >= 0 and not is_ready(descriptor, events, deadline):
        error[0] = TIMED_OUT
        return -1
    while True:
        fd = number(descriptor)
        with nogil:
            result = attempt(fd, arguments)
        if result >= 0:
            return result
        error[0] = errno
        if error[0] != EINTR and (deadline < 0 or error[0] != EAGAIN):
            return -1
        PyErr_CheckSignals()  # after EAGAIN too: one that stays ready has no EINTR ever
        if deadline >= 0 and not is_ready_again(descriptor, events, deadline):
            error[0] = TIMED_OUT
            return -1


cdef ssize_t sock_call(
    object descriptor, short events, object timeout, attempt_t attempt, void *arguments, int *flags
) except -1:
    """As `sock_call_ex`, with the failure raised: OSError or TimeoutError."""
    cdef int error = 0
    cdef ssize_t result = sock_call_ex(
        descriptor, events, deadline_of(timeout), attempt, arguments, flags, &error
    )
    if result < 0:
        raise failure(error)
    return result


cdef object failure(int error):
    """The exception of a failed call."""
    return TimeoutError("timed out") if error == TIMED_OUT else OSError(error, strerror(error))


cdef struct Transfer:
    void *data
    size_t size
    int flags
    char *name
    socklen_t name_length


cdef ssize_t attempt_sendto(int fd, void *arguments) noexcept nogil:
    cdef Transfer *given = <Transfer *>arguments
    return c_sendto(
        fd, given.data, given.size, given.flags, <sockaddr_c *>given.name, given.name_length
    )


cdef ssize_t attempt_recvfrom(int fd, void *arguments) noexcept nogil:
    cdef Transfer *given = <Transfer *>arguments
    given.name_length = SOCKADDR_BYTES
    return c_recvfrom(
        fd, given.data, given.size, given.flags, <sockaddr_c *>given.name, &given.name_length
    )


cdef ssize_t attempt_accept(int fd, void *arguments) noexcept nogil:
    cdef Transfer *given = <Transfer *>arguments
    if given.name == NULL:
        return famsock_accept(fd, NULL, NULL)
    given.name_length = SOCKADDR_BYTES
    return famsock_accept(fd, given.name, &given.name_length)


def bind(int descriptor, sockaddr):
    """bind(2)."""
    cdef int error = bind_to(descriptor, sockaddr)
    if error:
        raise failure(error)


cdef int bind_to(int descriptor, object sockaddr) except -2:
    """bind(2): 0, or the errno of the failure."""
    cdef char *name
    cdef socklen_t length = whole(sockaddr, &name)
    cdef int result
    with nogil:
        result = c_bind(descriptor, <sockaddr_c *>name, length)
    return errno if result < 0 else 0


def closed_like(sock):
    """A socket of the stdlib that was never open, with the family, type and protocol of another."""
    cdef object made
    cdef Py_ssize_t offset
    if not isinstance(sock, _socket.socket):
        return None
    if fd_offset < 0:
        find_members(sock)
        if fd_offset < 0:
            return None
    made = _socket.socket.__new__(_socket.socket)
    for member in (_socket.socket.family, _socket.socket.type, _socket.socket.proto):
        offset = famsock_offset(member)
        famsock_set_int(made, offset, famsock_int(sock, offset))
    return made


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
                    FOREVER if timeout is None else now() + <double>timeout):
        return TIMED_OUT
    if c_getsockopt(number(descriptor), SOL_SOCKET, SO_ERROR, &outcome, &size) < 0:
        return errno
    return 0 if outcome == EISCONN else outcome


def accept(descriptor, timeout, bint ask_address, list kept=None):
    """accept4(2) with SOCK_CLOEXEC: the new descriptor and the peer's sockaddr; see `python`."""
    cdef char name[SOCKADDR_BYTES]
    cdef Transfer given
    cdef int accepted
    given.name, given.name_length = name if ask_address else NULL, 0
    accepted = <int>sock_call(descriptor, POLLIN, timeout, attempt_accept, &given, NULL)
    try:
        result = accepted, taken(name, given.name_length)
        if kept is not None:
            kept.append(accepted)
        return result
    except BaseException:
        c_close(accepted)
        raise


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
    refuse_negative(size_bytes)
    cdef char small[OPTION_BYTES]
    cdef char *start = small
    cdef bytearray buffer
    cdef Py_ssize_t available = max(size_bytes, len(request))
    cdef socklen_t length = size_bytes // unit
    cdef int result
    if available > OPTION_BYTES:
        buffer = bytearray(available)
        start = buffer
    else:
        memset(small, 0, available)
    memcpy(start, PyBytes_AS_STRING(request), len(request))
    with nogil:
        result = c_getsockopt(descriptor, level, option, start, &length)
    if result < 0:
        PyErr_SetFromErrno(OSError)
    return PyBytes_FromStringAndSize(start, min(<Py_ssize_t>length * unit, available))


def getsockopt_int(descriptor, int level, int option):
    """getsockopt(2) of an int, of which the kernel may fill in less: its value."""
    cdef char data[4]
    cdef int value
    cdef socklen_t length = 4
    memset(data, 0, 4)
    if c_getsockopt(number(descriptor), level, option, data, &length) < 0:
        PyErr_SetFromErrno(OSError)
    if length == 4:
        memcpy(&value, data, 4)
        return value
    if not length:
        raise ValueError("needs 4 bytes, not 0")
    return int.from_bytes(data[:length], byteorder)


def setsockopt_int(descriptor, int level, int option, value, bint is_flag):
    """setsockopt(2) of an int, or of its truth; False for a value that is neither int nor bool."""
    cdef int number_given = 0
    if not fits_int(value, &number_given):
        if type(value) is not bool:
            return False
        number_given = value is True
    if is_flag:
        number_given = number_given != 0
    if c_setsockopt(number(descriptor), level, option, &number_given, sizeof(int)) < 0:
        PyErr_SetFromErrno(OSError)
    return True


def setsockopt(int descriptor, int level, int option, value):
    """setsockopt(2) with ``value`` as it is; without a value it passes none."""
    cdef char *start
    cdef socklen_t length = whole(value, &start)
    cdef int result
    with nogil:
        result = c_setsockopt(descriptor, level, option, start if length else NULL, length)
    if result < 0:
        PyErr_SetFromErrno(OSError)


def interface_index(int descriptor, name):
    """The index of an interface in the socket's network namespace; OSError ENODEV if none."""
    cdef ifreq request
    cdef bytes raw = PyUnicode_EncodeFSDefault(name) if type(name) is str else fsencode(name)
    cdef int result
    if PyBytes_GET_SIZE(raw) >= IFNAMSIZ or b"\0" in raw:
        raise OSError(ENODEV, f"interface name of at most 15 bytes, not {name!r}")
    memset(&request, 0, sizeof(request))
    memcpy(request.ifr_name, PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw))
    with nogil:
        result = c_ioctl(descriptor, SIOCGIFINDEX, &request)
    if result < 0:
        PyErr_SetFromErrno(OSError)
    return request.ifr_ifindex


def interface_name(int descriptor, index):
    """The name of an interface in the socket's network namespace; "" if there is none."""
    cdef ifreq request
    cdef int result
    if not 0 < index <= INT_MAX:
        return ""
    memset(&request, 0, sizeof(request))
    request.ifr_ifindex = index
    with nogil:
        result = c_ioctl(descriptor, SIOCGIFNAME, &request)
    return "" if result < 0 else PyUnicode_DecodeFSDefault(request.ifr_name)


def sendto(descriptor, timeout, data, int flags, sockaddr):
    """sendto(2): the number of bytes sent."""
    cdef int error = 0
    cdef char *name
    cdef socklen_t length = whole(sockaddr, &name)
    cdef ssize_t sent = send_to(descriptor, timeout, data, flags, name, length, &error)
    if sent < 0:
        raise failure(error)
    return sent


cdef ssize_t send_to(
    object descriptor, object timeout, object data, int flags, char *name, socklen_t length,
    int *error,
) except -2:
    cdef Py_buffer view
    cdef Transfer given
    given.name, given.name_length = name if length else NULL, length  # UDP refuses an empty one
    given.flags = flags
    if type(data) is bytes:
        given.data, given.size = PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
        return sock_call_ex(
            descriptor, POLLOUT, deadline_of(timeout), attempt_sendto, &given, NULL, error
        )
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        given.data, given.size = view.buf, view.len
        return sock_call_ex(
            descriptor, POLLOUT, deadline_of(timeout), attempt_sendto, &given, NULL, error
        )
    finally:
        PyBuffer_Release(&view)


cdef class UntouchedMemory:
    """Zeroed pages that tell whether the kernel wrote to them: to receive with MSG_TRUNC.

    With it TCP returns the number of bytes that it dropped and writes none, tcp(7); others write
    what fits. No field of the result tells the two apart.
    """

    cdef char *start
    cdef Py_ssize_t size_bytes

    def __cinit__(self, Py_ssize_t size_bytes):
        refuse_negative(size_bytes)
        cdef void *start = c_mmap(
            NULL, max(size_bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
        )
        if start == MAP_FAILED:
            raise MemoryError()
        self.start, self.size_bytes = <char *>start, max(size_bytes, 1)

    cdef ssize_t written(self, const char *at, ssize_t received) noexcept:
        """Return how many of the bytes that the kernel counts are at a place: all, or none.

        Where mincore(2) does not tell, zeros count as written.
        """
        cdef unsigned char resident = 1
        cdef size_t page_bytes = getpagesize()
        c_mincore(<void *>(<size_t>at // page_bytes * page_bytes), 1, &resident)
        return received if resident & 1 else 0

    def __dealloc__(self):
        if self.start != NULL:
            c_munmap(self.start, self.size_bytes)


def recvfrom(descriptor, timeout, Py_ssize_t size_bytes, int flags):
    """recvfrom(2) of at most ``size_bytes``: the data and the sender's sockaddr."""
    return receive(descriptor, timeout, size_bytes, flags, None)


cdef tuple receive(
    object descriptor, object timeout, Py_ssize_t size_bytes, int flags, AddressCache codec
):
    cdef char name[SOCKADDR_BYTES]
    cdef char small[STACK_BYTES]
    cdef Transfer given
    cdef ssize_t received
    if not 0 <= size_bytes <= STACK_BYTES or flags & MSG_TRUNC:
        return receive_apart(descriptor, timeout, size_bytes, flags, codec)
    given.data, given.size, given.flags, given.name = small, size_bytes, flags, name
    received = sock_call(descriptor, POLLIN, timeout, attempt_recvfrom, &given, &given.flags)
    return (
        PyBytes_FromStringAndSize(small, received),
        makesockaddr(descriptor, codec, name, given.name_length),
    )


cdef tuple receive_apart(
    object descriptor, object timeout, Py_ssize_t size_bytes, int flags, AddressCache codec
):
    """`receive` into its own memory: of any size, and with MSG_TRUNC."""
    cdef char name[SOCKADDR_BYTES]
    cdef PyObject *buffer
    cdef UntouchedMemory memory
    cdef bytes data
    cdef Transfer given
    cdef ssize_t received
    refuse_negative(size_bytes)
    given.size, given.flags, given.name = size_bytes, flags, name
    if flags & MSG_TRUNC:
        memory = UntouchedMemory(size_bytes)
        given.data = memory.start
        received = sock_call(descriptor, POLLIN, timeout, attempt_recvfrom, &given, &given.flags)
        # The result may be the datagram's own length.
        received = memory.written(memory.start, min(received, size_bytes))
        data = PyBytes_FromStringAndSize(memory.start, received)
    else:
        buffer = receive_buffer(size_bytes)
        given.data = PyBytes_AS_STRING(<object>buffer)
        try:
            received = sock_call(
                descriptor, POLLIN, timeout, attempt_recvfrom, &given, &given.flags
            )
        except BaseException:
            give_back(buffer)
            raise
        data = taken_of(buffer, received)
    return data, makesockaddr(descriptor, codec, name, given.name_length)


cdef PyObject *receive_buffer(Py_ssize_t size_bytes) except NULL:
    """Return bytes to receive into, for `taken_of` or `give_back`.

    Those that nobody uses are kept for the next call of their size: their memory is still in the
    processor's cache.
    """
    cdef PyObject *buffer = famsock_swap_spare(NULL)
    if buffer != NULL and PyBytes_GET_SIZE(<object>buffer) == size_bytes:
        return buffer
    Py_XDECREF(buffer)
    return new_bytes(NULL, size_bytes)


cdef void give_back(PyObject *buffer) noexcept:
    if PyBytes_GET_SIZE(<object>buffer) <= SPARE_BYTES:
        buffer = famsock_swap_spare(buffer)
    Py_XDECREF(buffer)


cdef bytes taken_of(PyObject *buffer, Py_ssize_t received):
    """Return the first so many bytes of a buffer, which is given up.

    Many are not copied: the buffer becomes them. Few are, and the rest is free for others.
    """
    cdef bytes data
    if received > STACK_BYTES:
        resize_bytes(&buffer, received)
        data = <bytes>buffer
        Py_XDECREF(buffer)
        return data
    try:
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(<object>buffer), received)
    finally:
        give_back(buffer)


def recvfrom_into(descriptor, timeout, buffer, Py_ssize_t size_bytes, int flags):
    """recvfrom(2) of at most ``size_bytes`` into a writable buffer: their number, the sockaddr."""
    cdef Py_buffer view
    refuse_negative(size_bytes)
    PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
    try:
        if size_bytes > view.len:
            raise ValueError("nbytes is greater than the length of the buffer")
        return receive_into(descriptor, timeout, &view, size_bytes, flags, None)
    finally:
        PyBuffer_Release(&view)


cdef tuple receive_into(
    object descriptor, object timeout, Py_buffer *view, Py_ssize_t size_bytes, int flags,
    AddressCache codec,
):
    """recvfrom(2) into a buffer that is exported, of which the caller has compared the size."""
    cdef char name[SOCKADDR_BYTES]
    cdef Transfer given
    cdef ssize_t received
    given.data, given.size, given.flags, given.name = view.buf, size_bytes, flags, name
    received = sock_call(descriptor, POLLIN, timeout, attempt_recvfrom, &given, &given.flags)
    return received, makesockaddr(descriptor, codec, name, given.name_length)


cdef class Vector:
    """The iovec over a sequence of buffers, which stay exported as long as it lives."""

    cdef iovec *slots
    cdef Py_buffer *views
    cdef Py_ssize_t count
    cdef iovec few_slots[FEW_BUFFERS]
    cdef Py_buffer few_views[FEW_BUFFERS]

    def __cinit__(self, buffers, int access):
        cdef tuple pieces = tuple(buffers)  # taking a buffer may run code that changes the list
        cdef Py_ssize_t wanted = len(pieces)
        self.count = 0
        if wanted <= FEW_BUFFERS:
            self.slots, self.views = self.few_slots, self.few_views
        else:
            self.slots = <iovec *>allocate(wanted, sizeof(iovec))
            self.views = <Py_buffer *>allocate(wanted, sizeof(Py_buffer))
        for buffer in pieces:
            PyObject_GetBuffer(buffer, &self.views[self.count], access)
            self.slots[self.count].iov_base = self.views[self.count].buf
            self.slots[self.count].iov_len = self.views[self.count].len
            self.count += 1

    def __dealloc__(self):
        cdef Py_ssize_t index
        for index in range(self.count):
            PyBuffer_Release(&self.views[index])
        if self.slots != self.few_slots:
            free(self.slots)
            free(self.views)


def pack_control(items):
    """The control buffer of (level, type, data) items, as `ancillary.pack`."""
    cdef list pieces
    cdef Py_ssize_t total = 0
    cdef char *at
    cdef bytes piece, packed
    cdef cmsghdr header
    if type(items) is tuple and not <tuple>items or type(items) is list and not <list>items:
        return b""
    pieces = []
    for level, kind, data in items:
        piece = data if type(data) is bytes else bytes(memoryview(data))
        pieces.append((level, kind, piece))
        total += CMSG_SPACE(PyBytes_GET_SIZE(piece))
    if not total:
        return b""
    packed = PyBytes_FromStringAndSize(NULL, total)
    at = PyBytes_AS_STRING(packed)
    memset(at, 0, total)
    for header.cmsg_level, header.cmsg_type, piece in pieces:
        header.cmsg_len = sizeof(header) + PyBytes_GET_SIZE(piece)
        memcpy(at, &header, sizeof(header))
        memcpy(at + sizeof(header), PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
        at += CMSG_SPACE(PyBytes_GET_SIZE(piece))
    return packed


def parse_item(item):
    """The level, type and data of an item of ancillary data, in any form that CPython takes."""
    cdef int level, kind
    cdef Py_buffer data
    PyArg_Parse(item, "(iiy*):[sendmsg() ancillary data items]", &level, &kind, &data)
    try:
        return level, kind, PyBytes_FromStringAndSize(<char *>data.buf, data.len)
    finally:
        PyBuffer_Release(&data)


def sendmsg(descriptor, timeout, buffers, control, int flags, sockaddr):
    """sendmsg(2): the number of bytes sent."""
    cdef int error = 0
    cdef ssize_t sent = send_message(
        descriptor, timeout, buffers, control, flags, sockaddr, &error
    )
    if sent < 0:
        raise failure(error)
    return sent


cdef struct Message:
    msghdr header
    char *name
    size_t control_bytes
    int flags


cdef ssize_t attempt_sendmsg(int fd, void *arguments) noexcept nogil:
    cdef Message *given = <Message *>arguments
    return c_sendmsg(fd, &given.header, given.flags)


cdef ssize_t attempt_recvmsg(int fd, void *arguments) noexcept nogil:
    cdef Message *given = <Message *>arguments
    given.header.msg_name, given.header.msg_namelen = given.name, SOCKADDR_BYTES
    given.header.msg_controllen, given.header.msg_flags = given.control_bytes, 0
    return c_recvmsg(fd, &given.header, given.flags)


cdef ssize_t send_message(
    object descriptor, object timeout, object buffers, object control, int flags, object sockaddr,
    int *error,
) except -2:
    cdef Vector vector = Vector(buffers, PyBUF_SIMPLE)
    cdef bytes packed = pack_control(control)
    cdef Message given
    cdef char *name
    cdef socklen_t length
    memset(&given, 0, sizeof(given))
    given.flags = flags
    length = whole(sockaddr, &name)
    if length:
        given.header.msg_name = name
        given.header.msg_namelen = length
    given.header.msg_iov = vector.slots
    given.header.msg_iovlen = vector.count
    if len(packed):
        given.header.msg_control = PyBytes_AS_STRING(packed)
        given.header.msg_controllen = len(packed)
    return sock_call_ex(
        descriptor, POLLOUT, deadline_of(timeout), attempt_sendmsg, &given, NULL, error
    )


def recvmsg(descriptor, timeout, Py_ssize_t size_bytes, Py_ssize_t control_bytes, int flags):
    """recvmsg(2): the data, the ancillary items, msg_flags, the sender's sockaddr."""
    return receive_msg(descriptor, timeout, size_bytes, control_bytes, flags, None)


cdef tuple receive_msg(
    object descriptor, object timeout, Py_ssize_t size_bytes, Py_ssize_t control_bytes, int flags,
    AddressCache codec,
):
    cdef char name[SOCKADDR_BYTES]
    cdef char small[STACK_BYTES]
    cdef char small_control[CONTROL_BYTES]
    cdef PyObject *buffer = NULL
    cdef UntouchedMemory memory = None
    cdef bytes data, control = None
    cdef iovec slot
    cdef msghdr header
    cdef ssize_t received
    refuse_negative(min(size_bytes, control_bytes))
    slot.iov_base, slot.iov_len = small, size_bytes
    header.msg_iov, header.msg_iovlen = &slot, 1
    header.msg_control = small_control
    if control_bytes > CONTROL_BYTES:
        control = PyBytes_FromStringAndSize(NULL, control_bytes)
        header.msg_control = PyBytes_AS_STRING(control)
    if flags & MSG_TRUNC:
        memory = UntouchedMemory(size_bytes)
        slot.iov_base = memory.start
    elif size_bytes > STACK_BYTES:
        buffer = receive_buffer(size_bytes)
        slot.iov_base = PyBytes_AS_STRING(<object>buffer)
    try:
        received = receive_message(descriptor, timeout, &header, name, control_bytes, flags)
        received = min(received, size_bytes)
        items = items_of(&header)
    except BaseException:
        if buffer != NULL:
            give_back(buffer)
        raise
    try:
        if memory is not None:
            data = PyBytes_FromStringAndSize(memory.start, memory.written(memory.start, received))
        elif buffer != NULL:
            data = taken_of(buffer, received)
        else:
            data = PyBytes_FromStringAndSize(small, received)
        return (
            data, items, header.msg_flags,
            makesockaddr(descriptor, codec, name, header.msg_namelen),
        )
    except BaseException:
        close_received(&header)
        raise


# Buffers that nobody uses now, by their size, and batches, by their shape: of each the last one,
# of a few sizes or shapes.
# Fresh memory would cost a page fault for every other message, and large blocks that come and go
# make malloc(3) sort all the small ones, again and again.
cdef dict spare_buffers = {}
cdef dict spare_batches = {}


cdef int keep(dict spare, object shape, object unused, Py_ssize_t size_bytes) except -1:
    if size_bytes <= SPARE_BYTES:
        try:
            if len(spare) >= SPARE_SHAPES:
                spare.clear()
            spare[shape] = unused
        except MemoryError:  # which is no reason to lose what was received
            pass
    return 0


def recv_joined(descriptor, timeout, Py_ssize_t size_bytes, int flags, int level, int kind):
    """recvmsg(2) of messages that the kernel has joined: them, msg_flags, the sender's sockaddr."""
    cdef char name[SOCKADDR_BYTES]
    cdef msghdr header
    cdef list messages
    refuse_negative(size_bytes)
    messages = receive_joined(descriptor, timeout, size_bytes, flags, level, kind, name, &header)
    return messages, header.msg_flags, taken(name, header.msg_namelen)


cdef list receive_joined(
    object descriptor, object timeout, Py_ssize_t size_bytes, int flags, int level, int kind,
    char *name, msghdr *header,
):
    """The messages of `recv_joined`, with the sender's ``name`` and the header as it came back."""
    cdef char control[CONTROL_BYTES]
    cdef bytes buffer
    cdef char *start
    cdef iovec slot
    cdef ssize_t at = 0, each, received
    cdef UntouchedMemory memory = None
    cdef list messages = []
    if flags & MSG_TRUNC:
        memory = UntouchedMemory(size_bytes)
        start = memory.start
    else:
        buffer = spare_buffers.pop(size_bytes, None) or PyBytes_FromStringAndSize(NULL, size_bytes)
        start = PyBytes_AS_STRING(buffer)
    slot.iov_base, slot.iov_len = start, size_bytes
    header.msg_iov, header.msg_iovlen = &slot, 1
    header.msg_control = control
    received = receive_message(descriptor, timeout, header, name, CONTROL_BYTES, flags)
    each = told_alone(header, level, kind)
    if each < 0:
        items = items_of(header)
        try:
            each = control_messages().joined_bytes(items, level, kind)
        finally:
            close_received(header)
    received = min(received, size_bytes)
    if memory is not None:
        received = memory.written(start, received)
    each = each or received
    while True:
        messages.append(PyBytes_FromStringAndSize(start + at, min(each, received - at)))
        at += each
        if at >= received:
            break
    if memory is None:
        keep(spare_buffers, size_bytes, buffer, size_bytes)
    return messages


cdef ssize_t told_alone(msghdr *header, int level, int kind) noexcept:
    """The C int of the one control message that there is, of this kind; 0 for none; else -1."""
    cdef cmsghdr item
    cdef int value
    if header.msg_controllen == 0:
        return 0
    if header.msg_controllen < sizeof(item) + sizeof(value):
        return -1
    memcpy(&item, header.msg_control, sizeof(item))
    if item.cmsg_level != level or item.cmsg_type != kind:
        return -1
    if item.cmsg_len != sizeof(item) + sizeof(value):
        return -1
    if header.msg_controllen > CMSG_SPACE(sizeof(value)):
        return -1
    memcpy(&value, <char *>header.msg_control + sizeof(item), sizeof(value))
    return value


cdef ssize_t receive_message(
    object descriptor, object timeout, msghdr *header, char *name, size_t control_bytes, int flags
) except -1:
    """recvmsg(2) with a header whose iovec and control buffer are set: the number of bytes."""
    cdef Message given
    cdef ssize_t received
    memset(name, 0, SOCKADDR_BYTES)
    if control_bytes == 0:  # a kernel may tell by a pointer that control messages are wanted
        header.msg_control = NULL
    given.header = header[0]
    given.name, given.control_bytes, given.flags = name, control_bytes, flags
    received = sock_call(descriptor, POLLIN, timeout, attempt_recvmsg, &given, &given.flags)
    header[0] = given.header
    return received


cdef list whole_items(char *control, size_t length):
    """The (level, type, data) items of a control buffer; None if one of them is cut."""
    cdef list items = []
    cdef size_t at = 0
    cdef cmsghdr item
    while at + sizeof(item) <= length:
        memcpy(&item, control + at, sizeof(item))
        if not sizeof(item) <= item.cmsg_len <= length - at:
            return None
        data = PyBytes_FromStringAndSize(control + at + sizeof(item), item.cmsg_len - sizeof(item))
        items.append((item.cmsg_level, item.cmsg_type, data))
        at += CMSG_SPACE(item.cmsg_len - sizeof(item))
    return items


def unpack_control(bytes control not None):
    """The (level, type, data) items of a control buffer, as `ancillary.unpack`."""
    cdef list items = whole_items(PyBytes_AS_STRING(control), PyBytes_GET_SIZE(control))
    return control_messages().unpack(control) if items is None else items


cdef bytes control_of(msghdr *header):
    return PyBytes_FromStringAndSize(<char *>header.msg_control, header.msg_controllen)


cdef void close_received(msghdr *header) noexcept:
    """Close every descriptor that came with a message that is lost: `ancillary`, without memory."""
    cdef char *control = <char *>header.msg_control
    cdef size_t start = 0, length = header.msg_controllen, at, end
    cdef cmsghdr item
    cdef int descriptor
    while start + sizeof(item) <= length:
        memcpy(&item, control + start, sizeof(item))
        at, end = start + sizeof(item), start + min(item.cmsg_len, length - start)
        if item.cmsg_level == SOL_SOCKET and item.cmsg_type in (SCM_RIGHTS, SCM_PIDFD):
            while at + sizeof(int) <= end:
                memcpy(&descriptor, control + at, sizeof(int))
                c_close(descriptor)
                at += sizeof(int)
        if not sizeof(item) <= item.cmsg_len <= length - start:
            break
        start += CMSG_SPACE(item.cmsg_len - sizeof(item))


cdef list items_of(msghdr *header):
    """The items of a received message; a cut one is left to `ancillary`, which knows what to do.

    If that fails, its descriptors are closed.
    """
    cdef list items
    cdef bytes control
    try:
        items = whole_items(<char *>header.msg_control, header.msg_controllen)
        if items is not None:
            return items
        control, unpack = control_of(header), control_messages().unpack
    except BaseException:
        close_received(header)
        raise
    return unpack(control)


def recvmsg_into(descriptor, timeout, buffers, Py_ssize_t control_bytes, int flags):
    """recvmsg(2) scattered over ``buffers``: the number of bytes, and the rest as `recvmsg`."""
    return receive_msg_into(descriptor, timeout, buffers, control_bytes, flags, None)


cdef tuple receive_msg_into(
    object descriptor, object timeout, object buffers, Py_ssize_t control_bytes, int flags,
    AddressCache codec,
):
    cdef Vector vector = Vector(buffers, PyBUF_WRITABLE)
    cdef bytes control
    cdef char name[SOCKADDR_BYTES]
    cdef msghdr header
    cdef ssize_t received
    refuse_negative(control_bytes)
    control = PyBytes_FromStringAndSize(NULL, control_bytes)
    header.msg_iov, header.msg_iovlen = vector.slots, vector.count
    header.msg_control = PyBytes_AS_STRING(control)
    received = receive_message(descriptor, timeout, &header, name, control_bytes, flags)
    items = items_of(&header)
    try:
        return (
            received, items, header.msg_flags,
            makesockaddr(descriptor, codec, name, header.msg_namelen),
        )
    except BaseException:
        close_received(&header)
        raise


cdef extern from *:
    """
    /* Let messages go into bytearrays, the first `count` of a tuple, which are then exported as by a
       Py_buffer: the calls for one cost more than all else that a message needs here. 0 where one of
       them is anything else, or where several threads run at a time. */
    static int famsock_export(PyObject *pieces, Py_ssize_t count, struct iovec *slots) {
    #if defined(Py_GIL_DISABLED) || PY_VERSION_HEX >= 0x03100000
        return 0;
    #else
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pieces); i++)
            if (!PyByteArray_CheckExact(PyTuple_GET_ITEM(pieces, i)))
                return 0;
        for (Py_ssize_t i = 0; i < count; i++) {
            PyByteArrayObject *piece = (PyByteArrayObject *)PyTuple_GET_ITEM(pieces, i);
            slots[i].iov_base = PyByteArray_AS_STRING((PyObject *)piece);
            slots[i].iov_len = PyByteArray_GET_SIZE((PyObject *)piece);
            piece->ob_exports++;
        }
        return 1;
    #endif
    }
    static void famsock_end_export(PyObject *pieces, Py_ssize_t count) {
        for (Py_ssize_t i = 0; i < count; i++)
            ((PyByteArrayObject *)PyTuple_GET_ITEM(pieces, i))->ob_exports--;
    }
    """
    bint famsock_export(tuple, Py_ssize_t, iovec *)
    void famsock_end_export(tuple, Py_ssize_t)


cdef void *allocate(Py_ssize_t count, Py_ssize_t each_bytes) except NULL:
    refuse_negative(min(count, each_bytes))
    cdef void *start = calloc(max(count, 1), max(each_bytes, 1))  # which refuses an overflow
    if start == NULL:
        raise MemoryError()
    return start


cdef class Batch:
    """The headers of many messages, and space for what the kernel writes or reads with them."""

    cdef mmsghdr *headers
    cdef iovec *slots
    cdef char *names
    cdef char *control
    cdef char *data
    cdef UntouchedMemory memory
    cdef Py_ssize_t count, size_bytes, control_bytes

    def __cinit__(self, Py_ssize_t count):
        self.count = count
        self.headers = <mmsghdr *>allocate(count, sizeof(mmsghdr))
        self.slots = <iovec *>allocate(count, sizeof(iovec))

    cdef int receive(
        self, Py_ssize_t size_bytes, Py_ssize_t control_bytes, bint truncate=False
    ) except -1:
        """Allocate ``size_bytes`` to receive each message; -1 if others fill in ``slots``.

        ``truncate`` is for calls with MSG_TRUNC.
        """
        cdef Py_ssize_t index
        self.size_bytes, self.control_bytes = size_bytes, control_bytes
        self.names = <char *>allocate(self.count, SOCKADDR_BYTES)
        self.control = <char *>allocate(self.count, control_bytes)
        if truncate:
            if size_bytes > 0 and self.count > PY_SSIZE_T_MAX // size_bytes:
                raise MemoryError()
            self.memory = UntouchedMemory(self.count * size_bytes)
            self.data = self.memory.start
        elif size_bytes < 0:
            return 0
        else:
            self.data = <char *>allocate(self.count, size_bytes)
        for index in range(self.count):
            self.slots[index].iov_base = self.data + index * size_bytes
            self.slots[index].iov_len = size_bytes
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
        if self.memory is None:
            free(self.data)


def recvmmsg(descriptor, timeout, Py_ssize_t count, Py_ssize_t size_bytes,
             Py_ssize_t control_bytes, int flags, AddressCache codec=None):
    """recvmmsg(2): what `recvmsg` gives, for each message that was there.

    With a ``codec`` there are addresses in the place of the sockaddrs.
    """
    return receive_messages(descriptor, timeout, count, size_bytes, control_bytes, flags, codec)


cdef list receive_messages(
    object descriptor, object timeout, Py_ssize_t count, Py_ssize_t size_bytes,
    Py_ssize_t control_bytes, int flags, AddressCache codec
):
    cdef tuple shape = (min(count, BATCH_MESSAGES), size_bytes, control_bytes)
    cdef Batch batch
    cdef list messages
    refuse_negative(size_bytes)
    if flags & MSG_TRUNC:
        batch = Batch(shape[0])
        batch.receive(size_bytes, control_bytes, True)
        return receive_batch(descriptor, timeout, batch, flags, codec)
    batch = spare_batches.pop(shape, None)
    if batch is None:
        batch = Batch(shape[0])
        batch.receive(size_bytes, control_bytes)
    messages = receive_batch(descriptor, timeout, batch, flags, codec)
    keep(spare_batches, shape, batch, batch.count * (size_bytes + control_bytes))
    return messages


def recvmmsg_into(descriptor, timeout, buffers, Py_ssize_t control_bytes, int flags,
                  AddressCache codec=None):
    """recvmmsg(2), each message into its own buffer: what `recvmsg_into` gives for each."""
    return receive_messages_into(descriptor, timeout, buffers, control_bytes, flags, codec)


cdef list receive_messages_into(
    object descriptor, object timeout, object buffers, Py_ssize_t control_bytes, int flags,
    AddressCache codec
):
    cdef tuple pieces = tuple(buffers)
    cdef tuple shape = (min(len(pieces), BATCH_MESSAGES), -1, control_bytes)
    cdef Batch batch = spare_batches.pop(shape, None)
    cdef Vector vector
    cdef list messages
    if batch is None:
        batch = Batch(shape[0])
        batch.receive(-1, control_bytes)
    if famsock_export(pieces, batch.count, batch.slots):
        try:
            messages = receive_batch(descriptor, timeout, batch, flags, codec)
        finally:
            famsock_end_export(pieces, batch.count)
    else:
        vector = Vector(pieces, PyBUF_WRITABLE)
        memcpy(batch.slots, vector.slots, batch.count * sizeof(iovec))
        messages = receive_batch(descriptor, timeout, batch, flags, codec)
    keep(spare_batches, shape, batch, batch.count * control_bytes)
    return messages


cdef struct Messages:
    mmsghdr *headers
    unsigned int count
    int flags
    void *batch


cdef ssize_t attempt_recvmmsg(int fd, void *arguments) noexcept nogil:
    cdef Messages *given = <Messages *>arguments
    return c_recvmmsg(fd, given.headers, given.count, given.flags, NULL)


cdef ssize_t attempt_sendmmsg(int fd, void *arguments) noexcept nogil:
    cdef Messages *given = <Messages *>arguments
    return c_sendmmsg(fd, given.headers, given.count, given.flags)


cdef list receive_batch(
    object descriptor, object timeout, Batch batch, int flags, AddressCache codec
):
    cdef Messages given
    cdef int got
    cdef list messages = []
    given.headers, given.count = batch.headers, <unsigned int>batch.count
    given.flags = flags | MSG_WAITFORONE
    batch.prepare()
    if not batch.count:
        timeout = None  # none is wanted: there is nothing to wait for
    got = <int>sock_call(descriptor, POLLIN, timeout, attempt_recvmmsg, &given, &given.flags)
    items = items_of_each(batch, got)
    try:
        take_batch(descriptor, batch, got, items, messages, codec)
    except BaseException:
        close_batch(batch, got)
        raise
    return messages


cdef void close_batch(Batch batch, int got) noexcept:
    cdef int index
    for index in range(got):
        close_received(&batch.headers[index].msg_hdr)


cdef list items_of_each(Batch batch, int got):
    """The items of each message, or, if one is cut, what `ancillary` makes of them all.

    None if no message has any. If that fails, the descriptors of all are closed.
    """
    cdef int index
    cdef msghdr *header
    cdef list items, each
    cdef bint are_whole = True
    for index in range(got):
        if batch.headers[index].msg_hdr.msg_controllen:
            break
    else:
        return None
    try:
        each = []
        for index in range(got):
            header = &batch.headers[index].msg_hdr
            items = whole_items(<char *>header.msg_control, header.msg_controllen)
            if items is None:
                are_whole = False
                break
            each.append(items)
        if are_whole:
            return each
        each = [control_of(&batch.headers[index].msg_hdr) for index in range(got)]
        unpack_each = control_messages().unpack_each
    except BaseException:
        close_batch(batch, got)
        raise
    return unpack_each(each)


cdef int take_batch(
    object sock, Batch batch, int got, list items, list messages, AddressCache codec
) except -1:
    """Append what was received; neighbours of one sender share its address."""
    cdef msghdr *header
    cdef msghdr *last = NULL
    cdef object data, address = None
    cdef Py_ssize_t length
    cdef int index
    for index in range(got):
        header = &batch.headers[index].msg_hdr
        if batch.data == NULL:
            data = batch.headers[index].msg_len
        else:
            length = min(<Py_ssize_t>batch.headers[index].msg_len, batch.size_bytes)
            if batch.memory is not None:
                length = batch.memory.written(<char *>header.msg_iov.iov_base, length)
            data = PyBytes_FromStringAndSize(<char *>header.msg_iov.iov_base, length)
        if last == NULL or header.msg_namelen != last.msg_namelen or (
            memcmp(header.msg_name, last.msg_name, min(header.msg_namelen, SOCKADDR_BYTES))
        ):
            address = makesockaddr(sock, codec, <char *>header.msg_name, header.msg_namelen)
            last = header
        messages.append((data, [] if items is None else items[index], header.msg_flags, address))
    return 0


cdef class Outgoing:
    """The messages of one sendmmsg, and all that their headers point to."""

    cdef Batch batch
    cdef list kept, addresses

    def __cinit__(self, Py_ssize_t count):
        self.batch = Batch(count)
        self.kept, self.addresses = [], []

    cdef int put(self, Py_ssize_t index, object data, object control, object sockaddr) except -1:
        cdef msghdr *header = &self.batch.headers[index].msg_hdr
        cdef iovec *slot = &self.batch.slots[index]
        cdef Vector vector
        cdef bytes packed
        cdef char *start
        if type(data) is bytes:
            slot.iov_base, slot.iov_len = PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
            header.msg_iov, header.msg_iovlen = slot, 1
            self.kept.append(data)
        else:
            vector = Vector(data if isinstance(data, (list, tuple)) else (data,), PyBUF_SIMPLE)
            header.msg_iov, header.msg_iovlen = vector.slots, vector.count
            self.kept.append(vector)
        header.msg_namelen = whole(sockaddr, &start)
        if header.msg_namelen:
            header.msg_name = start
        if control:
            packed = pack_control(control)
            header.msg_control = PyBytes_AS_STRING(packed)
            header.msg_controllen = PyBytes_GET_SIZE(packed)
            self.kept.append(packed)
        return 0


cdef Outgoing gather(object sock, AddressCache codec, object messages, object unusual):
    """The messages of sendmmsg with their addresses encoded, each audited."""
    cdef list given = list(messages)
    cdef Outgoing outgoing = Outgoing(len(given))
    cdef object data, address, control, last = NOT_GIVEN, sockaddr = b""
    cdef Py_ssize_t index
    for index, message in enumerate(given):
        if type(message) is tuple and len(<tuple>message) == 2:
            data, address, control = (<tuple>message)[0], (<tuple>message)[1], ()
        else:
            data, address, control = unusual(message)
        if address is not last:
            sockaddr = getsockaddrarg(sock, codec, "sendmmsg", "socket.sendmsg", address)
            last = address
            outgoing.kept.append(sockaddr)
            outgoing.addresses.append(address)
        outgoing.put(index, data, control, sockaddr)
    return outgoing


cdef Outgoing outgoing_of(messages):
    cdef list given = list(messages)
    cdef Outgoing outgoing = Outgoing(len(given))
    cdef Py_ssize_t index
    for index, (data, control, sockaddr) in enumerate(given):
        outgoing.kept.append(sockaddr)
        outgoing.put(index, data, control, sockaddr)
    return outgoing


def sendmmsg(descriptor, timeout, messages, int flags):
    """sendmmsg(2): how many messages were sent.

    What a signal's handler raises goes out with that number as its ``messages_sent``.
    """
    return send_messages(descriptor, timeout, outgoing_of(messages), flags)


cdef object send_messages(object descriptor, object timeout, Outgoing outgoing, int flags):
    cdef unsigned int at = 0, total = <unsigned int>outgoing.batch.count
    cdef bint alone = False
    cdef double deadline = deadline_of(timeout)
    cdef Messages given
    cdef ssize_t sent
    cdef int error = 0
    given.flags = flags
    try:
        while at < total:
            given.headers, given.count = outgoing.batch.headers + at, 1 if alone else total - at
            sent = sock_call_ex(descriptor, POLLOUT, deadline, attempt_sendmmsg, &given, NULL, &error)
            if sent >= 0:
                at += <unsigned int>sent
                PyErr_CheckSignals()  # a signal may end the call after some messages
            elif given.count > 1 and (error == EINVAL or error == EOPNOTSUPP):
                alone = True  # see `python`
            elif at:
                break
            else:
                raise failure(error)
    except BaseException as raised:
        object.__setattr__(raised, "messages_sent", at)  # an immutable one must not go lost
        raise
    return at


include "addresses.pxi"
include "calls.pxi"
