"""Addresses of AF_CAN: one ``struct sockaddr_can`` of 24 bytes, read in three ways.

====== ======= ============================ =========
offset type    member                       protocols
====== ======= ============================ =========
0      u16     can_family                   all
4      i32     can_ifindex, 0 = every       all
8      u32     can_addr.tp.rx_id            ISO-TP
12     u32     can_addr.tp.tx_id            ISO-TP
8      u64     can_addr.j1939.name          J1939
16     u32     can_addr.j1939.pgn           J1939
20     u8      can_addr.j1939.addr          J1939
====== ======= ============================ =========

All in host order. The kernel gives RAW's and BCM's addresses 8 bytes long, ISO-TP's 16.
Sources: linux/can.h, Documentation/networking/can.rst, the CPython documentation of the tuples.
"""

from __future__ import annotations

import errno
import os
from typing import Any, ClassVar, Self

import attrs

from famsock.plugin import Address, Lookup, codecs, cstruct, sockaddr
from famsock_can.constants import (
    AF_CAN,
    CAN_EFF_FLAG,
    J1939_NO_ADDR,
    J1939_NO_NAME,
    J1939_NO_PGN,
)

__all__ = [
    "CanAddress",
    "IsotpAddress",
    "J1939Address",
]

_SIZE_BYTES = 24
_IFNAMSIZ = 16
_INDEX_TEXT = "ifindex/"
_NORMAL_FIXED = CAN_EFF_FLAG | 0x18DA << 16


def _check_interface(value: object) -> str | int:
    if (
        type(value) is str
        and value.isascii()
        and len(value) < _IFNAMSIZ
        and "/" not in value
        and "\0" not in value
    ):
        return value
    if isinstance(value, int):
        return _INDEX.check(value)  # type: ignore[no-any-return]
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"must be an interface's name or index, not {type(value).__name__}")
    name = os.fsdecode(value)
    if "\0" in name:
        raise ValueError("must not contain a null character")
    if len(os.fsencode(name)) >= _IFNAMSIZ:
        raise OSError(f"AF_CAN interface name too long: at most 15 bytes, not {name!r}")
    if "/" in name:
        raise OSError(errno.ENODEV, f"AF_CAN interface name cannot have a slash: {name!r}")
    return name


def _encode_interface(interface: str | int, lookup: Lookup | None) -> int:
    if isinstance(interface, int):
        return interface
    if not interface:
        return 0
    try:
        return (lookup or Lookup("pack")).interface_index(interface)
    except OSError as error:
        if error.errno == errno.ENODEV:
            error.add_note(
                f"AF_CAN: there is no interface {interface!r}; to make a virtual one: modprobe "
                f"vcan && ip link add {interface} type vcan && ip link set {interface} up"
            )
        raise


def _decode_interface(index: int, lookup: Lookup | None) -> str | int:
    return (lookup or Lookup("unpack")).interface_name(index) or index if index else ""


def _interface_text(interface: str | int) -> str:
    return f"{_INDEX_TEXT}{interface}" if isinstance(interface, int) else interface


def _parse_interface(text: str) -> str | int:
    return int(text.removeprefix(_INDEX_TEXT)) if text.startswith(_INDEX_TEXT) else text


_INDEX = cstruct.integer("int", "i", 0, 0x7FFFFFFF)
INTERFACE = cstruct.CType(
    c="int",
    code="i",
    check=_check_interface,
    encode=_encode_interface,
    decode=_decode_interface,
    text=_interface_text,
    parse=_parse_interface,
)
"""An interface: its name, its index (``ifindex/3`` in text), or "" for every CAN interface.

A received interface is a name, or an index if the interface no longer exists.
"""

CAN_ID = cstruct.integer("canid_t", "I", 0, 0xFFFFFFFF, text="{:#x}".format)
PGN = cstruct.integer("pgn_t", "I", 0, J1939_NO_PGN, text="{:#x}".format)
NAME = cstruct.integer("name_t", "Q", 0, 0xFFFFFFFFFFFFFFFF, text="{:#x}".format)


def hex_repr(struct: Any) -> str:
    """Return a struct's repr, with identifiers, PGNs, NAMEs and masks in hex as in its text."""
    types = {member.attribute: member.type for member in struct.layout.members}
    shown = []
    for field in attrs.fields(type(struct)):
        value, ctype = getattr(struct, field.name), types[field.name]
        shown.append(f"{field.name}={ctype.text(value) if ctype.low is not None else repr(value)}")
    return f"{type(struct).__name__}({', '.join(shown)})"


class _CanAddress(Address):
    """The common part of the layouts: an interface first, and sockaddrs that may be short."""

    __slots__ = ()
    shortest_bytes: ClassVar[int]

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Self:
        """Return the address of a sockaddr; ValueError if it is below ``shortest_bytes``."""
        if cls.shortest_bytes <= len(data) < _SIZE_BYTES:
            data = bytes(data).ljust(_SIZE_BYTES, b"\0")
        return super().unpack(data, lookup)

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the address of the stdlib's tuple, in which an interface has no index."""
        if isinstance(form, tuple) and form and isinstance(form[0], int):
            raise TypeError(f"AF_CAN interface must be a name in a tuple, not {form[0]!r}")
        return super().from_stdlib(form, lookup)

    @classmethod
    def required_fields(cls) -> int:
        """Return the number of all fields: the stdlib's tuples are never shorter."""
        return len(cls.stdlib_fields)

    def to_stdlib(self, lookup: Lookup) -> tuple[Any, ...]:
        """Return the stdlib's tuple with the interface's name, or "" if it no longer exists."""
        interface, *rest = super().to_stdlib(lookup)
        if isinstance(interface, int):
            interface = lookup.interface_name(interface) if interface else ""
        return (interface, *rest)


@sockaddr("struct sockaddr_can", header="linux/can.h", family=AF_CAN, family_name="AF_CAN", size=24)
class CanAddress(_CanAddress):
    """CAN_RAW and CAN_BCM: an interface.

    :param interface: a name of at most 15 bytes, an index, or "" for every CAN interface.
    """

    interface: str | int = cstruct.field(INTERFACE, "can_ifindex", offset=4, default="")
    shortest_bytes = 8


@sockaddr("struct sockaddr_can", header="linux/can.h", family=AF_CAN, family_name="AF_CAN", size=24)
class IsotpAddress(_CanAddress):
    """CAN_ISOTP: an interface and the CAN identifiers of both directions.

    :param interface: a name of at most 15 bytes or an index.
    :param rx_id: the identifier to receive on, 0-0x7ff, or CAN_EFF_FLAG | 0-0x1fffffff. The kernel
        checks other 32-bit values: it ignores rx_id if only functional (broadcast) transmission is
        switched on.
    :param tx_id: the identifier to send with, in the same range.

    In received addresses the kernel leaves both identifiers 0.
    """

    interface: str | int = cstruct.field(INTERFACE, "can_ifindex", offset=4)
    rx_id: int = cstruct.field(CAN_ID, "can_addr.tp.rx_id", offset=8)
    tx_id: int = cstruct.field(CAN_ID, "can_addr.tp.tx_id", offset=12)
    shortest_bytes = 16
    __repr__ = hex_repr

    @classmethod
    def normal_fixed(cls, interface: str | int, source: int, target: int) -> Self:
        """Return the address of ISO 15765-2's normal fixed addressing, of 29-bit identifiers.

        :param source: this end's address, 0-255: 0xf1 is an external tester's.
        :param target: the other end's address, 0-255.
        :raises OverflowError: for an address out of range.

        The other end's address is the same with ``source`` and ``target`` swapped.
        """
        source = codecs.check_int("ISO-TP source", source, 0xFF, 0, hex)
        target = codecs.check_int("ISO-TP target", target, 0xFF, 0, hex)
        rx_id = _NORMAL_FIXED | source << 8 | target
        return cls(interface, rx_id, _NORMAL_FIXED | target << 8 | source)


@sockaddr("struct sockaddr_can", header="linux/can.h", family=AF_CAN, family_name="AF_CAN", size=24)
class J1939Address(_CanAddress):
    """CAN_J1939: an interface, a NAME or an address, and a Parameter Group Number.

    :param interface: a name of at most 15 bytes or an index.
    :param name: the 64-bit NAME of the control function, J1939_NO_NAME (0) for static addresses.
    :param pgn: 0-0x3ffff, or J1939_NO_PGN (0x40000).
    :param addr: the source or destination address, 0-253; J1939_IDLE_ADDR (254) or J1939_NO_ADDR
        (255: none, and broadcast as a destination).
    """

    interface: str | int = cstruct.field(INTERFACE, "can_ifindex", offset=4, default="")
    name: int = cstruct.field(NAME, "can_addr.j1939.name", offset=8, default=J1939_NO_NAME)
    pgn: int = cstruct.field(PGN, "can_addr.j1939.pgn", offset=16, default=J1939_NO_PGN)
    addr: int = cstruct.u8("can_addr.j1939.addr", offset=20, default=J1939_NO_ADDR)
    shortest_bytes = 24
    __repr__ = hex_repr

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Self:
        """Return the address of a sockaddr of 24 bytes; ValueError if it is shorter.

        The kernel leaves the interface out of a message in several packets. It can only be the
        interface that the socket is bound to.
        """
        if lookup is not None and not any(data[4:8]):
            own = lookup.local_sockaddr()
            if own[:2] == data[:2]:
                data = own[:8] + bytes(data[8:])
        return super().unpack(data, lookup)
