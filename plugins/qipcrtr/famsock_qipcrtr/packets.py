"""Control packets of QIPCRTR, to and from a node's name service.

Each type is a class. `parse` returns the packet of the right class for its bytes. All are a
``struct qrtr_ctrl_pkt``, 20 bytes in little-endian order, whose first word says the type. Sources:
linux/qrtr.h, net/qrtr/ns.c, net/qrtr/af_qrtr.c.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Self

import attrs

from famsock.plugin import Struct, codecs, cstruct
from famsock_qipcrtr import constants as c
from famsock_qipcrtr.addresses import QipcrtrAddress

__all__ = [
    "Bye",
    "ControlPacket",
    "Datagram",
    "DelClient",
    "DelLookup",
    "DelServer",
    "Exit",
    "Hello",
    "NewLookup",
    "NewServer",
    "Ping",
    "ResumeTx",
    "UnknownPacket",
    "instance_of",
    "parse",
]

_HEADER = "linux/qrtr.h"
_SIZE = 20


def _swapped(value: int, _lookup: Any) -> int:
    return int.from_bytes(value.to_bytes(4, "little"), "big")


_CONVERSIONS = {} if sys.byteorder == "little" else {"encode": _swapped, "decode": _swapped}
_LE32 = cstruct.integer("__le32", "I", 0, 0xFFFFFFFF, **_CONVERSIONS)
"""A ``__le32``: little-endian in a packet, a plain integer here."""


def _head(number: int) -> bytes:
    return number.to_bytes(4, "little")


def instance_of(version: int, number: int) -> int:
    """Return the instance of a Qualcomm service: version (0-255) and number (0-16777215).

    Raises OverflowError for either out of range. Source: libqrtr.
    """
    low = codecs.check_int("instance_of(): QIPCRTR version", version, 0xFF)
    return codecs.check_int("instance_of(): QIPCRTR number", number, 0xFFFFFF) << 8 | low


class ControlPacket(Struct):
    """A packet from or to QRTR_PORT_CTRL. ``type`` is its QRTR_TYPE constant."""

    __slots__ = ()
    type: ClassVar[int]

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Self:
        """Return the packet at the start of ``data``; ValueError if short or of another type."""
        if bytes(data[:4]) != cls.layout.head:
            raise ValueError(f"{cls.label} starts with {cls.layout.head.hex()}, not {data[:4]!r}")
        return super().unpack(data, lookup)


class _OfServer(ControlPacket):
    """The common part of packets about a server."""

    __slots__ = ()
    service: int
    instance: int
    node: int
    port: int

    @property
    def address(self) -> QipcrtrAddress:
        """The address of the server."""
        return QipcrtrAddress(self.node, self.port)

    @property
    def version(self) -> int:
        """The version of the service, by Qualcomm's convention the instance's low 8 bits."""
        return self.instance & 0xFF

    @property
    def number(self) -> int:
        """The number of the instance, by Qualcomm's convention its upper 24 bits."""
        return self.instance >> 8

    @property
    def is_end_of_list(self) -> bool:
        """True if all fields are 0: the name service has reported all current servers."""
        return not (self.service or self.instance or self.node or self.port)


class _OfClient(ControlPacket):
    """The common part of packets about a client."""

    __slots__ = ()
    node: int
    port: int

    @property
    def address(self) -> QipcrtrAddress:
        """The address of the client."""
        return QipcrtrAddress(self.node, self.port)


@cstruct.struct(
    "struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_NEW_SERVER)
)
class NewServer(_OfServer):
    """A new server: sent to the name service to publish it, and by it to those who look it up.

    ``service``, ``instance``, ``node`` and ``port`` are 0-4294967295. The name service puts the
    sender's own node and port in place of those of a local server.
    """

    type = c.QRTR_TYPE_NEW_SERVER

    service: int = cstruct.field(_LE32, "server.service")
    instance: int = cstruct.field(_LE32, "server.instance", default=0)
    node: int = cstruct.field(_LE32, "server.node", default=0)
    port: int = cstruct.field(_LE32, "server.port", default=0)


@cstruct.struct(
    "struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_DEL_SERVER)
)
class DelServer(_OfServer):
    """A removed server: it withdrew, its socket was closed or its node left. As `NewServer`."""

    type = c.QRTR_TYPE_DEL_SERVER

    service: int = cstruct.field(_LE32, "server.service")
    instance: int = cstruct.field(_LE32, "server.instance", default=0)
    node: int = cstruct.field(_LE32, "server.node", default=0)
    port: int = cstruct.field(_LE32, "server.port", default=0)


@cstruct.struct(
    "struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_NEW_LOOKUP)
)
class NewLookup(ControlPacket):
    """A request for reports of servers that come and go.

    ``service`` and ``instance`` are 0-4294967295, each 0 for all of them.
    """

    type = c.QRTR_TYPE_NEW_LOOKUP

    service: int = cstruct.field(_LE32, "server.service", default=0)
    instance: int = cstruct.field(_LE32, "server.instance", default=0)


@cstruct.struct(
    "struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_DEL_LOOKUP)
)
class DelLookup(ControlPacket):
    """The end of a lookup, by the service and instance that it was made with."""

    type = c.QRTR_TYPE_DEL_LOOKUP

    service: int = cstruct.field(_LE32, "server.service", default=0)
    instance: int = cstruct.field(_LE32, "server.instance", default=0)


@cstruct.struct(
    "struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_DEL_CLIENT)
)
class DelClient(_OfClient):
    """A closed socket: sent to every local server. ``node`` and ``port`` are 0-4294967295."""

    type = c.QRTR_TYPE_DEL_CLIENT

    node: int = cstruct.field(_LE32, "client.node")
    port: int = cstruct.field(_LE32, "client.port")


@cstruct.struct(
    "struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_RESUME_TX)
)
class ResumeTx(_OfClient):
    """A port takes data again, after EAGAIN. ``node`` and ``port`` are 0-4294967295."""

    type = c.QRTR_TYPE_RESUME_TX

    node: int = cstruct.field(_LE32, "client.node")
    port: int = cstruct.field(_LE32, "client.port")


@cstruct.struct("struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_BYE))
class Bye(ControlPacket):
    """A node left. ``node`` is 0-4294967295."""

    type = c.QRTR_TYPE_BYE

    node: int = cstruct.field(_LE32, "client.node", default=0)


@cstruct.struct("struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_HELLO))
class Hello(ControlPacket):
    """A greeting: a new node asks another one for its servers."""

    type = c.QRTR_TYPE_HELLO


@cstruct.struct("struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_EXIT))
class Exit(ControlPacket):
    """A process ended; Linux's name service ignores it."""

    type = c.QRTR_TYPE_EXIT


@cstruct.struct("struct qrtr_ctrl_pkt", header=_HEADER, size=_SIZE, head=_head(c.QRTR_TYPE_PING))
class Ping(ControlPacket):
    """A question for signs of life; Linux's name service ignores it."""

    type = c.QRTR_TYPE_PING


@attrs.frozen
class UnknownPacket:
    """A control packet of a type that no class describes, with all its bytes."""

    type: int
    data: bytes


@attrs.frozen
class Datagram:
    """Data from another socket, and the address of that socket."""

    data: bytes
    source: QipcrtrAddress


_CLASSES: dict[bytes, type[ControlPacket]] = {
    cls.layout.head: cls
    for cls in (
        NewServer,
        DelServer,
        NewLookup,
        DelLookup,
        DelClient,
        ResumeTx,
        Bye,
        Hello,
        Exit,
        Ping,
    )
}


def parse(data: bytes) -> ControlPacket | UnknownPacket:
    """Return the control packet in ``data``; an `UnknownPacket` if truncated or of another type.

    ValueError for less than the 4 bytes of a type.
    """
    cls = _CLASSES.get(data[:4])
    if cls is not None and len(data) >= _SIZE:
        return cls.unpack(data)
    if len(data) < 4:
        raise ValueError(f"a QIPCRTR control packet needs 4 bytes for its type, not {len(data)}")
    return UnknownPacket(int.from_bytes(data[:4], "little"), data)
