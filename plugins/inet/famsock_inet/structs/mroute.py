"""The structs of multicast routing: virtual interfaces and forwarding entries.

Sources: linux/mroute.h, linux/mroute6.h, net/ipv4/ipmr.c, net/ipv6/ip6mr.c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from famsock.plugin import Address, CType, Struct, cstruct
from famsock_inet.addresses import IPV4
from famsock_inet.constants import MAXMIFS, MAXVIFS, VIFF_USE_IFINDEX
from famsock_inet.structs._storage import SOCKADDR_IN6_FIELD

__all__ = [
    "Mf6cctl",
    "Mfcctl",
    "Mif6ctl",
    "Vifctl",
]

_INDEX = struct.Struct("=i")


def _check_local(value: object) -> str | int:
    return int(cstruct.I32.check(value)) if isinstance(value, int) else str(IPV4.check(value))


def _encode_local(value: str | int, lookup: Any) -> bytes:
    if isinstance(value, int):
        return _INDEX.pack(value)
    assert IPV4.encode is not None
    return bytes(IPV4.encode(value, lookup))


_LOCAL = CType(
    c="struct in_addr",
    code="4s",
    check=_check_local,
    encode=_encode_local,
    decode=IPV4.decode,
)


@cstruct.struct("struct vifctl", header="linux/mroute.h")
class Vifctl(Struct):
    """MRT_ADD_VIF, MRT_DEL_VIF: a virtual interface, by its number 0-31.

    ``local`` is an address of the interface, or its index with VIFF_USE_IFINDEX in ``flags``
    (VIFF_*); ``remote`` is the other end of a tunnel. Datagrams with a TTL of ``threshold`` or less
    do not leave by it. To delete, ``vifi`` is enough. ValueError for an index without the flag, or
    the flag without an index.
    """

    vifi: int = cstruct.u16("vifc_vifi")
    flags: int = cstruct.u8("vifc_flags", default=0)
    threshold: int = cstruct.u8("vifc_threshold", default=1)
    rate_limit: int = cstruct.u32("vifc_rate_limit", default=0)
    local: str | int = cstruct.field(_LOCAL, "vifc_lcl_addr", default="")
    remote: str = cstruct.field(IPV4, "vifc_rmt_addr", default="")

    def __attrs_post_init__(self) -> None:
        if isinstance(self.local, int) != bool(self.flags & VIFF_USE_IFINDEX):
            raise ValueError(
                "Vifctl local must be an index with VIFF_USE_IFINDEX in flags, and an address "
                f"without it, not {self.local!r} with flags {self.flags:#x}"
            )


@cstruct.struct("struct mfcctl", header="linux/mroute.h")
class Mfcctl(Struct):
    """MRT_ADD_MFC, MRT_DEL_MFC: the forwarding of messages from ``origin`` to a group.

    ``parent`` is the virtual interface that it arrives by. ``ttls`` has a byte for each of the 32:
    by it leave datagrams with a greater TTL; 0 and 255 mean none. The rest the kernel ignores.
    """

    origin: str = cstruct.field(IPV4, "mfcc_origin")
    mcastgrp: str = cstruct.field(IPV4, "mfcc_mcastgrp")
    parent: int = cstruct.u16("mfcc_parent", default=0)
    ttls: bytes = cstruct.raw("mfcc_ttls", MAXVIFS, default=bytes(MAXVIFS))
    pkt_cnt: int = cstruct.u32("mfcc_pkt_cnt", default=0)
    byte_cnt: int = cstruct.u32("mfcc_byte_cnt", default=0)
    wrong_if: int = cstruct.u32("mfcc_wrong_if", default=0)
    expire: int = cstruct.i32("mfcc_expire", default=0)

    @classmethod
    def towards(cls, origin: str, group: str, parent: int, ttls: Mapping[int, int]) -> Mfcctl:
        """Return the entry that forwards to virtual interfaces 0-31, each with its least TTL.

        ValueError for another number, OverflowError for a TTL that is not 0-255.
        """
        thresholds = bytearray(MAXVIFS)
        for vifi, ttl in ttls.items():
            thresholds[_below(vifi, MAXVIFS, "Mfcctl virtual interface")] = cstruct.U8.check(ttl)
        return cls(origin, group, parent, bytes(thresholds))


@cstruct.struct("struct mif6ctl", header="linux/mroute6.h")
class Mif6ctl(Struct):
    """MRT6_ADD_MIF: a virtual interface 0-31 for the interface of index ``pifi`` (0-65535).

    ``flags`` are MIFF_*; datagrams with a hop limit of ``threshold`` or less do not leave by it.
    """

    mifi: int = cstruct.u16("mif6c_mifi")
    flags: int = cstruct.u8("mif6c_flags", default=0)
    threshold: int = cstruct.u8("vifc_threshold", default=1)
    pifi: int = cstruct.u16("mif6c_pifi", default=0)
    rate_limit: int = cstruct.u32("vifc_rate_limit", offset=8, default=0)


@cstruct.struct("struct mf6cctl", header="linux/mroute6.h")
class Mf6cctl(Struct):
    """MRT6_ADD_MFC, MRT6_DEL_MFC: the forwarding of messages from ``origin`` to a group.

    ``parent`` is the virtual interface that it arrives by, ``ifset`` has a bit for each that it
    leaves by, in words of 32 bits in host order.
    """

    origin: Address = cstruct.field(SOCKADDR_IN6_FIELD, "mf6cc_origin")
    mcastgrp: Address = cstruct.field(SOCKADDR_IN6_FIELD, "mf6cc_mcastgrp")
    parent: int = cstruct.u16("mf6cc_parent", default=0)
    ifset: bytes = cstruct.raw("mf6cc_ifset", 32, offset=60, default=bytes(32))

    @classmethod
    def towards(cls, origin: Address, group: Address, parent: int, mifs: Iterable[int]) -> Mf6cctl:
        """Return the entry that forwards to virtual interfaces 0-31; ValueError for others."""
        bits = sum({1 << _below(mif, MAXMIFS, "Mf6cctl virtual interface") for mif in mifs})
        return cls(origin, group, parent, struct.pack("=I28x", bits))


def _below(value: int, limit: int, what: str) -> int:
    if not 0 <= value < limit:
        raise ValueError(f"{what} must be 0-{limit - 1}, not {value}")
    return value
