"""Checks of arguments, with CPython's errors, and the signatures of methods."""

from __future__ import annotations

from operator import index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

RECVFROM_INTO = "recvfrom_into() argument 1 must be read-write bytes-like object, not {}"
_ITEMS = "[sendmsg() ancillary data items]()"  # as the stdlib words it
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
    """Return a memoryview of a bytes-like object; TypeError for any other."""
    try:
        return memoryview(data)
    except TypeError:
        kind = type(data).__name__
        raise TypeError(f"a bytes-like object is required, not {kind!r}") from None


def writable(buffer: Any, refusal: str) -> memoryview:
    """Return a view of the bytes of a writable buffer; TypeError in the words of ``refusal``."""
    try:
        found = memoryview(buffer)
    except (TypeError, ValueError, BufferError):  # a released one is no buffer either
        found = memoryview(b"")
    if found.readonly or not found.c_contiguous:
        raise TypeError(refusal.format(type(buffer).__name__))
    return found.cast("B")


def iterable(value: Any, message: str) -> Sequence[Any]:
    """Return what an iterable gives; TypeError with ``message`` for what is none."""
    try:
        return tuple(value)
    except TypeError:
        raise TypeError(message) from None


def views(buffers: Any, message: str) -> list[Any]:
    """Return views of the buffers that sendmsg is given; bytes stay as they are."""
    pieces = iterable(buffers, message)
    return [piece if type(piece) is bytes else view(piece) for piece in pieces]


def writables(buffers: Any) -> list[memoryview]:
    """Return views of the buffers that recvmsg_into is given."""
    refusal = "recvmsg_into() argument 1 must be an iterable of single-segment read-write buffers"
    given = iterable(buffers, "recvmsg_into() argument 1 must be an iterable")
    return [writable(buffer, refusal) for buffer in given]


def items(ancdata: Any) -> list[tuple[int, int, bytes]]:
    """Return the ancillary items that sendmsg is given, with data as bytes."""
    made = []
    for item in iterable(ancdata, "sendmsg() argument 2 must be an iterable"):
        if not hasattr(type(item), "__getitem__") or isinstance(item, (bytes, dict)):
            given = "None" if item is None else type(item).__name__
            raise TypeError(f"{_ITEMS} argument must be 3-item sequence, not {given}")
        if len(item) != 3:
            raise TypeError(f"{_ITEMS} argument must be sequence of length 3, not {len(item)}")
        level, kind, data = item
        level, kind = c_int(level), c_int(kind)
        made.append((level, kind, data if type(data) is bytes else bytes(view(data))))
    return made
