"""Addresses of AF_IEEE802154: an interface of a PAN, by its short or its extended address.

Both share one sockaddr, whose ``addr_type`` tells them apart; here each is its own class, and
`Ieee802154Address` is their base. Source: net/af_ieee802154.h, which is the kernel's own header.
"""

from __future__ import annotations

import sys
from typing import Any, Self

import attrs

from famsock.plugin import Address, Lookup, cstruct, family_head, sockaddr, text
from famsock_ieee802154.constants import (
    AF_IEEE802154,
    IEEE802154_ADDR_BROADCAST,
    IEEE802154_ADDR_LEN,
    IEEE802154_ADDR_LONG,
    IEEE802154_ADDR_SHORT,
)

_SIZE = 20
_TYPE = slice(4, 8)
_SHAPE = "AF_IEEE802154 address must be a tuple (pan_id, short_addr or hwaddr)"

_HEX16 = attrs.evolve(cstruct.U16, text="0x{:04x}".format)


def _eui64(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


_EUI64 = attrs.evolve(
    cstruct.octets(IEEE802154_ADDR_LEN), text=lambda value: value.hex(":"), parse=_eui64
)


def _head(addr_type: int) -> bytes:
    return family_head(AF_IEEE802154, _SIZE) + bytes(2) + addr_type.to_bytes(4, sys.byteorder)


class Ieee802154Address(Address):
    """An address of AF_IEEE802154: a `ShortAddress` or an `ExtendedAddress`.

    `from_stdlib`, `unpack` and `parse` give the class that the address is of; called on one of
    these, they take no other. CPython has no form for this family; here the stdlib form is
    ``(pan_id, short_addr)`` with an integer, or ``(pan_id, hwaddr)`` with 8 bytes. A sender that
    its frame does not name comes as a `famsock.RawAddress`.
    """

    __slots__ = ()
    family = AF_IEEE802154
    family_name = label = "AF_IEEE802154"
    pan_id: int

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """The address of ``(pan_id, short_addr)`` or ``(pan_id, hwaddr)``.

        TypeError for another shape or type, OverflowError for an integer out of range, ValueError
        for bytes that are not 8.
        """
        if not isinstance(form, tuple):
            raise TypeError(f"{_SHAPE}, not {type(form).__name__}")
        if len(form) != 2:
            raise TypeError(f"{_SHAPE} of 2 items, not {len(form)}")
        extended = isinstance(form[1], bytes | bytearray | memoryview)
        made: type[Self] | None = _class_of(cls, extended=extended)
        if made is None:
            raise TypeError(f"{_SHAPE}: {form!r} is no {cls.__name__}")
        return made(**dict(zip(made.stdlib_fields, form, strict=True)))

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Self:
        """The address of a ``struct sockaddr_ieee802154``.

        ValueError if ``data`` is shorter than 20 bytes or of another address type.
        """
        addr_type = int.from_bytes(bytes(data[_TYPE]), sys.byteorder)
        known = addr_type in (IEEE802154_ADDR_SHORT, IEEE802154_ADDR_LONG)
        made: type[Self] | None = _class_of(cls, extended=addr_type == IEEE802154_ADDR_LONG)
        if made is None or not known:
            raise ValueError(f"AF_IEEE802154 addr_type {addr_type} is no {cls.__name__}")
        return super(Ieee802154Address, made).unpack(data, lookup)

    @classmethod
    def parse(cls, text_form: str) -> Self:
        """The address that ``text_form`` writes, as ``str`` gives it.

        ValueError if the text does not have the form.
        """
        made: type[Self] | None = _class_of(cls, extended="[" in text_form)
        if made is None:
            raise ValueError(f"AF_IEEE802154 address {text_form!r} is no {cls.__name__}")
        return made(**text.split_fields(made, text_form))


def _class_of(cls: type[Any], *, extended: bool) -> type[Any] | None:
    """The class of short or extended addresses; None where ``cls`` is the other one."""
    made = ExtendedAddress if extended else ShortAddress
    return made if issubclass(made, cls) else None


@sockaddr(
    "struct sockaddr_ieee802154",
    header="net/af_ieee802154.h",
    family=AF_IEEE802154,
    family_name="AF_IEEE802154",
    size=_SIZE,
    head=_head(IEEE802154_ADDR_SHORT),
)
class ShortAddress(Ieee802154Address):
    """A short address, which the PAN's coordinator has given.

    ``pan_id`` is 0-65535, 65535 for every PAN. ``short_addr`` is 0-65535: 65535 for every station,
    65534 if there is none. Text: ``0xbeef:0x0001``.

    Wire layout: u16 family, 2 zero bytes, i32 address type 2, u16 PAN id, u16 short address, 8 zero
    bytes, all in host order. Raises OverflowError for an integer out of range. Source:
    net/af_ieee802154.h.
    """

    pan_id: int = cstruct.field(_HEX16, "addr.pan_id", offset=8)
    short_addr: int = cstruct.field(_HEX16, "addr.short_addr", offset=10)

    @property
    def is_broadcast(self) -> bool:
        """Whether the address is that of every station."""
        return self.short_addr == IEEE802154_ADDR_BROADCAST


@sockaddr(
    "struct sockaddr_ieee802154",
    header="net/af_ieee802154.h",
    family=AF_IEEE802154,
    family_name="AF_IEEE802154",
    size=_SIZE,
    head=_head(IEEE802154_ADDR_LONG),
)
class ExtendedAddress(Ieee802154Address):
    """An extended address (EUI-64), which the hardware has.

    ``pan_id`` is 0-65535, 65535 for every PAN. ``hwaddr`` is 8 bytes, in the order that they are
    written in. Text: ``0xbeef:[02:00:00:00:00:00:00:01]``.

    Wire layout: u16 family, 2 zero bytes, i32 address type 3, u16 PAN id in host order, 8 bytes, 2
    zero bytes. Raises OverflowError for an integer out of range, ValueError for bytes that are not
    8. Source: net/af_ieee802154.h.
    """

    pan_id: int = cstruct.field(_HEX16, "addr.pan_id", offset=8)
    hwaddr: bytes = cstruct.field(_EUI64, "addr.hwaddr", offset=10)
