"""The conversion of sockaddr layouts to and from the stdlib's form, in Python: for ctypes."""

from __future__ import annotations

import os
import socket
import sys
from struct import Struct
from struct import error as struct_error

from famsock._calls import interfaces
from famsock._calls.layout import INTEGERS, SOCKADDR_BYTES, WIDTHS, SockaddrLayout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Converter:
    """The conversion of a layout in Python."""

    __slots__ = ("_fields", "_layout", "decode_whole", "is_kept", "is_path")

    def __init__(self, layout: SockaddrLayout) -> None:
        self._layout = layout
        self.is_path = layout.is_path
        self._fields = tuple(
            (kind, offset, highest, _struct(kind)) for _, kind, offset, highest in layout.fields
        )
        self.is_kept = not any(kind.startswith("ifname") for kind, *_ in self._fields)
        """Whether a result may be kept: not where the system has a part in it."""
        self.decode_whole = no_members if self.is_path else _compiled_decoder(layout)
        """`decode` for a sockaddr of exactly the layout's size; `struct.error` for another one."""

    def decode(self, sock: Any, sockaddr: bytes) -> Any:
        """Return the stdlib's form of a sockaddr; None where the address class must read it."""
        layout = self._layout
        size = len(sockaddr)
        if not 2 <= size <= SOCKADDR_BYTES or sockaddr[:2] != layout.head:
            return None
        if layout.is_path:
            return _path_of(sockaddr)
        if size < layout.least_bytes:
            return None
        whole = sockaddr.ljust(layout.size_bytes, b"\0")[: layout.size_bytes]
        for kind, offset, *_ in self._fields:
            if kind == "counted8" and size < offset + whole[offset - 1]:
                return None
        return self.decode_whole(sock, whole)

    def encode(self, sock: Any, form: Any) -> bytes | None:
        """Return the sockaddr of the stdlib's form; None where the address class must encode it."""
        layout = self._layout
        if layout.is_path:
            return _path_sockaddr(layout.head, form)
        if type(form) is not tuple or not layout.required <= len(form) <= len(self._fields):
            return None
        made = bytearray(layout.size_bytes)
        made[:2] = layout.head
        for item, (kind, offset, highest, packed) in zip(form, self._fields, strict=False):
            if packed is not None:
                if type(item) is int and item == -1 and kind == "u32" and highest == 0xFFFFFFFF:
                    item = 0xFFFFFFFF
                elif type(item) is not int or not 0 <= item <= highest:
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


def no_members(sock: Any, sockaddr: bytes) -> Any:
    """Raise `struct.error`: the layout of this sockaddr states no size."""
    raise struct_error


def _compiled_decoder(layout: SockaddrLayout) -> Any:
    """Return a function of a socket and a sockaddr of exactly the layout's size.

    It returns the stdlib's form, or None as `Converter.decode`, and raises `struct.error` for
    another size. Python compiles it from source, as it does for named tuples: a loop over the
    fields costs three times as much, and every datagram from a new peer pays for it.
    """
    order = ">" if any(kind.startswith("be") for _, kind, *_ in layout.fields) else "="
    codes, names, values = "H", ["head"], {}
    head = int.from_bytes(layout.head, "big" if order == ">" else sys.byteorder)
    checks, at = [f"head != {head}"], 2
    for place, (_, kind, offset, _) in sorted(
        enumerate(layout.fields), key=lambda numbered: numbered[1][2]
    ):
        name = value = f"_{place}"
        start, code = offset, f"{WIDTHS[kind]}s"
        if kind in INTEGERS and (kind == "u8" or order == "=" or kind.startswith("be")):
            code = INTEGERS[kind]
        elif kind in INTEGERS:
            value = f"from_bytes({name}, {sys.byteorder!r})"
        elif kind == "ipv4":  # inet_ntop costs half as much again
            octets = [f"{name}_{number}" for number in range(4)]
            code, name = "4B", ", ".join(octets)
            value = 'f"' + ".".join(f"{{decimal[{octet}]}}" for octet in octets) + '"'
        elif kind == "ipv6":
            value = f"inet_ntop(AF_INET6, {name})"
        elif kind == "counted8":
            start, code, value = offset - 1, "B8s", f"{name}[:{name}_bytes]"
            names.append(f"{name}_bytes")
            checks.append(f"{name}_bytes > 8")
        else:
            value = f"name_of(sock, {name})"
            checks.append("sock is None")
            if kind == "ifname_known":
                checks.append(f"{name} == {bytes(4)!r}")
        codes += f"{start - at}x{code}"
        at = offset + WIDTHS[kind]
        names.append(name)
        values[place] = value
    members = Struct(f"{order}{codes}{layout.size_bytes - at}x")
    scope = {
        "unpack": members.unpack, "from_bytes": int.from_bytes, "name_of": _interface_name,
        "decimal": [str(number) for number in range(256)], "inet_ntop": socket.inet_ntop,
        "AF_INET6": int(getattr(socket, "AF_INET6", 0)),
    }  # fmt: skip
    exec(
        "def decode(sock, sockaddr):\n"
        f"    {', '.join(names)} = unpack(sockaddr)\n"
        f"    if {' or '.join(checks)}:\n"
        "        return None\n"
        f"    return {', '.join(values[place] for place in sorted(values))},\n",
        scope,
    )
    return scope["decode"]


def _interface_name(sock: Any, packed: bytes) -> str:
    number = int.from_bytes(packed, sys.byteorder)
    return interfaces.interface_name(sock.fileno(), number) if number else ""


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
