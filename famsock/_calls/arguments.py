"""Checks of arguments, with CPython's errors, and the signatures of methods.

Each version of Python words these errors in its own way. So what is refused here is given to the
stdlib's own method, on a socket that is closed, and its exception is the one that is raised.
"""

from __future__ import annotations

import _socket
import sys
from operator import index

from famsock import _calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_RECVFROM_INTO = "recvfrom_into() argument 1 must be read-write bytes-like object, not {}"
_INT_MAX = (1 << 31) - 1


class Signature:
    """A method's signature, which `inspect.signature` gets without inspect being imported before.

    inspect takes a function's ``__signature__`` for what it is: an `inspect.Signature`, or, from
    Python 3.14 on, something that is called for one. This stands in for both until it is used.
    """

    __slots__ = ("_parameters",)

    def __init__(self, parameters: str) -> None:
        self._parameters = parameters

    def __call__(self) -> Any:
        """Return the `inspect.Signature`."""
        import inspect

        return inspect.signature(eval(f"lambda {self._parameters}: None"))

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        import inspect

        return inspect.Signature

    def __getattr__(self, name: str) -> Any:
        return getattr(self(), name)

    def __eq__(self, other: object) -> bool:
        return bool(self() == other)

    def __hash__(self) -> int:
        return hash(self())

    def __str__(self) -> str:
        return str(self())

    __repr__ = __str__


def refused(ours: Exception, sock: Any, method: Any, *given: Any) -> Exception:
    """Return the exception of the stdlib's method for arguments; ``ours`` if it takes them.

    The method's checks come before any audit event and any use of the descriptor.
    """
    closed = _calls.closed_like(sock) if _calls.HERE and sock is not None else None
    if closed is None:
        closed = _socket.socket.__new__(_socket.socket)
    try:
        method(closed, *given)
    except OSError as theirs:
        return ours if theirs.errno is not None else theirs
    except Exception as theirs:
        return theirs
    return ours


def converted(
    convert: Callable[[Any], Any], value: Any, sock: Any, method: Any, *given: Any
) -> Any:
    """Return an argument of a stdlib's method, converted; or raise what the method raises."""
    try:
        return convert(value)
    except Exception as error:
        ours = error
    raise refused(ours, sock, method, *given) from None


def recvfrom(sock: Any, bufsize: Any, flags: Any) -> tuple[int, int]:
    """Return the arguments of recvfrom."""
    try:
        size, c_flags = c_ssize(bufsize), c_int(flags)
        if size < 0:
            raise ValueError("negative buffersize in recvfrom")
        return size, c_flags
    except Exception as error:
        ours = error
    raise refused(ours, sock, _socket.socket.recvfrom, bufsize, flags) from None


def recvfrom_into(sock: Any, buffer: Any, nbytes: Any, flags: Any) -> tuple[Any, int, int]:
    """Return a view of the buffer, the number of bytes (0 for all) and the flags."""
    try:
        found = writable(buffer, _RECVFROM_INTO)
        size, c_flags = c_ssize(nbytes), c_int(flags)
        if size < 0:
            raise ValueError("negative buffersize in recvfrom_into")
        if size > found.nbytes:
            raise ValueError("nbytes is greater than the length of the buffer")
        return found, size, c_flags
    except Exception as error:
        ours = error
    raise refused(ours, sock, _socket.socket.recvfrom_into, buffer, nbytes, flags) from None


def recvmsg(sock: Any, bufsize: Any, ancbufsize: Any, flags: Any) -> tuple[int, int, int]:
    """Return the arguments of recvmsg."""
    try:
        size, c_flags = c_ssize(bufsize), c_int(flags)
        if size < 0:
            raise ValueError("negative buffer size in recvmsg()")
        return size, control_bytes(ancbufsize), c_flags
    except Exception as error:
        ours = error
    raise refused(ours, sock, _socket.socket.recvmsg, bufsize, ancbufsize, flags) from None


def recvmsg_into(sock: Any, buffers: Any, ancbufsize: Any, flags: Any) -> tuple[Any, int, int]:
    """Return views of the buffers, the size of the control buffer and the flags."""
    try:
        size, c_flags = c_ssize(ancbufsize), c_int(flags)
        buffers = iterable(buffers, "recvmsg_into() argument 1 must be an iterable")
        return writables(buffers), control_bytes(size), c_flags
    except Exception as error:
        ours = error
    raise refused(ours, sock, _socket.socket.recvmsg_into, buffers, ancbufsize, flags) from None


def c_ssize(value: Any) -> int:
    """Return an integer that fits a C ssize_t; TypeError or OverflowError if it does not."""
    number = index(value)
    if not -sys.maxsize - 1 <= number <= sys.maxsize:
        raise OverflowError("Python int too large to convert to C ssize_t")
    return number


def c_int(value: Any) -> int:
    """Return an integer that fits a C int; TypeError or OverflowError if it does not."""
    number = index(value)
    if not -_INT_MAX - 1 <= number <= _INT_MAX:
        extreme = "greater than maximum" if number > 0 else "less than minimum"
        raise OverflowError(f"signed integer is {extreme}")
    return number


def control_bytes(size: Any) -> int:
    """Return the size of a buffer for ancillary data; ValueError if there is no such size."""
    if not 0 <= (number := index(size)) <= _INT_MAX:
        raise ValueError("invalid ancillary data buffer length")
    return number


def batch_sizes(count: Any, bufsize_bytes: Any) -> tuple[int, int]:
    """Return the arguments of recvmmsg; ValueError for a count below 1 or a negative size."""
    if index(count) < 1:
        raise ValueError(f"recvmmsg(): count must be at least 1, not {count}")
    if index(bufsize_bytes) < 0:
        raise ValueError("negative buffer size in recvmmsg()")
    return index(count), index(bufsize_bytes)


_BATCH_BUFFERS = "recvmmsg_into() argument 1 must be an iterable of read-write buffers, not {}"


def batch_buffers(buffers: Any) -> list[memoryview]:
    """Return the buffers of recvmmsg_into; TypeError or ValueError if they are none."""
    return [writable(buffer, _BATCH_BUFFERS) for buffer in unchecked_buffers(buffers)]


def unchecked_buffers(buffers: Any) -> Sequence[Any]:
    """Return what shall be the buffers of recvmmsg_into; TypeError or ValueError for no iterable.

    Each of them is left to the raw call, and to `batch_buffers` if that raises.
    """
    given = iterable(buffers, _BATCH_BUFFERS.format(type(buffers).__name__))
    if not given:
        raise ValueError("recvmmsg_into(): there must be at least 1 buffer")
    return given


def view(data: Any) -> memoryview:
    """Return a memoryview of a bytes-like object; TypeError for any other.

    BufferError for one that does not lie in one piece, as for the stdlib.
    """
    try:
        found = memoryview(data)
    except TypeError as error:
        raise TypeError(str(error).removeprefix("memoryview: ")) from None
    if not found.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return found


def writable(buffer: Any, refusal: str) -> memoryview:
    """Return a view of the bytes of a writable buffer; TypeError in the words of ``refusal``."""
    try:
        found = memoryview(buffer)
    except (TypeError, ValueError, BufferError):  # a released one is no buffer either
        found = memoryview(b"")
    if found.readonly or not found.c_contiguous:
        raise TypeError(refusal.format(type(buffer).__name__))
    return found.cast("B")


class _NoIterable:
    def __iter__(self) -> Any:
        raise ZeroDivisionError


def iterable(value: Any, message: str) -> Sequence[Any]:
    """Return what an iterable gives; TypeError with ``message`` for what is none."""
    kind = type(value)
    if kind is list or kind is tuple:
        return value  # type: ignore[no-any-return]
    try:
        found = iter(value)
    except TypeError:
        raise TypeError(message) from None
    except Exception as error:
        ours = error
    else:
        return tuple(found)
    # From 3.14 on CPython words any error of __iter__ so. recvmsg_into makes no audit event.
    asked = refused(ours, None, _socket.socket.recvmsg_into, _NoIterable())
    raise TypeError(message) if isinstance(asked, TypeError) else ours


def views(buffers: Any, message: str) -> list[Any]:
    """Return views of the buffers that sendmsg is given; bytes stay as they are."""
    pieces = iterable(buffers, message)
    return [piece if type(piece) is bytes else view(piece) for piece in pieces]


def writables(buffers: Any) -> list[memoryview]:
    """Return views of the buffers that recvmsg_into is given."""
    refusal = "recvmsg_into() argument 1 must be an iterable of single-segment read-write buffers"
    return [writable(buffer, refusal) for buffer in buffers]


def items(ancdata: Any) -> list[tuple[int, int, bytes]]:
    """Return the ancillary items that sendmsg is given, with data as bytes."""
    given = iterable(ancdata, "sendmsg() argument 2 must be an iterable")
    return [item if _is_plain(item) else _calls.parse_item(item) for item in given]


def _is_plain(item: Any) -> bool:
    if type(item) is not tuple or [type(part) for part in item] != [int, int, bytes]:
        return False
    return all(-_INT_MAX - 1 <= number <= _INT_MAX for number in item[:2])
