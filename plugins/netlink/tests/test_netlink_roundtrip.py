"""Routes and rules that the kernel shows can be made again: nothing is dropped."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from ipaddress import ip_network
from socket import AF_INET
from typing import Any

import attrs
import pytest
from famsock_netlink import RouteSocket, messages
from famsock_netlink import constants as nl
from famsock_netlink.attributes import Attribute, Attributes
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.routing import (
    NextHop,
    PortRange,
    Route,
    RouteHeader,
    Rule,
    RuleHeader,
    UidRange,
)
from hypothesis import given, settings
from hypothesis import strategies as st

Opened = Callable[[], RouteSocket]
Ip = Callable[[str], str]
Others = tuple[Attribute, ...]
USERS = UidRange(1, 2)
live = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_capability("CAP_NET_ADMIN"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors", "network"),
]


def in_namespace(test: Any) -> Any:
    for mark in live:
        test = mark(test)
    return test


ENCAP = "encap ip id 42 dst 203.0.113.1 ttl 9"
SEGMENTS = "encap seg6 mode encap segs 2001:db8::7,2001:db8::8"
ROUTES = {
    "gateway": "route add 198.51.100.0/24 via 192.0.2.254 src 192.0.2.1 proto bgp metric 7",
    "scope": "route add 198.51.100.0/24 dev v0 scope site",
    "tos": "route add 198.51.100.0/24 tos 0x10 via 192.0.2.254",
    "table": "route add 198.51.100.0/24 via 192.0.2.254 table 100000",
    "onlink": "route add 198.51.100.0/24 via 203.0.113.1 dev v0 onlink",
    "another version": "route add 198.51.100.0/24 via inet6 2001:db8::9 dev v0",
    "blackhole": "route add blackhole 198.51.100.0/24",
    "local": "route add local 198.51.100.0/24 dev v0",
    "realm": "route add 198.51.100.0/24 via 192.0.2.254 realm 7",
    "metrics": "route add 198.51.100.0/24 via 192.0.2.254 mtu lock 1300 advmss 1200 window 9000 "
    "hoplimit 9 initcwnd 20 initrwnd 30 rto_min 300ms features ecn quickack 1 congctl cubic",
    "encapsulation": f"route add 198.51.100.0/24 {ENCAP} via 192.0.2.254 dev v0",
    "next hops": "route add 198.51.100.0/24 nexthop via 192.0.2.254 weight 3 "
    "nexthop via 192.0.2.253 dev v0 weight 256",
    "next hops that encapsulate": f"route add 198.51.100.0/24 nexthop {ENCAP} via 192.0.2.254 dev "
    "v0 nexthop encap ip id 43 dst 203.0.113.2 via 192.0.2.253 dev v0 weight 2",
    "next hops with realms": "route add 198.51.100.0/24 nexthop via 192.0.2.254 realm 7 "
    "nexthop via 192.0.2.253 realm 8",
    "next hops onlink": "route add 198.51.100.0/24 nexthop via 203.0.113.1 dev v0 onlink "
    "nexthop via 203.0.113.2 dev v0 onlink",
    "nexthop object": "route add 198.51.100.0/24 nhid 1",
    "group of nexthops": "route add 198.51.100.0/24 nhid 3 metric 9",
    "nexthop that encapsulates": "route add 198.51.100.0/24 nhid 4",
    "nexthop onlink": "route add 198.51.100.0/24 nhid 5",
    "nexthop that is a blackhole": "route add 198.51.100.0/24 nhid 6",
    "gateway 6": "-6 route add 2001:db8:1::/48 via 2001:db8::2 src 2001:db8::1 metric 5",
    "preference 6": "-6 route add 2001:db8:1::/48 via 2001:db8::2 pref high",
    "low preference 6": "-6 route add 2001:db8:1::/48 via 2001:db8::2 pref low",
    "expiry 6": "-6 route add 2001:db8:1::/48 via 2001:db8::2 expires 100000",
    "metrics 6": "-6 route add 2001:db8:1::/48 via 2001:db8::2 mtu lock 1300 advmss 1200 "
    "hoplimit 9 congctl cubic",
    "unreachable 6": "-6 route add unreachable 2001:db8:1::/48",
    "senders 6": "-6 route add 2001:db8:1::/48 from 2001:db8:3::/64 via 2001:db8::2",
    "encapsulation 6": f"-6 route add 2001:db8:1::/48 {SEGMENTS} dev v0",
    "next hops 6": "-6 route add 2001:db8:1::/48 nexthop via 2001:db8::2 weight 3 "
    "nexthop via 2001:db8::3 dev v0",
    "next hops that encapsulate 6": f"-6 route add 2001:db8:1::/48 nexthop {SEGMENTS} "
    "via 2001:db8::2 dev v0 nexthop via 2001:db8::3 dev v0",
    "nexthop object 6": "-6 route add 2001:db8:1::/48 nhid 2",
}
OBJECTS = (
    "nexthop add id 1 via 192.0.2.254 dev v0",
    "nexthop add id 2 via 2001:db8::2 dev v0",
    "nexthop add id 7 via 192.0.2.253 dev v0",
    "nexthop add id 3 group 1,3/7",
    f"nexthop add id 4 {ENCAP} via 192.0.2.254 dev v0",
    "nexthop add id 5 via 203.0.113.1 dev v0 onlink",
    "nexthop add id 6 blackhole",
)


def dumped(sock: RouteSocket, destination: Any) -> tuple[RouteHeader, set[tuple[int, bytes]]]:
    """One route as the kernel shows it, unread; without the ticks that an expiry has left."""
    (found,) = [
        message
        for message in sock.dump(nl.RTM_GETROUTE, RouteHeader())
        if Route.unpack(message).destination == destination
    ]
    attributes = found.attributes(RouteHeader.layout.size)
    pairs = {pair for pair in attributes.pairs if pair[0] != nl.RTA_CACHEINFO}
    return RouteHeader.unpack(found.payload), pairs


def only(sock: RouteSocket, destination: Any) -> Route:
    (route,) = [route for route in sock.routes() if route.destination == destination]
    return route


def destination_of(command: str) -> Any:
    return ip_network(next(word for word in command.split() if "/" in word))


@in_namespace
@pytest.mark.parametrize("command", ROUTES.values(), ids=ROUTES)
def test_a_route_is_replaced_and_added_again_as_it_was(
    command: str, ip: Ip, opened: Opened
) -> None:
    if " from " in command and not has_ipv6_subtrees(ip):
        return
    for add in OBJECTS if " nhid " in command else ():
        ip(add)
    ip(command)
    sock, destination = opened(), destination_of(command)
    shown, route = dumped(sock, destination), only(sock, destination)
    sock.add_route(route, replace=True)
    assert dumped(sock, destination) == shown
    again = only(sock, destination)
    assert attrs.evolve(again, expires_s=route.expires_s) == route
    sock.delete_route(again)
    assert destination not in {route.destination for route in sock.routes()}
    sock.add_route(route)
    assert dumped(sock, destination) == shown
    assert abs(only(sock, destination).expires_s - route.expires_s) <= 5
    sock.delete_route(route)


def has_ipv6_subtrees(ip: Ip) -> bool:
    try:
        ip("-6 route add 2001:db8:4::/48 from 2001:db8:3::/64 dev v0")
    except subprocess.CalledProcessError:
        return False
    ip("-6 route delete 2001:db8:4::/48 from 2001:db8:3::/64 dev v0")
    return True


@in_namespace
def test_every_route_that_the_kernel_made_can_be_replaced(ip: Ip, opened: Opened) -> None:
    """Except those of IPv6 whose priority is 0, and those to one network through several links.

    The kernel takes 1024 for 0, and replaces the first of several.
    """
    for name in ("v0", "v1"):  # or the kernel would add its own routes meanwhile
        ip(f"-6 address flush dev {name} scope link")
    sock = opened()
    replaced = 0
    for route in sock.routes():
        before = sorted(sock.routes(), key=repr)
        is_only = [r.destination for r in before].count(route.destination) == 1
        if is_only and (route.priority or route.family == AF_INET):
            sock.add_route(route, replace=True)
            assert sorted(sock.routes(), key=repr) == before
            replaced += 1
    assert replaced >= 6


@in_namespace
def test_a_change_beside_a_nexthop_object_is_refused_by_the_kernel(ip: Ip, opened: Opened) -> None:
    for add in OBJECTS:
        ip(add)
    ip("route add 198.51.100.0/24 nhid 3")
    sock, destination = opened(), ip_network("198.51.100.0/24")
    route = only(sock, destination)
    assert route.nexthop_id == 3
    assert [(str(hop.gateway), hop.weight) for hop in route.next_hops] == [
        ("192.0.2.254", 3),
        ("192.0.2.253", 1),
    ]
    with pytest.raises(OSError, match="nexthop id are mutually exclusive"):
        sock.add_route(attrs.evolve(route, next_hops=route.next_hops[:1]), replace=True)
    sock.add_route(attrs.evolve(route, nexthop_id=7), replace=True)
    assert str(only(sock, destination).gateway) == "192.0.2.253"
    by_hand = attrs.evolve(route, nexthop_id=0, scope=nl.RT_SCOPE_UNIVERSE)
    sock.add_route(by_hand, replace=True)
    assert only(sock, destination).next_hops == route.next_hops
    assert only(sock, destination).nexthop_id == 0
    sock.add_route(attrs.evolve(route, nexthop_id=4), replace=True)
    encapsulated = only(sock, destination)
    sock.add_route(attrs.evolve(encapsulated, nexthop_id=0), replace=True)
    assert "encap ip id 42 " in ip("route show 198.51.100.0/24")
    sock.add_route(Route("203.0.113.0/24", nexthop_id=1))
    assert only(sock, ip_network("203.0.113.0/24")).nexthop_id == 1


@in_namespace
def test_what_is_changed_keeps_the_rest(ip: Ip, opened: Opened) -> None:
    ip(ROUTES["encapsulation"])
    sock, destination = opened(), ip_network("198.51.100.0/24")
    route = only(sock, destination)
    sock.add_route(attrs.evolve(route, gateway="192.0.2.253"), replace=True)
    changed = only(sock, destination)
    assert str(changed.gateway) == "192.0.2.253"
    assert changed.others == route.others != ()
    assert "dst 203.0.113.1" in ip("route show 198.51.100.0/24")


RULES = {
    "networks": "rule add from 192.0.2.0/24 to 198.51.100.7 table 100 priority 10",
    "mark": "rule add fwmark 0x10/0xf0 table 100 priority 10",
    "mark of all bits": "rule add fwmark 0x10 table 100 priority 10",
    "mark of no bits": "rule add fwmark 0x10/0 table 100 priority 10",
    "interfaces": "rule add not iif v0 oif v1 lookup 4711 priority 10",
    "missing interface": "rule add iif nosuch0 oif nosuch1 lookup 4711 priority 10",
    "ports": "rule add ipproto tcp sport 1-99 dport 443 lookup 4711 priority 10",
    "users": "rule add uidrange 5-6 lookup 100000 priority 10",
    "goto": "rule add goto 32766 priority 10",
    "unresolved goto": "rule add goto 4711 priority 10",
    "tos": "rule add unreachable tos 0x10 priority 10",
    "prohibit": "rule add from 192.0.2.0/24 prohibit priority 10",
    "blackhole": "rule add blackhole priority 10",
    "suppressed prefixes": "rule add lookup main suppress_prefixlength 0 priority 10",
    "suppressed group": "rule add lookup main suppress_ifgroup 7 priority 10",
    "l3mdev": "rule add l3mdev priority 10",
    "l3mdev for users": "rule add l3mdev uidrange 5-6 iif v0 unreachable priority 10",
    "tunnel": "rule add tun_id 4711 lookup 100 priority 10",
    "creator": "rule add lookup 100 protocol bgp priority 10",
    "realms": "rule add lookup 100 realms 3/4 priority 10",
    "zero priority": "rule add from 192.0.2.9 lookup 100 priority 0",
}


def shown_rules(sock: RouteSocket, family: int) -> list[tuple[RuleHeader, tuple[Any, ...]]]:
    """The rules as the kernel shows them, unread."""
    return [
        (
            RuleHeader.unpack(message.payload),
            message.attributes(RuleHeader.layout.size).pairs,
        )
        for message in sock.dump(nl.RTM_GETRULE, RuleHeader(family=family))
    ]


@in_namespace
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("command", RULES.values(), ids=RULES)
def test_a_rule_is_added_again_as_it_was(
    command: str, version: int, ip: Ip, opened: Opened
) -> None:
    if version == 6:
        if "realms" in command:
            return
        command = command.replace("192.0.2.", "2001:db8::").replace("198.51.100.", "2001:db8:1::")
        command = command.replace("2001:db8::0/24", "2001:db8::/48")
    family = {4: 2, 6: 10}[version]
    sock = opened()
    before = sock.rules(family)
    ip(f"-{version} {command}")
    shown = shown_rules(sock, family)
    (rule,) = set(sock.rules(family)) - set(before)
    with pytest.raises(FileExistsError):
        sock.add_rule(rule)
    sock.delete_rule(rule)
    assert sock.rules(family) == before
    sock.add_rule(rule)
    assert shown_rules(sock, family) == shown
    sock.delete_rule(rule)
    with pytest.raises(FileNotFoundError) as caught:
        sock.delete_rule(rule)
    assert f"no rule of priority {rule.priority} " in caught.value.__notes__[0]


@in_namespace
def test_the_kernels_own_rules_are_added_again(opened: Opened) -> None:
    sock = opened()
    for family in (2, 10):
        shown = shown_rules(sock, family)
        for rule in reversed(sock.rules(family)):
            sock.delete_rule(rule)
        assert sock.rules(family) == ()
        for rule in map(Rule.unpack, unread(shown)):
            sock.add_rule(rule)
        assert shown_rules(sock, family) == shown


def unread(shown: list[tuple[RuleHeader, tuple[Any, ...]]]) -> list[NetlinkMessage]:
    return [
        NetlinkMessage(nl.RTM_NEWRULE, messages.body(header, [Attribute(*pair) for pair in pairs]))
        for header, pairs in shown
    ]


@in_namespace
def test_rules_that_look_only_at_vrfs_say_so(ip: Ip, opened: Opened) -> None:
    ip("rule add l3mdev priority 10")
    (rule,) = [rule for rule in opened().rules(2) if rule.priority == 10]
    assert (rule.l3mdev, rule.table) == (True, nl.RT_TABLE_UNSPEC)


@in_namespace
def test_rules_by_hand_have_ips_defaults(ip: Ip, opened: Opened) -> None:
    sock = opened()
    sock.add_rule(Rule(2, 10, source="192.0.2.0/24", mark=5))
    sock.add_rule(Rule(2, 11, l3mdev=True))
    sock.add_rule(
        Rule(10, 12, nl.FR_ACT_PROHIBIT, destination="2001:db8::/32", uids=UidRange(1, 2))
    )
    sock.add_rule(Rule(2, 13, source_ports=PortRange(1, 2), ip_protocol=17, table=100000))
    four = ip("rule")
    assert "10:\tfrom 192.0.2.0/24 fwmark 0x5 lookup main proto static" in four
    assert "11:\tfrom all lookup [l3mdev-table]" in four
    assert "13:\tfrom all ipproto udp sport 1-2 lookup 100000" in four
    assert "12:\tfrom all to 2001:db8::/32 uidrange 1-2 prohibit" in ip("-6 rule")
    with pytest.raises(OSError, match="l3mdev and table are mutually exclusive"):
        sock.add_rule(Rule(2, 14, l3mdev=True, table=7))
    with pytest.raises(ValueError, match=r"AF_INET or AF_INET6, not 28.*request\(\)"):
        sock.add_rule(Rule(28, 14, source=b"\0\1"))


@in_namespace
def test_nothing_to_delete_is_told(opened: Opened) -> None:
    sock = opened()
    with pytest.raises(ProcessLookupError) as lost:
        sock.delete_route(Route("198.51.100.0/24", table=7))
    assert "no route to 198.51.100.0/24 in table 7 matches" in lost.value.__notes__[0]
    with pytest.raises(OSError, match=r"\[Errno 99\]") as missing:
        sock.delete_address("v0", "198.51.100.9/24")
    assert "the interface has no address 198.51.100.9/24" in missing.value.__notes__[-1]


@in_namespace
def test_neighbors_and_addresses_show_what_has_no_field(ip: Ip, opened: Opened) -> None:
    ip("address add 198.51.100.1/24 dev v0 metric 77")
    ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 protocol bgp")
    sock = opened()
    v0 = sock.link("v0").index
    (metric,) = [
        Attributes([(one.type, one.value)]).unsigned(nl.IFA_RT_PRIORITY)
        for address in sock.addresses(v0)
        for one in address.others
        if one.type == nl.IFA_RT_PRIORITY
    ]
    assert metric == 77
    (creator,) = [
        one.value
        for neighbor in sock.neighbors(v0)
        for one in neighbor.others
        if one.type == nl.NDA_PROTOCOL
    ]
    assert creator == bytes([nl.RTPROT_BGP])


few = settings(max_examples=80, deadline=None, database=None)
UNKNOWN = st.lists(
    st.builds(
        Attribute,
        st.integers(64, 0x3FFF),
        st.binary(max_size=20),
        st.sampled_from([0, nl.NLA_F_NESTED, nl.NLA_F_NET_BYTEORDER]),
    ),
    max_size=4,
).map(tuple)


@few
@given(UNKNOWN, UNKNOWN, UNKNOWN)
def test_unknown_attributes_travel_along(
    in_route: tuple[Attribute, ...],
    in_hop: tuple[Attribute, ...],
    in_metrics: tuple[Attribute, ...],
) -> None:
    route = Route(
        "198.51.100.0/24",
        next_hops=(NextHop(1, "192.0.2.2", others=in_hop), NextHop(2, others=in_hop)),
        metrics=in_metrics,
        others=in_route,
    )
    message = NetlinkMessage(nl.RTM_NEWROUTE, messages.body(*route.body()))
    assert Route.unpack(message) == route
    rule = Rule(2, 7, l3mdev=True, others=in_route)
    message = NetlinkMessage(nl.RTM_NEWRULE, messages.body(*rule.body()))
    assert Rule.unpack(message) == rule
