"""The structs of IPPROTO_IP and IPPROTO_IPV6: multicast, packet information, errors, filters.

Sources: linux/in.h, linux/in6.h, linux/ipv6.h, linux/icmpv6.h, linux/errqueue.h; ip(7), ipv6(7),
RFC 3542, RFC 3678.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any

import attrs

from famsock.plugin import Address, Codec, SockExtendedErr, Struct, codecs, cstruct
from famsock_inet._hosts import pack_ipv4, pack_ipv6
from famsock_inet.addresses import IPV4, IPV6, Inet6Address, InetAddress
from famsock_inet.structs._storage import SOCKADDR_IN6_FIELD, STORAGE, address_of

__all__ = [
    "GroupFilter",
    "GroupReq",
    "GroupSourceReq",
    "Icmp6Filter",
    "In6FlowlabelReq",
    "In6Pktinfo",
    "InPktinfo",
    "Ip6Mtuinfo",
    "IpMreqSource",
    "IpMreqn",
    "IpMsfilter",
    "Ipv6Mreq",
    "ReceivedError",
]

_MAX_SOURCES = 64
"""The number of sources with which a multicast filter is read."""


@cstruct.struct("struct ip_mreqn", header="netinet/in.h")
class IpMreqn(Struct):
    """IP_ADD_MEMBERSHIP by index: the group, an address of the interface, or its index (0: any)."""

    multiaddr: str = cstruct.field(IPV4, "imr_multiaddr", default="")
    address: str = cstruct.field(IPV4, "imr_address", default="")
    ifindex: int = cstruct.i32("imr_ifindex", default=0)


@cstruct.struct("struct ip_mreq_source", header="netinet/in.h")
class IpMreqSource(Struct):
    """IP_ADD_SOURCE_MEMBERSHIP: the group, an address of the interface, the one source."""

    multiaddr: str = cstruct.field(IPV4, "imr_multiaddr")
    interface: str = cstruct.field(IPV4, "imr_interface")
    sourceaddr: str = cstruct.field(IPV4, "imr_sourceaddr")


@cstruct.struct("struct ipv6_mreq", header="netinet/in.h")
class Ipv6Mreq(Struct):
    """IPV6_ADD_MEMBERSHIP: the group and the interface's index, 0 for the kernel's choice."""

    multiaddr: str = cstruct.field(IPV6, "ipv6mr_multiaddr")
    interface: int = cstruct.u32("ipv6mr_interface", default=0)


@cstruct.struct("struct group_req", header="netinet/in.h", size=136)
class GroupReq(Struct):
    """MCAST_JOIN_GROUP, of either family: the interface's index (0: any) and the group."""

    interface: int = cstruct.u32("gr_interface")
    group: Address = cstruct.field(STORAGE, "gr_group", offset=8)


@cstruct.struct("struct group_source_req", header="netinet/in.h", size=264)
class GroupSourceReq(Struct):
    """MCAST_JOIN_SOURCE_GROUP, of either family: interface index, group and source."""

    interface: int = cstruct.u32("gsr_interface")
    group: Address = cstruct.field(STORAGE, "gsr_group", offset=8)
    source: Address = cstruct.field(STORAGE, "gsr_source", offset=136)


@attrs.frozen
class IpMsfilter:
    """IP_MSFILTER (``struct ip_msfilter``): which sources of a group are let in or kept out.

    ``fmode`` is MCAST_INCLUDE (1) or MCAST_EXCLUDE (0); ``interface`` an address of the interface.
    As a request only ``multiaddr`` and ``interface`` count.
    """

    multiaddr: str
    interface: str = ""
    fmode: int = 1
    sources: tuple[str, ...] = ()


_MSFILTER = struct.Struct("=4s4sII")


def _encode_msfilter(value: IpMsfilter) -> bytes:
    if not isinstance(value, IpMsfilter):
        raise TypeError(f"must be IpMsfilter, not {type(value).__name__}")
    hosts = (value.multiaddr, value.interface, *value.sources)
    group, interface, *sources = (pack_ipv4(IPV4.check(host)) for host in hosts)
    head = _MSFILTER.pack(group, interface, cstruct.U32.check(value.fmode), len(sources))
    return head + b"".join(sources)


def _decode_msfilter(data: bytes) -> IpMsfilter:
    if len(data) < _MSFILTER.size:
        raise ValueError(f"needs {_MSFILTER.size} bytes, not {len(data)}")
    group, interface, fmode, count = _MSFILTER.unpack_from(data)
    rest = data[_MSFILTER.size :][: 4 * count]
    group, interface, *sources = (
        inet_ntop(AF_INET, raw)
        for raw in (group, interface, *(rest[at : at + 4] for at in range(0, len(rest) - 3, 4)))
    )
    return IpMsfilter(group, interface, fmode, tuple(sources))


def _with_room(encode: Any, source_bytes: int, count_at: int) -> Any:
    """Return a filter encoded as a request: space for `MAX_SOURCES`, and their number."""

    def encode_request(value: Any) -> bytes:
        head = encode(attrs.evolve(value, sources=()))
        counted = head[:count_at] + _MAX_SOURCES.to_bytes(4, sys.byteorder) + head[count_at + 4 :]
        return bytes(counted) + bytes(_MAX_SOURCES * source_bytes)

    return encode_request


MSFILTER: Codec[IpMsfilter] = Codec(
    c="struct ip_msfilter",
    size_bytes=_MSFILTER.size + 4 * _MAX_SOURCES,
    encode=_encode_msfilter,
    decode=_decode_msfilter,
)
MSFILTER_REQUEST: Codec[IpMsfilter] = attrs.evolve(
    MSFILTER, encode=_with_room(_encode_msfilter, 4, 12)
)


@attrs.frozen
class GroupFilter:
    """MCAST_MSFILTER (``struct group_filter``), of either family: sources let in or kept out.

    ``interface`` is an index; ``fmode`` is MCAST_INCLUDE (1) or MCAST_EXCLUDE (0). As a request
    only ``interface`` and ``group`` count.
    """

    interface: int
    group: Address
    fmode: int = 1
    sources: tuple[Address, ...] = ()


_GROUP_FILTER = struct.Struct("=I4x128sII")


def _encode_group_filter(value: GroupFilter) -> bytes:
    if not isinstance(value, GroupFilter):
        raise TypeError(f"must be GroupFilter, not {type(value).__name__}")
    numbers = cstruct.U32.check(value.interface), cstruct.U32.check(value.fmode)
    group, *sources = (STORAGE.check(a).pack() for a in (value.group, *value.sources))
    head = _GROUP_FILTER.pack(numbers[0], group, numbers[1], len(sources))
    return head + b"".join(source.ljust(128, b"\0") for source in sources)


def _decode_group_filter(data: bytes) -> GroupFilter:
    if len(data) < _GROUP_FILTER.size:
        raise ValueError(f"needs {_GROUP_FILTER.size} bytes, not {len(data)}")
    interface, group, fmode, count = _GROUP_FILTER.unpack_from(data)
    rest = data[_GROUP_FILTER.size :][: 128 * count]
    found = [
        address_of(group),
        *(address_of(rest[at : at + 128]) for at in range(0, len(rest), 128)),
    ]
    if None in found:
        raise ValueError("an address in it has no family")
    return GroupFilter(interface, found[0], fmode, tuple(found[1:]))  # type: ignore[arg-type]


GROUP_FILTER: Codec[GroupFilter] = Codec(
    c="struct group_filter",
    size_bytes=_GROUP_FILTER.size + 128 * _MAX_SOURCES,
    encode=_encode_group_filter,
    decode=_decode_group_filter,
)
GROUP_FILTER_REQUEST: Codec[GroupFilter] = attrs.evolve(
    GROUP_FILTER, encode=_with_room(_encode_group_filter, 128, 140)
)


def _decode_in6_addr(data: bytes) -> str:
    if len(data) < 16:
        raise ValueError(f"needs 16 bytes, not {len(data)}")
    return inet_ntop(AF_INET6, data[:16])


IN6_ADDR: Codec[str] = Codec(
    c="struct in6_addr",
    size_bytes=16,
    encode=lambda value: pack_ipv6(IPV6.check(value))[0],
    decode=_decode_in6_addr,
)


def _encode_multicast_if(value: IpMreqn | str) -> bytes:
    return value.pack() if isinstance(value, IpMreqn) else pack_ipv4(IPV4.check(value))


def _decode_in_addr(data: bytes) -> str:
    if len(data) < 4:
        raise ValueError(f"needs 4 bytes, not {len(data)}")
    return inet_ntop(AF_INET, data[:4])


IN_ADDR: Codec[str] = Codec(
    c="struct in_addr",
    size_bytes=4,
    encode=lambda value: pack_ipv4(IPV4.check(value)),
    decode=_decode_in_addr,
)
MULTICAST_IF: Codec[Any] = attrs.evolve(IN_ADDR, encode=_encode_multicast_if)
"""IP_MULTICAST_IF: set by address or by `IpMreqn`, read as address."""


def _encode_port_range(value: tuple[int, int]) -> bytes:
    try:
        low, high = value
    except (TypeError, ValueError):
        raise TypeError(f"must be the lowest and the highest port, not {value!r}") from None
    return struct.pack("=I", cstruct.U16.check(low) | cstruct.U16.check(high) << 16)


def _decode_port_range(data: bytes) -> tuple[int, int]:
    if len(data) < 4:
        raise ValueError(f"needs 4 bytes, not {len(data)}")
    (both,) = struct.unpack_from("=I", data)
    return both & 0xFFFF, both >> 16


def _parse_port_range(text: str) -> tuple[int, int]:
    pieces = text.split(",")
    if len(pieces) != 2:
        raise ValueError(f"is the lowest and the highest port, such as 1000,2000, not {text!r}")
    low, high = map(cstruct.parse_integer, pieces)
    return low, high


PORT_RANGE: Codec[tuple[int, int]] = Codec(
    c="uint32_t",
    size_bytes=4,
    encode=_encode_port_range,
    decode=_decode_port_range,
    text=lambda ports: ",".join(map(str, ports)),
    parse=_parse_port_range,
)
"""IP_LOCAL_PORT_RANGE: lowest and highest port, the lower half and the upper half of a u32."""


@cstruct.struct("struct in_pktinfo", header="netinet/in.h")
class InPktinfo(Struct):
    """IP_PKTINFO: the interface that a packet came in by or shall leave by, and its addresses.

    Received: ``spec_dst`` is the local address, ``addr`` the destination in the header. Sent:
    ``ifindex`` chooses the interface and ``spec_dst`` the source address; ``addr`` is ignored.
    """

    ifindex: int = cstruct.i32("ipi_ifindex", default=0)
    spec_dst: str = cstruct.field(IPV4, "ipi_spec_dst", default="")
    addr: str = cstruct.field(IPV4, "ipi_addr", default="")


@cstruct.struct("struct in6_pktinfo", header="linux/ipv6.h")
class In6Pktinfo(Struct):
    """IPV6_PKTINFO: received, a packet's destination and interface; sent, its source and these."""

    addr: str = cstruct.field(IPV6, "ipi6_addr", default="")
    ifindex: int = cstruct.u32("ipi6_ifindex", default=0)


@cstruct.struct("struct ip6_mtuinfo", header="netinet/in.h")
class Ip6Mtuinfo(Struct):
    """IPV6_PATHMTU: a destination and the path MTU towards it, in bytes."""

    addr: Any = cstruct.field(SOCKADDR_IN6_FIELD, "ip6m_addr")
    mtu: int = cstruct.u32("ip6m_mtu")


@cstruct.struct("struct in6_flowlabel_req", header=("netinet/in.h", "linux/in6.h"))
class In6FlowlabelReq(Struct):
    """IPV6_FLOWLABEL_MGR: lease, return or renew a flow label towards ``dst``.

    ``action`` is ``IPV6_FL_A_*``, ``share`` ``IPV6_FL_S_*``, ``flags`` ``IPV6_FL_F_*``;
    ``flow_label`` 0 lets the kernel choose. ``expires`` and ``linger`` are seconds.
    """

    dst: str = cstruct.field(IPV6, "flr_dst", default="")
    flow_label: int = cstruct.be32("flr_label", default=0)
    action: int = cstruct.u8("flr_action", default=0)
    share: int = cstruct.u8("flr_share", default=0)
    flags: int = cstruct.u16("flr_flags", default=0)
    expires: int = cstruct.u16("flr_expires", default=0)
    linger: int = cstruct.u16("flr_linger", default=0)
    pad: int = cstruct.u32("__flr_pad", default=0)


@cstruct.struct("struct icmp6_filter", header="linux/icmpv6.h", size=32)
class Icmp6Filter(Struct):
    """ICMPV6_FILTER: which of the 256 ICMPv6 types a raw socket does not receive, one bit each."""

    blocked: bytes = cstruct.raw("data", 32, default=bytes(32))

    @classmethod
    def pass_only(cls, types: Iterable[int]) -> Icmp6Filter:
        """Return the filter that lets only these types through (0-255 each)."""
        words = [0xFFFFFFFF] * 8
        for kind in types:
            words[cstruct.U8.check(kind) >> 5] &= ~(1 << (kind & 31))
        return cls(struct.pack("=8I", *words))

    def passes(self, kind: int) -> bool:
        """Return whether messages of type ``kind`` (0-255) come through."""
        return (
            not struct.unpack("=8I", self.blocked)[cstruct.U8.check(kind) >> 5] >> (kind & 31) & 1
        )


@attrs.frozen
class ReceivedError:
    """IP_RECVERR, IPV6_RECVERR: an error, and the address of the host that reported it.

    ``offender`` is typed, None if the error is this host's own.
    """

    error: SockExtendedErr
    offender: Address | None = None


def _encode_error(value: ReceivedError) -> bytes:
    if not isinstance(value, ReceivedError):
        raise TypeError(f"must be ReceivedError, not {type(value).__name__}")
    offender = bytes(16) if value.offender is None else value.offender.pack()
    return value.error.pack() + offender


def _decode_error(data: bytes) -> ReceivedError:
    size = SockExtendedErr.layout.size
    return ReceivedError(SockExtendedErr.unpack(data), address_of(data[size:]))


RECEIVED_ERROR: Codec[ReceivedError] = Codec(
    c="struct sock_extended_err", size_bytes=44, encode=_encode_error, decode=_decode_error
)

SOCKADDR_IN: Codec[InetAddress] = codecs.struct(InetAddress)
SOCKADDR_IN6: Codec[Inet6Address] = codecs.struct(Inet6Address)
