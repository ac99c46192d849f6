"""Multicast in a network namespace of the test's own: any source, chosen sources, both families."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from famsock_inet import Udp6Socket, UdpSocket
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.options import ip, ipv6
from famsock_inet.sockets.udp import AnyUdpSocket
from famsock_inet.structs.ip import GroupFilter, IpMreqn, IpMsfilter, Ipv6Mreq

import famsock
from famsock import AF_INET, AF_INET6

pytestmark = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors"),
]
UDP: dict[int, type[AnyUdpSocket]] = {AF_INET: UdpSocket, AF_INET6: Udp6Socket}
GROUP: dict[int, str] = {AF_INET: "232.1.2.3", AF_INET6: "ff3e::4321"}
SOURCE: dict[int, str] = {AF_INET: "192.0.2.1", AF_INET6: "2001:db8::1"}
OTHER: dict[int, str] = {AF_INET: "192.0.2.99", AF_INET6: "2001:db8::99"}
Run = Callable[[Callable[[], Any]], Any]


class Members:
    """A sender and a receiver on v0, in the network namespace of the calling thread."""

    def __init__(self, family: int, stack: ExitStack) -> None:
        self.family, self.group = family, GROUP[family]
        self.receiver, self.sender = (stack.enter_context(UDP[family]()) for _ in range(2))
        for sock in (self.receiver, self.sender):
            sock.settimeout(20)
        self.receiver.bind(("", 0))
        self.sender.bind((SOURCE[family], 0))
        self.sender.set_multicast_interface("v0")
        self.sender.set_multicast_hops(1)

    def receives(self) -> bool:
        """Whether a datagram to the group arrives: one sent after it, to the port itself, tells."""
        port = self.receiver.getsockname()[1]
        self.sender.sendto(b"to the group", (self.group, port))
        self.sender.sendto(b"end", (SOURCE[self.family], port))
        came = self.receiver.recv(100) == b"to the group"
        if came:
            assert self.receiver.recv(100) == b"end"
        return came


@pytest.fixture(params=["v0", b"index", "address", ipaddress], ids=str)
def interface(request: pytest.FixtureRequest) -> Callable[[int], Any]:
    """Each way to name an interface."""
    return {
        "v0": lambda family: "v0",
        b"index": lambda family: famsock.if_nametoindex("v0"),
        "address": lambda family: SOURCE[family],
        ipaddress: lambda family: ipaddress.ip_address(SOURCE[family]),
    }[request.param]


def test_join_and_leave(in_namespace: Run, family: int, interface: Callable[[int], Any]) -> None:
    def check() -> None:
        with ExitStack() as stack:
            members = Members(family, stack)
            where = interface(family)
            assert not members.receives()
            members.receiver.join_group(members.group, where)
            assert members.receives()
            with pytest.raises(OSError, match="in use") as caught:
                members.receiver.join_group(ipaddress.ip_address(members.group), where)
            assert caught.value.errno == errno.EADDRINUSE
            members.receiver.leave_group(members.group, where)
            assert not members.receives()
            with pytest.raises(OSError, match="assign") as caught:
                members.receiver.leave_group(members.group, where)
            assert caught.value.errno == errno.EADDRNOTAVAIL

    in_namespace(check)


def test_chosen_sources(in_namespace: Run, family: int) -> None:
    interfaces: tuple[Any, ...] = ("v0", SOURCE[family])

    def check() -> None:
        for interface in interfaces:
            with ExitStack() as stack:
                members = Members(family, stack)
                members.receiver.join_group(members.group, interface, source=OTHER[family])
                assert not members.receives()
                members.receiver.join_group(members.group, interface, source=SOURCE[family])
                assert members.receives()
                members.receiver.leave_group(members.group, interface, source=SOURCE[family])
                assert not members.receives()

    in_namespace(check)


def test_block_and_unblock(in_namespace: Run, family: int) -> None:
    def check() -> None:
        for where in ("v0", SOURCE[family]):
            with ExitStack() as stack:
                members = Members(family, stack)
                members.receiver.join_group(members.group, where)
                members.receiver.block_source(members.group, SOURCE[family], where)
                assert not members.receives()
                members.receiver.unblock_source(members.group, SOURCE[family], where)
                assert members.receives()
                with pytest.raises(OSError, match="assign"):
                    members.receiver.unblock_source(members.group, SOURCE[family], where)

    in_namespace(check)


def test_loop_and_hops(in_namespace: Run, family: int) -> None:
    def check() -> None:
        with ExitStack() as stack:
            members = Members(family, stack)
            members.receiver.join_group(members.group, "v0")
            members.sender.set_multicast_loop(False)
            assert not members.receives()
            members.sender.set_multicast_loop(True)
            members.sender.set_multicast_hops(0)
            assert members.receives()
            name = "IP_MULTICAST_TTL" if family == AF_INET else "IPV6_MULTICAST_HOPS"
            assert members.sender.get_option(name) == 0

    in_namespace(check)


def test_interface_of_a_zone(in_namespace: Run) -> None:
    def check() -> None:
        index = famsock.if_nametoindex("v0")
        with Udp6Socket() as sock:
            for zone in ("fe80::7%v0", f"fe80::7%{index}", ipaddress.ip_address("fe80::7%v0")):
                sock.set_multicast_interface(zone)
                assert sock.get_option(ipv6.IPV6_MULTICAST_IF) == index
                sock.set_multicast_interface(None)
                assert sock.get_option(ipv6.IPV6_MULTICAST_IF) == 0
        with UdpSocket() as sock:
            sock.set_multicast_interface(SOURCE[AF_INET])
            assert sock.get_option(ip.IP_MULTICAST_IF) == SOURCE[AF_INET]

    in_namespace(check)


def test_link_local_zone_keeps_its_scope(in_namespace: Run) -> None:
    def check() -> None:
        index = famsock.if_nametoindex("v0")
        with ExitStack() as stack:
            receiver, sender = (stack.enter_context(Udp6Socket()) for _ in range(2))
            receiver.settimeout(20)
            receiver.bind(("ff02::1%v0", 0))
            address = receiver.local_address
            assert isinstance(address, Inet6Address)
            assert (address.host, address.scope_id) == ("ff02::1", index)
            sender.bind(("fe80::77%v0", 0))
            sender.sendto(b"x", ("ff02::1%v0", address.port))
            data, source = receiver.recvfrom(10)
            assert data == b"x"
            assert source == sender.getsockname()
            assert (source[0], source[3]) == ("fe80::77", index)
            with pytest.raises(famsock.gaierror, match="no interface 'v7'"):
                sender.sendto(b"x", ("ff02::1%v7", address.port))

    in_namespace(check)


def test_filters_as_options(in_namespace: Run) -> None:
    def check() -> None:
        index = famsock.if_nametoindex("v0")
        with UdpSocket() as sock:
            sock.join_group(GROUP[AF_INET], SOURCE[AF_INET], source="192.0.2.7")
            asked = IpMsfilter(GROUP[AF_INET], SOURCE[AF_INET])
            assert sock.get_option(ip.IP_MSFILTER, asked) == IpMsfilter(
                GROUP[AF_INET], SOURCE[AF_INET], 1, ("192.0.2.7",)
            )
            sock.set_option(
                ip.IP_MSFILTER,
                IpMsfilter(GROUP[AF_INET], SOURCE[AF_INET], 0, ("192.0.2.8", "192.0.2.9")),
            )
            found = sock.get_option(ip.IP_MSFILTER, asked)
            assert (found.fmode, found.sources) == (0, ("192.0.2.8", "192.0.2.9"))
        for family, make in ((AF_INET, InetAddress), (AF_INET6, Inet6Address)):
            with UDP[family]() as sock:
                sock.join_group(GROUP[family], index)
                group, source = make(GROUP[family], 0), make(OTHER[family], 0)
                wanted = GroupFilter(index, group, 0, (source,))
                sock.set_option("MCAST_MSFILTER", wanted)
                row = ip.MCAST_MSFILTER if family == AF_INET else ipv6.MCAST_MSFILTER
                assert sock.get_option(row, GroupFilter(index, group)) == wanted

    in_namespace(check)


def test_memberships_as_options(in_namespace: Run) -> None:
    def check() -> None:
        index = famsock.if_nametoindex("v0")
        with UdpSocket() as sock:
            for request in (IpMreqn("239.1.1.1", ifindex=index), IpMreqn("239.1.1.2", "192.0.2.1")):
                sock.set_option(ip.IP_ADD_MEMBERSHIP, request)
                sock.set_option(ip.IP_DROP_MEMBERSHIP, request)
        with Udp6Socket() as sock:
            sock.set_option(ipv6.IPV6_ADD_MEMBERSHIP, Ipv6Mreq("ff02::77", index))
            sock.set_option(ipv6.IPV6_DROP_MEMBERSHIP, Ipv6Mreq("ff02::77", index))

    in_namespace(check)


def test_bad_groups_sources_and_interfaces(family: int) -> None:
    with UDP[family]() as sock:
        wrong: Any
        for wrong in (5, None, 1.5, object()):
            with pytest.raises(TypeError, match="host"):
                sock.join_group(wrong)
        other = GROUP[AF_INET6 if family == AF_INET else AF_INET]
        with pytest.raises(famsock.gaierror):
            sock.join_group(other)
        with pytest.raises(TypeError, match="must be an IPv"):
            sock.join_group(ipaddress.ip_address(other))
        with pytest.raises(OSError, match=r"Errno"):
            sock.join_group(GROUP[family], "none9")
        with pytest.raises(OverflowError, match="interface must be 0-4294967295, not -1"):
            sock.join_group(GROUP[family], -1)
        with pytest.raises(OSError, match=r"Errno"):
            sock.join_group(SOURCE[family], 1)
        with pytest.raises(OverflowError, match="set_option"):
            sock.set_multicast_hops(1 << 31)
        with pytest.raises(OSError, match=r"Errno 22"):
            sock.set_multicast_hops(256)
        if family == AF_INET6:
            with pytest.raises(
                ValueError,
                match="AF_INET6 interface: no interface has the address 2001:db8::77; ip",
            ):
                sock.join_group(GROUP[family], "2001:db8::77")
