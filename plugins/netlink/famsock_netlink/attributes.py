"""Attributes of netlink messages: type, length, value. Source: netlink(7), linux/netlink.h.

Wire layout of one: length with this header (u16), type (u16, in which bit 15 says that the value is
nested attributes, and bit 14 that it is in network order), the value, zeros up to a multiple of 4
bytes. Integers are in the host's order unless a subsystem says otherwise.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import attrs

from famsock.plugin import CType, cstruct, tlv
from famsock_netlink.constants import NLA_F_NESTED, NLA_F_NET_BYTEORDER

__all__ = [
    "Attribute",
    "Attributes",
    "pack",
]

TYPE_MAX = 0x3FFF
LABEL = "AF_NETLINK attribute"
_VALUE_BYTES_MAX = 0xFFFF - 4
_FLAGS = NLA_F_NESTED | NLA_F_NET_BYTEORDER
_HEADER = struct.Struct("=HH")
_TYPE = cstruct.integer("__u16", "H", 0, TYPE_MAX)


@attrs.frozen
class Attribute:
    """An attribute to send: its ``type`` (0-16383) and the bytes of its value (up to 65531).

    ``flags`` are NLA_F_NESTED and NLA_F_NET_BYTEORDER, which go into the type's upper bits.

    The class methods make the values: ``Attribute.u32(IFLA_MTU, 1500)``. Integers out of range
    raise OverflowError, a value that is too long ValueError.
    """

    type: int
    value: bytes = attrs.field(default=b"", converter=cstruct.check_bytes)
    flags: int = 0

    def pack(self) -> bytes:
        """Return the attribute's bytes, padded to a multiple of 4."""
        value = self.value
        if len(value) > _VALUE_BYTES_MAX:
            raise ValueError(
                f"AF_NETLINK attribute {self.type}: value must be at most "
                f"{_VALUE_BYTES_MAX} bytes, not {len(value)}"
            )
        if self.flags & ~_FLAGS:
            raise ValueError(
                f"AF_NETLINK attribute {self.type}: flags must be of NLA_F_NESTED and "
                f"NLA_F_NET_BYTEORDER ({_FLAGS:#x}), not {self.flags:#x}"
            )
        kind = _checked(_TYPE, "attribute type", self.type) | self.flags
        return _HEADER.pack(len(value) + 4, kind) + value + bytes(-len(value) % 4)

    @classmethod
    def u8(cls, type: int, value: int) -> Attribute:
        """Return an unsigned integer of 1 byte, 0-255."""
        return cls(type, _integer(cstruct.U8, type, value))

    @classmethod
    def u16(cls, type: int, value: int) -> Attribute:
        """Return an unsigned integer of 2 bytes, 0-65535."""
        return cls(type, _integer(cstruct.U16, type, value))

    @classmethod
    def u32(cls, type: int, value: int) -> Attribute:
        """Return an unsigned integer of 4 bytes, 0-4294967295."""
        return cls(type, _integer(cstruct.U32, type, value))

    @classmethod
    def u64(cls, type: int, value: int) -> Attribute:
        """Return an unsigned integer of 8 bytes, 0 to 2**64 - 1."""
        return cls(type, _integer(cstruct.U64, type, value))

    @classmethod
    def s32(cls, type: int, value: int) -> Attribute:
        """Return a signed integer of 4 bytes."""
        return cls(type, _integer(cstruct.I32, type, value))

    @classmethod
    def be16(cls, type: int, value: int) -> Attribute:
        """Return an unsigned integer of 2 bytes in network order, 0-65535."""
        return cls(type, _integer(cstruct.BE16, type, value))

    @classmethod
    def be32(cls, type: int, value: int) -> Attribute:
        """Return an unsigned integer of 4 bytes in network order, 0-4294967295."""
        return cls(type, _integer(cstruct.BE32, type, value))

    @classmethod
    def text(cls, type: int, value: str) -> Attribute:
        """Return a string with its terminating NUL; ValueError for one that holds a NUL."""
        if "\0" in value:
            raise ValueError(f"AF_NETLINK attribute {type}: text must not contain a null character")
        return cls(type, value.encode("utf-8", "surrogateescape") + b"\0")

    @classmethod
    def nested(cls, type: int, attributes: Iterable[Attribute]) -> Attribute:
        """Return an attribute of attributes, marked as such (NLA_F_NESTED)."""
        return cls(type, pack(attributes), NLA_F_NESTED)


def to_send(pairs: Iterable[tuple[int, bytes]]) -> tuple[Attribute, ...]:
    """Return received types, with their flags, and values as attributes to send."""
    return tuple(Attribute(kind & TYPE_MAX, value, kind & _FLAGS) for kind, value in pairs)


def pack(attributes: Iterable[Attribute]) -> bytes:
    """Return the bytes of attributes, end to end."""
    return b"".join([attribute.pack() for attribute in attributes])


class Attributes(Mapping[int, bytes]):
    """Received attributes: a mapping of types to values, the last of a type as in the kernel.

    ``pairs`` holds all of them in order. The flags in a type are left out. Reading methods take a
    ``default`` for an attribute that is missing, and raise KeyError without one.
    """

    __slots__ = ("_flags", "_values", "pairs")

    def __init__(self, pairs: Iterable[tuple[int, bytes]] = ()) -> None:
        self.pairs = tuple(pairs)
        self._values = dict(self.pairs)
        self._flags: dict[int, int] = {}  # of those that have any, by their place in `pairs`

    @classmethod
    def unpack(cls, data: bytes | memoryview, offset: int = 0) -> Attributes:
        """Return the attributes in ``data`` from ``offset`` bytes on; ValueError if truncated."""
        found = tlv.split(data, offset, label=LABEL)
        flags = {place: kind & _FLAGS for place, (kind, _) in enumerate(found) if kind & _FLAGS}
        pairs = [(kind & TYPE_MAX, value) for kind, value in found] if flags else found
        made = cls(pairs)
        made._flags = flags
        return made

    def __getitem__(self, type: int) -> bytes:
        return self._values[type]

    def __iter__(self) -> Iterator[int]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Attributes({list(self.pairs)!r})"

    def all(self, type: int) -> tuple[bytes, ...]:
        """Return the values of every attribute of a type, in order."""
        return tuple(value for kind, value in self.pairs if kind == type)

    def others(self, known: Container[int]) -> tuple[Attribute, ...]:
        """Return the attributes of types that are not ``known``, to send: in order, with flags."""
        return tuple(
            Attribute(kind, value, self._flags.get(place, 0))
            for place, (kind, value) in enumerate(self.pairs)
            if kind not in known
        )

    def unsigned(self, type: int, default: int | None = None) -> int:
        """Return an unsigned integer of any size, in host order."""
        return self._integer(type, default, sys.byteorder, False)

    def signed(self, type: int, default: int | None = None) -> int:
        """Return a signed integer of any size, in host order."""
        return self._integer(type, default, sys.byteorder, True)

    def big_endian(self, type: int, default: int | None = None) -> int:
        """Return an unsigned integer of any size, in network order."""
        return self._integer(type, default, "big", False)

    def _integer(self, type: int, default: int | None, order: Any, signed: bool) -> int:
        value = self._values.get(type)
        if value is not None:
            return int.from_bytes(value, order, signed=signed)
        if default is None:
            raise KeyError(type)
        return default

    def text(self, type: int, default: str | None = None) -> str:
        """Return a string up to its first NUL."""
        value = self._values.get(type)
        if value is not None:
            return tlv.text_of(value)
        if default is None:
            raise KeyError(type)
        return default

    def nested(self, type: int) -> Attributes:
        """Return the attributes inside an attribute; none if it is missing."""
        return Attributes.unpack(self._values.get(type, b""))


def _integer(ctype: CType, type: int, value: int) -> bytes:
    checked = _checked(ctype, f"attribute {type}", value)
    return struct.pack("=" + ctype.code, ctype.encode(checked, None) if ctype.encode else checked)


def _checked(ctype: CType, what: str, value: int) -> int:
    try:
        return int(ctype.check(value))
    except (TypeError, OverflowError) as error:
        raise type(error)(f"AF_NETLINK {what} {error}") from None
