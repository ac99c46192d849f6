"""Netlink with the kernel, in a network namespace of the test's own."""

from __future__ import annotations

import ctypes
import errno
import os
import socket as stdlib
import struct
from collections.abc import Callable, Iterator
from functools import partial
from socket import AF_INET, AF_INET6, AF_UNSPEC
from threading import Event, Thread
from typing import Any, TypeVar

import pytest
from famsock_netlink import GenericNetlinkSocket, NetlinkSocket, RouteSocket, UeventSocket, sockets
from famsock_netlink import constants as nl
from famsock_netlink.addresses import NetlinkAddress
from famsock_netlink.attributes import Attribute
from famsock_netlink.control import NETLINK_LISTEN_ALL_NSID, NETLINK_PKTINFO, PacketInfo
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.route import AddressHeader, InterfaceAddress, Link, LinkHeader
from famsock_netlink.routing import Route, RouteHeader

from famsock.testing import requirements

IPV6_JOIN_ANYCAST = 27
Opened = Callable[[], RouteSocket]
S = TypeVar("S")
Pair = tuple[S, S]
Agree = Callable[[Callable[[], object], Callable[[], object]], None]
Ip = Callable[[str], str]
pytestmark = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_capability("CAP_NET_ADMIN"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors"),
]


@pytest.fixture
def usersocks() -> Iterator[Pair[NetlinkSocket]]:
    """Two sockets of NETLINK_USERSOCK with a time-out."""
    one, other = (NetlinkSocket(proto=nl.NETLINK_USERSOCK) for _ in range(2))
    with one, other:
        for sock in (one, other):
            sock.settimeout(20)
        yield one, other


@pytest.fixture
def generic() -> Iterator[GenericNetlinkSocket]:
    """A socket of NETLINK_GENERIC with a time-out."""
    with GenericNetlinkSocket() as sock:
        sock.settimeout(20)
        yield sock


@pytest.fixture
def uevents() -> Iterator[Pair[UeventSocket]]:
    """Two sockets of NETLINK_KOBJECT_UEVENT with a time-out."""
    with UeventSocket() as one, UeventSocket() as other:
        for sock in (one, other):
            sock.settimeout(20)
        yield one, other


def test_groups(opened: Opened) -> None:
    sock = opened()
    assert sock.groups() == frozenset()
    for group in (nl.RTNLGRP_LINK, nl.RTNLGRP_NEXTHOP, nl.RTNLGRP_TUNNEL):
        sock.join_group(group)
    assert sock.groups() == {1, 32, 35}
    assert sock.getsockname()[1] == 1 | 1 << 31
    sock.leave_group(32)
    assert sock.groups() == {1, 35}
    with pytest.raises(OSError, match="Invalid argument"):
        sock.join_group(100000)
    with pytest.raises(OverflowError, match="NETLINK_ADD_MEMBERSHIP must be 0-4294967295"):
        sock.join_group(-1)


def test_groups_of_the_address(network: None, opened: Opened) -> None:
    sock = opened()
    sock.bind(NetlinkAddress(0, nl.RTMGRP_LINK))
    assert sock.local_address == NetlinkAddress(sock.getsockname()[0], 1)
    assert sock.groups() == {1}


def test_news_of_a_link(network: None, ip: Ip, opened: Opened) -> None:
    sock = opened()
    sock.join_group(nl.RTNLGRP_LINK)
    sock.set_option("NETLINK_PKTINFO", True)
    ip("link set v0 mtu 1400")
    seen = Link.unpack(sock.recv_messages()[0])
    while seen.mtu != 1400:  # the kernel tells of a new link's carrier some time after "up"
        seen = Link.unpack(sock.recv_messages()[0])
    assert (seen.name, seen.kind) == ("v0", "veth")
    ip("link set v0 mtu 1300")
    message = sock.recv_message()
    assert message.get(NETLINK_PKTINFO) == PacketInfo(nl.RTNLGRP_LINK)
    assert message.address == NetlinkAddress(0, 1)


def test_changes_by_request(network: None, opened: Opened) -> None:
    sock = opened()
    sock.join_group(nl.RTNLGRP_LINK)
    index = sock.link("v1").index
    assert sock.request(nl.RTM_SETLINK, LinkHeader(index=index), [Attribute.u32(4, 1234)]) == []
    assert sock.link(index).mtu == 1234
    news = [Link.unpack(m) for m in sock.recv_messages()]
    assert (index, 1234) in [(n.index, n.mtu) for n in news]


def test_groups_that_interfaces_have_joined(network: None, opened: Opened) -> None:
    sock = opened()
    index = sock.link("v0").index
    for strictly in (False, True):
        sock.check_strictly(strictly)
        everywhere = {(group.link_index, str(group.address)) for group in sock.multicast_groups()}
        assert (1, "ff02::1") in everywhere
        (mine,) = [g for g in sock.multicast_groups(index) if str(g.address) == "ff02::1"]
        assert (mine.link_index, mine.family, mine.prefix_length) == (index, AF_INET6, 128)
        assert mine.peer == mine.address
    if requirements.kernel("6.15"):
        with pytest.raises(OSError, match="Operation not supported"):
            sock.multicast_groups(family=AF_INET)
    else:
        groups = sock.multicast_groups(index, AF_INET)
        assert [str(group.address) for group in groups] == ["224.0.0.1"]


def joins(sock: RouteSocket, group: int, version: str) -> bool:
    """Join a group of the kernel's news that older kernels than ``version`` do not have."""
    if requirements.kernel(version):
        with pytest.raises(OSError, match="Invalid argument"):
            sock.join_group(group)
        return False
    sock.join_group(group)
    return True


def test_news_of_multicast_groups(network: None, opened: Opened) -> None:
    sock = opened()
    index = sock.link("v0").index
    if not joins(sock, nl.RTNLGRP_IPV4_MCADDR, "6.15"):
        return
    with stdlib.socket(AF_INET, stdlib.SOCK_DGRAM) as member:
        group = stdlib.inet_aton("239.1.2.3") + struct.pack("=4xI", index)
        member.setsockopt(stdlib.IPPROTO_IP, stdlib.IP_ADD_MEMBERSHIP, group)
        (joined,) = sock.recv_messages()
        assert joined.type == nl.RTM_NEWMULTICAST
        seen = InterfaceAddress.unpack(joined)
        assert (seen.link_index, str(seen.address)) == (index, "239.1.2.3")
    (left,) = sock.recv_messages()
    assert left.type == nl.RTM_DELMULTICAST
    assert InterfaceAddress.unpack(left).address == seen.address


def test_anycast_groups(network: None, ip: Ip, opened: Opened) -> None:
    sock = opened()
    index = sock.link("v0").index
    ip("addr add 2001:db8:7::1/64 dev v0 nodad")
    assert sock.anycast_groups(index) == ()
    with stdlib.socket(AF_INET6, stdlib.SOCK_DGRAM) as member, opened() as listening:
        is_told = joins(listening, nl.RTNLGRP_IPV6_ACADDR, "6.17")
        group = stdlib.inet_pton(AF_INET6, "2001:db8:7::7") + struct.pack("=I", index)
        member.setsockopt(stdlib.IPPROTO_IPV6, IPV6_JOIN_ANYCAST, group)
        assert [str(group.address) for group in sock.anycast_groups(index)] == ["2001:db8:7::7"]
        member.close()
        assert sock.anycast_groups(index) == ()
        if is_told:
            news = [*listening.recv_messages(), *listening.recv_messages()]
            assert [m.type for m in news] == [nl.RTM_NEWANYCAST, nl.RTM_DELANYCAST]
            assert {str(InterfaceAddress.unpack(m).address) for m in news} == {"2001:db8:7::7"}


def test_an_address_of_a_group_is_decoded() -> None:
    header = AddressHeader(AF_INET, 32, 0x80, 253, 7).pack()
    address = bytes([239, 1, 2, 3])
    users = Attribute.u32(nl.IFA_MC_USERS, 2)
    for kind in (nl.IFA_MULTICAST, nl.IFA_ANYCAST):
        data = header + b"".join(part.pack() for part in (Attribute(kind, address), users))
        found = InterfaceAddress.unpack(NetlinkMessage(nl.RTM_NEWMULTICAST, data))
        assert (found.link_index, found.scope, str(found.address)) == (7, 253, "239.1.2.3")
        assert found.peer == found.address
        assert found.others == (users,)


def test_the_kernel_says_what_is_wrong(network: None, opened: Opened) -> None:
    sock = opened()
    with pytest.raises(OSError, match=r"\[Errno 19\] No such device"):
        sock.link("nosuch0")
    with pytest.raises(OSError, match=r"\[Errno 22\] .*: mtu less than device minimum") as caught:
        sock.request(nl.RTM_SETLINK, LinkHeader(index=sock.link("v0").index), [Attribute.u32(4, 1)])
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(OSError, match="Operation not supported"):
        sock.request(0x3FF)
    with pytest.raises(ValueError, match="link name must be at most 127 bytes, not 128"):
        sock.link("n" * 128)
    with pytest.raises(OverflowError, match="LinkHeader index"):
        sock.link(2**31)


def test_a_broken_attribute_is_pointed_at(network: None, opened: Opened) -> None:
    sock = opened()
    with pytest.raises(OSError, match=r"Numerical|Invalid") as caught:
        sock.request(nl.RTM_SETLINK, LinkHeader(index=sock.link("v0").index), [Attribute.u8(4, 1)])
    (note,) = caught.value.__notes__
    assert note.endswith("at fault is the attribute at byte 32, which must be u32, 0-4294967295")


def test_a_link_by_its_alternative_name(network: None, ip: Ip, opened: Opened) -> None:
    sock = opened()
    names = ("short", "a-name-of-more-than-15-bytes")
    for name in names:
        ip(f"link property add dev v0 altname {name}")
        assert sock.link(name).name == "v0"
    assert set(sock.link("v0").alternative_names) == set(names)
    sock.set_link(names[1], mtu=1333)
    assert sock.link("v0").mtu == 1333


def test_a_dump_in_few_datagrams(network: None, opened: Opened) -> None:
    """As large as the kernel makes them, once it knows that the buffer holds them."""
    sock = opened()
    for number in range(300):
        sock.add_address("v0", f"198.51.{number // 100}.{number % 100}/32")
    assert len(sock.addresses()) > 300
    flags = nl.NLM_F_REQUEST | nl.NLM_F_DUMP
    sock.send_messages(NetlinkMessage(nl.RTM_GETADDR, bytes(8), flags, 1))
    datagrams = [sock.recv_messages()]
    while datagrams[-1][-1].type != nl.NLMSG_DONE:
        datagrams.append(sock.recv_messages())
    sizes = [sum(len(message.pack()) for message in messages) for messages in datagrams]
    assert sum(sizes) > 16000
    assert max(sizes) > 16000


def test_a_dump_after_one_that_was_given_up(
    network: None, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under way, with news of a group in between, which are kept."""
    sock = opened()
    for number in range(300):
        sock.add_address("v0", f"198.51.{number // 100}.{number % 100}/32")
    expected = sock.addresses(family=AF_INET)
    sock.join_group(nl.RTNLGRP_LINK)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sockets, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sock.addresses(family=AF_INET)
    opened().set_link("v1", mtu=1400)
    assert sock.addresses(family=AF_INET) == expected
    assert sock.addresses(family=AF_INET) == expected
    news = [Link.unpack(message) for message in sock.recv_messages()]
    assert ("v1", 1400) in [(link.name, link.mtu) for link in news]


def test_dumps_that_are_checked_strictly(network: None, opened: Opened) -> None:
    loose, strict = opened(), opened()
    strict.check_strictly()
    assert strict.get_option("NETLINK_GET_STRICT_CHK") is True
    unknown = AddressHeader(prefix_length=7)
    assert loose.dump(nl.RTM_GETADDR, unknown)
    with pytest.raises(OSError, match=r"Invalid argument: .*header") as caught:
        strict.dump(nl.RTM_GETADDR, unknown)
    assert caught.value.errno == errno.EINVAL
    index = loose.link("lo").index
    of_lo = AddressHeader(index=index)
    addresses = [InterfaceAddress.unpack(m) for m in strict.dump(nl.RTM_GETADDR, of_lo)]
    assert {address.link_index for address in addresses} == {index}
    assert tuple(addresses) == strict.addresses(index) == loose.addresses(index)
    with pytest.raises(OSError, match="No such device"):
        strict.addresses(4711)
    assert loose.addresses(4711) == ()


def entries(sock: RouteSocket, name: str, arguments: tuple[Any, ...]) -> list[object]:
    """Return what a dump tells, but for the age of neighbors, which differs with each answer."""
    found = getattr(sock, name)(*arguments)
    if name == "neighbors":
        return [(one.link_index, one.address, one.link_address, one.state) for one in found]
    return list(found)


def test_what_limits_a_dump_is_the_kernels_to_heed(
    network: None, ip: Ip, opened: Opened, agree: Agree
) -> None:
    loose, strict = opened(), opened()
    strict.check_strictly()
    ip("route add 198.51.100.0/24 dev v0 table 4711")
    ip("-6 route add 2001:db8:7::/64 dev v0 table 4711")
    ip("neighbor add 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev v0")
    v0 = loose.link("v0").index
    for name, arguments in (
        ("routes", (AF_UNSPEC, 4711)),
        ("routes", (AF_INET, 4711)),
        ("routes", (AF_INET, nl.RT_TABLE_MAIN)),
        ("neighbors", (v0, AF_INET)),
        ("rules", ()),
        ("links", ()),
    ):
        checked, unchecked = (partial(entries, s, name, arguments) for s in (strict, loose))
        agree(checked, unchecked)
    assert len(strict.routes(table=4711)) == 2
    assert [str(n.address) for n in strict.neighbors(v0, AF_INET)] == ["192.0.2.9"]
    limit = [Attribute.u32(nl.RTA_TABLE, 4711)]
    (only,) = strict.dump(nl.RTM_GETROUTE, RouteHeader(family=AF_INET), limit)
    assert Route.unpack(only).table == 4711
    with pytest.raises(FileNotFoundError):
        strict.routes(AF_INET, 4712)
    assert loose.routes(AF_INET, 4712) == ()


@pytest.fixture
def namespace() -> Iterator[int]:
    """A descriptor of another network namespace, of a thread that lives on."""
    ready, over = Event(), Event()
    found: list[int] = []

    def live() -> None:
        if ctypes.CDLL(None).unshare(0x40000000) == 0:
            found.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        ready.set()
        over.wait()

    thread = Thread(target=live)
    thread.start()
    assert ready.wait(60)
    yield found[0]
    os.close(found[0])
    over.set()
    thread.join()


def test_news_of_all_namespaces(network: None, namespace: int, ip: Ip, opened: Opened) -> None:
    sock = opened()
    known = [Attribute.s32(nl.NETNSA_NSID, 7), Attribute.u32(nl.NETNSA_FD, namespace)]
    sock.request(nl.RTM_NEWNSID, struct.pack("=B3x", 0), known)
    sock.set_option("NETLINK_LISTEN_ALL_NSID", True)
    sock.join_group(nl.RTNLGRP_LINK)
    ip(f"link set v1 netns /proc/{os.getpid()}/fd/{namespace}")
    told: list[int | None] = []
    while not told or told[-1] is None:
        told.append(sock.recv_message().get(NETLINK_LISTEN_ALL_NSID))
    assert told[-1] == 7


def test_a_message_longer_than_any_buffer(usersocks: Pair[NetlinkSocket]) -> None:
    one, other = usersocks
    for sock in (one, other):
        sock.bind((0, 0))
    sent = NetlinkMessage(0x10, bytes(range(256)) * 400, 0, 1, 0)
    one.set_option("SO_SNDBUF", 1 << 18)
    one.send_messages(sent, to=NetlinkAddress(other.getsockname()[0]))
    assert other.recv_messages() == [sent]


def test_a_datagram_without_messages(usersocks: Pair[NetlinkSocket]) -> None:
    one, other = usersocks
    other.bind((0, 0))
    one.sendto(b"short", other.getsockname())
    with pytest.raises(ValueError, match="AF_NETLINK message at byte 0: only 5 bytes"):
        other.recv_messages()


def receive_for_ever(sock: RouteSocket) -> None:
    while True:
        sock.recv_messages()


def test_a_lost_message_is_told(network: None, ip: Ip, opened: Opened) -> None:
    sock = opened()
    sock.set_option("SO_RCVBUF", 1)
    sock.join_group(nl.RTNLGRP_LINK)
    for mtu in range(1300, 1310):
        ip(f"link set v0 mtu {mtu}")
    with pytest.raises(OSError, match="No buffer space") as caught:
        receive_for_ever(sock)
    assert "were lost" in caught.value.__notes__[0]


def test_nothing_to_receive(opened: Opened) -> None:
    sock = opened()
    sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        sock.recv_messages()
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv_messages()


def test_many_links_in_one_dump(network: None, ip: Ip, opened: Opened) -> None:
    for number in range(40):
        ip(f"link add br{number} type bridge")
    sock = opened()
    found = {link.name for link in sock.links()}
    assert {f"br{number}" for number in range(40)} | {"lo", "v0", "v1"} <= found


def test_generic_families(generic: GenericNetlinkSocket) -> None:
    sock = generic
    controller = sock.generic_family("nlctrl")
    assert controller.id == nl.GENL_ID_CTRL
    assert controller.groups["notify"] >= nl.GENL_MIN_ID
    assert nl.CTRL_CMD_GETFAMILY in controller.commands
    families = {family.name: family for family in sock.generic_families()}
    assert families["nlctrl"] == controller
    dumped = sock.generic_dump(controller, nl.CTRL_CMD_GETFAMILY)
    assert len(dumped) == len(families)
    wanted = [Attribute.text(nl.CTRL_ATTR_FAMILY_NAME, "nlctrl")]
    (one,) = sock.generic_request(controller, nl.CTRL_CMD_GETFAMILY, wanted)
    assert (one.command, one.header) == (nl.CTRL_CMD_NEWFAMILY, b"")
    assert one.attributes.text(nl.CTRL_ATTR_FAMILY_NAME) == "nlctrl"
    sock.join_group(controller.groups["notify"])
    with pytest.raises(FileNotFoundError) as caught:
        sock.generic_family("famsock-none")
    assert "its kernel module is not loaded" in caught.value.__notes__[0]
    with pytest.raises(ValueError, match="at most 15 bytes"):
        sock.generic_family("n" * 16)


def test_uevents(uevents: Pair[UeventSocket]) -> None:
    sock, plain = uevents
    sock.join_kernel_events()
    plain.bind((0, 1))
    with open("/sys/class/net/lo/uevent", "w") as trigger:
        trigger.write("change")
    event = sock.recv_uevent()
    while event.path != "/devices/virtual/net/lo":
        event = sock.recv_uevent()
    assert event.action == event.variables["ACTION"] == "change"
    assert event.variables["INTERFACE"] == "lo"
    data, address = plain.recvfrom(65536)
    assert (b"@/" in data, address) == (True, (0, 1))


def paths_of_all_events(sock: UeventSocket) -> list[str]:
    found: list[str] = []
    try:
        while True:
            found.append(sock.recv_uevent().path)
    except TimeoutError:
        return found


def test_a_forged_uevent_is_passed_over(uevents: Pair[UeventSocket]) -> None:
    sock, forger = uevents
    sock.join_kernel_events()
    sock.settimeout(0.05)
    forger.sendto(b"add@/devices/forged\0ACTION=add\0", sock.getsockname())
    assert "/devices/forged" not in paths_of_all_events(sock)


def test_unchanged_stdlib_code(network: None) -> None:
    """The stdlib's tuple on famsock's socket, and the stdlib's own socket, see the same."""
    import famsock

    for module in (famsock, stdlib):
        with module.socket(stdlib.AF_NETLINK, stdlib.SOCK_DGRAM, stdlib.NETLINK_ROUTE) as sock:
            sock.settimeout(20)
            sock.bind((0, 0))
            pid, groups = sock.getsockname()
            assert (pid > 0, groups) == (True, 0)
            sock.sendto(struct.pack("=IHHIIB3x", 20, 18, 0x301, 5, 0, 0), (0, 0))
            data, address = sock.recvfrom(65536)
            assert address == (0, 0)
            assert struct.unpack_from("=HHII", data, 4) == (16, 2, 5, pid)
