"""The raw system calls on ctypes: works wherever ctypes does, with nothing to build.

Every function takes a descriptor's number. One that may block also takes the socket in its place,
and asks for the number before each attempt, as the stdlib does: by the second one a handler or
another thread may have closed the socket, and the number may be somebody else's. Such a function
also takes ``timeout``: seconds, None to block and 0.0 to fail at once, as ``socket.gettimeout``
gives it. A sockaddr is bytes; an empty one means that there is none. Failures raise OSError with
errno, or TimeoutError.
Sources: the man page, section 2, of each function; PEP 475; Modules/socketmodule.c for the order.
"""

from __future__ import annotations

import _socket
import ctypes
import os
import select
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from ctypes import (
    c_char,
    c_int,
    c_short,
    c_size_t,
    c_ssize_t,
    c_ubyte,
    c_uint,
    c_ulong,
    c_void_p,
)
from errno import (
    EAGAIN,
    EINPROGRESS,
    EINTR,
    EINVAL,
    EISCONN,
    ENOSYS,
    EOPNOTSUPP,
    EWOULDBLOCK,
)
from itertools import accumulate, islice, repeat
from math import ceil
from mmap import PAGESIZE, mmap
from operator import index, is_
from socket import MSG_TRUNC, SO_ERROR, SOL_SOCKET, socket
from time import monotonic
from typing import Any

from famsock._calls import TIMED_OUT, ancillary
from famsock._calls.ancillary import pack, unpack
from famsock._calls.descriptors import close_kept, keep, keeping
from famsock._calls.headers import (
    SOCKADDR_BYTES,
    UNSENT,
    Batch,
    Iovec,
    Msghdr,
    addresses_of_bytes,
    exported,
    give_batch,
    place_in,
    put,
    put_same,
    staying,
    take_batch,
    untouched_memory,
)
from famsock._calls.interfaces import interface_index as interface_index
from famsock._calls.interfaces import interface_name as interface_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock._calls.address_cache import AddressCache

pack_control = pack
unpack_control = unpack

_IN = select.POLLIN if hasattr(select, "POLLIN") else 1
_OUT = select.POLLOUT if hasattr(select, "POLLOUT") else 4
_ERR = select.POLLERR if hasattr(select, "POLLERR") else 8
_INT_MAX = (1 << 31) - 1
_POOLED_BYTES = 1 << 16
_SOCK_CLOEXEC = 0o2000000
_MSG_TRUNC = int(MSG_TRUNC)  # the enum's `&` costs more than the call
del MSG_TRUNC
_MSG_WAITFORONE = 0x10000
_LATE = -(1 << 30)  # no errno is as large
_JOINED_CONTROL_BYTES = 1024
_BATCH_MESSAGES = 1024  # UIO_MAXIOV: the kernel takes no more in one call

_libc = ctypes.CDLL(None, use_errno=True)
_errno = ctypes.get_errno
_LINUX = sys.platform.startswith("linux")


def _declare(name: str, *argtypes: Any) -> Any:
    function = getattr(_libc, name)
    function.argtypes = argtypes
    function.restype = c_int
    return function


def _declare_transfer(name: str) -> Any:
    """A function that moves data: without argtypes, whose checks would double the cost of a call.

    Integers then travel as C ints, bytes and ctypes objects as pointers; whoever calls sees to it.
    """
    function = getattr(_libc, name)
    function.restype = c_ssize_t
    return function


_bind = _declare("bind", c_int, c_void_p, c_uint)
_connect = _declare("connect", c_int, c_void_p, c_uint)
_getsockname = _declare("getsockname", c_int, c_void_p, c_void_p)
_getpeername = _declare("getpeername", c_int, c_void_p, c_void_p)
_getsockopt = _declare("getsockopt", c_int, c_int, c_int, c_void_p, c_void_p)
_setsockopt = _declare("setsockopt", c_int, c_int, c_int, c_void_p, c_uint)
_sendto = _declare_transfer("sendto")
_recvfrom = _declare_transfer("recvfrom")
_sendmsg = _declare_transfer("sendmsg")
_recvmsg = _declare_transfer("recvmsg")
# Of bytes, and into the buffers that are used again.
_sendto_plain, _recvfrom_plain, _plain_place_in = _sendto, _recvfrom, place_in
if sys.implementation.name == "pypy":
    from famsock._calls.pypy import place_in as _plain_place_in
    from famsock._calls.pypy import recvfrom as _recvfrom_plain
    from famsock._calls.pypy import sendto as _sendto_plain
_accept4 = _declare("accept4", c_int, c_void_p, c_void_p, c_int) if _LINUX else None
_accept = _declare("accept", c_int, c_void_p, c_void_p)
_poll = _declare("poll", c_void_p, c_ulong, c_int)


class _Pollfd(ctypes.Structure):
    _fields_ = (("fd", c_int), ("events", c_short), ("revents", c_short))


class _Storage:
    """A buffer that the kernel fills; ``pointer`` is what ctypes passes, ``view`` reads it."""

    __slots__ = ("buffer", "pointer", "view")

    def __init__(self, size: int) -> None:
        self.buffer = (c_char * size)()
        self.pointer = ctypes.byref(self.buffer)
        self.view = memoryview(self.buffer).cast("B")


class _Name:
    """A sockaddr buffer with its socklen_t, as calls that return an address want them."""

    __slots__ = ("length", "length_pointer", "pointer", "storage", "view")

    def __init__(self) -> None:
        self.storage = _Storage(SOCKADDR_BYTES)
        self.pointer = self.storage.pointer
        self.view = self.storage.view
        self.length = c_uint(SOCKADDR_BYTES)
        self.length_pointer = ctypes.byref(self.length)

    def reset(self) -> None:
        self.length.value = SOCKADDR_BYTES

    def taken(self) -> bytes:
        return self.view[: self.length.value].tobytes()


Buffers = tuple[mmap, Any, mmap, Any, Any]
_pool: deque[Buffers] = deque()  # which, unlike a list, pops and appends without realloc(3)
take_buffers, give_buffers = _pool.pop, _pool.append
"""Buffers for a small datagram and its sender, used again. Both calls are atomic: a thread for
which none is left gets an IndexError and makes its own."""

LENGTH_AT = SOCKADDR_BYTES + (0 if sys.byteorder == "little" else 3)
"""The offset of the one byte of the name's socklen_t that is not 0."""


def new_buffers(size_bytes: int, place: Callable[..., Any] = place_in) -> Buffers:
    """Buffer and pointer for data; buffer for a name, pointers to its sockaddr and its socklen_t.

    The buffers are mmaps because a slice of one is bytes, and an item an int, at a fraction of the
    cost of ctypes' arrays; private ones, for a child of fork(2) must not write into them.
    """
    data, name = untouched_memory(size_bytes), untouched_memory(PAGESIZE)
    return data, place(data), name, place(name), place(name, SOCKADDR_BYTES)


def _written(memory: mmap, received: int) -> int:
    """Return how many of the bytes that the kernel counts are in `untouched_memory`: all, or none.

    Where mincore(2) does not tell, zeros count as written.
    """
    if not _LINUX:
        return received
    resident = c_ubyte(1)
    start = ctypes.addressof(c_char.from_buffer(memory))
    _libc.mincore(c_void_p(start), c_size_t(1), ctypes.byref(resident))
    return received if resident.value & 1 else 0


Descriptor = int | socket


# As in the stdlib's own C code, a class that overrides this changes nothing for its sockets.
_fileno: Callable[[Any], int] = socket.fileno
_type_of = _socket.socket.type.__get__


def _number(descriptor: Descriptor) -> int:
    return descriptor if type(descriptor) is int else _fileno(descriptor)


def _is_ready(descriptor: Descriptor, events: int, deadline: float | None) -> bool:
    """Wait for the descriptor: False at the deadline (monotonic seconds), None for ever.

    Raises what a signal's handler raises. Not by `select.poll`, which after a handler goes on with
    the number that it was given, though the handler may have closed the socket.
    """
    waited = _Pollfd(events=events)
    while (number := _number(descriptor)) >= 0:
        waited.fd = number
        left_ms = _INT_MAX if deadline is None else ceil((deadline - monotonic()) * 1000)
        ready = _poll(ctypes.byref(waited), 1, min(max(left_ms, 0), _INT_MAX))
        if ready > 0:
            return True
        if ready == 0 and left_ms < _INT_MAX:
            return False
        if ready < 0 and _errno() != EINTR:
            raise _failed()
    return True


def _is_ready_again(descriptor: Descriptor, events: int, deadline: float) -> bool:
    """`_is_ready` for one that was ready and had nothing, as with an error that nobody asked for.

    Such a descriptor stays ready for ever: only the time can end it.
    """
    return monotonic() <= deadline and _is_ready(descriptor, events, deadline)


def _sock_call(
    descriptor: Descriptor,
    events: int,
    deadline: float | None,
    call: Callable[..., int],
    *given: Any,
) -> int:
    """Make one system call, waiting as the stdlib does; return what it returned, or -errno.

    ``call`` is made with the descriptor's number and what is ``given``. With a deadline (monotonic
    seconds) the descriptor is waited for before each attempt; after EINTR, and after EAGAIN with a
    deadline, there is another one (PEP 475). `_LATE` means that the time ran out. Raises only what
    a signal's handler raises, which has run by the time that a failure is looked at.
    """
    if deadline is not None and not _is_ready(descriptor, events, deadline):
        return _LATE
    is_number = type(descriptor) is int
    while (result := call(descriptor if is_number else _fileno(descriptor), *given)) < 0:
        error = _errno()
        if error != EINTR and (deadline is None or error not in (EAGAIN, EWOULDBLOCK)):
            return -error
        if deadline is not None and not _is_ready_again(descriptor, events, deadline):
            return _LATE
    return result


def _after_failure(
    descriptor: Descriptor, events: int, call: Callable[..., int], *given: Any
) -> int:
    """Go on as `_sock_call` does without a deadline, after a first attempt that failed."""
    error = _errno()
    return _sock_call(descriptor, events, None, call, *given) if error == EINTR else -error


def _deadline(timeout: float | None) -> float | None:
    return monotonic() + timeout if timeout else None


def _error_of(result: int) -> OSError:
    return TimeoutError("timed out") if result == _LATE else OSError(-result, os.strerror(-result))


def _failed() -> OSError:
    error = _errno()
    return OSError(error, os.strerror(error))


def _length(data: bytes) -> int:
    if len(data) > _INT_MAX:
        raise OverflowError(f"length must be 0-{_INT_MAX}, not {len(data)}")
    return len(data)


def _c_int(number: Any) -> int:
    """Return a number that fits a C int; OverflowError for one that ctypes would cut."""
    if not -_INT_MAX - 1 <= index(number) <= _INT_MAX:
        raise OverflowError(f"C int must be {-_INT_MAX - 1}-{_INT_MAX}, not {number}")
    return index(number)


def _check_size(size_bytes: int) -> None:
    if size_bytes < 0:
        raise ValueError("negative size")
    if size_bytes > sys.maxsize:
        raise OverflowError("Python int too large to convert to C ssize_t")


def _readable(data: Any) -> tuple[Any, int]:
    """Return what ctypes passes for a contiguous bytes-like object, and its length in bytes."""
    if type(data) is bytes:
        return data, len(data)
    view = memoryview(data)
    if not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    if view.readonly or not view.nbytes:
        raw = bytes(view)
        return raw, len(raw)
    return (c_char * view.nbytes).from_buffer(view), view.nbytes


def _writable(buffer: Any) -> tuple[Any, int]:
    view = memoryview(buffer)
    if view.readonly:
        raise BufferError("Object is not writable.")
    if not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return (c_char * view.nbytes).from_buffer(view) if view.nbytes else b"", view.nbytes


# An object of our own, so that no other code sets how its functions are called.
_cpython = (
    ctypes.PyDLL(None, handle=ctypes.pythonapi._handle)
    if sys.implementation.name == "cpython"
    else None
)


class _Buffer(ctypes.Structure):
    """``Py_buffer`` of the C API."""

    _fields_ = (
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_void_p),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("suboffsets", c_void_p),
        ("internal", c_void_p),
    )


def parse_item(item: Any) -> tuple[int, int, bytes]:
    """The level, type and data of an item of ancillary data, in any form that CPython takes.

    CPython's own parser reads it, so that its errors are those of the running version.
    """
    if _cpython is None:
        level, kind, data = item
        return _c_int(level), _c_int(kind), bytes(memoryview(data))
    numbers, buffer = (c_int * 2)(), _Buffer()
    start = ctypes.addressof(numbers)
    places = c_void_p(start), c_void_p(start + ctypes.sizeof(c_int)), ctypes.byref(buffer)
    form = b"(iiy*):[sendmsg() ancillary data items]"
    _cpython.PyArg_Parse(ctypes.py_object(item), form, *places)
    try:
        return numbers[0], numbers[1], ctypes.string_at(buffer.buf or 0, buffer.len)
    finally:
        _cpython.PyBuffer_Release(ctypes.byref(buffer))


def bind(descriptor: int, sockaddr: bytes) -> None:
    """bind(2)."""
    if _bind(descriptor, sockaddr, _length(sockaddr)) < 0:
        raise _failed()


def closed_like(sock: socket) -> _socket.socket | None:
    """A socket of the stdlib that was never open, with the family, type and protocol of another.

    Its constructor would make an audit event and need a descriptor. None if the interpreter's
    object is not laid out as in socketmodule.h: descriptor, family, type and protocol, four ints.
    """
    if _cpython is None:
        return None
    start = object.__basicsize__
    fields = c_int * 4
    kind = [int(sock.family), int(_type_of(sock)), sock.proto]
    if [*fields.from_address(id(sock) + start)] != [_fileno(sock), *kind]:
        return None
    made = _socket.socket.__new__(_socket.socket)
    if fields.from_address(id(made) + start)[0] != -1:
        return None
    for place, value in enumerate(kind, 1):
        fields.from_address(id(made) + start)[place] = value
    return made


def connect(descriptor: Descriptor, timeout: float | None, sockaddr: bytes) -> int:
    """connect(2): 0, the errno of the failure, or `TIMED_OUT`.

    Never issued twice: after EINTR, or EINPROGRESS with a timeout, it waits and reads SO_ERROR.
    """
    if _connect(_number(descriptor), sockaddr, _length(sockaddr)) >= 0:
        return 0
    error = _errno()
    if not (timeout != 0 if error == EINTR else timeout and error == EINPROGRESS):
        return error
    deadline = None if timeout is None else monotonic() + timeout
    if not _is_ready(descriptor, _OUT | _ERR, deadline):
        return TIMED_OUT
    outcome, size = c_int(), c_uint(ctypes.sizeof(c_int))
    where = ctypes.byref(outcome), ctypes.byref(size)
    if _getsockopt(_number(descriptor), SOL_SOCKET, SO_ERROR, *where) < 0:
        return _errno()
    return 0 if outcome.value == EISCONN else outcome.value


def accept(
    descriptor: Descriptor,
    timeout: float | None,
    ask_address: bool,
    kept: list[int] | None = None,
) -> tuple[int, bytes]:
    """accept4(2) with SOCK_CLOEXEC: the new descriptor and the peer's sockaddr.

    ``ask_address`` False passes no buffer, for protocols that refuse to name the peer. The
    descriptor is appended to ``kept``, whose owner closes it if anything fails from then on.
    """
    name = _Name()
    where = (name.pointer, name.length_pointer) if ask_address else (None, None)
    accepted, close = keeping() if kept is None else (kept, int)
    try:
        result = _sock_call(descriptor, _IN, _deadline(timeout), _accept_once, accepted, *where)
        if result < 0:
            raise _error_of(result)
        return result, name.taken() if ask_address else b""
    except BaseException:
        close()
        raise


def _accept_once(descriptor: int, accepted: list[int], address: Any, length: Any) -> int:
    if _accept4 is not None:
        keep(accepted, _accept4, descriptor, address, length, _SOCK_CLOEXEC)
        if accepted[-1] >= 0:
            return accepted[-1]
        if _errno() != ENOSYS:
            return accepted.pop()
    keep(accepted, _accept, descriptor, address, length)
    if accepted[-1] < 0:
        return accepted.pop()
    os.set_inheritable(accepted[-1], False)
    return accepted[-1]


def getsockname(descriptor: int) -> bytes:
    """getsockname(2)."""
    return _named(_getsockname, descriptor)


def getpeername(descriptor: int) -> bytes:
    """getpeername(2)."""
    return _named(_getpeername, descriptor)


def _named(function: Any, descriptor: int) -> bytes:
    name = _Name()
    if function(descriptor, name.pointer, name.length_pointer) < 0:
        raise _failed()
    return name.taken()


def getsockopt(
    descriptor: int, level: int, option: int, size_bytes: int, request: bytes = b"", unit: int = 1
) -> bytes:
    """getsockopt(2) with a buffer of ``size_bytes``: as many bytes as the kernel filled.

    ``request`` is what the buffer holds at first, for options that read it. ``unit`` is the number
    of bytes that one counts in the option's length.
    """
    _check_size(size_bytes)
    storage = _Storage(max(size_bytes, len(request), 1))
    storage.view[: len(request)] = request
    length = c_uint(size_bytes // unit)
    level, option = _c_int(level), _c_int(option)
    if _getsockopt(descriptor, level, option, storage.pointer, ctypes.byref(length)) < 0:
        raise _failed()
    return storage.view[: length.value * unit].tobytes()


def getsockopt_int(descriptor: Descriptor, level: int, option: int) -> int:
    """getsockopt(2) of an int, of which the kernel may fill in less: its value.

    ValueError if the kernel gives nothing.
    """
    data = getsockopt(_number(descriptor), level, option, 4)
    if not data:
        raise ValueError("needs 4 bytes, not 0")
    return int.from_bytes(data, sys.byteorder, signed=len(data) == 4)


def setsockopt_int(
    descriptor: Descriptor, level: int, option: int, value: Any, is_flag: bool
) -> bool:
    """setsockopt(2) of an int, or of its truth with ``is_flag``: whether it was made.

    It is not for a value that is neither int nor bool, or no C int.
    """
    if type(value) not in (int, bool) or not -_INT_MAX - 1 <= value <= _INT_MAX:
        return False
    number = bool(value) if is_flag else value
    setsockopt(_number(descriptor), level, option, number.to_bytes(4, sys.byteorder, signed=True))
    return True


def setsockopt(descriptor: int, level: int, option: int, value: bytes) -> None:
    """setsockopt(2) with ``value`` as it is; without a value it passes none, not an empty one."""
    level, option = _c_int(level), _c_int(option)
    if _setsockopt(descriptor, level, option, value or None, _length(value)) < 0:
        raise _failed()


def sendto(
    descriptor: Descriptor, timeout: float | None, data: Any, flags: int, sockaddr: bytes
) -> int:
    """sendto(2): the number of bytes sent."""
    name, name_length = sockaddr or None, _length(sockaddr)
    call: Any = _sendto
    size: Any
    if type(data) is bytes and len(data) <= _INT_MAX:
        call, pointer, size = _sendto_plain, data, len(data)
    else:
        pointer, size_bytes = _readable(data)
        size = c_size_t(size_bytes)
    if timeout:
        sent = _sock_call(
            descriptor, _OUT, monotonic() + timeout, call, pointer, size, flags, name, name_length
        )
    else:  # a call by itself costs less than one with a star
        number = descriptor if type(descriptor) is int else _fileno(descriptor)
        sent = call(number, pointer, size, flags, name, name_length)
        if sent < 0:
            given = pointer, size, flags, name, name_length
            sent = _after_failure(descriptor, _OUT, call, *given)
    if sent < 0:
        raise _error_of(sent)
    return sent


def recvfrom(
    descriptor: Descriptor, timeout: float | None, size_bytes: int, flags: int
) -> tuple[bytes, bytes]:
    """recvfrom(2) of at most ``size_bytes``: the data and the sender's sockaddr."""
    if not 0 <= size_bytes <= _POOLED_BYTES or (flags and flags & _MSG_TRUNC):
        return _recvfrom_apart(descriptor, timeout, size_bytes, flags)
    try:
        buffers = take_buffers()
    except IndexError:
        buffers = new_buffers(_POOLED_BYTES, _plain_place_in)
    data, pointer, name, sockaddr, name_length = buffers
    name[LENGTH_AT] = SOCKADDR_BYTES
    if timeout:
        received = _sock_call(
            descriptor, _IN, monotonic() + timeout, _recvfrom_plain,
            pointer, size_bytes, flags, sockaddr, name_length,
        )  # fmt: skip
    else:  # a call by itself costs less than one with a star
        number = descriptor if type(descriptor) is int else _fileno(descriptor)
        received = _recvfrom_plain(number, pointer, size_bytes, flags, sockaddr, name_length)
        if received < 0:
            given = pointer, size_bytes, flags, sockaddr, name_length
            received = _after_failure(descriptor, _IN, _recvfrom_plain, *given)
    if received < 0:
        raise _error_of(received)
    result = data[:received], name[: name[LENGTH_AT]]
    give_buffers(buffers)
    return result


def _recvfrom_apart(
    descriptor: Descriptor, timeout: float | None, size_bytes: int, flags: int
) -> tuple[bytes, bytes]:
    """`recvfrom` into its own buffer: of any size, and with MSG_TRUNC."""
    _check_size(size_bytes)
    data, pointer, name, sockaddr, name_length = new_buffers(size_bytes)
    name[LENGTH_AT] = SOCKADDR_BYTES
    where = pointer, c_size_t(size_bytes), flags, sockaddr, name_length
    received = _sock_call(descriptor, _IN, _deadline(timeout), _recvfrom, *where)
    if received < 0:
        raise _error_of(received)
    if flags & _MSG_TRUNC:  # the result may be the datagram's own length
        received = _written(data, min(received, size_bytes))
    return data[:received], name[: name[LENGTH_AT]]


def recvfrom_into(
    descriptor: Descriptor, timeout: float | None, buffer: Any, size_bytes: int, flags: int
) -> tuple[int, bytes]:
    """recvfrom(2) of at most ``size_bytes`` into a writable buffer: their number, the sockaddr."""
    _check_size(size_bytes)
    target, available = _writable(buffer)
    if size_bytes > available:
        raise ValueError("nbytes is greater than the length of the buffer")
    length = size_bytes if size_bytes <= _INT_MAX else c_size_t(size_bytes)
    name = _Name()
    where = target, length, flags, name.pointer, name.length_pointer
    received = _sock_call(descriptor, _IN, _deadline(timeout), _recvfrom, *where)
    if received < 0:
        raise _error_of(received)
    return received, name.taken()


def sendmsg(
    descriptor: Descriptor,
    timeout: float | None,
    buffers: Sequence[Any],
    control: Iterable[ancillary.Item],
    flags: int,
    sockaddr: bytes,
) -> int:
    """sendmsg(2): the number of bytes sent."""
    pieces = [_readable(buffer) for buffer in buffers]
    packed = ancillary.pack(control)
    header, _kept = _message(pieces, sockaddr, _length(sockaddr), packed, len(packed))
    sent = _sock_call(descriptor, _OUT, _deadline(timeout), _sendmsg, ctypes.byref(header), flags)
    if sent < 0:
        raise _error_of(sent)
    return sent


def recv_joined(
    descriptor: Descriptor,
    timeout: float | None,
    size_bytes: int,
    flags: int,
    level: int,
    kind: int,
) -> tuple[list[bytes], int, bytes]:
    """recvmsg(2) of messages that the kernel has joined: them, msg_flags, the sender's sockaddr.

    Their size, that of the last one apart, is the integer in the control message of ``level`` and
    ``kind``; without it there is one message. ``size_bytes`` is the size of the one buffer for all.
    """
    closing = keeping()
    data, items, message_flags, sockaddr = recvmsg(
        descriptor, timeout, size_bytes, _JOINED_CONTROL_BYTES, _c_int(flags)
    )
    try:
        joined = ancillary.joined_bytes(items, level, kind)
        close_kept(items, *closing)
    except BaseException:
        close_kept(items, *closing)
        raise
    each = joined or len(data) or 1
    messages = [data[at : at + each] for at in range(0, len(data) or 1, each)]
    return messages, message_flags, sockaddr


Received = tuple[int, list[ancillary.Item], int, bytes]


def recvmsg(
    descriptor: Descriptor, timeout: float | None, size_bytes: int, control_bytes: int, flags: int
) -> tuple[bytes, list[ancillary.Item], int, bytes]:
    """recvmsg(2): the data, the ancillary items, msg_flags, the sender's sockaddr."""
    _check_size(size_bytes)
    data = _memory_for(size_bytes, flags)
    received, items, message_flags, sockaddr = recvmsg_into(
        descriptor, timeout, [memoryview(data)[:size_bytes]], control_bytes, flags
    )
    try:
        return _taken(data, size_bytes, received, flags), items, message_flags, sockaddr
    except BaseException:
        ancillary.close_descriptors(items)
        raise


def _memory_for(size_bytes: int, flags: int) -> bytearray | mmap:
    if flags & _MSG_TRUNC:
        return untouched_memory(size_bytes)
    if size_bytes > sys.maxsize - PAGESIZE:  # for which PyPy's bytearray is empty
        raise MemoryError(f"no memory for {size_bytes} bytes")
    return bytearray(size_bytes)


def _taken(data: bytearray | mmap, size_bytes: int, received: int, flags: int) -> bytes:
    """Return the bytes that were received into `_memory_for`."""
    received = min(received, size_bytes)
    if isinstance(data, mmap):
        return data[: _written(data, received)]
    return bytes(memoryview(data)[:received])


def recvmsg_into(
    descriptor: Descriptor,
    timeout: float | None,
    buffers: Sequence[Any],
    control_bytes: int,
    flags: int,
) -> Received:
    """recvmsg(2) scattered over ``buffers``: the number of bytes, and the rest as `recvmsg`."""
    _check_size(control_bytes)
    pieces = [_writable(buffer) for buffer in buffers]
    name = _Storage(SOCKADDR_BYTES)
    control = _Storage(max(control_bytes, 1))
    header, _kept = _message(
        pieces, name.buffer, SOCKADDR_BYTES, control.buffer, control_bytes,
    )  # fmt: skip
    try:
        received = _sock_call(
            descriptor, _IN, _deadline(timeout), _recvmsg, ctypes.byref(header), flags
        )
        if received < 0:
            raise _error_of(received)
        items = ancillary.read(control.view[: header.control_length].tobytes())
        sockaddr = name.view[: min(header.name_length, SOCKADDR_BYTES)].tobytes()
        return received, items, header.flags, sockaddr
    except BaseException:  # without a message there are only zeros
        ancillary.close_received(control.view[: header.control_length])
        raise


def _message(
    pieces: Sequence[tuple[Any, int]],
    name: Any,
    name_length: int,
    control: Any,
    control_length: int,
) -> tuple[Msghdr, Any]:
    """A msghdr over all of these, and what must stay alive as long as it."""
    vector = (Iovec * len(pieces))()
    pieces = [(staying(pointer), length) for pointer, length in pieces]
    name, control = staying(name), staying(control)
    for slot, (pointer, length) in zip(vector, pieces, strict=True):
        slot.base = _pointer(pointer)
        slot.length = length
    header = Msghdr(
        name=_pointer(name) if name_length else None,
        name_length=name_length,
        iov=ctypes.addressof(vector),
        iov_length=len(pieces),
        control=_pointer(control) if control_length else None,
        control_length=control_length,
    )
    return header, (vector, pieces, name, control)


def _pointer(data: Any) -> int | None:
    if isinstance(data, bytes):
        return ctypes.cast(ctypes.c_char_p(data), c_void_p).value
    return ctypes.addressof(data)


def recvmmsg(
    descriptor: Descriptor,
    timeout: float | None,
    count: int,
    size_bytes: int,
    control_bytes: int,
    flags: int,
    codec: AddressCache | None = None,
) -> list[tuple[bytes, list[ancillary.Item], int, Any]]:
    """recvmmsg(2): what `recvmsg` gives, for each message that was there, at most ``count``.

    It waits only for the first one, as long as ``timeout`` says, and not at all with a ``count`` of
    0; the kernel's own timeout, which ends no wait, is not used. With a ``codec`` there are
    addresses in the place of the sockaddrs.
    """
    _check_size(min(count, size_bytes, control_bytes))
    count = min(count, _BATCH_MESSAGES)
    if count * size_bytes > sys.maxsize:
        raise MemoryError
    if flags & _MSG_TRUNC:
        memory = [untouched_memory(size_bytes) for _ in range(count)]
        views = [memoryview(each)[:size_bytes] for each in memory]
        batch = _batch_into(views)[0]

        def written(lengths: list[int]) -> list[bytes]:
            return [
                each[: _written(each, min(length, size_bytes))]
                for each, length in zip(memory, lengths, strict=False)
            ]

        return _receive_batch(
            descriptor, timeout, batch, count, control_bytes, flags, codec, written
        )
    batch = take_batch(count, size_bytes)
    return _receive_batch(
        descriptor, timeout, batch, count, control_bytes, flags, codec, batch.data_of
    )


def recvmmsg_into(
    descriptor: Descriptor,
    timeout: float | None,
    buffers: Sequence[Any],
    control_bytes: int,
    flags: int,
    codec: AddressCache | None = None,
) -> list[tuple[int, list[ancillary.Item], int, Any]]:
    """recvmmsg(2), each message into its own buffer: what `recvmsg_into` gives for each."""
    _check_size(control_bytes)
    batch, _kept = _batch_into(buffers)
    count = min(len(buffers), _BATCH_MESSAGES)
    return _receive_batch(descriptor, timeout, batch, count, control_bytes, flags, codec, list)


def _batch_into(buffers: Sequence[Any]) -> tuple[Batch, Any]:
    """Return headers to receive into buffers, and what must stay alive as long as they."""
    kept = exported(buffers) or _exported_each(buffers)
    _, bases, sizes = kept
    batch = take_batch(min(len(sizes), _BATCH_MESSAGES), 0)
    put(batch.bases, islice(bases, _BATCH_MESSAGES))
    if sizes:
        _put_sizes(batch, sizes[:_BATCH_MESSAGES])
    return batch, kept


def _exported_each(buffers: Sequence[Any]) -> tuple[list[Any], Iterable[int], list[int]]:
    """Do as `exported`, with the errors of buffers that are none, and for empty ones too."""
    kept, sizes = [], []
    for buffer in buffers:
        piece, size = _writable(buffer)
        kept.append(piece)
        sizes.append(size)
    return kept, [_pointer(piece) or 0 for piece in kept], sizes


def _receive_batch(
    descriptor: Descriptor,
    timeout: float | None,
    batch: Batch,
    count: int,
    control_bytes: int,
    flags: int,
    codec: AddressCache | None,
    data_of: Callable[[list[int]], list[Any]],
) -> list[Any]:
    """Receive into the headers of a batch, which is given back; of each message what came.

    ``data_of`` makes the data of each message from the lengths. The buffer for control messages is
    not kept with the batch: what a failure leaves in it must be closed, and nobody else's.
    """
    receive = _batched("recvmmsg")
    control = bytearray(count * control_bytes)
    starts = range(0, len(control), control_bytes or 1)
    if control:
        start = ctypes.addressof(c_char.from_buffer(control))
        put(batch.controls, range(start, start + len(control), control_bytes))
        put_same(batch.control_lengths, control_bytes, count)
    given = batch.pointer(), count, flags | _MSG_WAITFORONE, None
    deadline = _deadline(timeout) if count else None  # with none wanted there is no wait
    try:
        received = _sock_call(descriptor, _IN, deadline, receive, *given)
        if received < 0:
            raise _error_of(received)
        if not received:
            return []
        data = data_of(batch.lengths[:received].tolist())
        message_flags = batch.flags[:received].tolist()
        addresses: list[Any] = batch.sockaddrs(received)
        control_lengths = batch.control_lengths[:received].tolist() if control else []
        give_batch(batch)
        if codec is not None:
            addresses = _addresses(descriptor, codec, addresses)
        if control:
            ends = map(int.__add__, starts, control_lengths)
            controls = [bytes(control[at:end]) for at, end in zip(starts, ends, strict=False)]
            items = [ancillary.read(each) if each else [] for each in controls]
        else:
            items = [[] for _ in data]
        return [*zip(data, items, message_flags, addresses, strict=True)]
    except BaseException:  # without a message there are only zeros
        for at in starts:
            ancillary.close_received(bytes(control[at : at + control_bytes]))
        raise


def _addresses(sock: Any, codec: AddressCache, sockaddrs: list[bytes]) -> list[Any]:
    """Return the addresses of sockaddrs; neighbours of one sender share its address."""
    last = sockaddrs[0]
    address = codec.decode(sock, last)
    if sockaddrs.count(last) == len(sockaddrs):
        return [address] * len(sockaddrs)
    addresses = []
    for sockaddr in sockaddrs:
        if sockaddr != last:
            last, address = sockaddr, codec.decode(sock, sockaddr)
        addresses.append(address)
    return addresses


def sendmmsg(
    descriptor: Descriptor,
    timeout: float | None,
    messages: Iterable[tuple[Any, Iterable[ancillary.Item], bytes]],
    flags: int,
) -> int:
    """sendmmsg(2): how many messages of (data, control, sockaddr) were sent.

    Data is a buffer, or a list or tuple of several. Any number of messages. A failure counts only
    if nothing was sent before it; the kernel repeats it when what is left is sent. What a signal's
    handler raises goes out with the number of messages sent as its ``messages_sent``. Where a
    protocol refuses batches each message is sent by itself.
    """
    given = list(messages)
    count = len(given)
    send = _batched("sendmmsg")
    batch = take_batch(count, None)
    _kept = _fill(batch, given)
    done, alone = 0, False
    deadline = _deadline(timeout)
    try:
        while done < count:
            together = 1 if alone else count - done
            rest = batch.pointer(done)
            sent = _sock_call(descriptor, _OUT, deadline, send, rest, together, flags)
            if sent >= 0:
                done += sent
            elif together > 1 and sent in (-EINVAL, -EOPNOTSUPP):
                # The kernel marks all but the last message of a batch (MSG_BATCH), and some
                # protocols refuse any mark that they do not know.
                alone = True
            elif done:
                break
            else:
                raise _error_of(sent)
    except BaseException as failure:
        # A handler may run before the call's result has a name; the kernel's own marks tell.
        sent = sum(length != UNSENT for length in batch.lengths[:count].tolist())
        object.__setattr__(failure, "messages_sent", sent)  # an immutable one must not go lost
        raise
    give_batch(batch)
    return done


def _fill(batch: Batch, given: list[tuple[Any, Iterable[ancillary.Item], bytes]]) -> Any:
    """Let headers point to messages to be sent; return what must stay alive as long as they."""
    if not given:
        return None
    datas, controls, sockaddrs = zip(*given, strict=True)
    kept: list[Any] = [datas, sockaddrs]
    if {*map(type, datas)} == {bytes}:
        put(batch.bases, addresses_of_bytes(datas, kept))
        _put_sizes(batch, [*map(len, datas)])
    else:
        kept.append(_gather(batch, datas))
    if all(map(is_, sockaddrs, repeat(sockaddrs[0]))):
        sockaddrs = sockaddrs[:1]  # as of most batches: one number fills each column
    if {*map(type, sockaddrs)} != {bytes}:
        sockaddrs = tuple([bytes(memoryview(sockaddr)) for sockaddr in sockaddrs])
        kept.append(sockaddrs)
    if len(sockaddrs) == 1:
        (sockaddr,) = sockaddrs
        if sockaddr:
            (address,) = addresses_of_bytes(sockaddrs, kept)
            put_same(batch.names, address, len(given))
            put_same(batch.name_lengths, _length(sockaddr), len(given))
    elif any(sockaddrs):
        put(batch.names, addresses_of_bytes(sockaddrs, kept))
        put(batch.name_lengths, map(_length, sockaddrs))
    if any(controls) or not {*map(type, controls)} <= {tuple, list}:
        packed = [ancillary.pack(control) for control in controls]
        kept.append(packed)
        put(batch.controls, addresses_of_bytes(packed, kept))
        put(batch.control_lengths, map(len, packed))
    return kept


def _put_sizes(batch: Batch, sizes: list[int]) -> None:
    """Write the sizes of the data, in bytes: fast where all are the same."""
    if sizes.count(sizes[0]) == len(sizes):
        put_same(batch.sizes, sizes[0], len(sizes))
    else:
        put(batch.sizes, sizes)


def _gather(batch: Batch, datas: Sequence[Any]) -> Any:
    """Let headers point to data of any kind; return what must stay alive as long as they."""
    pieces: list[tuple[Any, int]] = []
    counts = []
    for data in datas:
        before = len(pieces)
        given = map(_readable, data if isinstance(data, (list, tuple)) else (data,))
        pieces += [(staying(pointer), length) for pointer, length in given]
        counts.append(len(pieces) - before)
    iovecs = (Iovec * len(pieces))()
    for iovec, (pointer, length) in zip(iovecs, pieces, strict=True):
        iovec.base = _pointer(pointer)
        iovec.length = length
    start, each = ctypes.addressof(iovecs), ctypes.sizeof(Iovec)
    put(batch.iovs, accumulate(counts[:-1], lambda at, more: at + more * each, initial=start))
    put(batch.iov_lengths, counts)
    return iovecs, pieces


def _batched(name: str) -> Any:
    """recvmmsg or sendmmsg of the C library; OSError (ENOSYS) where it has none."""
    try:
        return getattr(_libc, name)
    except AttributeError:
        raise OSError(ENOSYS, os.strerror(ENOSYS), name) from None
