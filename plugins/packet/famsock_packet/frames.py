"""Received frames of AF_PACKET, with the kernel's information about each."""

from __future__ import annotations

import attrs

from famsock.plugin import control
from famsock_packet.addresses import PacketAddress
from famsock_packet.constants import TP_STATUS_VLAN_VALID
from famsock_packet.control import PACKET_AUXDATA
from famsock_packet.structs import VlanTag, vlan_tag

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


FRAME = control.reader(
    PacketFrame,
    data=control.from_data(),
    address=control.from_address(),
    length_bytes=control.from_members(
        PACKET_AUXDATA, "length_bytes", default=control.from_data(len)
    ),
    timestamp_ns=control.from_item(control.SCM_TIMESTAMPNS),
    vlan=control.from_members(
        PACKET_AUXDATA,
        "status",
        "vlan_tci",
        "vlan_tpid",
        convert=vlan_tag,
        mask=TP_STATUS_VLAN_VALID,
    ),
    status=control.from_members(PACKET_AUXDATA, "status", default=0),
)
"""Reads a frame of a message of a socket with PACKET_AUXDATA and SO_TIMESTAMPNS."""
