"""Addresses of AF_PACKET: an interface, a protocol, a hardware address. Source: packet(7)."""

from __future__ import annotations

from operator import index
from socket import ntohs
from struct import Struct
from typing import Any, Self

import attrs

from famsock.plugin import Address, Lookup, cstruct, sockaddr
from famsock_packet._fields import INTERFACE, SHORT_ADDRESS_BYTES, counted_address, decode_interface
from famsock_packet.constants import AF_PACKET, PACKET_HOST

__all__ = [
    "PacketAddress",
]

_ADDRESS = 12
_SIZE_BYTES = 20
_unpack_head = Struct("=HHiHBB").unpack_from
_NAMES = ("proto", "pkttype", "hatype")

_PROTO = attrs.evolve(cstruct.BE16, text="{:#06x}".format)


@sockaddr(
    "struct sockaddr_ll",
    header="linux/if_packet.h",
    family=AF_PACKET,
    family_name="AF_PACKET",
    size=_SIZE_BYTES,
)
class PacketAddress(Address):
    """An interface and a protocol to receive from, or the source or destination of a frame.

    :param interface: a name of at most 15 bytes, an index, or "" for every interface.
    :param proto: the protocol, 0-65535 in host order (``ETH_P_*``); 0 receives nothing.
    :param pkttype: 0-255, the kind of recipient of a received frame: PACKET_HOST, PACKET_OUTGOING …
    :param hatype: 0-65535, the interface's kind (``ARPHRD_*``).
    :param addr: the hardware address, at most 32 bytes (InfiniBand has 20).

    bind takes the interface and the protocol; SOCK_DGRAM sends to an interface, protocol and
    hardware address, SOCK_RAW to an interface. The stdlib's form is ``(interface, proto[, pkttype[,
    hatype[, addr]]])`` with the interface's name, of one that exists, and at most 8 bytes of
    ``addr``. Text: ``eth0:0x0800:0:1:[02:00:00:00:00:01]``, with ``ifindex/3`` for an index.

    Wire layout: family (u16), proto (u16, network order), index (i32), hatype (u16), pkttype (u8),
    length of addr (u8), addr (8 bytes or more); all but proto in host order.
    Raises OverflowError for an integer out of range, OSError ENODEV for an interface that is not
    there, ValueError for a longer ``addr``, TypeError for anything else.
    Source: packet(7), linux/if_packet.h.
    """

    interface: str | int = cstruct.field(INTERFACE, "sll_ifindex", offset=4, default="")
    proto: int = cstruct.field(_PROTO, "sll_protocol", offset=2, default=0)
    pkttype: int = cstruct.u8("sll_pkttype", offset=10, default=PACKET_HOST)
    hatype: int = cstruct.u16("sll_hatype", offset=8, default=0)
    addr: bytes = cstruct.field(counted_address("B"), "", offset=_ADDRESS - 1, default=b"")

    @classmethod
    def required_fields(cls) -> int:
        """Return 2, for interface and protocol, whatever defaults the typed form has."""
        return 2

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the address of the stdlib's tuple, with an interface index, checked in order."""
        name, numbers, addr = _stdlib_shape(form)
        interface = lookup.interface_index(INTERFACE.check(name))
        if len(addr) > SHORT_ADDRESS_BYTES:
            raise ValueError("Hardware address must be 8 bytes or less")
        proto, pkttype, hatype = numbers
        return cls(interface, proto, pkttype, hatype, addr)

    def to_stdlib(self, lookup: Lookup) -> tuple[str, int, int, int, bytes]:
        """Return the stdlib's tuple with all of ``addr``; "" for a removed interface."""
        interface = self.interface
        if isinstance(interface, int):
            interface = lookup.interface_name(interface)
        return interface, self.proto, self.pkttype, self.hatype, self.addr

    def pack(self, lookup: Any = None) -> bytes:
        """Return the sockaddr's bytes, more than 20 where ``addr`` has more than 8."""
        return super().pack(lookup) + self.addr[SHORT_ADDRESS_BYTES:]

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Self:
        """Return the address of a sockaddr with all of its ``addr``; ValueError if too short.

        Without a ``lookup`` the interface stays an index.
        """
        if len(data) < _ADDRESS:
            raise ValueError(f"AF_PACKET needs 12 bytes of struct sockaddr_ll, not {len(data)}")
        _, proto, number, hatype, pkttype, size = _unpack_head(data)
        if len(data) < (end := _ADDRESS + size):
            raise ValueError(f"AF_PACKET needs {end} bytes of struct sockaddr_ll, not {len(data)}")
        interface = decode_interface(number, lookup)
        return cls.unchecked(interface, ntohs(proto), pkttype, hatype, bytes(data[_ADDRESS:end]))


def _stdlib_shape(form: Any) -> tuple[str, tuple[int, ...], bytes]:
    """Return interface, numbers and hardware address of the stdlib's tuple, as C parses it."""
    if not isinstance(form, tuple):
        raise TypeError(f"AF_PACKET address must be tuple, not {type(form).__name__}")
    if not 2 <= len(form) <= 5 or not isinstance(form[0], str):
        raise TypeError(
            "AF_PACKET address must be a tuple of two to five elements (interface, proto[, "
            f"pkttype[, hatype[, addr]]]), not {form!r}"
        )
    if "\0" in form[0]:
        raise ValueError(f"AF_PACKET interface must not contain a null character: {form[0]!r}")
    given = form[1:4] + (PACKET_HOST, 0)[len(form) - 2 :]
    numbers = tuple(_c_int(name, n) for name, n in zip(_NAMES, given, strict=True))
    addr = form[4] if len(form) == 5 else b""
    try:
        view = memoryview(addr)
    except TypeError:
        raise TypeError(
            f"AF_PACKET addr must be a bytes-like object, not {type(addr).__name__}"
        ) from None
    if not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return form[0], numbers, view.tobytes()


def _c_int(name: str, value: Any) -> int:
    try:
        number = index(value)
    except TypeError:
        raise TypeError(
            f"AF_PACKET {name} must be an integer, not {type(value).__name__}"
        ) from None
    if not -(1 << 31) <= number < 1 << 31:
        raise OverflowError(f"address argument out of range: AF_PACKET {name} {number}")
    return number
