"""HCI packets that a raw HCI socket sends and receives, as objects.

Each is a packet type byte, a header, a payload. All integers are little-endian. Reading one checks
only its length. Sources: Core Specification vol 4 part E 5.4, net/bluetooth/hci.h, and hci_mon.h
for the monitor channel.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, ClassVar

import attrs

from famsock.plugin import cstruct
from famsock_bluetooth import constants as c
from famsock_bluetooth._fields import check_int

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "AclData",
    "CommandComplete",
    "CommandStatus",
    "HciCommand",
    "HciData",
    "HciEvent",
    "HciPacket",
    "IsoData",
    "MonitorMessage",
    "OtherPacket",
    "ScoData",
    "opcode",
    "unpack",
]

_COMMAND = struct.Struct("<BHB")
_EVENT = struct.Struct("<BBB")
_ACL = struct.Struct("<BHH")
_SCO = struct.Struct("<BHB")
_COMMAND_COMPLETE = struct.Struct("<BH")
_COMMAND_STATUS = struct.Struct("<BBH")
_MONITOR = struct.Struct("<HHH")

_HANDLE_MASK = 0x0FFF
_FLAGS_SHIFT = 12


def opcode(ogf: int, ocf: int) -> int:
    """Return a command's opcode from its group (``ogf`` 0-63) and command (``ocf`` 0-1023)."""
    return check_int("ogf", ogf, 0x3F) << 10 | check_int("ocf", ocf, 0x3FF)


@attrs.frozen
class HciCommand:
    """A command: ``opcode`` (0-65535) and up to 255 bytes of parameters."""

    type: ClassVar[int] = c.HCI_COMMAND_PKT
    opcode: int
    parameters: bytes = attrs.field(default=b"", converter=cstruct.check_bytes)

    def pack(self) -> bytes:
        """Return u8 type, le16 opcode, u8 length, parameters. OverflowError if one does not fit."""
        check_int("opcode", self.opcode, 0xFFFF)
        size = check_int("length of parameters", len(self.parameters), 0xFF)
        return _COMMAND.pack(self.type, self.opcode, size) + self.parameters

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> HciCommand:
        """Return the command in ``data``; ValueError if it is truncated."""
        data = cstruct.check_bytes(data)
        _, number, size = _header(_COMMAND, data)
        return cls(number, data[_COMMAND.size : _COMMAND.size + size])


@attrs.frozen
class HciEvent:
    """An event of the controller: ``code`` (0-255) and up to 255 bytes of parameters."""

    type: ClassVar[int] = c.HCI_EVENT_PKT
    code: int
    parameters: bytes = attrs.field(default=b"", converter=cstruct.check_bytes)

    def pack(self) -> bytes:
        """Return u8 type, u8 code, u8 length, parameters. OverflowError if one does not fit."""
        check_int("event code", self.code, 0xFF)
        size = check_int("length of parameters", len(self.parameters), 0xFF)
        return _EVENT.pack(self.type, self.code, size) + self.parameters

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> HciEvent:
        """Return the event in ``data``; ValueError if it is truncated."""
        data = cstruct.check_bytes(data)
        _, code, size = _header(_EVENT, data)
        return cls(code, data[_EVENT.size : _EVENT.size + size])


@attrs.frozen
class HciData:
    """Data of a connection: ``handle`` (0-4095), its ``flags`` (0-15) and a payload.

    `AclData` carries up to 65535 bytes (flags: packet boundary and broadcast), `ScoData` up to 255
    (flags: packet status), `IsoData` up to 16383 (flags: packet boundary and time stamp).
    """

    type: ClassVar[int]
    layout: ClassVar[struct.Struct] = _ACL
    longest: ClassVar[int] = 0xFFFF
    handle: int
    flags: int = 0
    data: bytes = attrs.field(default=b"", converter=cstruct.check_bytes)

    def pack(self) -> bytes:
        """u8 type, le16 handle and flags, length, payload. OverflowError for what does not fit."""
        check_int("handle", self.handle, _HANDLE_MASK)
        check_int("flags", self.flags, 0xF)
        size = check_int("length of data", len(self.data), self.longest)
        word = self.flags << _FLAGS_SHIFT | self.handle
        return self.layout.pack(self.type, word, size) + self.data

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> HciData:
        """Return the packet in ``data``; ValueError if it is truncated."""
        data = cstruct.check_bytes(data)
        _, word, size = _header(cls.layout, data, cls.longest)
        payload = data[cls.layout.size : cls.layout.size + size]
        return cls(word & _HANDLE_MASK, word >> _FLAGS_SHIFT, payload)


@attrs.frozen
class AclData(HciData):
    """Asynchronous data."""

    type: ClassVar[int] = c.HCI_ACLDATA_PKT


@attrs.frozen
class ScoData(HciData):
    """Synchronous data (voice)."""

    type: ClassVar[int] = c.HCI_SCODATA_PKT
    layout: ClassVar[struct.Struct] = _SCO
    longest: ClassVar[int] = 0xFF


@attrs.frozen
class IsoData(HciData):
    """Isochronous data (LE Audio)."""

    type: ClassVar[int] = c.HCI_ISODATA_PKT
    longest: ClassVar[int] = 0x3FFF


@attrs.frozen
class OtherPacket:
    """A packet of another type (HCI_VENDOR_PKT, HCI_DIAG_PKT), with all its bytes."""

    type: int
    data: bytes = attrs.field(converter=cstruct.check_bytes)

    def pack(self) -> bytes:
        """Return u8 type, data."""
        return bytes((check_int("packet type", self.type, 0xFF),)) + self.data


HciPacket = HciCommand | HciEvent | HciData | OtherPacket
_KINDS: dict[int, type[HciCommand | HciEvent | HciData]] = {
    kind.type: kind for kind in (HciCommand, HciEvent, AclData, ScoData, IsoData)
}


def unpack(data: ReadableBuffer) -> HciPacket:
    """Return the packet that a raw or user channel gave; ValueError if it is empty or truncated."""
    data = cstruct.check_bytes(data)
    if not data:
        raise ValueError("an HCI packet needs at least 1 byte, not 0")
    kind = _KINDS.get(data[0])
    return kind.unpack(data) if kind else OtherPacket(data[0], data[1:])


def _header(layout: struct.Struct, data: bytes, longest: int = 0xFF) -> tuple[int, int, int]:
    """Return packet type, first field and length of a complete packet."""
    needed = layout.size
    if len(data) >= needed:
        kind, field, size = layout.unpack_from(data)
        needed += (size := size & longest)
        if len(data) >= needed:
            return kind, field, size
    raise ValueError(f"this HCI packet needs {needed} bytes, not {len(data)}")


@attrs.frozen
class CommandComplete:
    """HCI_EV_CMD_COMPLETE: a command's result. ``status`` is 0 for success (vol 1 part F)."""

    opcode: int
    num_hci_command_packets: int
    status: int
    parameters: bytes

    @classmethod
    def of(cls, event: HciEvent) -> CommandComplete:
        """Return the typed form of the event; ValueError if it is truncated."""
        credit, number = _fixed(_COMMAND_COMPLETE, event)
        rest = event.parameters[_COMMAND_COMPLETE.size :]
        return cls(number, credit, rest[0] if rest else 0, rest[1:])


@attrs.frozen
class CommandStatus:
    """HCI_EV_CMD_STATUS: a command was taken (``status`` 0) or refused; events follow later."""

    opcode: int
    num_hci_command_packets: int
    status: int

    @classmethod
    def of(cls, event: HciEvent) -> CommandStatus:
        """Return the typed form of the event; ValueError if it is truncated."""
        status, credit, number = _fixed(_COMMAND_STATUS, event)
        return cls(number, credit, status)


def _fixed(layout: struct.Struct, event: HciEvent) -> tuple[int, ...]:
    if len(event.parameters) < layout.size:
        raise ValueError(
            f"event 0x{event.code:02X} needs {layout.size} bytes, not {len(event.parameters)}"
        )
    return layout.unpack_from(event.parameters)


_MONITORED = {
    c.HCI_MON_COMMAND_PKT: c.HCI_COMMAND_PKT,
    c.HCI_MON_EVENT_PKT: c.HCI_EVENT_PKT,
    c.HCI_MON_ACL_TX_PKT: c.HCI_ACLDATA_PKT,
    c.HCI_MON_ACL_RX_PKT: c.HCI_ACLDATA_PKT,
    c.HCI_MON_SCO_TX_PKT: c.HCI_SCODATA_PKT,
    c.HCI_MON_SCO_RX_PKT: c.HCI_SCODATA_PKT,
    c.HCI_MON_ISO_TX_PKT: c.HCI_ISODATA_PKT,
    c.HCI_MON_ISO_RX_PKT: c.HCI_ISODATA_PKT,
    c.HCI_MON_DRV_TX_PKT: c.HCI_DRV_PKT,
    c.HCI_MON_DRV_RX_PKT: c.HCI_DRV_PKT,
    c.HCI_MON_VENDOR_DIAG: c.HCI_DIAG_PKT,
}
"""The type of the packet in a record of the monitor channel, by the record's opcode."""


@attrs.frozen
class MonitorMessage:
    """A record of the monitor channel: ``opcode`` of HCI_MON_*, controller ``index``, data.

    For the packet opcodes, data is an HCI packet without its type byte: `packet`. Layout: three
    le16 (opcode, index, length), data.
    """

    opcode: int
    index: int
    data: bytes = attrs.field(converter=cstruct.check_bytes)

    @property
    def packet(self) -> HciPacket | None:
        """The HCI packet in the record; None for another record. ValueError if truncated."""
        kind = _MONITORED.get(self.opcode)
        return None if kind is None else unpack(bytes((kind,)) + self.data)

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> MonitorMessage:
        """Return the message in ``data``; ValueError if it is truncated."""
        data = cstruct.check_bytes(data)
        if len(data) < _MONITOR.size:
            raise ValueError(f"a monitor message needs {_MONITOR.size} bytes, not {len(data)}")
        number, index, size = _MONITOR.unpack_from(data)
        if len(data) < _MONITOR.size + size:
            raise ValueError(
                f"a monitor message needs {_MONITOR.size + size} bytes, not {len(data)}"
            )
        return cls(number, index, data[_MONITOR.size : _MONITOR.size + size])
