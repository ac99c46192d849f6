"""Multicast: the same calls for both families. Sources: ip(7), ipv6(7), RFC 3493, RFC 3678."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from famsock.plugin import Lookup, socket
from famsock_inet._hosts import index_in
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.options import ip, ipv6
from famsock_inet.sockets._families import A, F, is_ipv4, set_option
from famsock_inet.sockets.ip import IpSocket

__all__ = [
    "MulticastSocket",
]

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    Host = str | bytes | IPv4Address | IPv6Address
    Interface = str | int | IPv4Address | IPv6Address | None


class MulticastSocket(IpSocket[A, F]):
    """A socket that joins groups, for any source or chosen ones (RFC 3678), and sends to them.

    A group or source is an address as text, bytes or an `ipaddress` object. An interface is a name,
    an index, or an address that it has; None leaves it to the kernel's routes.
    """

    __slots__ = ()

    def join_group(
        self, group: Host, interface: Interface = None, source: Host | None = None
    ) -> None:
        """Receive what is sent to ``group`` on ``interface``, only from ``source`` if one is given.

        Call it again for further sources. OSError: EADDRINUSE if the group is joined already,
        ENODEV if no interface suits, ENOBUFS beyond net.ipv4.igmp_max_memberships or _msf.
        """
        if source is None:
            _set_group(self, "MCAST_JOIN_GROUP", "IP_ADD_MEMBERSHIP", group, interface)
        else:
            names = "MCAST_JOIN_SOURCE_GROUP", "IP_ADD_SOURCE_MEMBERSHIP"
            _set_source(self, *names, group, interface, source)

    def leave_group(
        self, group: Host, interface: Interface = None, source: Host | None = None
    ) -> None:
        """Undo `join_group`, for one source or for all. OSError EADDRNOTAVAIL if not joined."""
        if source is None:
            _set_group(self, "MCAST_LEAVE_GROUP", "IP_DROP_MEMBERSHIP", group, interface)
        else:
            names = "MCAST_LEAVE_SOURCE_GROUP", "IP_DROP_SOURCE_MEMBERSHIP"
            _set_source(self, *names, group, interface, source)

    def block_source(self, group: Host, source: Host, interface: Interface = None) -> None:
        """Stop receiving messages of ``source`` to a group joined for any source."""
        names = "MCAST_BLOCK_SOURCE", "IP_BLOCK_SOURCE"
        _set_source(self, *names, group, interface, source)

    def unblock_source(self, group: Host, source: Host, interface: Interface = None) -> None:
        """Undo `block_source`. OSError EADDRNOTAVAIL if the source is not blocked."""
        names = "MCAST_UNBLOCK_SOURCE", "IP_UNBLOCK_SOURCE"
        _set_source(self, *names, group, interface, source)

    def set_multicast_interface(self, interface: Interface) -> None:
        """Send to groups by this interface; None gives the choice back to the routes."""
        if is_ipv4(self):
            from famsock_inet.structs.ip import IpMreqn

            address = _address_of(self, interface)
            index = 0 if address else _index_of(self, interface)
            self.set_option(ip.IP_MULTICAST_IF, IpMreqn(address=address, ifindex=index))
        else:
            self.set_option(ipv6.IPV6_MULTICAST_IF, _index_of(self, interface))

    def set_multicast_hops(self, hops: int) -> None:
        """Let datagrams to groups pass ``hops`` routers (0-255; 0: none; -1: 1, as is usual)."""
        set_option(self, ip.IP_MULTICAST_TTL, ipv6.IPV6_MULTICAST_HOPS, hops)

    def set_multicast_loop(self, on: bool) -> None:
        """Set whether messages to a group reach this host's members too."""
        set_option(self, ip.IP_MULTICAST_LOOP, ipv6.IPV6_MULTICAST_LOOP, on)


def _set_group(sock: socket, name: str, by_address: str, group: Host, interface: Interface) -> None:
    from famsock_inet.structs.ip import GroupReq, IpMreqn

    address = _address_of(sock, interface)
    if address:
        request: Any = IpMreqn(_host(sock, group), address)
        sock.set_option(by_address, request)
    else:
        index = _index_of(sock, interface)
        sock.set_option(name, GroupReq(index, _typed(sock, group)))


def _set_source(
    sock: socket, name: str, by_address: str, group: Host, interface: Interface, source: Host
) -> None:
    from famsock_inet.structs.ip import GroupSourceReq, IpMreqSource

    address = _address_of(sock, interface)
    if address:
        request: Any = IpMreqSource(_host(sock, group), address, _host(sock, source))
        sock.set_option(by_address, request)
    else:
        index = _index_of(sock, interface)
        typed = _typed(sock, group), _typed(sock, source)
        sock.set_option(name, GroupSourceReq(index, *typed))


def _host(sock: socket, host: Host) -> str:
    return str(_typed(sock, host).host)


def _typed(sock: socket, host: Host) -> Any:
    return InetAddress(host, 0) if is_ipv4(sock) else Inet6Address(host, 0)  # type: ignore[arg-type]


def _address_of(sock: socket, interface: Interface) -> str:
    """Return an IPv4 address that names an interface, for the kernel to look up; or ""."""
    parsed = _parsed(interface)
    return str(parsed) if is_ipv4(sock) and parsed and parsed.version == 4 else ""


def _index_of(sock: socket, interface: Interface) -> int:
    """Return the index of an interface, in the socket's network namespace."""
    if interface is None:
        return 0
    if isinstance(interface, int):
        return interface
    parsed = _parsed(interface)
    if parsed is not None and parsed.version == 6:
        if parsed.scope_id is None:
            return _index_by_ipv6(parsed)
        interface = parsed.scope_id
    name = str(interface)
    try:
        return Lookup("interface", sock).interface_index(name)
    except OSError:
        if (index := index_in(name)) is None:
            raise
        return index


def _parsed(interface: Interface) -> IPv4Address | IPv6Address | None:
    """Return the address in what names an interface; None for a name, an index or nothing."""
    from ipaddress import ip_address

    if interface is None or isinstance(interface, int):
        return None
    try:
        return ip_address(interface)
    except ValueError:
        return None


def _index_by_ipv6(address: IPv6Address) -> int:
    """Return the index of the interface with an IPv6 address, from /proc/net/if_inet6."""
    wanted = address.packed.hex()
    with open("/proc/thread-self/net/if_inet6") as table:
        for line in table:
            listed, index, *_ = line.split()
            if listed == wanted:
                return int(index, 16)
    raise ValueError(
        f"AF_INET6 interface: no interface has the address {address}; ip -6 address lists them"
    )
