"""J1939's own numbers: NAME fields, Parameter Group Numbers, 29-bit identifiers, messages.

Sources: linux/can/j1939.h, Documentation/networking/j1939.rst, SAE J1939-21 and J1939-81.
"""

from __future__ import annotations

import enum
import errno
import struct
from operator import index
from typing import TYPE_CHECKING, Any, Self

import attrs

from famsock.plugin import SockExtendedErr, codecs, cstruct
from famsock.plugin import constants as system
from famsock_can import constants as c
from famsock_can.addresses import J1939Address
from famsock_can.pgn import check_pgn as check_pgn
from famsock_can.pgn import clean_pgn as clean_pgn
from famsock_can.pgn import is_pdu1 as is_pdu1
from famsock_can.sockets.arrival import Arrival

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "J1939Id",
    "J1939Message",
    "J1939Name",
    "J1939Progress",
    "ProgressKind",
]

_NAME_BITS = {
    "identity_number": (0, 21),
    "manufacturer_code": (21, 11),
    "ecu_instance": (32, 3),
    "function_instance": (35, 5),
    "function": (40, 8),
    "vehicle_system": (49, 7),
    "vehicle_system_instance": (56, 4),
    "industry_group": (60, 3),
    "arbitrary_address_capable": (63, 1),
}
"""The fields of a NAME: first bit, number of bits. Bit 48 is reserved and 0."""


@attrs.frozen(init=False)
class J1939Name:
    """The 64-bit NAME of a control function; the lower number wins a contended address.

    :param identity_number: 21 bits, given by the manufacturer.
    :param manufacturer_code: 11 bits.
    :param ecu_instance: 3 bits.
    :param function_instance: 5 bits.
    :param function: 8 bits.
    :param vehicle_system: 7 bits.
    :param vehicle_system_instance: 4 bits.
    :param industry_group: 3 bits.
    :param arbitrary_address_capable: whether it can take another address than its own.
    :raises OverflowError: for a field out of range.

    ``int(name)`` is its number, for an address: ``J1939Address("can0", name=int(name))``.
    """

    identity_number: int
    manufacturer_code: int
    ecu_instance: int
    function_instance: int
    function: int
    vehicle_system: int
    vehicle_system_instance: int
    industry_group: int
    arbitrary_address_capable: bool

    def __init__(
        self,
        identity_number: int = 0,
        manufacturer_code: int = 0,
        ecu_instance: int = 0,
        function_instance: int = 0,
        function: int = 0,
        vehicle_system: int = 0,
        vehicle_system_instance: int = 0,
        industry_group: int = 0,
        arbitrary_address_capable: bool = False,
    ) -> None:
        given: dict[str, Any] = {
            "identity_number": identity_number,
            "manufacturer_code": manufacturer_code,
            "ecu_instance": ecu_instance,
            "function_instance": function_instance,
            "function": function,
            "vehicle_system": vehicle_system,
            "vehicle_system_instance": vehicle_system_instance,
            "industry_group": industry_group,
            "arbitrary_address_capable": arbitrary_address_capable,
        }
        for field, (_, bits) in _NAME_BITS.items():
            given[field] = codecs.check_int(f"J1939 NAME {field}", given[field], (1 << bits) - 1)
        given["arbitrary_address_capable"] = bool(arbitrary_address_capable)
        self.__attrs_init__(**given)

    def __index__(self) -> int:
        return sum(int(getattr(self, f)) << at for f, (at, _) in _NAME_BITS.items())

    __int__ = __index__

    @classmethod
    def from_int(cls, name: int) -> Self:
        """Return the NAME with this number, 0 to 2**64-1; the reserved bit is dropped."""
        name = codecs.check_int("J1939 NAME", name, (1 << 64) - 1)
        fields: dict[str, Any] = {
            field: name >> at & (1 << bits) - 1 for field, (at, bits) in _NAME_BITS.items()
        }
        return cls(**fields)

    def pack(self) -> bytes:
        """Return the 8 bytes of an Address Claimed message, little-endian."""
        return index(self).to_bytes(8, "little")

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> Self:
        """Return the NAME in an Address Claimed message; ValueError if ``data`` is not 8 bytes."""
        data = cstruct.check_bytes(data)
        if len(data) != 8:
            raise ValueError(f"a J1939 NAME has 8 bytes, not {len(data)}")
        return cls.from_int(int.from_bytes(data, "little"))


@attrs.frozen(init=False)
class J1939Id:
    """The parts of a J1939 frame's 29-bit CAN identifier.

    :param priority: 0 (highest) to 7.
    :param pgn: 0-0x3ffff, without a destination in it.
    :param source: the sender's address, 0-255.
    :param destination: the receiver's address, 0-255; 255 for all, and always for a PDU2.
    :raises OverflowError: for a field out of range.
    :raises ValueError: for a destination in a PGN that has none, or in the PGN itself.
    """

    priority: int
    pgn: int = attrs.field(repr=hex)
    source: int
    destination: int

    def __init__(
        self, priority: int, pgn: int, source: int, destination: int = c.J1939_NO_ADDR
    ) -> None:
        pgn = check_pgn(pgn)
        if not is_pdu1(pgn) and destination != c.J1939_NO_ADDR:
            raise ValueError(f"J1939 pgn {pgn:#x} is a PDU2: it has no destination {destination}")
        self.__attrs_init__(
            codecs.check_int("J1939 priority", priority, 7),
            pgn,
            codecs.check_int("J1939 source", source, 0xFF),
            codecs.check_int("J1939 destination", destination, 0xFF),
        )

    @property
    def can_id(self) -> int:
        """The identifier, with CAN_EFF_FLAG."""
        low = self.destination if is_pdu1(self.pgn) else 0
        return c.CAN_EFF_FLAG | self.priority << 26 | (self.pgn | low) << 8 | self.source

    @classmethod
    def from_can_id(cls, can_id: int) -> Self:
        """Take a 29-bit identifier apart; CAN_EFF_FLAG may be in it or not."""
        number = can_id & c.CAN_EFF_MASK
        pgn = number >> 8 & c.J1939_PGN_MAX
        pdu1 = is_pdu1(pgn)
        destination = pgn & 0xFF if pdu1 else c.J1939_NO_ADDR
        return cls(number >> 26, clean_pgn(pgn), number & 0xFF, destination)


@attrs.frozen
class J1939Message:
    """A message that a CAN_J1939 socket received.

    :ivar data: its bytes, put together from as many packets as it took. :ivar source: its sender,
        and its PGN. :ivar destination: the address that it was sent to; J1939_NO_ADDR for all.
        :ivar destination_name: the NAME that it was sent to; J1939_NO_NAME if none is known.
        :ivar priority: 0 (highest) to 7. :ivar is_truncated: whether it was longer than the buffer.
        :ivar arrival: its time, interface and sender.
    """

    data: bytes
    source: J1939Address
    destination: int
    destination_name: int = attrs.field(repr=hex)
    priority: int
    is_truncated: bool
    arrival: Arrival

    @property
    def timestamp_ns(self) -> int | None:
        """The time of arrival in ns since the epoch; None unless timestamps were enabled."""
        return self.arrival.timestamp_ns


class ProgressKind(enum.Enum):
    """States of a message under way."""

    SCHEDULED = "scheduled"
    ACKNOWLEDGED = "acknowledged"
    ABORTED = "aborted"
    RECEPTION_STARTED = "reception started"
    RECEPTION_CONTINUES = "reception continues"
    RECEPTION_ABORTED = "reception aborted"


_LOCAL, _STAMP = system.SO_EE_ORIGIN_LOCAL, system.SO_EE_ORIGIN_TIMESTAMPING
_KINDS = {
    (_STAMP, system.SCM_TSTAMP_SCHED): ProgressKind.SCHEDULED,
    (_STAMP, system.SCM_TSTAMP_ACK): ProgressKind.ACKNOWLEDGED,
    (_LOCAL, c.J1939_EE_INFO_TX_ABORT): ProgressKind.ABORTED,
    (_LOCAL, c.J1939_EE_INFO_RX_RTS): ProgressKind.RECEPTION_STARTED,
    (_LOCAL, c.J1939_EE_INFO_RX_DPO): ProgressKind.RECEPTION_CONTINUES,
    (_LOCAL, c.J1939_EE_INFO_RX_ABORT): ProgressKind.RECEPTION_ABORTED,
}
_ATTRIBUTE = struct.Struct("=HH")
_INTEGERS = {1: "=B", 4: "=I", 8: "=Q"}


def _hex_or_none(number: int | None) -> str:
    return "None" if number is None else hex(number)


@attrs.frozen
class J1939Progress:
    """A report of the error queue about a message under way.

    :ivar kind: its state. :ivar error: the errno of its abort; 0 otherwise.
    :ivar key: the number of the message among those that the socket sent, from 0.
    :ivar bytes_acked: bytes that the receiver has acknowledged, of a message sent.
    :ivar total_bytes: the length of a message that is being received.
    :ivar pgn: its PGN.
    :ivar source: its sender's address.
    :ivar destination: its receiver's address.
    :ivar source_name: its sender's NAME.
    :ivar destination_name: its receiver's NAME.

    Fields that the kernel does not give for the kind are None.
    """

    kind: ProgressKind
    error: int
    key: int
    bytes_acked: int | None = None
    total_bytes: int | None = None
    pgn: int | None = attrs.field(default=None, repr=_hex_or_none)
    source_name: int | None = attrs.field(default=None, repr=_hex_or_none)
    destination_name: int | None = attrs.field(default=None, repr=_hex_or_none)
    source: int | None = None
    destination: int | None = None

    @classmethod
    def decode(cls, extended: SockExtendedErr, statistics: bytes) -> Self:
        """Return the report of SCM_J1939_ERRQUEUE and SCM_TIMESTAMPING_OPT_STATS attributes.

        ValueError for a kind that linux/can/j1939.h does not have.
        """
        kind = _KINDS.get((extended.origin, extended.info))
        if kind is None:
            raise ValueError(f"J1939 error queue: unknown report {extended}")
        found = _attributes(statistics)
        return cls(
            kind,
            0 if extended.errno == errno.ENOMSG else extended.errno,
            extended.data,
            found.get(c.J1939_NLA_BYTES_ACKED),
            found.get(c.J1939_NLA_TOTAL_SIZE),
            found.get(c.J1939_NLA_PGN),
            found.get(c.J1939_NLA_SRC_NAME),
            found.get(c.J1939_NLA_DEST_NAME),
            found.get(c.J1939_NLA_SRC_ADDR),
            found.get(c.J1939_NLA_DEST_ADDR),
        )


def _attributes(data: bytes) -> dict[int, int]:
    """Return netlink attributes with integer values: u16 length, u16 type, value, pad to 4."""
    found = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + _ATTRIBUTE.size : at + length]
        if len(value) in _INTEGERS:
            (found[kind],) = struct.unpack(_INTEGERS[len(value)], value)
        at += max(length + 3 & ~3, _ATTRIBUTE.size)
    return found
