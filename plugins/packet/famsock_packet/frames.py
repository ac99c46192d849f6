"""Received frames of AF_PACKET, with the kernel's information about each."""

from __future__ import annotations

import attrs

from famsock.plugin import Message, control
from famsock_packet.addresses import PacketAddress
from famsock_packet.control import PACKET_AUXDATA
from famsock_packet.structs import VlanTag

__all__ = [
    "PacketFrame",
]


@attrs.frozen
class PacketFrame:
    """A received frame.

    ``data`` begins with the link-layer header on SOCK_RAW, after it on SOCK_DGRAM; ``address`` is
    its source. ``length_bytes`` is its original length, more than ``data`` if the filter or the
    buffer truncated it. ``vlan`` is the removed tag. ``timestamp_ns`` is the time of arrival since
    1970, None if unknown. ``status`` are TP_STATUS_*.
    """

    data: bytes
    address: PacketAddress | None
    length_bytes: int
    timestamp_ns: int | None
    vlan: VlanTag | None
    status: int

    @classmethod
    def of(cls, message: Message[PacketAddress]) -> PacketFrame:
        """Return the frame in a message of a socket with PACKET_AUXDATA and SO_TIMESTAMPNS."""
        told = message.get(PACKET_AUXDATA)
        data = message.data
        return cls(
            data,
            message.address,
            told.length_bytes if told else len(data),
            message.get(control.SCM_TIMESTAMPNS),
            told.vlan if told else None,
            told.status if told else 0,
        )
