"""Sockaddr layouts as plain data, and their conversion to and from the stdlib's form.

A `SockaddrLayout` says which item of the stdlib's form lies where in the sockaddr. The compiled
layer converts by it (``addresses.pxi``); `Converter` does the same in Python. Both leave what is
unusual (a host's name, another shape, a number out of range) to the family's address class, which
also has the errors. This module imports no attrs, and knows kinds of fields but no family.
"""

from __future__ import annotations

import os
import socket
import sys
from struct import Struct

from famsock._calls import interfaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Field = tuple[str, str, int, int]

SOCKADDR_BYTES = 128
"""The size of struct sockaddr_storage, in bytes: bind(2)."""

INTEGERS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "be16": "H", "be32": "I"}
WIDTHS = {
    "u8": 1, "u16": 2, "u32": 4, "u64": 8, "be16": 2, "be32": 4, "ipv4": 4, "ipv6": 16,
    "ifname": 4, "ifname_given": 4, "ifname_known": 4, "counted8": 8, "path": 108,
}  # fmt: skip
"""The kinds of fields, and their size in bytes.

``be16`` and ``be32`` are in network order, the other integers in host order. ``ipv4`` and ``ipv6``
are addresses as text. ``ifname`` is an interface: its name in the form, its index in the sockaddr,
"" for 0; of ``ifname_given`` the form is never "", of ``ifname_known`` the sockaddr's is never 0.
``counted8`` is up to 8 bytes, whose number stands in the byte in front of them. ``path`` is a
file system path or an abstract name up to the sockaddr's end, and the only field.
"""


def integer_field(name: str, kind: str, offset: int, highest: int | None = None) -> Field:
    """Return a field of an integer kind that holds 0 to ``highest`` (what fits, if left out).

    ``kind`` is "u8", "u16", "u32" or "u64" (host order), or "be16" or "be32" (network order).
    ``offset`` counts bytes from the start of the sockaddr. ValueError for another kind.
    """
    if kind not in INTEGERS:
        raise ValueError(f"field {name!r}: {kind!r} is no kind of integer; use {[*INTEGERS]}")
    return name, kind, offset, (1 << 8 * WIDTHS[kind]) - 1 if highest is None else highest


class SockaddrLayout:
    """The layout of a sockaddr whose stdlib form is its fields in order.

    ``head`` is the two bytes in front of the members. ``size_bytes`` is the sockaddr's length;
    one of at least ``least_bytes`` is read. ``fields`` are (name, kind, offset in bytes, highest
    value), in the order of the stdlib's tuple; ``required`` of them must be given, the others are 0
    if left out. The form of a single ``path`` is no tuple, but the path itself. ValueError for a
    layout that contradicts itself.
    """

    __slots__ = ("fields", "head", "least_bytes", "required", "size_bytes")

    def __init__(
        self,
        head: bytes,
        size_bytes: int,
        fields: tuple[Field, ...],
        required: int | None = None,
        least_bytes: int | None = None,
    ) -> None:
        if len(head) != 2 or not 2 <= size_bytes <= SOCKADDR_BYTES or not 1 <= len(fields) <= 8:
            raise ValueError("a sockaddr has 2 bytes in front, 2-128 bytes and 1-8 fields")
        for name, kind, offset, highest in fields:
            if kind not in WIDTHS:
                raise ValueError(f"field {name!r} is of no kind that there is: {kind!r}")
            first = 3 if kind == "counted8" else 2
            if not first <= offset <= size_bytes - WIDTHS[kind]:
                raise ValueError(f"field {name!r} lies outside of {size_bytes} bytes")
            if kind == "path" and (len(fields) > 1 or offset != 2):
                raise ValueError(f"field {name!r}: a path is the only field, at offset 2")
            if kind in INTEGERS and not 0 <= highest < 1 << 8 * WIDTHS[kind]:
                raise ValueError(f"field {name!r}: no {kind} is as high as {highest}")
        self.head = head
        self.size_bytes = size_bytes
        self.fields = fields
        self.required = len(fields) if required is None else required
        self.least_bytes = size_bytes if least_bytes is None else least_bytes
        if not 1 <= self.required <= len(fields):
            raise ValueError(f"1-{len(fields)} fields are required, not {required}")
        if not 2 <= self.least_bytes <= size_bytes:
            raise ValueError(f"at least 2-{size_bytes} bytes are read, not {least_bytes}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields, in the order of the stdlib's form."""
        return tuple(field[0] for field in self.fields)

    @property
    def is_path(self) -> bool:
        """Whether the stdlib's form is a path."""
        return self.fields[0][1] == "path"


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
    if type(form) is str and form.isascii():
        path = form.encode("ascii")
    elif type(form) is bytes:
        path = form
    else:
        return None
    if path[:1] in (b"", b"\0"):
        return head + path if len(path) <= WIDTHS["path"] else None
    if b"\0" in path or len(path) >= WIDTHS["path"]:
        return None
    return head + path + b"\0"
