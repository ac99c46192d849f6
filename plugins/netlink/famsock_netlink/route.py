"""NETLINK_ROUTE: network interfaces (links) and their addresses. Source: rtnetlink(7)."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, AF_UNSPEC

import attrs

from famsock.plugin import Struct, wire
from famsock_netlink.attributes import Attribute
from famsock_netlink.constants import (
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
    RTEXT_FILTER_SKIP_STATS,
    RTM_GETADDR,
    RTM_GETLINK,
)
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.operations import NetlinkOperations

FOREVER_S = 0xFFFFFFFF
"""The lifetime of an address that does not expire."""

_AnyAddress = IPv4Address | IPv6Address | bytes
_IP: dict[int, Callable[[bytes], _AnyAddress]] = {AF_INET: IPv4Address, AF_INET6: IPv6Address}


@wire.struct("struct ifinfomsg", header="linux/rtnetlink.h")
class LinkHeader(Struct):
    """What precedes the attributes of a link message: ARPHRD_* type, index, IFF_* flags."""

    family: int = wire.u8("ifi_family", default=AF_UNSPEC)
    hardware_type: int = wire.u16("ifi_type", offset=2, default=0)
    index: int = wire.i32("ifi_index", default=0)
    flags: int = wire.u32("ifi_flags", default=0)
    change_mask: int = wire.u32("ifi_change", default=0)


@wire.struct("struct ifaddrmsg", header="linux/if_addr.h")
class AddressHeader(Struct):
    """What precedes the attributes of an address message: RT_SCOPE_* scope, the link's index."""

    family: int = wire.u8("ifa_family", default=AF_UNSPEC)
    prefix_length: int = wire.u8("ifa_prefixlen", default=0)
    flags: int = wire.u8("ifa_flags", default=0)
    scope: int = wire.u8("ifa_scope", default=0)
    index: int = wire.u32("ifa_index", default=0)


@wire.struct("struct ifa_cacheinfo", header="linux/if_addr.h")
class AddressLifetime(Struct):
    """How long an address is preferred and valid (s), when it was made and changed (10 ms)."""

    preferred_s: int = wire.u32("ifa_prefered")
    valid_s: int = wire.u32("ifa_valid")
    created_cs: int = wire.u32("cstamp")
    updated_cs: int = wire.u32("tstamp")


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
        """Whether the interface is switched on (IFF_UP)."""
        return bool(self.flags & IFF_UP)

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Link:
        """The link of an RTM_NEWLINK or RTM_DELLINK; ValueError if the message is cut short."""
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
    end's on a point-to-point link, or else the same. ``flags`` are IFA_F_*, ``scope`` RT_SCOPE_*.
    Lifetimes are in seconds, `FOREVER_S` for ever.
    """

    link_index: int
    family: int
    address: _AnyAddress
    prefix_length: int
    peer: _AnyAddress
    broadcast: _AnyAddress | None
    label: str
    scope: int
    flags: int
    preferred_s: int
    valid_s: int

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> InterfaceAddress:
        """The address of an RTM_NEWADDR or RTM_DELADDR; ValueError if it is cut short."""
        header = AddressHeader.unpack(message.payload)
        found = message.attributes(AddressHeader.layout.size)
        made = _IP.get(header.family, bytes)
        peer = found.get(IFA_ADDRESS, b"")
        local = found.get(IFA_LOCAL, peer)
        broadcast = found.get(IFA_BROADCAST)
        lifetime = found.get(IFA_CACHEINFO)
        times = AddressLifetime.unpack(lifetime) if lifetime is not None else None
        return cls(
            link_index=header.index,
            family=header.family,
            address=made(local),
            prefix_length=header.prefix_length,
            peer=made(peer),
            broadcast=None if broadcast is None else made(broadcast),
            label=found.text(IFA_LABEL, ""),
            scope=header.scope,
            flags=found.unsigned(IFA_FLAGS, header.flags),
            preferred_s=times.preferred_s if times else FOREVER_S,
            valid_s=times.valid_s if times else FOREVER_S,
        )


class RouteOperations(NetlinkOperations):
    """What a socket of NETLINK_ROUTE can do beyond those of any netlink protocol."""

    def links(self) -> tuple[Link, ...]:
        """Every network interface of the socket's network namespace."""
        without_statistics = Attribute.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
        answers = self.dump(RTM_GETLINK, LinkHeader(), [without_statistics])
        return tuple(Link.unpack(answer) for answer in answers)

    def link(self, which: int | str) -> Link:
        """One network interface, by its index (from 1 on) or its name (up to 15 bytes).

        OSError ENODEV if there is none, ValueError for a longer name.
        """
        wanted = [Attribute.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)]
        index = 0
        if isinstance(which, str):
            if len(which.encode("utf-8", "surrogateescape")) >= IFNAMSIZ:
                raise ValueError(f"AF_NETLINK link name must be at most 15 bytes, not {which!r}")
            wanted.append(Attribute.text(IFLA_IFNAME, which))
        else:
            index = which
        (answer,) = self.request(RTM_GETLINK, LinkHeader(index=index), wanted)
        return Link.unpack(answer)

    def addresses(
        self, link_index: int | None = None, family: int = AF_UNSPEC
    ) -> tuple[InterfaceAddress, ...]:
        """The addresses of all interfaces, or of one; of one family (AF_INET), or of all."""
        answers = self.dump(RTM_GETADDR, AddressHeader(family=family))
        found = map(InterfaceAddress.unpack, answers)
        return tuple(a for a in found if link_index in (None, a.link_index))
