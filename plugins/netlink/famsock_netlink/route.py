"""NETLINK_ROUTE: network interfaces (links), addresses, routes, rules. Source: rtnetlink(7)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from errno import EADDRNOTAVAIL, EINVAL, ENODEV, ENOENT, ESRCH
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from socket import AF_INET6, AF_UNSPEC, SOCK_DGRAM, SOCK_RAW
from typing import TypeVar

import attrs

from famsock.plugin import Struct, cstruct, tlv
from famsock_netlink import _ip, messages
from famsock_netlink._ip import AnyAddress, IPAddress
from famsock_netlink.attributes import LABEL, TYPE_MAX, Attribute, Attributes, to_send
from famsock_netlink.constants import (
    AF_NETLINK,
    ALTIFNAMSIZ,
    IFA_ADDRESS,
    IFA_ANYCAST,
    IFA_BROADCAST,
    IFA_CACHEINFO,
    IFA_FLAGS,
    IFA_LABEL,
    IFA_LOCAL,
    IFA_MULTICAST,
    IFF_UP,
    IFLA_ADDRESS,
    IFLA_ALT_IFNAME,
    IFLA_BROADCAST,
    IFLA_EXT_MASK,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_INFO_KIND,
    IFLA_LINK,
    IFLA_LINKINFO,
    IFLA_MASTER,
    IFLA_MTU,
    IFLA_OPERSTATE,
    IFLA_PROP_LIST,
    IFLA_TXQLEN,
    IFNAMSIZ,
    NDA_IFINDEX,
    NETLINK_ROUTE,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RT_SCOPE_HOST,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_COMPAT,
    RTA_TABLE,
    RTEXT_FILTER_SKIP_STATS,
    RTM_DELADDR,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_F_CLONED,
    RTM_GETADDR,
    RTM_GETANYCAST,
    RTM_GETLINK,
    RTM_GETMULTICAST,
    RTM_GETNEIGH,
    RTM_GETROUTE,
    RTM_GETRULE,
    RTM_NEWADDR,
    RTM_NEWROUTE,
    RTM_NEWRULE,
    RTM_SETLINK,
)
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.routing import (
    Neighbor,
    NeighborHeader,
    Route,
    RouteHeader,
    Rule,
    RuleHeader,
)
from famsock_netlink.sockets import NetlinkSocket, checks_strictly, collected

__all__ = [
    "FOREVER_S",
    "AddressHeader",
    "AddressLifetime",
    "InterfaceAddress",
    "Link",
    "LinkHeader",
    "RouteSocket",
]

_T = TypeVar("_T")
_REFUSALS = frozenset({EINVAL, ENODEV, ENOENT})
"""Errors of the kernel for a limit: it does not know it, there is no such link, no such table."""

_OTHER_ADDRESS = (IFA_ADDRESS, IFA_MULTICAST, IFA_ANYCAST)
_ADDRESS_FIELDS = frozenset(
    {IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, *_OTHER_ADDRESS}
)

FOREVER_S = 0xFFFFFFFF
"""The lifetime of an address that does not expire."""


@cstruct.struct("struct ifinfomsg", header="linux/rtnetlink.h")
class LinkHeader(Struct):
    """The header of a link message: ``ARPHRD_*`` type, index, ``IFF_*`` flags."""

    family: int = cstruct.u8("ifi_family", default=AF_UNSPEC)
    hardware_type: int = cstruct.u16("ifi_type", offset=2, default=0)
    index: int = cstruct.i32("ifi_index", default=0)
    flags: int = cstruct.u32("ifi_flags", default=0)
    change_mask: int = cstruct.u32("ifi_change", default=0)


@cstruct.struct("struct ifaddrmsg", header="linux/if_addr.h")
class AddressHeader(Struct):
    """The header of an address message: RT_SCOPE_* scope, the link's index."""

    family: int = cstruct.u8("ifa_family", default=AF_UNSPEC)
    prefix_length: int = cstruct.u8("ifa_prefixlen", default=0)
    flags: int = cstruct.u8("ifa_flags", default=0)
    scope: int = cstruct.u8("ifa_scope", default=0)
    index: int = cstruct.u32("ifa_index", default=0)


@cstruct.struct("struct ifa_cacheinfo", header="linux/if_addr.h")
class AddressLifetime(Struct):
    """Times of an address: preferred and valid for (s), created and changed at (10 ms)."""

    preferred_s: int = cstruct.u32("ifa_prefered")
    valid_s: int = cstruct.u32("ifa_valid")
    created_cs: int = cstruct.u32("cstamp")
    updated_cs: int = cstruct.u32("tstamp")


@attrs.frozen
class Link:
    """A network interface.

    ``hardware_type`` is ``ARPHRD_*``, ``flags`` are ``IFF_*``, ``operational_state`` is
    ``IF_OPER_*``. ``address`` and ``broadcast`` are link-layer addresses of any length. ``kind`` is
    the driver's name for virtual interfaces ("veth", "vcan"), "" for others. ``master`` is the
    index of the bridge or bond that it is part of, ``lower_index`` of the interface below it (a
    VLAN's) or its peer (a veth's); 0 for none.
    """

    index: int
    name: str
    hardware_type: int
    flags: int
    mtu: int
    address: bytes
    broadcast: bytes
    kind: str
    operational_state: int
    queue_length: int
    master: int
    lower_index: int
    alias: str
    alternative_names: tuple[str, ...]

    @property
    def is_up(self) -> bool:
        """True if the interface is switched on (IFF_UP)."""
        return bool(self.flags & IFF_UP)

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Link:
        """Return the link of an RTM_NEWLINK or RTM_DELLINK; ValueError if it is truncated."""
        return _LINK.unpack(message.payload, cls)


def _names(properties: bytes) -> tuple[str, ...]:
    return tuple(map(tlv.text_of, Attributes.unpack(properties).all(IFLA_ALT_IFNAME)))


_LINK = tlv.Table(
    Link,
    LinkHeader,
    {
        "index": tlv.member("index"),
        "name": tlv.text(IFLA_IFNAME),
        "hardware_type": tlv.member("hardware_type"),
        "flags": tlv.member("flags"),
        "mtu": tlv.unsigned(IFLA_MTU),
        "address": tlv.value(IFLA_ADDRESS),
        "broadcast": tlv.value(IFLA_BROADCAST),
        "kind": tlv.text(IFLA_LINKINFO, IFLA_INFO_KIND),
        "operational_state": tlv.unsigned(IFLA_OPERSTATE),
        "queue_length": tlv.unsigned(IFLA_TXQLEN),
        "master": tlv.unsigned(IFLA_MASTER),
        "lower_index": tlv.unsigned(IFLA_LINK),
        "alias": tlv.text(IFLA_IFALIAS),
        "alternative_names": tlv.made(_names, IFLA_PROP_LIST, default=()),
    },
    type_mask=TYPE_MAX,
    label=LABEL,
)


@attrs.frozen
class InterfaceAddress(tlv.Deferred):
    """An address of a network interface, or a group that it has joined.

    ``address`` is the interface's own, or the multicast or anycast group's; bytes for a family that
    is not IP. ``peer`` is the other end's on a point-to-point link, otherwise the same. ``flags``
    are ``IFA_F_*``, ``scope`` ``RT_SCOPE_*``. Lifetimes are in seconds, `FOREVER_S` for ever.
    ``others`` are the ``IFA_*`` attributes that have no field here, such as IFA_RT_PRIORITY and, of
    a multicast group, IFA_MC_USERS.
    """

    link_index: int
    family: int
    address: AnyAddress
    prefix_length: int
    peer: AnyAddress
    broadcast: AnyAddress | None
    label: str
    scope: int
    flags: int
    preferred_s: int
    valid_s: int
    others: tuple[Attribute, ...] = ()

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> InterfaceAddress:
        """Return the address of a message; ValueError if it is truncated.

        Of RTM_NEWADDR, RTM_NEWMULTICAST and RTM_NEWANYCAST, of RTM_DELADDR and so on, or what a
        dump gives (RTM_GETMULTICAST, RTM_GETANYCAST).
        """
        return _ADDRESS.unpack(message.payload, cls)


def _own_address(family: int, *found: bytes | None) -> AnyAddress:
    return _ip.address(family, next((data for data in found if data is not None), b""))


_ADDRESS = tlv.Table(
    InterfaceAddress,
    AddressHeader,
    {
        "link_index": tlv.member("index"),
        "family": tlv.member("family"),
        "address": tlv.made(
            _own_address, IFA_LOCAL, *_OTHER_ADDRESS, members=("family",), sizes=_ip.BYTES
        ),
        "prefix_length": tlv.member("prefix_length"),
        "peer": tlv.made(_own_address, *_OTHER_ADDRESS, members=("family",), sizes=_ip.BYTES),
        "broadcast": tlv.made(
            _ip.address, IFA_BROADCAST, members=("family",), default=None, sizes=_ip.BYTES
        ),
        "label": tlv.text(IFA_LABEL),
        "scope": tlv.member("scope"),
        "flags": tlv.unsigned(IFA_FLAGS, member="flags"),
        "preferred_s": tlv.part(IFA_CACHEINFO, AddressLifetime, "preferred_s", default=FOREVER_S),
        "valid_s": tlv.part(IFA_CACHEINFO, AddressLifetime, "valid_s", default=FOREVER_S),
        "others": tlv.unknown(to_send, _ADDRESS_FIELDS),
    },
    type_mask=TYPE_MAX,
    label=LABEL,
)


class RouteSocket(
    NetlinkSocket, family=AF_NETLINK, type=(SOCK_RAW, SOCK_DGRAM), proto=NETLINK_ROUTE
):
    """A socket of NETLINK_ROUTE: network interfaces, their addresses, routes and rules.

    The kernel applies the limit of a method to one link or table from Linux 4.20 on; before, and
    where it does not, the method does.
    """

    __slots__ = ()

    def links(self) -> tuple[Link, ...]:
        """Return every network interface of the socket's network namespace."""
        without_statistics = Attribute.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
        return _dumped(self, Link.unpack, None, RTM_GETLINK, LinkHeader(), [without_statistics])

    def link(self, which: int | str) -> Link:
        """Return a network interface, by its index (from 1 on), its name or an alternative name.

        OSError ENODEV if there is none, ValueError for a name of more than 127 bytes.
        """
        index, named = _named(which)
        without_statistics = Attribute.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
        (answer,) = self.request(RTM_GETLINK, LinkHeader(index=index), [without_statistics, *named])
        return Link.unpack(answer)

    def set_link(self, which: int | str, *, up: bool | None = None, mtu: int | None = None) -> None:
        """Switch a network interface on or off, and set its MTU (bytes); None leaves it as it is.

        Errors as `link`; OSError EINVAL for an MTU that the interface cannot have, EPERM without
        CAP_NET_ADMIN.
        """
        index, changes = _named(which)
        if mtu is not None:
            changes.append(Attribute.u32(IFLA_MTU, mtu))
        mask = 0 if up is None else IFF_UP
        header = LinkHeader(index=index, flags=IFF_UP if up else 0, change_mask=mask)
        self.request(RTM_SETLINK, header, changes)

    def addresses(
        self, link_index: int | None = None, family: int = AF_UNSPEC
    ) -> tuple[InterfaceAddress, ...]:
        """Return the addresses of all interfaces, or of one; of one family (AF_INET), or of all.

        With `check_strictly` a missing interface is OSError ENODEV, otherwise it has no addresses.
        """
        wanted = None if link_index is None else _having(_INDEX_OF_ADDRESS, {link_index})
        header = AddressHeader(family=family, index=link_index or 0)
        return _dumped(self, InterfaceAddress.unpack, wanted, RTM_GETADDR, header)

    def multicast_groups(
        self, link_index: int | None = None, family: int = AF_INET6
    ) -> tuple[InterfaceAddress, ...]:
        """Return the IPv6 multicast groups that all interfaces have joined, or one; or IPv4's.

        Those of IPv4 (``family`` AF_INET) from Linux 6.15 on; before, OSError EOPNOTSUPP. From then
        on a socket of the group RTNLGRP_IPV4_MCADDR or RTNLGRP_IPV6_MCADDR gets RTM_NEWMULTICAST
        and RTM_DELMULTICAST of changes.
        """
        return self._groups(RTM_GETMULTICAST, link_index, family)

    def anycast_groups(self, link_index: int | None = None) -> tuple[InterfaceAddress, ...]:
        """Return the anycast addresses of IPv6 of all interfaces, or of one.

        From Linux 6.17 on, a socket of the group RTNLGRP_IPV6_ACADDR gets RTM_NEWANYCAST and
        RTM_DELANYCAST of them.
        """
        return self._groups(RTM_GETANYCAST, link_index, AF_INET6)

    def _groups(
        self, kind: int, link_index: int | None, family: int
    ) -> tuple[InterfaceAddress, ...]:
        wanted = None if link_index is None else _having(_INDEX_OF_ADDRESS, {link_index})
        header = AddressHeader(family=family, index=link_index or 0)
        return _dumped(self, InterfaceAddress.unpack, wanted, kind, header)

    def add_address(
        self,
        link: int | str,
        address: str | IPv4Interface | IPv6Interface,
        *,
        peer: str | IPAddress | None = None,
        broadcast: str | IPAddress | None = None,
        label: str = "",
        scope: int | None = None,
        flags: int = 0,
        preferred_s: int = FOREVER_S,
        valid_s: int = FOREVER_S,
    ) -> None:
        """Give a network interface, by index or name, an address with its prefix: "192.0.2.1/24".

        ``peer`` is the other end's of a point-to-point link, to which the prefix then belongs;
        ``label`` is only for IPv4 (the interface's name, or that and ":…"); ``scope`` is
        ``RT_SCOPE_*``, if None, host for a loopback address and otherwise universe; ``flags`` are
        ``IFA_F_*``; lifetimes are 1-4294967295 s. OSError EEXIST if it is there, ENODEV if the
        interface is not, EPERM without CAP_NET_ADMIN; ValueError for text that is no address.
        """
        if scope is None:
            is_host = ip_interface(address).ip.is_loopback
            scope = RT_SCOPE_HOST if is_host else RT_SCOPE_UNIVERSE
        header, made = _selected(self, link, address, peer, scope)
        if broadcast is not None:
            made.append(Attribute(IFA_BROADCAST, ip_address(broadcast).packed))
        if label:
            made.append(Attribute.text(IFA_LABEL, label))
        made.append(Attribute.u32(IFA_FLAGS, flags))
        lifetime = AddressLifetime(preferred_s, valid_s, 0, 0)
        made.append(Attribute(IFA_CACHEINFO, lifetime.pack()))
        self.request(RTM_NEWADDR, header, made, NLM_F_CREATE | NLM_F_EXCL)

    def delete_address(
        self,
        link: int | str,
        address: str | IPv4Interface | IPv6Interface,
        *,
        peer: str | IPAddress | None = None,
    ) -> None:
        """Take an address from a network interface; parameters as `add_address`.

        OSError EADDRNOTAVAIL if it has no such address, EPERM without CAP_NET_ADMIN.
        """
        header, made = _selected(self, link, address, peer)
        with _explained(EADDRNOTAVAIL, f"the interface has no address {address}"):
            self.request(RTM_DELADDR, header, made)

    # Routes

    def routes(self, family: int = AF_UNSPEC, table: int | None = None) -> tuple[Route, ...]:
        """Return the routes of a family (AF_INET) or all, and of a table (RT_TABLE_MAIN) or all.

        Cached routes to single destinations (RTM_F_CLONED) are left out. With `check_strictly` a
        missing table is OSError ENOENT, otherwise it has no routes.
        """
        limits = [] if table is None else [Attribute.u32(RTA_TABLE, table)]
        shown = table if table is None or table <= 0xFF else RT_TABLE_COMPAT

        def is_wanted(message: NetlinkMessage) -> bool:
            payload = message.payload
            is_cloned = (_FLAGS_OF_ROUTE(payload) or 0) & RTM_F_CLONED
            return not is_cloned and (shown is None or _TABLE_OF_ROUTE(payload) in (shown, None))

        def unpack(message: NetlinkMessage) -> Route | None:
            found = Route.unpack(message)
            return found if found.table == table else None

        return _dumped(
            self,
            unpack if shown == RT_TABLE_COMPAT else Route.unpack,
            is_wanted,
            RTM_GETROUTE,
            RouteHeader(family=family),
            limits,
        )

    def add_route(self, route: Route, *, replace: bool = False) -> None:
        """Add a route; with ``replace``, replace an existing one.

        A route of `routes` is added with all that the kernel showed of it, also what has no field.
        OSError EEXIST if a route to the same network with the same priority exists, ENETUNREACH for
        a gateway that no link reaches, ENODEV for a missing link, EINVAL with the kernel's message
        for values that do not fit together, EPERM without CAP_NET_ADMIN. ValueError for a family
        that is not IP.
        """
        header, attributes = route.body()
        flags = NLM_F_CREATE | (NLM_F_REPLACE if replace else NLM_F_EXCL)
        self.request(RTM_NEWROUTE, header, attributes, flags)

    def delete_route(self, route: Route) -> None:
        """Delete the route to the same network that matches all given values.

        Whoever made it (``protocol``) and whatever its ``scope``. OSError ESRCH if there is none,
        EPERM without CAP_NET_ADMIN.
        """
        body = route.body(deleting=True)
        network = str(route.destination)
        with _explained(ESRCH, f"no route to {network} in table {route.table} matches"):
            self.request(RTM_DELROUTE, *body)

    def neighbors(
        self, link_index: int | None = None, family: int = AF_UNSPEC
    ) -> tuple[Neighbor, ...]:
        """Return the neighbors on a link or all, and of a family (AF_INET, AF_BRIDGE) or of IP."""
        wanted = None if link_index is None else _having(_INDEX_OF_NEIGHBOR, {link_index})
        limits = [] if link_index is None else [Attribute.u32(NDA_IFINDEX, link_index)]
        header = NeighborHeader(family=family)
        return _dumped(
            self,
            Neighbor.unpack,
            wanted,
            RTM_GETNEIGH,
            header,
            limits,
            is_limited=wanted is not None and family in (AF_UNSPEC, *_ip.BYTES),
        )

    def rules(self, family: int = AF_UNSPEC) -> tuple[Rule, ...]:
        """Return the rules that choose a routing table, of one family (AF_INET), or of all."""
        return _dumped(self, Rule.unpack, None, RTM_GETRULE, RuleHeader(family=family))

    def add_rule(self, rule: Rule) -> None:
        """Add a rule, behind those of the same priority.

        OSError EEXIST if there is the same, EINVAL with the kernel's message for values that do not
        fit together, EPERM without CAP_NET_ADMIN. ValueError for networks of a family that is not
        IP.
        """
        self.request(RTM_NEWRULE, *rule.body(), NLM_F_CREATE | NLM_F_EXCL)

    def delete_rule(self, rule: Rule) -> None:
        """Delete the first rule that has all given values.

        OSError ENOENT if there is none, EPERM without CAP_NET_ADMIN.
        """
        with _explained(ENOENT, f"no rule of priority {rule.priority} has all given values"):
            self.request(RTM_DELRULE, *rule.body())


@contextmanager
def _explained(number: int, words: str) -> Iterator[None]:
    """Note on an OSError of this number what the kernel has no words for."""
    try:
        yield
    except OSError as error:
        if error.errno == number:
            error.add_note(f"AF_NETLINK: {words}")
        raise


def _dumped(
    sock: RouteSocket,
    unpack: Callable[[NetlinkMessage], _T | None],
    is_wanted: Callable[[NetlinkMessage], bool] | None,
    type: int,
    header: Struct,
    attributes: Iterable[Attribute] = (),
    *,
    is_limited: bool | None = None,
) -> tuple[_T, ...]:
    """Return the objects of a dump, but for those that ``unpack`` makes None.

    ``is_wanted`` decides by the header, before the attributes are unpacked. If the dump
    ``is_limited`` (by default where something decides), the kernel is asked to decide first.
    """

    def convert(answers: list[NetlinkMessage]) -> Iterable[_T]:
        wanted = answers if is_wanted is None else filter(is_wanted, answers)
        return [found for answer in wanted if (found := unpack(answer)) is not None]

    payload = messages.body(header, attributes)
    if is_limited is None:
        is_limited = is_wanted is not None
    try:
        return tuple(collected(sock, type, payload, convert, is_limited=is_limited))
    except OSError as error:
        if not is_limited or error.errno not in _REFUSALS or checks_strictly(sock):
            raise
        if error.errno != EINVAL:
            return ()
    return tuple(collected(sock, type, payload, convert))


def _member_of(header: type[Struct], name: str) -> Callable[[bytes], int | None]:
    """Return a function that reads a member of a payload's header; None if it is truncated."""
    (found,) = (m for m in header.layout.members if m.attribute == name)
    codec = struct.Struct(f"={found.offset}x{found.type.code}")
    size = header.layout.size
    return lambda payload: codec.unpack_from(payload)[0] if len(payload) >= size else None


_INDEX_OF_ADDRESS = _member_of(AddressHeader, "index")
_INDEX_OF_NEIGHBOR = _member_of(NeighborHeader, "index")
_TABLE_OF_ROUTE = _member_of(RouteHeader, "table")
_FLAGS_OF_ROUTE = _member_of(RouteHeader, "flags")


def _having(
    read: Callable[[bytes], int | None], numbers: set[int | None]
) -> Callable[[NetlinkMessage], bool]:
    """Return whether a message's header has one of these numbers; unpacking refuses a truncated."""
    wanted = numbers | {None}
    return lambda message: read(message.payload) in wanted


def _selected(
    sock: RouteSocket,
    link: int | str,
    address: str | IPv4Interface | IPv6Interface,
    peer: str | IPAddress | None,
    scope: int = 0,
) -> tuple[AddressHeader, list[Attribute]]:
    """Return the parts that distinguish an address from all others."""
    own = ip_interface(address)
    header = AddressHeader(
        family=_ip.FAMILIES[own.version],
        prefix_length=own.network.prefixlen,
        scope=scope,
        index=link if isinstance(link, int) else sock.link(link).index,
    )
    other = own.ip if peer is None else ip_address(peer)
    return header, [Attribute(IFA_LOCAL, own.ip.packed), Attribute(IFA_ADDRESS, other.packed)]


def _named(which: int | str) -> tuple[int, list[Attribute]]:
    """Return what identifies a link: its index, or 0 and the attribute of its name."""
    if isinstance(which, int):
        return which, []
    size = len(which.encode("utf-8", "surrogateescape"))
    if size >= ALTIFNAMSIZ:
        raise ValueError(
            f"AF_NETLINK link name must be at most {ALTIFNAMSIZ - 1} bytes, not {size}: {which!r}"
        )
    kind = IFLA_IFNAME if size < IFNAMSIZ else IFLA_ALT_IFNAME
    return 0, [Attribute.text(kind, which)]
