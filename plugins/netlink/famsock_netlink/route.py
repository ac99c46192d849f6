"""NETLINK_ROUTE: network interfaces (links), addresses, routes, rules. Source: rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from errno import EADDRNOTAVAIL, ENOENT, ESRCH
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from socket import AF_UNSPEC, SOCK_DGRAM, SOCK_RAW
from typing import TypeVar

import attrs

from famsock.plugin import Struct, cstruct
from famsock_netlink import _ip
from famsock_netlink._ip import AnyAddress, IPAddress
from famsock_netlink.attributes import Attribute
from famsock_netlink.constants import (
    AF_NETLINK,
    ALTIFNAMSIZ,
    IFA_ADDRESS,
    IFA_BROADCAST,
    IFA_CACHEINFO,
    IFA_FLAGS,
    IFA_LABEL,
    IFA_LOCAL,
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
    RTA_TABLE,
    RTEXT_FILTER_SKIP_STATS,
    RTM_DELADDR,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_F_CLONED,
    RTM_GETADDR,
    RTM_GETLINK,
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
from famsock_netlink.sockets import DumpInterruptedError, NetlinkSocket

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
_ADDRESS_FIELDS = frozenset(
    {IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS, IFA_LABEL, IFA_LOCAL}
)

FOREVER_S = 0xFFFFFFFF
"""The lifetime of an address that does not expire."""


@cstruct.struct("struct ifinfomsg", header="linux/rtnetlink.h")
class LinkHeader(Struct):
    """The header of a link message: ARPHRD_* type, index, IFF_* flags."""

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

    ``hardware_type`` is ARPHRD_*, ``flags`` are IFF_*, ``operational_state`` is IF_OPER_*.
    ``address`` and ``broadcast`` are link-layer addresses of any length. ``kind`` is the driver's
    name for virtual interfaces ("veth", "vcan"), "" for others. ``master`` is the index of the
    bridge or bond that it is part of, ``lower_index`` of the interface below it (a VLAN's) or its
    peer (a veth's); 0 for none.
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
        header = LinkHeader.unpack(message.payload)
        found = message.attributes(LinkHeader.layout.size)
        names = found.nested(IFLA_PROP_LIST).all(IFLA_ALT_IFNAME)
        return cls(
            index=header.index,
            name=found.text(IFLA_IFNAME, ""),
            hardware_type=header.hardware_type,
            flags=header.flags,
            mtu=found.unsigned(IFLA_MTU, 0),
            address=found.get(IFLA_ADDRESS, b""),
            broadcast=found.get(IFLA_BROADCAST, b""),
            kind=found.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND, ""),
            operational_state=found.unsigned(IFLA_OPERSTATE, 0),
            queue_length=found.unsigned(IFLA_TXQLEN, 0),
            master=found.unsigned(IFLA_MASTER, 0),
            lower_index=found.unsigned(IFLA_LINK, 0),
            alias=found.text(IFLA_IFALIAS, ""),
            alternative_names=tuple(
                name.split(b"\0", 1)[0].decode("utf-8", "surrogateescape") for name in names
            ),
        )


@attrs.frozen
class InterfaceAddress:
    """An address of a network interface.

    ``address`` is the interface's own; bytes for a family that is not IP. ``peer`` is the other
    end's on a point-to-point link, otherwise the same. ``flags`` are IFA_F_*, ``scope`` RT_SCOPE_*.
    Lifetimes are in seconds, `FOREVER_S` for ever. ``others`` are the IFA_* attributes that have no
    field here, such as IFA_RT_PRIORITY.
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
        """Return the address of an RTM_NEWADDR or RTM_DELADDR; ValueError if it is truncated."""
        header = AddressHeader.unpack(message.payload)
        found = message.attributes(AddressHeader.layout.size)
        peer = found.get(IFA_ADDRESS, b"")
        local = found.get(IFA_LOCAL, peer)
        broadcast = found.get(IFA_BROADCAST)
        lifetime = found.get(IFA_CACHEINFO)
        times = AddressLifetime.unpack(lifetime) if lifetime is not None else None
        return cls(
            link_index=header.index,
            family=header.family,
            address=_ip.address(header.family, local),
            prefix_length=header.prefix_length,
            peer=_ip.address(header.family, peer),
            broadcast=None if broadcast is None else _ip.address(header.family, broadcast),
            label=found.text(IFA_LABEL, ""),
            scope=header.scope,
            flags=found.unsigned(IFA_FLAGS, header.flags),
            preferred_s=times.preferred_s if times else FOREVER_S,
            valid_s=times.valid_s if times else FOREVER_S,
            others=found.others(_ADDRESS_FIELDS),
        )


class RouteSocket(
    NetlinkSocket, family=AF_NETLINK, type=(SOCK_RAW, SOCK_DGRAM), proto=NETLINK_ROUTE
):
    """A socket of NETLINK_ROUTE: network interfaces, their addresses, routes and rules.

    The limit of a dump to one link or table goes to the kernel, which applies it after
    `check_strictly`. It is applied here in any case.
    """

    __slots__ = ()

    def links(self) -> tuple[Link, ...]:
        """Return every network interface of the socket's network namespace."""
        without_statistics = Attribute.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
        return _dumped(self, Link.unpack, RTM_GETLINK, LinkHeader(), [without_statistics])

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

        def unpack(message: NetlinkMessage) -> InterfaceAddress | None:
            found = InterfaceAddress.unpack(message)
            return found if link_index in (None, found.link_index) else None

        header = AddressHeader(family=family, index=link_index or 0)
        return _dumped(self, unpack, RTM_GETADDR, header)

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
        RT_SCOPE_*, if None, host for a loopback address and otherwise universe; ``flags`` are
        IFA_F_*; lifetimes are 1-4294967295 s. OSError EEXIST if it is there, ENODEV if the
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

        def unpack(message: NetlinkMessage) -> Route | None:
            found = Route.unpack(message)
            is_wanted = table in (None, found.table) and not found.flags & RTM_F_CLONED
            return found if is_wanted else None

        limits = [] if table is None else [Attribute.u32(RTA_TABLE, table)]
        return _dumped(self, unpack, RTM_GETROUTE, RouteHeader(family=family), limits)

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

        def unpack(message: NetlinkMessage) -> Neighbor | None:
            found = Neighbor.unpack(message)
            return found if link_index in (None, found.link_index) else None

        limits = [] if link_index is None else [Attribute.u32(NDA_IFINDEX, link_index)]
        return _dumped(self, unpack, RTM_GETNEIGH, NeighborHeader(family=family), limits)

    def rules(self, family: int = AF_UNSPEC) -> tuple[Rule, ...]:
        """Return the rules that choose a routing table, of one family (AF_INET), or of all."""
        return _dumped(self, Rule.unpack, RTM_GETRULE, RuleHeader(family=family))

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
    type: int,
    header: Struct,
    attributes: Iterable[Attribute] = (),
) -> tuple[_T, ...]:
    """Return the objects of a dump, but for those that ``unpack`` makes None."""
    try:
        answers = sock.dump(type, header, attributes)
    except DumpInterruptedError as error:
        error.partial = _unpacked(unpack, error.partial)
        raise
    return _unpacked(unpack, answers)


def _unpacked(
    unpack: Callable[[NetlinkMessage], _T | None], answers: Iterable[NetlinkMessage]
) -> tuple[_T, ...]:
    return tuple(found for answer in answers if (found := unpack(answer)) is not None)


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
