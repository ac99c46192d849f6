"""Ancillary data: the control buffer of sendmsg(2) and recvmsg(2), built and taken apart.

Each item is ``struct cmsghdr {size_t cmsg_len; int cmsg_level; int cmsg_type;}`` and its data,
padded to the alignment of the header. Source: cmsg(3), RFC 3542 section 4.2.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable, Sequence
from socket import CMSG_LEN, CMSG_SPACE
from sys import byteorder

from famsock._calls.descriptors import close_descriptors as close_descriptors

Item = tuple[int, int, bytes]

_HEADER_BYTES = CMSG_LEN(0)
_HEADER = struct.Struct("=Qii" if _HEADER_BYTES == 16 else "=Iii")


def pack(items: Iterable[Item]) -> bytes:
    """The control buffer of (level, type, data) items."""
    buffer = bytearray()
    for level, kind, given in items:
        data = given if type(given) is bytes else bytes(memoryview(given))
        start = len(buffer)
        buffer += bytes(CMSG_SPACE(len(data)))
        _HEADER.pack_into(buffer, start, CMSG_LEN(len(data)), level, kind)
        buffer[start + _HEADER_BYTES : start + _HEADER_BYTES + len(data)] = data
    return bytes(buffer)


def unpack(control: bytes) -> list[Item]:
    """The (level, type, data) items of a control buffer.

    An item that is not wholly inside ends the walk with a RuntimeWarning; what there is of its data
    is kept. If the warning is an error, every descriptor in the buffer is closed first.
    """
    try:
        return read(control)
    except BaseException:
        close_received(control)
        raise


def read(control: bytes) -> list[Item]:
    """As `unpack`, but whoever calls it closes the descriptors if the warning is an error."""
    return _walk(control, warn=True)


def unpack_each(controls: Sequence[bytes]) -> list[list[Item]]:
    """`unpack` for the control buffers of many messages: if one fails, all descriptors close."""
    unpacked: list[list[Item]] = []
    try:
        for control in controls:
            unpacked.append(unpack(control))
    except BaseException:
        for items in unpacked:
            close_descriptors(items)
        for control in controls[len(unpacked) + 1 :]:
            close_received(control)
        raise
    return unpacked


def _walk(control: bytes, *, warn: bool) -> list[Item]:
    items: list[Item] = []
    start = 0
    while start + _HEADER_BYTES <= len(control):
        length, level, kind = _HEADER.unpack_from(control, start)
        end = start + length
        whole = length >= _HEADER_BYTES and end <= len(control)
        if length >= _HEADER_BYTES:
            items.append((level, kind, control[start + _HEADER_BYTES : min(end, len(control))]))
        if not whole:
            if warn:
                warnings.warn(
                    "received malformed or improperly-truncated ancillary data",
                    RuntimeWarning,
                    stacklevel=3,
                )
            break
        start += CMSG_SPACE(length - _HEADER_BYTES)
    return items


def joined_bytes(items: Iterable[Item], level: int, kind: int) -> int:
    """The size of each message that the kernel has joined, as an item tells; 0 if none does."""
    size = 0
    for item in items:
        if item[0] == level and item[1] == kind:
            size = int.from_bytes(item[2], byteorder)
    return size


def close_received(control: bytes | memoryview) -> None:
    """Close every descriptor in a control buffer whose message is lost."""
    close_descriptors(_walk(bytes(control), warn=False))
