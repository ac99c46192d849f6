"""Values of options and control messages of AF_PACKET. Source: packet(7), linux/if_packet.h,
Documentation/networking/packet_mmap.rst.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from famsock.plugin import Struct, cstruct
from famsock_packet._fields import SHORT_ADDRESS_BYTES, counted_address
from famsock_packet.constants import (
    ETH_P_8021Q,
    TP_STATUS_CSUM_VALID,
    TP_STATUS_CSUMNOTREADY,
    TP_STATUS_LOSING,
    TP_STATUS_VLAN_TPID_VALID,
    TP_STATUS_VLAN_VALID,
)

__all__ = [
    "AuxiliaryData",
    "Fanout",
    "Membership",
    "RingRequest",
    "RolloverStatistics",
    "Statistics",
    "VirtioHeader",
    "VlanTag",
]

_HEADER = "linux/if_packet.h"
_LITTLE = sys.byteorder == "little"


@cstruct.struct("struct packet_mreq", header=_HEADER)
class Membership(Struct):
    """Frames that an interface receives while a socket asks for them (PACKET_ADD_MEMBERSHIP).

    ``interface`` is its index. ``type`` is PACKET_MR_PROMISC, PACKET_MR_ALLMULTI, or
    PACKET_MR_MULTICAST or PACKET_MR_UNICAST with the ``address`` to receive (at most 32 bytes).
    """

    interface: int = cstruct.i32("mr_ifindex")
    type: int = cstruct.u16("mr_type")
    address: bytes = cstruct.field(counted_address("H"), "", offset=6, default=b"")

    def pack(self, lookup: Any = None) -> bytes:
        """Return the struct's bytes, more than 16 where ``address`` has more than 8."""
        return super().pack(lookup) + self.address[SHORT_ADDRESS_BYTES:]


@cstruct.struct("struct tpacket_stats_v3", header=_HEADER)
class Statistics(Struct):
    """The packets received since a socket's statistics were last read, which resets them.

    ``packets`` passed the filter, ``drops`` of them had no space. ``queue_freezes`` counts how
    often a ring (TPACKET_V3) was full; 0 for sockets without one.
    """

    packets: int = cstruct.u32("tp_packets")
    drops: int = cstruct.u32("tp_drops")
    queue_freezes: int = cstruct.u32("tp_freeze_q_cnt")

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Statistics:
        """Return the statistics, also of the shorter tpacket_stats; ValueError below 8 bytes."""
        return super().unpack(bytes(data).ljust(12, b"\0") if len(data) == 8 else data, lookup)


@cstruct.struct("struct tpacket_rollover_stats", header=_HEADER)
class RolloverStatistics(Struct):
    """Numbers of packets that a fanout group passed on: in all, of large flows, in vain.

    The kernel counts them for groups that roll over (PACKET_FANOUT_ROLLOVER, or the flag).
    """

    all: int = cstruct.u64("tp_all")
    huge: int = cstruct.u64("tp_huge")
    failed: int = cstruct.u64("tp_failed")


@cstruct.struct("struct fanout_args", header=_HEADER)
class Fanout(Struct):
    """A group of sockets that share the packets (PACKET_FANOUT).

    ``group`` (0-65535) is its number in the network namespace, ``mode`` ``PACKET_FANOUT_*`` with
    ``PACKET_FANOUT_FLAG_*`` in the upper byte. ``members_max`` limits the group; 0 means 256.
    """

    group: int = cstruct.u16("id", offset=0 if _LITTLE else 2)
    mode: int = cstruct.u16("type_flags", offset=2 if _LITTLE else 0)
    members_max: int = cstruct.u32("max_num_members", offset=4, default=0)

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Fanout:
        """Return the group, also without a limit, as from getsockopt; ValueError below 4 bytes."""
        return super().unpack(bytes(data).ljust(8, b"\0") if len(data) == 4 else data, lookup)


@cstruct.struct("struct tpacket_req3", header=_HEADER)
class RingRequest(Struct):
    """The size of a ring (PACKET_RX_RING, PACKET_TX_RING), all in bytes but for the counts.

    ``block_bytes`` is a multiple of the page size, ``frame_bytes`` of TPACKET_ALIGNMENT, and
    ``frames`` = ``blocks`` * (``block_bytes`` // ``frame_bytes``). The rest is of TPACKET_V3:
    ``retire_ms`` is the time after which the kernel hands over a block that is not full (0: it
    chooses), ``private_bytes`` the space for private data in each block, ``features`` TP_FT_REQ_*.
    0 blocks remove the ring.
    """

    block_bytes: int = cstruct.u32("tp_block_size")
    blocks: int = cstruct.u32("tp_block_nr")
    frame_bytes: int = cstruct.u32("tp_frame_size")
    frames: int = cstruct.u32("tp_frame_nr")
    retire_ms: int = cstruct.u32("tp_retire_blk_tov", default=0)
    private_bytes: int = cstruct.u32("tp_sizeof_priv", default=0)
    features: int = cstruct.u32("tp_feature_req_word", default=0)


class VlanTag(NamedTuple):
    """The VLAN tag that the kernel took off a frame: ``tpid`` is its protocol, ``tci`` the rest."""

    tci: int
    tpid: int

    @property
    def vlan(self) -> int:
        """The VLAN's number, 0-4095."""
        return self.tci & 0xFFF

    @property
    def priority(self) -> int:
        """The priority code point, 0-7."""
        return self.tci >> 13


def vlan_tag(status: int, tci: int, tpid: int) -> VlanTag | None:
    """Return the tag of TP_STATUS_* bits, control information and protocol; None without one."""
    if not status & TP_STATUS_VLAN_VALID:
        return None
    return VlanTag(tci, tpid if status & TP_STATUS_VLAN_TPID_VALID else ETH_P_8021Q)


@cstruct.struct("struct tpacket_auxdata", header=_HEADER)
class AuxiliaryData(Struct):
    """The content of PACKET_AUXDATA about a received packet.

    ``status`` are TP_STATUS_*, ``length_bytes`` is the length of the packet, ``captured_bytes`` the
    part that passed the filter; ``mac`` and ``net`` are the offsets of the frame's headers.
    """

    status: int = cstruct.u32("tp_status")
    length_bytes: int = cstruct.u32("tp_len")
    captured_bytes: int = cstruct.u32("tp_snaplen")
    mac: int = cstruct.u16("tp_mac")
    net: int = cstruct.u16("tp_net")
    vlan_tci: int = cstruct.u16("tp_vlan_tci")
    vlan_tpid: int = cstruct.u16("tp_vlan_tpid")

    @property
    def vlan(self) -> VlanTag | None:
        """The VLAN tag that the kernel or the network adapter took off, None without one."""
        return vlan_tag(self.status, self.vlan_tci, self.vlan_tpid)

    @property
    def is_losing(self) -> bool:
        """True if packets were dropped since the statistics were last read."""
        return bool(self.status & TP_STATUS_LOSING)

    @property
    def checksum_is_valid(self) -> bool:
        """True if the kernel has checked the transport's checksum already."""
        return bool(self.status & TP_STATUS_CSUM_VALID)

    @property
    def checksum_is_missing(self) -> bool:
        """True if the checksum is not filled in yet, as in packets that this machine sends."""
        return bool(self.status & TP_STATUS_CSUMNOTREADY)


@cstruct.struct("struct virtio_net_hdr", header="linux/virtio_net.h")
class VirtioHeader(Struct):
    """The header before each received or sent packet, with PACKET_VNET_HDR.

    ``flags`` are ``VIRTIO_NET_HDR_F_*``; with NEEDS_CSUM the checksum over all from ``csum_start``
    on must still be stored ``csum_offset`` after it. ``gso_type`` is ``VIRTIO_NET_HDR_GSO_*``: the
    rest must then be split into packets with ``gso_size`` bytes of payload, each after headers of
    ``hdr_len``. All numbers are bytes from the packet's beginning, 0-65535.
    """

    flags: int = cstruct.u8("flags", default=0)
    gso_type: int = cstruct.u8("gso_type", default=0)
    hdr_len: int = cstruct.u16("hdr_len", default=0)
    gso_size: int = cstruct.u16("gso_size", default=0)
    csum_start: int = cstruct.u16("csum_start", default=0)
    csum_offset: int = cstruct.u16("csum_offset", default=0)
