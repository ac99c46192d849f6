"""Routes, neighbors and rules of NETLINK_ROUTE. Source: rtnetlink(7), linux/rtnetlink.h,
linux/neighbour.h, linux/fib_rules.h, ip-route(8), ip-rule(8).

Wire layout of a message's payload: the header below, then attributes. The length of a network's
prefix stands in the header. Several next hops are in one attribute, each a header of 8 bytes,
which begins with its length in bytes (u16), and attributes.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from socket import AF_UNSPEC
from typing import TypeVar

import attrs

from famsock.plugin import Struct, cstruct
from famsock_netlink import _ip, attributes
from famsock_netlink._ip import AnyAddress, AnyNetwork, as_address, as_network, as_optional_network
from famsock_netlink.attributes import Attribute, Attributes
from famsock_netlink.constants import (
    FIB_RULE_INVERT,
    FRA_DPORT_RANGE,
    FRA_DSCP,
    FRA_DST,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_GOTO,
    FRA_IIFNAME,
    FRA_IP_PROTO,
    FRA_OIFNAME,
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_SPORT_RANGE,
    FRA_SRC,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_TABLE,
    FRA_UID_RANGE,
    NDA_DST,
    NDA_LLADDR,
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_NOWHERE,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_MAIN,
    RT_TABLE_UNSPEC,
    RTA_DST,
    RTA_GATEWAY,
    RTA_METRICS,
    RTA_MULTIPATH,
    RTA_OIF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
    RTA_VIA,
    RTAX_MTU,
    RTN_LOCAL,
    RTN_UNICAST,
    RTNH_F_ONLINK,
    RTPROT_STATIC,
    RTPROT_UNSPEC,
)
from famsock_netlink.messages import NetlinkMessage


@cstruct.struct("struct rtmsg", header="linux/rtnetlink.h")
class RouteHeader(Struct):
    """The header of a route message: lengths of prefixes, RTPROT_*, RT_SCOPE_*, RTN_*."""

    family: int = cstruct.u8("rtm_family", default=AF_UNSPEC)
    destination_bits: int = cstruct.u8("rtm_dst_len", default=0)
    source_bits: int = cstruct.u8("rtm_src_len", default=0)
    tos: int = cstruct.u8("rtm_tos", default=0)
    table: int = cstruct.u8("rtm_table", default=0)
    protocol: int = cstruct.u8("rtm_protocol", default=0)
    scope: int = cstruct.u8("rtm_scope", default=0)
    type: int = cstruct.u8("rtm_type", default=0)
    flags: int = cstruct.u32("rtm_flags", default=0)


@cstruct.struct("struct rtnexthop", header="linux/rtnetlink.h")
class NextHopHeader(Struct):
    """The header of a next hop, before its attributes; ``hops`` is its weight less 1."""

    length_bytes: int = cstruct.u16("rtnh_len")
    flags: int = cstruct.u8("rtnh_flags", default=0)
    hops: int = cstruct.u8("rtnh_hops", default=0)
    link_index: int = cstruct.i32("rtnh_ifindex", default=0)


@cstruct.struct("struct ndmsg", header="linux/neighbour.h")
class NeighborHeader(Struct):
    """The header of a neighbor message: the link's index, NUD_* state, NTF_* flags."""

    family: int = cstruct.u8("ndm_family", default=AF_UNSPEC)
    index: int = cstruct.i32("ndm_ifindex", offset=4, default=0)
    state: int = cstruct.u16("ndm_state", default=0)
    flags: int = cstruct.u8("ndm_flags", default=0)
    type: int = cstruct.u8("ndm_type", default=0)


@cstruct.struct("struct fib_rule_hdr", header="linux/fib_rules.h")
class RuleHeader(Struct):
    """The header of a rule message: lengths of prefixes, FR_ACT_*, FIB_RULE_* flags."""

    family: int = cstruct.u8("family", default=AF_UNSPEC)
    destination_bits: int = cstruct.u8("dst_len", default=0)
    source_bits: int = cstruct.u8("src_len", default=0)
    tos: int = cstruct.u8("tos", default=0)
    table: int = cstruct.u8("table", default=0)
    action: int = cstruct.u8("action", offset=7, default=0)
    flags: int = cstruct.u32("flags", default=0)


@cstruct.struct("struct fib_rule_uid_range", header="linux/fib_rules.h")
class UidRange(Struct):
    """User ids, both ends included."""

    first: int = cstruct.u32("start")
    last: int = cstruct.u32("end")


@cstruct.struct("struct fib_rule_port_range", header="linux/fib_rules.h")
class PortRange(Struct):
    """Ports, both ends included."""

    first: int = cstruct.u16("start")
    last: int = cstruct.u16("end")


_T = TypeVar("_T")
_NEXT_HOP_BYTES = NextHopHeader.layout.size
_FAMILY = struct.Struct("=H")


@attrs.frozen
class NextHop:
    """A next hop, one of several of a route.

    ``link_index`` is 0 if the gateway determines the link, ``gateway`` None if the destination is
    on the link; ``weight`` is 1-256, ``flags`` are RTNH_F_*.
    """

    link_index: int = 0
    gateway: AnyAddress | None = attrs.field(default=None, converter=as_address)
    weight: int = 1
    flags: int = 0


def _scope(route: Route) -> int:
    """Return the scope that ip-route(8) uses by default."""
    if route.type == RTN_LOCAL:
        return RT_SCOPE_HOST
    hops = route.next_hops or (route,)
    direct = all(hop.gateway is None for hop in hops)
    return RT_SCOPE_LINK if direct and route.type == RTN_UNICAST else RT_SCOPE_UNIVERSE


def _family(route: Route) -> int:
    if isinstance(route.destination, bytes):
        raise TypeError("AF_NETLINK route: a destination of bytes needs its family")
    return _ip.FAMILIES[route.destination.version]


@attrs.frozen
class Route:
    """A route to a network.

    ``destination`` is a network, an object of `ipaddress` or its text ("0.0.0.0/0" is the default
    route); bytes for a family that is not IP. ``gateway`` is the next router, None if the
    destination is on the link; it may be of the other IP version. ``link_index`` is 0 if the
    gateway determines the link. ``preferred_source`` is the address to send from. Of several routes
    the one with the lowest ``priority`` is taken (the metric, 0-4294967295; for 0 IPv6 takes 1024).
    ``table`` is RT_TABLE_* or any number up to 4294967295, ``protocol`` RTPROT_*, ``type`` RTN_*,
    ``scope`` RT_SCOPE_*, found from the rest if none is given, ``flags`` RTNH_F_* and RTM_F_*.
    ``mtu`` in bytes is 0 for the link's. ``source`` limits the route to senders of a network (only
    IPv6). ``next_hops`` replace ``gateway`` and ``link_index``.
    """

    destination: AnyNetwork = attrs.field(converter=as_network)
    gateway: AnyAddress | None = attrs.field(default=None, converter=as_address)
    link_index: int = 0
    preferred_source: AnyAddress | None = attrs.field(default=None, converter=as_address)
    priority: int = 0
    table: int = RT_TABLE_MAIN
    protocol: int = RTPROT_STATIC
    type: int = RTN_UNICAST
    next_hops: tuple[NextHop, ...] = ()
    scope: int = attrs.field(default=attrs.Factory(_scope, takes_self=True))
    tos: int = 0
    flags: int = 0
    mtu: int = 0
    source: AnyNetwork | None = attrs.field(default=None, converter=as_optional_network)
    family: int = attrs.field(default=attrs.Factory(_family, takes_self=True))

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Route:
        """Return the route of an RTM_NEWROUTE or RTM_DELROUTE; ValueError if it is truncated."""
        header = RouteHeader.unpack(message.payload)
        found = message.attributes(RouteHeader.layout.size)
        family, source_bits = header.family, header.source_bits
        return cls(
            destination=_ip.network(family, found.get(RTA_DST, b""), header.destination_bits),
            gateway=_gateway(family, found),
            link_index=found.unsigned(RTA_OIF, 0),
            preferred_source=_made(found.get(RTA_PREFSRC), lambda data: _ip.address(family, data)),
            priority=found.unsigned(RTA_PRIORITY, 0),
            table=found.unsigned(RTA_TABLE, header.table),
            protocol=header.protocol,
            type=header.type,
            next_hops=_next_hops(family, found.get(RTA_MULTIPATH, b"")),
            scope=header.scope,
            tos=header.tos,
            flags=header.flags,
            mtu=found.nested(RTA_METRICS).unsigned(RTAX_MTU, 0),
            source=_made(found.get(RTA_SRC), lambda data: _ip.network(family, data, source_bits)),
            family=family,
        )

    def body(self, *, deleting: bool = False) -> tuple[RouteHeader, list[Attribute]]:
        """Return the header and attributes that add the route, or select what to delete.

        ValueError for a family that is not IP, OverflowError for an integer out of range.
        """
        if isinstance(self.destination, bytes) or isinstance(self.source, bytes):
            raise ValueError(
                f"AF_NETLINK route: family must be AF_INET or AF_INET6, not {self.family}; "
                "make others by request()"
            )
        header = RouteHeader(
            family=self.family,
            destination_bits=self.destination.prefixlen,
            source_bits=0 if self.source is None else self.source.prefixlen,
            tos=self.tos,
            table=self.table if 0 <= self.table <= 0xFF else RT_TABLE_UNSPEC,
            protocol=RTPROT_UNSPEC if deleting else self.protocol,
            scope=RT_SCOPE_NOWHERE if deleting else self.scope,
            type=self.type,
            flags=self.flags & RTNH_F_ONLINK,
        )
        made = [
            Attribute(RTA_DST, self.destination.network_address.packed),
            Attribute.u32(RTA_TABLE, self.table),
            *_hop_attributes(self.family, self.gateway),
        ]
        if self.source is not None:
            made.append(Attribute(RTA_SRC, self.source.network_address.packed))
        if self.link_index:
            made.append(Attribute.u32(RTA_OIF, self.link_index))
        if self.preferred_source is not None:
            made.append(Attribute(RTA_PREFSRC, _packed(self.preferred_source)))
        if self.priority:
            made.append(Attribute.u32(RTA_PRIORITY, self.priority))
        if self.mtu:
            made.append(Attribute.nested(RTA_METRICS, [Attribute.u32(RTAX_MTU, self.mtu)]))
        if self.next_hops:
            hops = b"".join(_pack_next_hop(self.family, hop) for hop in self.next_hops)
            made.append(Attribute(RTA_MULTIPATH, hops))
        return header, made


def _made(data: bytes | None, make: Callable[[bytes], _T]) -> _T | None:
    """Return the value of an attribute; None if it is missing."""
    return None if data is None else make(data)


def _packed(address: AnyAddress) -> bytes:
    return address if isinstance(address, bytes) else address.packed


def _gateway(family: int, found: Attributes) -> AnyAddress | None:
    """Return the address of RTA_GATEWAY, or of RTA_VIA: a family (u16) and an address of it."""
    if (gateway := found.get(RTA_GATEWAY)) is not None:
        return _ip.address(family, gateway)
    if len(via := found.get(RTA_VIA, b"")) < _FAMILY.size:
        return None
    return _ip.address(_FAMILY.unpack_from(via)[0], via[_FAMILY.size :])


def _hop_attributes(family: int, gateway: AnyAddress | None) -> list[Attribute]:
    if gateway is None:
        return []
    if isinstance(gateway, bytes) or _ip.FAMILIES[gateway.version] == family:
        return [Attribute(RTA_GATEWAY, _packed(gateway))]
    return [Attribute(RTA_VIA, _FAMILY.pack(_ip.FAMILIES[gateway.version]) + gateway.packed)]


def _next_hops(family: int, data: bytes) -> tuple[NextHop, ...]:
    hops = []
    offset = 0
    while len(data) - offset >= _NEXT_HOP_BYTES:
        header = NextHopHeader.unpack(data[offset : offset + _NEXT_HOP_BYTES])
        end = offset + header.length_bytes
        if header.length_bytes < _NEXT_HOP_BYTES or end > len(data):
            raise ValueError(
                f"AF_NETLINK next hop at byte {offset}: length must be "
                f"{_NEXT_HOP_BYTES}-{len(data) - offset}, not {header.length_bytes}"
            )
        gateway = _gateway(family, Attributes.unpack(data[offset + _NEXT_HOP_BYTES : end]))
        hops.append(NextHop(header.link_index, gateway, header.hops + 1, header.flags))
        offset = end + 3 & ~3
    return tuple(hops)


def _pack_next_hop(family: int, hop: NextHop) -> bytes:
    behind = attributes.pack(_hop_attributes(family, hop.gateway))
    header = NextHopHeader(
        _NEXT_HOP_BYTES + len(behind), hop.flags & RTNH_F_ONLINK, hop.weight - 1, hop.link_index
    )
    return header.pack() + behind


@attrs.frozen
class Neighbor:
    """The owner of a link address: an entry of the ARP or neighbor discovery table.

    ``link_address`` is the link-layer address, b"" while it is not known. ``state`` is NUD_*,
    ``flags`` are NTF_*, ``type`` is RTN_*.
    """

    link_index: int
    family: int
    address: AnyAddress
    link_address: bytes
    state: int
    flags: int
    type: int

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Neighbor:
        """Return the neighbor of an RTM_NEWNEIGH or RTM_DELNEIGH; ValueError if it is truncated."""
        header = NeighborHeader.unpack(message.payload)
        found = message.attributes(NeighborHeader.layout.size)
        return cls(
            link_index=header.index,
            family=header.family,
            address=_ip.address(header.family, found[NDA_DST]) if NDA_DST in found else b"",
            link_address=found.get(NDA_LLADDR, b""),
            state=header.state,
            flags=header.flags,
            type=header.type,
        )


@attrs.frozen
class Rule:
    """A rule that chooses a routing table; those with the lowest ``priority`` are asked first.

    ``action`` is FR_ACT_*: to look into ``table``, to go on at the rule of priority ``goto``, to
    refuse. A packet must match all given values: networks or None for any, names of interfaces or
    "", ``mark`` under ``mark_mask``, ``tos``, ``ip_protocol`` (IPPROTO_*), ports and user ids or
    None; FIB_RULE_INVERT in ``flags`` inverts that. Found routes with prefixes up to
    ``suppress_prefix_length`` are ignored, none if it is -1. ``protocol`` is the creator, RTPROT_*.
    ``dscp`` is 0-63, or None for any (Linux 6.12): ``tos`` without its lowest two bits.
    """

    family: int
    priority: int
    action: int
    table: int
    goto: int
    source: AnyNetwork | None
    destination: AnyNetwork | None
    input_interface: str
    output_interface: str
    mark: int
    mark_mask: int
    tos: int
    ip_protocol: int
    source_ports: PortRange | None
    destination_ports: PortRange | None
    uids: UidRange | None
    suppress_prefix_length: int
    protocol: int
    flags: int
    dscp: int | None = None

    @property
    def is_inverted(self) -> bool:
        """True if the rule is for packets that do not match."""
        return bool(self.flags & FIB_RULE_INVERT)

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Rule:
        """Return the rule of an RTM_NEWRULE or RTM_DELRULE; ValueError if it is truncated."""
        header = RuleHeader.unpack(message.payload)
        found = message.attributes(RuleHeader.layout.size)
        family, source_bits = header.family, header.source_bits
        bits = header.destination_bits
        return cls(
            family=family,
            priority=found.unsigned(FRA_PRIORITY, 0),
            action=header.action,
            table=found.unsigned(FRA_TABLE, header.table),
            goto=found.unsigned(FRA_GOTO, 0),
            source=_made(found.get(FRA_SRC), lambda data: _ip.network(family, data, source_bits)),
            destination=_made(found.get(FRA_DST), lambda data: _ip.network(family, data, bits)),
            input_interface=found.text(FRA_IIFNAME, ""),
            output_interface=found.text(FRA_OIFNAME, ""),
            mark=found.unsigned(FRA_FWMARK, 0),
            mark_mask=found.unsigned(FRA_FWMASK, 0),
            tos=header.tos,
            ip_protocol=found.unsigned(FRA_IP_PROTO, 0),
            source_ports=_made(found.get(FRA_SPORT_RANGE), PortRange.unpack),
            destination_ports=_made(found.get(FRA_DPORT_RANGE), PortRange.unpack),
            uids=_made(found.get(FRA_UID_RANGE), UidRange.unpack),
            suppress_prefix_length=found.signed(FRA_SUPPRESS_PREFIXLEN, -1),
            protocol=found.unsigned(FRA_PROTOCOL, 0),
            flags=header.flags,
            dscp=_made(found.get(FRA_DSCP), lambda data: int.from_bytes(data, sys.byteorder)),
        )
