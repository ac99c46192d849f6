"""Routes, neighbors and rules of NETLINK_ROUTE. Source: rtnetlink(7), linux/rtnetlink.h,
linux/neighbour.h, linux/fib_rules.h, ip-route(8), ip-rule(8).

Wire layout of a message's payload: the header below, then attributes. The length of a network's
prefix stands in the header. Several next hops are in one attribute, each a header of 8 bytes,
which begins with its length in bytes (u16), and attributes.
"""

from __future__ import annotations

import os
import struct
import sys
from socket import AF_UNSPEC

import attrs

from famsock.plugin import Struct, cstruct, tlv
from famsock_netlink import _ip, attributes
from famsock_netlink._ip import AnyAddress, AnyNetwork, as_address, as_network, as_optional_network
from famsock_netlink.attributes import Attribute, Attributes
from famsock_netlink.constants import (
    FIB_RULE_IIF_DETACHED,
    FIB_RULE_INVERT,
    FIB_RULE_OIF_DETACHED,
    FIB_RULE_UNRESOLVED,
    FR_ACT_GOTO,
    FR_ACT_TO_TBL,
    FRA_DPORT_RANGE,
    FRA_DSCP,
    FRA_DST,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_GOTO,
    FRA_IIFNAME,
    FRA_IP_PROTO,
    FRA_L3MDEV,
    FRA_OIFNAME,
    FRA_PAD,
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_SPORT_RANGE,
    FRA_SRC,
    FRA_SUPPRESS_IFGROUP,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_TABLE,
    FRA_UID_RANGE,
    NDA_DST,
    NDA_LLADDR,
    NLA_F_NESTED,
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_NOWHERE,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_MAIN,
    RT_TABLE_UNSPEC,
    RTA_CACHEINFO,
    RTA_DST,
    RTA_ENCAP,
    RTA_ENCAP_TYPE,
    RTA_EXPIRES,
    RTA_GATEWAY,
    RTA_METRICS,
    RTA_MULTIPATH,
    RTA_NH_ID,
    RTA_OIF,
    RTA_PAD,
    RTA_PREF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
    RTA_VIA,
    RTAX_MTU,
    RTN_LOCAL,
    RTN_UNICAST,
    RTNH_F_ONLINK,
    RTNH_F_PERVASIVE,
    RTPROT_STATIC,
    RTPROT_UNSPEC,
)
from famsock_netlink.messages import NetlinkMessage

__all__ = [
    "Neighbor",
    "NeighborHeader",
    "NextHop",
    "NextHopHeader",
    "PortRange",
    "Route",
    "RouteHeader",
    "Rule",
    "RuleHeader",
    "UidRange",
]


@cstruct.struct("struct rtmsg", header="linux/rtnetlink.h")
class RouteHeader(Struct):
    """The header of a route message: prefixes' lengths, ``RTPROT_*``, ``RT_SCOPE_*``, ``RTN_*``."""

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
    """The header of a neighbor message: the link's index, ``NUD_*`` state, ``NTF_*`` flags."""

    family: int = cstruct.u8("ndm_family", default=AF_UNSPEC)
    index: int = cstruct.i32("ndm_ifindex", offset=4, default=0)
    state: int = cstruct.u16("ndm_state", default=0)
    flags: int = cstruct.u8("ndm_flags", default=0)
    type: int = cstruct.u8("ndm_type", default=0)


@cstruct.struct("struct fib_rule_hdr", header="linux/fib_rules.h")
class RuleHeader(Struct):
    """The header of a rule message: lengths of prefixes, ``FR_ACT_*``, ``FIB_RULE_*`` flags."""

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


_NEXT_HOP_BYTES = NextHopHeader.layout.size
_FAMILY = struct.Struct("=H")
_EXPIRES = struct.Struct("=8xi")
_SENT_FLAGS = RTNH_F_ONLINK | RTNH_F_PERVASIVE
_SHOWN_RULE_FLAGS = FIB_RULE_UNRESOLVED | FIB_RULE_IIF_DETACHED | FIB_RULE_OIF_DETACHED
_HOP_FIELDS = frozenset({RTA_GATEWAY, RTA_VIA})
_NEXTHOP_ATTRIBUTES = frozenset({RTA_ENCAP, RTA_ENCAP_TYPE})
_ROUTE_FIELDS = _HOP_FIELDS | {
    RTA_CACHEINFO,
    RTA_DST,
    RTA_EXPIRES,
    RTA_METRICS,
    RTA_MULTIPATH,
    RTA_NH_ID,
    RTA_OIF,
    RTA_PAD,
    RTA_PREF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
}
_NEIGHBOR_FIELDS = frozenset({NDA_DST, NDA_LLADDR})
_RULE_FIELDS = frozenset(
    {
        FRA_DPORT_RANGE,
        FRA_DSCP,
        FRA_DST,
        FRA_FWMARK,
        FRA_FWMASK,
        FRA_GOTO,
        FRA_IIFNAME,
        FRA_IP_PROTO,
        FRA_L3MDEV,
        FRA_OIFNAME,
        FRA_PAD,
        FRA_PRIORITY,
        FRA_PROTOCOL,
        FRA_SPORT_RANGE,
        FRA_SRC,
        FRA_SUPPRESS_IFGROUP,
        FRA_SUPPRESS_PREFIXLEN,
        FRA_TABLE,
        FRA_UID_RANGE,
    }
)


@attrs.frozen
class NextHop:
    """A next hop, one of several of a route.

    ``link_index`` is 0 if the gateway determines the link, ``gateway`` None if the destination is
    on the link; ``weight`` is 1-256, ``flags`` are ``RTNH_F_*``. ``others`` are ``RTA_*``
    attributes that have no field here, such as RTA_ENCAP.
    """

    link_index: int = 0
    gateway: AnyAddress | None = attrs.field(default=None, converter=as_address)
    weight: int = 1
    flags: int = 0
    others: tuple[Attribute, ...] = ()


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


_Hops = tuple[AnyAddress | None, int, tuple[NextHop, ...]]


@attrs.frozen
class Route(tlv.Deferred):
    """A route to a network.

    ``destination`` is a network, an object of `ipaddress` or its text ("0.0.0.0/0" is the default
    route); bytes for a family that is not IP. ``gateway`` is the next router, None if the
    destination is on the link; it may be of the other IP version. ``link_index`` is 0 if the
    gateway determines the link. ``preferred_source`` is the address to send from. Of several routes
    the one with the lowest ``priority`` is taken (the metric, 0-4294967295; for 0 IPv6 takes 1024).
    ``table`` is ``RT_TABLE_*`` or any number up to 4294967295, ``protocol`` ``RTPROT_*``, ``type``
    ``RTN_*``, ``scope`` ``RT_SCOPE_*``, found from the rest if none is given, ``flags``
    ``RTNH_F_*`` and ``RTM_F_*``. ``mtu`` in bytes is 0 for the link's; ``metrics`` are the other
    ``RTAX_*``. ``source`` limits the route to senders of a network (only IPv6). ``next_hops``
    replace ``gateway`` and ``link_index``.

    With a ``nexthop_id`` the gateway, link and next hops are those of a nexthop object
    (ip-nexthop(8)), which `routes` shows. They are not sent, unless they were changed: then the
    kernel refuses the route. ``preference`` is a router's (RFC 4191: 0 medium, 1 high, 3 low), and
    ``expires_s`` what remains of the route's life in seconds, 0 for ever; both are only IPv6's.
    ``others`` are the ``RTA_*`` attributes that have no field here, such as RTA_ENCAP. They are
    sent as they came, so that a route of `routes` can be added again unchanged.
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
    metrics: tuple[Attribute, ...] = ()
    nexthop_id: int = 0
    preference: int = 0
    expires_s: int = 0
    others: tuple[Attribute, ...] = ()
    _of_nexthop: _Hops | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def _hops(self) -> _Hops:
        return self.gateway, self.link_index, self.next_hops

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Route:
        """Return the route of an RTM_NEWROUTE or RTM_DELROUTE; ValueError if it is truncated."""
        return _ROUTE.unpack(message.payload, cls)

    def body(self, *, deleting: bool = False) -> tuple[RouteHeader, list[Attribute]]:
        """Return the header and attributes that add the route, or select what to delete.

        ValueError for a family that is not IP, OverflowError for an integer out of range.
        """
        if isinstance(self.destination, bytes) or isinstance(self.source, bytes):
            raise ValueError(
                f"AF_NETLINK route: family must be AF_INET or AF_INET6, not {self.family}; "
                "make others by request()"
            )
        hops_are_sent = not self.nexthop_id or self._hops != self._of_nexthop
        header = RouteHeader(
            family=self.family,
            destination_bits=self.destination.prefixlen,
            source_bits=0 if self.source is None else self.source.prefixlen,
            tos=self.tos,
            table=self.table if 0 <= self.table <= 0xFF else RT_TABLE_UNSPEC,
            protocol=RTPROT_UNSPEC if deleting else self.protocol,
            scope=RT_SCOPE_NOWHERE if deleting else self.scope,
            type=self.type,
            flags=self.flags & _SENT_FLAGS if hops_are_sent else 0,
        )
        made = [
            Attribute(RTA_DST, self.destination.network_address.packed),
            Attribute.u32(RTA_TABLE, self.table),
        ]
        if self.source is not None:
            made.append(Attribute(RTA_SRC, self.source.network_address.packed))
        if hops_are_sent:
            made += self._packed_hops()
        if self.preferred_source is not None:
            made.append(Attribute(RTA_PREFSRC, _packed(self.preferred_source)))
        if self.priority:
            made.append(Attribute.u32(RTA_PRIORITY, self.priority))
        if self.nexthop_id:
            made.append(Attribute.u32(RTA_NH_ID, self.nexthop_id))
        if self.preference:
            made.append(Attribute.u8(RTA_PREF, self.preference))
        if self.expires_s and not deleting:
            made.append(Attribute.u32(RTA_EXPIRES, self.expires_s))
        mtu = [Attribute.u32(RTAX_MTU, self.mtu)] if self.mtu else []
        if metrics := [*mtu, *self.metrics]:
            made.append(Attribute.nested(RTA_METRICS, metrics))
        withheld = frozenset[int]() if hops_are_sent else _NEXTHOP_ATTRIBUTES
        return header, made + [o for o in _to_send(self.others) if o.type not in withheld]

    def _packed_hops(self) -> list[Attribute]:
        made = _hop_attributes(self.family, self.gateway)
        if self.link_index:
            made.append(Attribute.u32(RTA_OIF, self.link_index))
        if self.next_hops:
            hops = b"".join(_pack_next_hop(self.family, hop) for hop in self.next_hops)
            made.append(Attribute(RTA_MULTIPATH, hops))
        return made


def _expires_s(cacheinfo: bytes) -> int:
    """Return what remains of a route's life, from ``struct rta_cacheinfo``; 0 for ever."""
    if len(cacheinfo) < _EXPIRES.size:
        return 0
    ticks: int = _EXPIRES.unpack_from(cacheinfo)[0]
    return max(1, -(-ticks // os.sysconf("SC_CLK_TCK"))) if ticks else 0


def _to_send(others: tuple[Attribute, ...]) -> list[Attribute]:
    """Return attributes of a route or next hop as the kernel takes them.

    It shows RTA_ENCAP without NLA_F_NESTED; some kinds of encapsulation insist on that.
    """
    return [
        attrs.evolve(one, flags=one.flags | NLA_F_NESTED) if one.type == RTA_ENCAP else one
        for one in others
    ]


def _packed(address: AnyAddress) -> bytes:
    return address if isinstance(address, bytes) else address.packed


def _gateway(family: int, gateway: bytes | None, via: bytes | None) -> AnyAddress | None:
    """Return the address of RTA_GATEWAY, or of RTA_VIA: a family (u16) and an address of it."""
    if gateway is not None:
        return _ip.address(family, gateway)
    if via is None or len(via) < _FAMILY.size:
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
        found = Attributes.unpack(data[offset + _NEXT_HOP_BYTES : end])
        gateway = _gateway(family, found.get(RTA_GATEWAY), found.get(RTA_VIA))
        others = found.others(_HOP_FIELDS)
        hops.append(NextHop(header.link_index, gateway, header.hops + 1, header.flags, others))
        offset = end + 3 & ~3
    return tuple(hops)


def _pack_next_hop(family: int, hop: NextHop) -> bytes:
    behind = attributes.pack([*_hop_attributes(family, hop.gateway), *_to_send(hop.others)])
    header = NextHopHeader(
        _NEXT_HOP_BYTES + len(behind), hop.flags & _SENT_FLAGS, hop.weight - 1, hop.link_index
    )
    return header.pack() + behind


def _network(family: int, bits: int, data: bytes | None) -> AnyNetwork:
    return _ip.network(family, data or b"", bits)


def _other_metrics(metrics: bytes) -> tuple[Attribute, ...]:
    return Attributes.unpack(metrics).others((RTAX_MTU,))


def _hops_of_nexthop(
    family: int,
    nexthop_id: bytes,
    gateway: bytes | None,
    via: bytes | None,
    link_index: bytes | None,
    hops: bytes | None,
) -> _Hops | None:
    """Return what is sent only if it was changed; None for a route without a nexthop object."""
    if not any(nexthop_id):
        return None
    index = int.from_bytes(link_index or b"", sys.byteorder)
    return _gateway(family, gateway, via), index, _next_hops(family, hops or b"")


_ROUTE = tlv.Table(
    Route,
    RouteHeader,
    {
        "destination": tlv.made(
            _network, RTA_DST, members=("family", "destination_bits"), sizes=_ip.BYTES,
            counts_bits=True,
        ),
        "gateway": tlv.made(
            _gateway, RTA_GATEWAY, RTA_VIA, members=("family",), default=None, sizes=_ip.BYTES,
            at_once=(RTA_VIA,),
        ),
        "link_index": tlv.unsigned(RTA_OIF),
        "preferred_source": tlv.made(
            _ip.address, RTA_PREFSRC, members=("family",), default=None, sizes=_ip.BYTES
        ),
        "priority": tlv.unsigned(RTA_PRIORITY),
        "table": tlv.unsigned(RTA_TABLE, member="table"),
        "protocol": tlv.member("protocol"),
        "type": tlv.member("type"),
        "next_hops": tlv.made(_next_hops, RTA_MULTIPATH, members=("family",), default=()),
        "scope": tlv.member("scope"),
        "tos": tlv.member("tos"),
        "flags": tlv.member("flags"),
        "mtu": tlv.unsigned(RTA_METRICS, RTAX_MTU),
        "source": tlv.made(
            _network, RTA_SRC, members=("family", "source_bits"), default=None, sizes=_ip.BYTES,
            counts_bits=True,
        ),
        "family": tlv.member("family"),
        "metrics": tlv.made(_other_metrics, RTA_METRICS, default=()),
        "nexthop_id": tlv.unsigned(RTA_NH_ID),
        "preference": tlv.unsigned(RTA_PREF),
        "expires_s": tlv.made(_expires_s, RTA_CACHEINFO, default=0),
        "others": tlv.unknown(attributes.to_send, _ROUTE_FIELDS),
        "_of_nexthop": tlv.made(
            _hops_of_nexthop, RTA_NH_ID, RTA_GATEWAY, RTA_VIA, RTA_OIF, RTA_MULTIPATH,
            members=("family",), default=None, needed=(RTA_NH_ID,),
        ),
    },
    type_mask=attributes.TYPE_MAX,
    label=attributes.LABEL,
)  # fmt: skip


@attrs.frozen
class Neighbor(tlv.Deferred):
    """The owner of a link address: an entry of the ARP or neighbor discovery table.

    ``link_address`` is the link-layer address, b"" while it is not known. ``state`` is ``NUD_*``,
    ``flags`` are ``NTF_*``, ``type`` is ``RTN_*``. ``others`` are the ``NDA_*`` attributes that
    have no field here, such as NDA_VLAN.
    """

    link_index: int
    family: int
    address: AnyAddress
    link_address: bytes
    state: int
    flags: int
    type: int
    others: tuple[Attribute, ...] = ()

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Neighbor:
        """Return the neighbor of an RTM_NEWNEIGH or RTM_DELNEIGH; ValueError if it is truncated."""
        return _NEIGHBOR.unpack(message.payload, cls)


_NEIGHBOR = tlv.Table(
    Neighbor,
    NeighborHeader,
    {
        "link_index": tlv.member("index"),
        "family": tlv.member("family"),
        "address": tlv.made(
            _ip.address, NDA_DST, members=("family",), default=b"", sizes=_ip.BYTES
        ),
        "link_address": tlv.value(NDA_LLADDR),
        "state": tlv.member("state"),
        "flags": tlv.member("flags"),
        "type": tlv.member("type"),
        "others": tlv.unknown(attributes.to_send, _NEIGHBOR_FIELDS),
    },
    type_mask=attributes.TYPE_MAX,
    label=attributes.LABEL,
)


def _table(rule: Rule) -> int:
    """Return the table in which ip-rule(8) looks by default."""
    return RT_TABLE_MAIN if rule.action == FR_ACT_TO_TBL and not rule.l3mdev else RT_TABLE_UNSPEC


@attrs.frozen
class Rule:
    """A rule that chooses a routing table; those with the lowest ``priority`` are asked first.

    ``action`` is ``FR_ACT_*``: to look into ``table``, to go on at the rule of priority ``goto``,
    to refuse. With ``l3mdev`` the table is that of the interface's VRF. A packet must match all
    given values: networks or None for any (text is a network, too), names of interfaces or "",
    ``mark`` under ``mark_mask``, ``tos``, ``ip_protocol`` (``IPPROTO_*``), ports and user ids or
    None; FIB_RULE_INVERT in ``flags`` inverts that. Found routes with prefixes up to
    ``suppress_prefix_length``, or of interfaces of the group ``suppress_group``, are ignored; none
    are if it is -1. ``protocol`` is the creator, ``RTPROT_*``. ``dscp`` is 0-63, or None for any
    (Linux 6.12): ``tos`` without its lowest two bits. ``others`` are the ``FRA_*`` attributes that
    have no field here, such as FRA_TUN_ID: they are further conditions, and are sent as they came.
    """

    family: int
    priority: int
    action: int = FR_ACT_TO_TBL
    l3mdev: bool = attrs.field(default=False, kw_only=True)
    table: int = attrs.field(default=attrs.Factory(_table, takes_self=True))
    goto: int = 0
    source: AnyNetwork | None = attrs.field(default=None, converter=as_optional_network)
    destination: AnyNetwork | None = attrs.field(default=None, converter=as_optional_network)
    input_interface: str = ""
    output_interface: str = ""
    mark: int = 0
    mark_mask: int = attrs.field(
        default=attrs.Factory(lambda rule: 0xFFFFFFFF if rule.mark else 0, takes_self=True)
    )
    tos: int = 0
    ip_protocol: int = 0
    source_ports: PortRange | None = None
    destination_ports: PortRange | None = None
    uids: UidRange | None = None
    suppress_prefix_length: int = -1
    protocol: int = RTPROT_STATIC
    flags: int = 0
    dscp: int | None = None
    suppress_group: int = -1
    others: tuple[Attribute, ...] = ()

    @property
    def is_inverted(self) -> bool:
        """True if the rule is for packets that do not match."""
        return bool(self.flags & FIB_RULE_INVERT)

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Rule:
        """Return the rule of an RTM_NEWRULE or RTM_DELRULE; ValueError if it is truncated."""
        return _RULE.unpack(message.payload, cls)

    def body(self) -> tuple[RuleHeader, list[Attribute]]:
        """Return the header and attributes that add the rule, or select what to delete.

        ValueError for networks of a family that is not IP, OverflowError for an integer out of
        range.
        """
        source, destination = self.source, self.destination
        if isinstance(source, bytes) or isinstance(destination, bytes):
            raise ValueError(
                f"AF_NETLINK rule: family must be AF_INET or AF_INET6, not {self.family}; make "
                "others by request()"
            )
        header = RuleHeader(
            family=self.family,
            destination_bits=0 if destination is None else destination.prefixlen,
            source_bits=0 if source is None else source.prefixlen,
            tos=self.tos,
            table=self.table if 0 <= self.table <= 0xFF else RT_TABLE_UNSPEC,
            action=self.action,
            flags=self.flags & ~_SHOWN_RULE_FLAGS,
        )
        made = [
            Attribute.u32(FRA_TABLE, self.table),
            Attribute.u32(FRA_PRIORITY, self.priority),
            Attribute.u8(FRA_PROTOCOL, self.protocol),
        ]
        for kind, network in ((FRA_SRC, source), (FRA_DST, destination)):
            if network is not None:
                made.append(Attribute(kind, network.network_address.packed))
        for kind, name in (
            (FRA_IIFNAME, self.input_interface),
            (FRA_OIFNAME, self.output_interface),
        ):
            if name:
                made.append(Attribute.text(kind, name))
        if self.action == FR_ACT_GOTO:
            made.append(Attribute.u32(FRA_GOTO, self.goto))
        if self.mark or self.mark_mask:
            made.append(Attribute.u32(FRA_FWMARK, self.mark))
            made.append(Attribute.u32(FRA_FWMASK, self.mark_mask))
        if self.ip_protocol:
            made.append(Attribute.u8(FRA_IP_PROTO, self.ip_protocol))
        for kind, numbers in (
            (FRA_SPORT_RANGE, self.source_ports),
            (FRA_DPORT_RANGE, self.destination_ports),
            (FRA_UID_RANGE, self.uids),
        ):
            if numbers is not None:
                made.append(Attribute(kind, numbers.pack()))
        for kind, number in (
            (FRA_SUPPRESS_PREFIXLEN, self.suppress_prefix_length),
            (FRA_SUPPRESS_IFGROUP, self.suppress_group),
        ):
            if number != -1:
                made.append(Attribute.s32(kind, number))
        if self.dscp is not None:
            made.append(Attribute.u8(FRA_DSCP, self.dscp))
        if self.l3mdev:
            made.append(Attribute.u8(FRA_L3MDEV, 1))
        return header, [*made, *self.others]


_RULE = tlv.Table(
    Rule,
    RuleHeader,
    {
        "family": tlv.member("family"),
        "priority": tlv.unsigned(FRA_PRIORITY),
        "action": tlv.member("action"),
        "l3mdev": tlv.made(any, FRA_L3MDEV, default=False),
        "table": tlv.unsigned(FRA_TABLE, member="table"),
        "goto": tlv.unsigned(FRA_GOTO),
        "source": tlv.made(_network, FRA_SRC, members=("family", "source_bits"), default=None),
        "destination": tlv.made(
            _network, FRA_DST, members=("family", "destination_bits"), default=None
        ),
        "input_interface": tlv.text(FRA_IIFNAME),
        "output_interface": tlv.text(FRA_OIFNAME),
        "mark": tlv.unsigned(FRA_FWMARK),
        "mark_mask": tlv.unsigned(FRA_FWMASK),
        "tos": tlv.member("tos"),
        "ip_protocol": tlv.unsigned(FRA_IP_PROTO),
        "source_ports": tlv.made(PortRange.unpack, FRA_SPORT_RANGE, default=None),
        "destination_ports": tlv.made(PortRange.unpack, FRA_DPORT_RANGE, default=None),
        "uids": tlv.made(UidRange.unpack, FRA_UID_RANGE, default=None),
        "suppress_prefix_length": tlv.signed(FRA_SUPPRESS_PREFIXLEN, default=-1),
        "protocol": tlv.unsigned(FRA_PROTOCOL),
        "flags": tlv.member("flags"),
        "dscp": tlv.unsigned(FRA_DSCP, default=None),
        "suppress_group": tlv.signed(FRA_SUPPRESS_IFGROUP, default=-1),
        "others": tlv.unknown(attributes.to_send, _RULE_FIELDS),
    },
    type_mask=attributes.TYPE_MAX,
    label=attributes.LABEL,
)
