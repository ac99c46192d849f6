"""The headers of messages as ctypes passes them: of one message, and of many, which are used again.

Sources: recvmsg(2), recvmmsg(2), readv(2).
"""

from __future__ import annotations

import ctypes
import sys
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from ctypes import addressof, c_char, c_int, c_size_t, c_uint, c_void_p
from mmap import MAP_PRIVATE, PAGESIZE, mmap
from struct import calcsize
from typing import Any

_LINUX = sys.platform.startswith("linux")


class Iovec(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = (("base", c_void_p), ("length", c_size_t))


class Msghdr(ctypes.Structure):
    """``struct msghdr``."""

    _fields_ = (
        ("name", c_void_p),
        ("name_length", c_uint),
        ("iov", c_void_p),
        ("iov_length", c_size_t if _LINUX else c_int),
        ("control", c_void_p),
        ("control_length", c_size_t if _LINUX else c_uint),
        ("flags", c_int),
    )


class Mmsghdr(ctypes.Structure):
    """``struct mmsghdr``."""

    _fields_ = (("header", Msghdr), ("length", c_uint))


SOCKADDR_BYTES = 128  # struct sockaddr_storage
UNSENT = 0xFFFFFFFF
"""The length of a message that is not sent yet, which no message has."""

_HEADER_BYTES = ctypes.sizeof(Mmsghdr)
_IOVEC_BYTES = ctypes.sizeof(Iovec)
_WORD = next(code for code in "LQ" if calcsize(code) == ctypes.sizeof(c_size_t))
_LEAST_MESSAGES = 64
_SPARE_BYTES = 1 << 22
_SPARE_SHAPES = 4
_SPARE_OF_A_SHAPE = 4  # for so many threads and handlers at once


def untouched_memory(size_bytes: int) -> mmap:
    """Zeroed pages that tell whether the kernel wrote to them: to receive with MSG_TRUNC.

    With it TCP returns the number of bytes that it dropped and writes none, tcp(7); others write
    what fits. No field of the result tells the two apart.
    """
    if size_bytes > sys.maxsize - PAGESIZE:  # which PyPy rounds up to nothing
        raise MemoryError(f"no memory for {size_bytes} bytes")
    try:
        return mmap(-1, max(size_bytes, 1), MAP_PRIVATE)
    except OSError as error:
        raise MemoryError(f"no memory for {size_bytes} bytes") from error


def place_in(buffer: Any, offset: int = 0) -> Any:
    """Return a place in a writable buffer, as ctypes passes it; the buffer stays where it is."""
    return ctypes.byref(c_char.from_buffer(buffer, offset))


_pointed_to = c_char.from_buffer


_MOVES_BYTES = sys.implementation.name != "cpython"
"""Whether the interpreter may move an object: ctypes gives the place of a copy, which is lost."""


def staying(data: Any) -> Any:
    """Return data at a place that lasts as long as what is returned: of bytes a copy, at need."""
    if _MOVES_BYTES and isinstance(data, bytes):
        return (c_char * len(data)).from_buffer_copy(data)
    return data


def _address_of_bytes(data: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(data), c_void_p).value or 0


_INSIDE_BYTES = getattr(bytes, "__basicsize__", 0) - 1
_is_inside = not _MOVES_BYTES and all(
    _address_of_bytes(sample) == id(sample) + _INSIDE_BYTES
    for sample in (b"some data", bytes(1000))
)  # as in CPython's bytesobject.h


def addresses_of_bytes(given: Iterable[bytes], kept: list[Any]) -> Iterable[int]:
    """Return where the data of bytes objects lie, which must be exactly of that class.

    What must stay alive besides them is appended to ``kept``.
    """
    if _is_inside:
        return map(_INSIDE_BYTES.__add__, map(id, given))
    if not _MOVES_BYTES:
        return map(_address_of_bytes, given)
    copies = [*map(staying, given)]
    kept.append(copies)
    return map(addressof, copies)


def exported(buffers: Sequence[Any]) -> tuple[list[Any], Iterable[int], list[int]] | None:
    """Return what keeps writable buffers in their places, their addresses and sizes in bytes.

    None where one has no bytes, cannot be written or is not contiguous.
    """
    kinds = {*map(type, buffers)}
    viewed: Any = memoryview
    try:
        if kinds == {bytearray}:
            kept = [*map(_pointed_to, buffers)]
            return kept, map(addressof, kept), [*map(len, buffers)]
        views = buffers if kinds == {memoryview} else [*map(viewed, buffers)]
        if any(view.readonly for view in views):  # which PyPy's ctypes takes
            return None
        kept = [*map(_pointed_to, views)]
    except (TypeError, ValueError):
        return None
    return kept, map(addressof, kept), [view.nbytes for view in views]


assert Mmsghdr.header.offset == 0


class Batch:
    """Headers of messages with their iovecs, sockaddrs and, to receive, a buffer for their data.

    A field of all headers is a column: a strided view. To read or write one at once costs less
    than the same field of a single ctypes structure. `reset` makes a batch as new, whatever was
    left in it, except the buffer for data, of which the kernel tells how much it wrote.
    """

    __slots__ = (
        "_area",
        "_data_at",
        "_fresh",
        "_names_at",
        "_start",
        "bases",
        "control_lengths",
        "controls",
        "flags",
        "iov_lengths",
        "iovs",
        "lengths",
        "name_lengths",
        "names",
        "shape",
        "size_bytes",
        "sizes",
    )

    def __init__(self, count: int, size_bytes: int | None) -> None:
        """Make headers for ``count`` messages: to send them if ``size_bytes`` is None."""
        self.shape = count, size_bytes
        self.size_bytes = size_bytes or 0
        iovecs_at = count * _HEADER_BYTES
        self._names_at = names_at = iovecs_at + count * _IOVEC_BYTES
        names_bytes = 0 if size_bytes is None else count * SOCKADDR_BYTES
        self._data_at = data_at = names_at + names_bytes
        self._area = area = untouched_memory(data_at + count * self.size_bytes)
        self._start = _pointed_to(area)
        start = addressof(self._start)
        view = memoryview(area)
        headers, iovecs = view[:iovecs_at], view[iovecs_at:names_at]
        self.names = _column(headers, Mmsghdr, Msghdr.name)
        self.name_lengths = _column(headers, Mmsghdr, Msghdr.name_length)
        self.iovs = _column(headers, Mmsghdr, Msghdr.iov)
        self.iov_lengths = _column(headers, Mmsghdr, Msghdr.iov_length)
        self.controls = _column(headers, Mmsghdr, Msghdr.control)
        self.control_lengths = _column(headers, Mmsghdr, Msghdr.control_length)
        self.flags = _column(headers, Mmsghdr, Msghdr.flags)
        self.lengths = _column(headers, Mmsghdr, Mmsghdr.length)
        self.bases = _column(iovecs, Iovec, Iovec.base)
        self.sizes = _column(iovecs, Iovec, Iovec.length)
        put(self.iovs, range(start + iovecs_at, start + names_at, _IOVEC_BYTES))
        put_same(self.iov_lengths, 1, count)
        if size_bytes is None:
            put_same(self.lengths, UNSENT, count)
        else:
            put(self.names, range(start + names_at, start + data_at, SOCKADDR_BYTES))
            put_same(self.name_lengths, SOCKADDR_BYTES, count)
        if size_bytes:
            put(self.bases, [start + data_at + n * size_bytes for n in range(count)])
            put_same(self.sizes, size_bytes, count)
        self._fresh = area[:data_at]

    def reset(self) -> None:
        """Make the headers as new, and the space for sockaddrs zeros."""
        self._area[: len(self._fresh)] = self._fresh

    def pointer(self, number: int = 0) -> Any:
        """Return the place of a header, as ctypes passes it."""
        return ctypes.byref(self._start, number * _HEADER_BYTES)

    def data_of(self, lengths: Sequence[int]) -> list[bytes]:
        """Return the data of the first messages, of these lengths."""
        area, each, at = self._area, self.size_bytes, self._data_at
        if not each:
            return [b""] * len(lengths)
        if max(lengths) > each:
            lengths = [min(length, each) for length in lengths]
        starts = range(at, at + len(lengths) * each, each)
        return [area[start : start + length] for start, length in zip(starts, lengths, strict=True)]

    def sockaddrs(self, count: int) -> list[bytes]:
        """Return the sockaddrs of the first messages: one object for all if all are the same."""
        at = self._names_at
        block = self._area[at : at + count * SOCKADDR_BYTES]
        lengths = self.name_lengths[:count].tolist()
        first = lengths[0]
        if lengths.count(first) == count and block == block[:SOCKADDR_BYTES] * count:
            return [block[: min(first, SOCKADDR_BYTES)]] * count
        return [
            block[start : start + min(length, SOCKADDR_BYTES)]
            for start, length in zip(range(0, len(block), SOCKADDR_BYTES), lengths, strict=True)
        ]

    @property
    def kept_bytes(self) -> int:
        """The memory that a batch takes."""
        return len(self._area) + len(self._fresh)


def _column(block: memoryview, structure: type[ctypes.Structure], field: Any) -> memoryview:
    """Return a field of all the structures in a block, the field of a header inside included."""
    code: Any = "I" if field.size == calcsize("I") else _WORD
    return block.cast(code)[field.offset // field.size :: ctypes.sizeof(structure) // field.size]


def put(column: memoryview, numbers: Iterable[int]) -> None:
    """Write a field of the first headers, as many as there are numbers."""
    written = array(column.format, [*numbers])  # an array grows slowly with an iterator
    column[: len(written)] = written


def put_same(column: memoryview, number: int, count: int) -> None:
    """Write one number into a field of the first headers."""
    column[:count] = array(column.format, [number]) * count


_spare: dict[tuple[int, int | None], deque[Batch]] = {}


def take_batch(count: int, size_bytes: int | None) -> Batch:
    """Return a batch for at least ``count`` messages, which nobody else uses: an old one if any."""
    if not size_bytes:  # so that batches of any size share few shapes
        count = max(_LEAST_MESSAGES, 1 << (count - 1).bit_length())
    shape = count, size_bytes
    try:
        batch = _spare[shape].pop()
    except (KeyError, IndexError):
        return Batch(*shape)
    batch.reset()
    return batch


def give_batch(batch: Batch) -> None:
    """Keep a batch for later, if there is not enough of its shape or it is not too large."""
    if batch.kept_bytes > _SPARE_BYTES:
        return
    spare = _spare.get(batch.shape)
    if spare is None:
        if len(_spare) >= _SPARE_SHAPES:
            _spare.clear()
        spare = _spare.setdefault(batch.shape, deque(maxlen=_SPARE_OF_A_SHAPE))
    spare.append(batch)
