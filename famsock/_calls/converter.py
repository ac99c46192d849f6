"""The conversion of sockaddr layouts to and from the stdlib's form, in Python: for ctypes."""

from __future__ import annotations

import os
import socket
import sys
from struct import Struct

from famsock._calls import interfaces
from famsock._calls.layout import INTEGERS, SOCKADDR_BYTES, WIDTHS, SockaddrLayout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Converter:
    """The conversion of a layout in Python."""

    __slots__ = ("_fields", "_layout", "is_kept", "is_path")

    def __init__(self, layout: SockaddrLayout) -> None:
        self._layout = layout
        self.is_path = layout.is_path
        self._fields = tuple(
            (kind, offset, highest, _struct(kind)) for _, kind, offset, highest in layout.fields
        )
        self.is_kept = not any(kind.startswith("ifname") for kind, *_ in self._fields)
        """Whether a result may be kept: not where the system has a part in it."""

    def decode(self, sock: Any, sockaddr: bytes) -> Any:
        """The stdlib's form of a sockaddr; None where the address class must read it."""
        layout = self._layout
        size = len(sockaddr)
        if not 2 <= size <= SOCKADDR_BYTES or sockaddr[:2] != layout.head:
            return None
        if layout.is_path:
            return _path_of(sockaddr)
        if size < layout.least_bytes:
            return None
        if size < layout.size_bytes:
            sockaddr = sockaddr.ljust(layout.size_bytes, b"\0")
        items = []
        for kind, offset, _, packed in self._fields:
            if packed is not None:
                items.append(packed.unpack_from(sockaddr, offset)[0])
            elif kind == "ipv4":
                items.append(socket.inet_ntop(socket.AF_INET, sockaddr[offset : offset + 4]))
            elif kind == "ipv6":
                items.append(socket.inet_ntop(socket.AF_INET6, sockaddr[offset : offset + 16]))
            elif kind == "counted8":
                count = sockaddr[offset - 1]
                if count > 8 or offset + count > size:
                    return None
                items.append(sockaddr[offset : offset + count])
            else:
                number = int.from_bytes(sockaddr[offset : offset + 4], sys.byteorder)
                if sock is None or (not number and kind == "ifname_known"):
                    return None
                items.append(interfaces.interface_name(sock.fileno(), number) if number else "")
        return tuple(items)

    def encode(self, sock: Any, form: Any) -> bytes | None:
        """The sockaddr of the stdlib's form; None where the address class must encode it."""
        layout = self._layout
        if layout.is_path:
            return _path_sockaddr(layout.head, form)
        if type(form) is not tuple or not layout.required <= len(form) <= len(self._fields):
            return None
        made = bytearray(layout.size_bytes)
        made[:2] = layout.head
        for item, (kind, offset, highest, packed) in zip(form, self._fields, strict=False):
            if packed is not None:
                if type(item) is not int or not 0 <= item <= highest:
                    return None
                packed.pack_into(made, offset, item)
            elif kind == "counted8":
                if type(item) is not bytes or len(item) > 8:
                    return None
                made[offset - 1] = len(item)
                made[offset : offset + len(item)] = item
            elif type(item) is not str or not item.isascii() or "\0" in item:
                return None
            elif kind in ("ipv4", "ipv6"):
                version = socket.AF_INET if kind == "ipv4" else socket.AF_INET6
                try:
                    made[offset : offset + WIDTHS[kind]] = socket.inet_pton(version, item)
                except OSError:
                    return None
            elif item and sock is None:
                return None
            elif item:
                try:
                    number = interfaces.interface_index(sock.fileno(), item)
                except OSError:
                    return None
                made[offset : offset + 4] = number.to_bytes(4, sys.byteorder)
            elif kind == "ifname_given":
                return None
        return bytes(made)


def _struct(kind: str) -> Struct | None:
    if kind not in INTEGERS:
        return None
    return Struct((">" if kind.startswith("be") else "=") + INTEGERS[kind])


def _path_of(sockaddr: bytes) -> str | bytes:
    path = sockaddr[2:]
    return path if path[:1] == b"\0" else os.fsdecode(path.partition(b"\0")[0])


def _path_sockaddr(head: bytes, form: Any) -> bytes | None:
    if type(form) is str:
        try:
            path = os.fsencode(form)
        except UnicodeEncodeError:
            return None
    elif type(form) is bytes:
        path = form
    else:
        return None
    if path[:1] in (b"", b"\0"):
        return head + path if len(path) <= WIDTHS["path"] else None
    if b"\0" in path or len(path) >= WIDTHS["path"]:
        return None
    return head + path + b"\0"
