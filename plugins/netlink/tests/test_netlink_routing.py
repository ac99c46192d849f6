"""Routes, neighbors and rules, and changes of links, addresses and routes; ip(8) sees the same."""

from __future__ import annotations

import asyncio
import json
import os
import select
import subprocess
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from socket import AF_INET, AF_INET6
from typing import Any

import attrs
import pytest
from famsock_netlink import RouteSocket
from famsock_netlink import constants as nl
from famsock_netlink.attributes import Attribute, pack
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.route import Link
from famsock_netlink.routing import NextHop, PortRange, Route, Rule, RuleHeader, UidRange
from hypothesis import given, settings
from hypothesis import strategies as st

from famsock import aio

Opened = Callable[[], RouteSocket]
Ip = Callable[[str], str]
Agree = Callable[[Callable[[], object], Callable[[], object]], None]
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


TABLES = {"main": nl.RT_TABLE_MAIN, "local": nl.RT_TABLE_LOCAL, "default": nl.RT_TABLE_DEFAULT}
TYPES = {
    nl.RTN_UNICAST: "unicast",
    nl.RTN_LOCAL: "local",
    nl.RTN_BROADCAST: "broadcast",
    nl.RTN_ANYCAST: "anycast",
    nl.RTN_MULTICAST: "multicast",
    nl.RTN_BLACKHOLE: "blackhole",
    nl.RTN_UNREACHABLE: "unreachable",
}
PROTOCOLS = {
    nl.RTPROT_KERNEL: "kernel",
    nl.RTPROT_BOOT: "boot",
    nl.RTPROT_STATIC: "static",
    nl.RTPROT_BGP: "bgp",
}
DEFAULT = {"4": "0.0.0.0/0", "6": "::/0"}


def network_shown(text: str, version: str) -> str:
    return str(ip_network(DEFAULT[version] if text == "default" else text))


def shown_routes(ip: Ip, version: str) -> list[tuple[Any, ...]]:
    return sorted(
        (
            network_shown(route["dst"], version),
            route.get("gateway") or route.get("via", {}).get("host"),
            route.get("dev", ""),
            route.get("prefsrc"),
            route.get("metric", 0),
            TABLES.get(route.get("table", "main")) or int(route["table"]),
            route["protocol"],
            route["type"],
            next((m["mtu"] for m in route.get("metrics", []) if "mtu" in m), 0),
            [(h.get("gateway"), h["dev"], h["weight"]) for h in route.get("nexthops", [])],
        )
        for route in json.loads(ip(f"-{version} -j -d route show table all"))
    )


def our_routes(sock: RouteSocket, family: int) -> list[tuple[Any, ...]]:
    names = {link.index: link.name for link in sock.links()} | {0: ""}
    return sorted(
        (
            str(route.destination),
            str(route.gateway) if route.gateway else None,
            names[route.link_index],
            str(route.preferred_source) if route.preferred_source else None,
            route.priority,
            route.table,
            PROTOCOLS[route.protocol],
            TYPES[route.type],
            route.mtu,
            [
                (str(hop.gateway) if hop.gateway else None, names[hop.link_index], hop.weight)
                for hop in route.next_hops
            ],
        )
        for route in sock.routes(family)
    )


@in_namespace
def test_ip_shows_the_same_routes(ip: Ip, opened: Opened, agree: Agree) -> None:
    for command in (
        "route add 198.51.100.0/24 via 192.0.2.254 src 192.0.2.1 metric 7 mtu 1300",
        "route add default via 192.0.2.253",
        "route add 203.0.113.0/24 table 4711 proto bgp nexthop via 192.0.2.252 weight 3 "
        "nexthop via 192.0.2.251 dev v0",
        "route add 203.0.113.9/32 via inet6 2001:db8::9 dev v0",
        "route add blackhole 198.18.0.0/15",
        "-6 route add 2001:db8:1::/48 via 2001:db8::2 metric 5",
        "-6 route add unreachable 2001:db8:2::/48",
        "-6 route add default nexthop via 2001:db8::3 nexthop via 2001:db8::4 weight 2",
    ):
        ip(command)
    sock = opened()
    agree(lambda: our_routes(sock, AF_INET), lambda: shown_routes(ip, "4"))
    agree(lambda: our_routes(sock, AF_INET6), lambda: shown_routes(ip, "6"))
    (bgp,) = sock.routes(table=4711)
    assert [hop.weight for hop in bgp.next_hops] == [3, 1]
    both = {route.family for route in sock.routes()}
    assert both >= {AF_INET, AF_INET6}


@in_namespace
def test_routes_are_added_replaced_and_deleted(ip: Ip, opened: Opened) -> None:
    sock = opened()
    v0 = sock.link("v0").index
    route = Route("198.51.100.0/24", "192.0.2.254", v0, "192.0.2.1", 7, mtu=1300)
    sock.add_route(route)
    (shown,) = json.loads(ip("-j -d route show 198.51.100.0/24"))
    assert shown["gateway"] == "192.0.2.254"
    assert (shown["prefsrc"], shown["metric"], shown["metrics"]) == (
        "192.0.2.1",
        7,
        [{"mtu": 1300}],
    )
    assert (shown["protocol"], shown["scope"]) == ("static", "global")
    assert route in sock.routes(AF_INET)
    with pytest.raises(FileExistsError):
        sock.add_route(route)
    sock.add_route(Route("198.51.100.0/24", "192.0.2.253", v0, priority=7), replace=True)
    (shown,) = json.loads(ip("-j route show 198.51.100.0/24"))
    assert shown["gateway"] == "192.0.2.253"
    with pytest.raises(ProcessLookupError):
        sock.delete_route(route)
    sock.delete_route(Route("198.51.100.0/24"))
    assert ip("route show 198.51.100.0/24") == ""


ROUTES = (
    Route("198.51.100.0/24", link_index=1),
    Route("0.0.0.0/0", "192.0.2.254"),
    Route("198.51.100.7/32", "2001:db8::7", link_index=1, priority=3),
    Route("198.51.100.8/32", "203.0.113.1", link_index=1, flags=nl.RTNH_F_ONLINK),
    Route("198.18.0.0/15", type=nl.RTN_BLACKHOLE, table=100000, protocol=nl.RTPROT_BGP),
    Route("192.0.2.77/32", type=nl.RTN_LOCAL, link_index=1, table=nl.RT_TABLE_LOCAL),
    Route("203.0.113.0/24", next_hops=(NextHop(1, "192.0.2.2", 256), NextHop(1, "192.0.2.3"))),
    Route("2001:db8:1::/48", "2001:db8::2", link_index=1, priority=5, mtu=1400),
    Route("2001:db8:4::/48", next_hops=(NextHop(1, "2001:db8::2"), NextHop(1, "2001:db8::3", 9))),
)


@in_namespace
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: str(route.destination))
def test_a_route_reads_as_it_was_written(route: Route, ip: Ip, opened: Opened) -> None:
    sock = opened()
    index = sock.link("v0").index

    def here(hop: Any) -> Any:
        return {"link_index": index} if hop.link_index else {}

    given = attrs.evolve(
        route,
        **here(route),
        next_hops=tuple(attrs.evolve(hop, **here(hop)) for hop in route.next_hops),
    )
    sock.add_route(given)
    (added,) = [r for r in sock.routes() if r.destination == given.destination]
    kept = nl.RTNH_F_ONLINK
    expected = {
        field.name: getattr(given, field.name)
        for field in attrs.fields(Route)
        if field.name not in ("flags", "priority", "link_index")
    }
    assert {name: getattr(added, name) for name in expected} == expected
    assert added.flags & kept == given.flags
    assert added.priority == given.priority or (added.family, added.priority) == (AF_INET6, 1024)
    assert added.link_index == given.link_index or not given.link_index
    sock.delete_route(added)
    assert given.destination not in {r.destination for r in sock.routes()}


@in_namespace
def test_a_route_for_senders(ip: Ip, opened: Opened) -> None:
    sock = opened()
    route = Route("2001:db8:2::/48", "2001:db8::2", priority=6, source="2001:db8:3::/64")
    if not has_ipv6_subtrees(ip):
        with pytest.raises(OSError, match="CONFIG_IPV6_SUBTREES"):
            sock.add_route(route)
        return
    sock.add_route(route)
    (shown,) = json.loads(ip("-6 -j route show 2001:db8:2::/48"))
    assert shown["from"] == "2001:db8:3::/64"
    assert [r.source for r in sock.routes() if r.source] == [ip_network("2001:db8:3::/64")]
    sock.delete_route(route)


def has_ipv6_subtrees(ip: Ip) -> bool:
    try:
        ip("-6 route add 2001:db8:4::/48 from 2001:db8:3::/64 dev v0")
    except subprocess.CalledProcessError:
        return False
    ip("-6 route delete 2001:db8:4::/48 from 2001:db8:3::/64 dev v0")
    return True


@in_namespace
def test_the_kernel_refuses_routes_in_words(opened: Opened) -> None:
    sock = opened()
    with pytest.raises(OSError, match=r"\[Errno 101\] .*: Nexthop has invalid gateway"):
        sock.add_route(Route("198.51.100.0/24", "203.0.113.1"))
    with pytest.raises(OSError, match=r"\[Errno 19\]"):
        sock.add_route(Route("198.51.100.0/24", link_index=9999))
    with pytest.raises(ProcessLookupError):
        sock.delete_route(Route("198.51.100.0/24"))


def test_routes_that_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="has host bits set"):
        Route("198.51.100.1/24")
    with pytest.raises(ValueError, match="does not appear to be"):
        Route("198.51.100.0/24", "no address")
    with pytest.raises(TypeError, match="needs its family"):
        Route(b"\0\1\0\0")
    with pytest.raises(ValueError, match=r"AF_INET or AF_INET6, not 28.*request\(\)"):
        Route(b"\0\1\0\0", family=28).body()
    for wrong in ({"table": 2**32}, {"priority": -1}, {"type": 256}, {"tos": -1}, {"mtu": 2**32}):
        with pytest.raises(OverflowError):
            Route("198.51.100.0/24", **wrong).body()  # type: ignore[arg-type]
    for weight in (0, 257):
        with pytest.raises(OverflowError, match="hops"):
            Route("198.51.100.0/24", next_hops=(NextHop(1, None, weight),)).body()


U8, U32 = st.integers(0, 255), st.integers(0, 2**32 - 1)
V4 = st.ip_addresses(v=4)
NETWORKS = st.builds(
    lambda address, length: ip_network((address, length), strict=False), V4, st.integers(0, 32)
)
ANY_ROUTE = st.builds(
    Route,
    NETWORKS,
    gateway=st.none() | V4 | st.ip_addresses(v=6),
    link_index=st.integers(0, 2**31 - 1),
    preferred_source=st.none() | V4,
    priority=U32,
    table=U32,
    protocol=U8,
    type=U8,
    tos=U8,
    scope=U8,
    mtu=U32,
    source=st.none() | NETWORKS,
    flags=st.sampled_from([0, nl.RTNH_F_ONLINK]),
    next_hops=st.lists(
        st.builds(
            NextHop,
            st.integers(0, 2**31 - 1),
            st.none() | V4 | st.ip_addresses(v=6),
            st.integers(1, 256),
            st.sampled_from([0, nl.RTNH_F_ONLINK]),
        ),
        max_size=4,
    ).map(tuple),
)
few = settings(max_examples=80, deadline=None, database=None)


def message_of(route: Route) -> NetlinkMessage:
    header, attributes = route.body()
    return NetlinkMessage(nl.RTM_NEWROUTE, header.pack() + pack(attributes))


@few
@given(ANY_ROUTE)
def test_any_route_survives_its_bytes(route: Route) -> None:
    assert Route.unpack(message_of(route)) == route


@few
@given(ANY_ROUTE, st.integers(0, 200))
def test_a_cut_route_is_refused_or_read(route: Route, at: int) -> None:
    whole = message_of(route).payload
    try:
        read = Route.unpack(NetlinkMessage(nl.RTM_NEWROUTE, whole[:at]))
    except ValueError:
        assert at < len(whole)
    else:
        assert at >= 12
        assert read.protocol == route.protocol


@few
@given(st.binary(max_size=120))
def test_no_bytes_do_harm(data: bytes) -> None:
    from famsock_netlink.routing import Neighbor

    for kind in (Route, Neighbor, Rule):
        try:
            read: Any = kind.unpack(NetlinkMessage(0, data))
        except ValueError:
            continue
        assert isinstance(read, kind)


NEIGHBOR_STATES = {
    nl.NUD_NONE: "NONE",
    nl.NUD_INCOMPLETE: "INCOMPLETE",
    nl.NUD_REACHABLE: "REACHABLE",
    nl.NUD_STALE: "STALE",
    nl.NUD_DELAY: "DELAY",
    nl.NUD_PROBE: "PROBE",
    nl.NUD_FAILED: "FAILED",
    nl.NUD_NOARP: "NOARP",
    nl.NUD_PERMANENT: "PERMANENT",
}


def shown_neighbors(ip: Ip) -> set[tuple[Any, ...]]:
    return {
        (one["dst"], one.get("lladdr", ""), tuple(one["state"]), "router" in one)
        for one in json.loads(ip("-j neigh show dev v0 nud all"))
    }


def our_neighbors(sock: RouteSocket, link_index: int) -> set[tuple[Any, ...]]:
    return {
        (
            str(one.address),
            one.link_address.hex(":"),
            (NEIGHBOR_STATES[one.state],),
            bool(one.flags & nl.NTF_ROUTER),
        )
        for one in sock.neighbors(link_index)
    }


@in_namespace
def test_ip_shows_the_same_neighbors(ip: Ip, opened: Opened, agree: Agree) -> None:
    ip("neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0")
    ip("neigh add 2001:db8::9 lladdr 02:00:00:00:00:0a dev v0 nud reachable router")
    ip("neigh add 192.0.2.10 lladdr 02:00:00:00:00:0b dev v0 nud noarp")
    sock = opened()
    v0 = sock.link("v0").index
    agree(lambda: our_neighbors(sock, v0), lambda: shown_neighbors(ip))
    added = {address for address, *_ in our_neighbors(sock, v0)}
    assert added >= {"192.0.2.9", "2001:db8::9", "192.0.2.10"}
    assert {n.link_index for n in sock.neighbors(v0)} == {v0}
    assert {n.family for n in sock.neighbors(family=AF_INET6)} == {AF_INET6}


@in_namespace
def test_bridges_have_neighbors_without_an_address(ip: Ip, opened: Opened) -> None:
    ip("link add b0 type bridge")
    ip("link set v1 master b0")
    ip("link set b0 up")
    sock = opened()
    found = sock.neighbors(sock.link("v1").index, family=7)
    own = sock.link("v1").address
    assert own in {n.link_address for n in found}
    assert {n.address for n in found} == {b""}


@in_namespace
def test_ip_shows_the_same_rules(ip: Ip, opened: Opened) -> None:
    for command in (
        "rule add from 192.0.2.0/24 to 198.51.100.7 fwmark 0x10/0xf0 table 100 priority 10",
        "rule add not iif v0 oif v1 ipproto tcp sport 1-99 dport 443 lookup 4711 priority 11",
        "rule add uidrange 5-6 goto 32766 priority 12",
        "rule add unreachable tos 0x10 priority 13",
        "rule add lookup main suppress_prefixlength 0 priority 14",
        "-6 rule add from 2001:db8::/32 prohibit priority 15",
    ):
        ip(command)
    sock = opened()
    shown = json.loads(ip("-j rule"))
    four = sock.rules(AF_INET)
    assert [rule.priority for rule in four] == [one["priority"] for one in shown]
    assert [rule.table for rule in four if rule.action == nl.FR_ACT_TO_TBL] == [
        TABLES.get(one["table"]) or int(one["table"]) for one in shown if "table" in one
    ]
    by_priority = {rule.priority: rule for rule in four}
    first, second, uids, refused, suppressed = (by_priority[n] for n in range(10, 15))
    assert (first.source, first.destination) == (
        ip_network("192.0.2.0/24"),
        ip_network("198.51.100.7/32"),
    )
    assert (first.mark, first.mark_mask, first.is_inverted) == (0x10, 0xF0, False)
    assert (second.input_interface, second.output_interface) == ("v0", "v1")
    assert (second.is_inverted, second.ip_protocol, second.table) == (True, 6, 4711)
    assert second.source_ports == PortRange(1, 99)
    assert second.destination_ports == PortRange(443, 443)
    assert (uids.uids, uids.action, uids.goto) == (UidRange(5, 6), nl.FR_ACT_GOTO, 32766)
    assert (refused.action, refused.tos) == (nl.FR_ACT_UNREACHABLE, 0x10)
    assert (suppressed.suppress_prefix_length, first.suppress_prefix_length) == (0, -1)
    (six,) = [rule for rule in sock.rules(AF_INET6) if rule.priority == 15]
    assert (six.action, str(six.source)) == (nl.FR_ACT_PROHIBIT, "2001:db8::/32")
    assert {rule.family for rule in sock.rules()} >= {AF_INET, AF_INET6}


def test_a_rule_of_a_dscp() -> None:
    """Linux 6.12 has it, and ip(8) a while later."""
    header = RuleHeader(family=AF_INET, action=nl.FR_ACT_TO_TBL)
    for found, dscp in (([Attribute.u8(nl.FRA_DSCP, 46)], 46), ([], None)):
        message = NetlinkMessage(nl.RTM_NEWRULE, header.pack() + pack(found))
        assert Rule.unpack(message).dscp == dscp


@in_namespace
def test_links_are_switched_and_get_an_mtu(ip: Ip, opened: Opened) -> None:
    sock = opened()
    sock.set_link("v0", up=False, mtu=1400)
    (shown,) = json.loads(ip("-j link show v0"))
    assert (shown["mtu"], "UP" in shown["flags"]) == (1400, False)
    sock.set_link(sock.link("v0").index, up=True)
    (shown,) = json.loads(ip("-j link show v0"))
    assert (shown["mtu"], "UP" in shown["flags"], "BROADCAST" in shown["flags"]) == (
        1400,
        True,
        True,
    )
    sock.set_link("v0", mtu=1300)
    assert (sock.link("v0").mtu, sock.link("v0").is_up) == (1300, True)
    with pytest.raises(OSError, match="No such device"):
        sock.set_link("nosuch0", up=True)
    with pytest.raises(OSError, match=r"\[Errno 22\] .*: mtu less than device minimum"):
        sock.set_link("v0", mtu=1)
    with pytest.raises(OverflowError):
        sock.set_link("v0", mtu=-1)
    with pytest.raises(ValueError, match="at most 127 bytes, not 128"):
        sock.set_link("n" * 128, up=True)


def addresses_shown(ip: Ip) -> dict[str, dict[str, Any]]:
    """The addresses of v0, but for the link-local one, which the kernel adds in its own time."""
    (shown,) = json.loads(ip("-j address show v0"))
    found = [one for one in shown["addr_info"] if one]
    return {one["local"]: one for one in found if not one["local"].startswith("fe80:")}


@in_namespace
def test_addresses_are_added_and_deleted(ip: Ip, opened: Opened) -> None:
    sock = opened()
    before = addresses_shown(ip)
    sock.add_address("v0", "198.51.100.1/24", broadcast="198.51.100.255", label="v0:1")
    sock.add_address("v0", "203.0.113.1/32", peer="203.0.113.2", scope=nl.RT_SCOPE_LINK)
    sock.add_address("v0", "127.0.0.9/8")
    sock.add_address(sock.link("v0").index, "198.51.100.9/24", preferred_s=1000, valid_s=2000)
    sock.add_address("v0", "2001:db8:9::1/64", flags=nl.IFA_F_NODAD | nl.IFA_F_NOPREFIXROUTE)
    shown = addresses_shown(ip)
    one = shown["198.51.100.1"]
    assert (one["prefixlen"], one["broadcast"], one["label"]) == (24, "198.51.100.255", "v0:1")
    assert one["scope"] == "global"
    peer = shown["203.0.113.1"]
    assert (peer["address"], peer["prefixlen"], peer["scope"]) == ("203.0.113.2", 32, "link")
    assert shown["127.0.0.9"]["scope"] == "host"
    timed = shown["198.51.100.9"]
    assert 0 < timed["preferred_life_time"] <= 1000 < timed["valid_life_time"] <= 2000
    six = shown["2001:db8:9::1"]
    assert (six["prefixlen"], six.get("nodad"), six.get("noprefixroute")) == (64, True, True)
    with pytest.raises(FileExistsError):
        sock.add_address("v0", "198.51.100.1/24")
    sock.delete_address("v0", "203.0.113.1/32", peer="203.0.113.2")
    for address in ("198.51.100.9/24", "198.51.100.1/24", "127.0.0.9/8", "2001:db8:9::1/64"):
        sock.delete_address("v0", address)
    assert addresses_shown(ip).keys() == before.keys()
    with pytest.raises(OSError, match=r"\[Errno 99\]"):
        sock.delete_address("v0", "198.51.100.9/24")
    with pytest.raises(OSError, match="No such device"):
        sock.add_address("nosuch0", "198.51.100.9/24")
    with pytest.raises(ValueError, match="does not appear"):
        sock.add_address("v0", "198.51.100.300/24")
    with pytest.raises(OverflowError, match="valid_s"):
        sock.add_address("v0", "198.51.100.9/24", valid_s=-1)


@in_namespace
@pytest.mark.parametrize(
    "change",
    [
        lambda sock: sock.set_link("v0", up=False),
        lambda sock: sock.add_address("v0", "198.51.100.1/24"),
        lambda sock: sock.add_route(Route("198.51.100.0/24", "192.0.2.254")),
        lambda sock: sock.delete_route(Route("192.0.2.0/24")),
    ],
)
def test_changes_need_a_capability(change: Callable[[RouteSocket], None], opened: Opened) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(PermissionError) as caught:
            change(opened())
    finally:
        os.seteuid(0)
    assert "CAP_NET_ADMIN" in caught.value.__notes__[0]


@in_namespace
def test_messages_put_aside_are_counted(opened: Opened) -> None:
    sock = opened()
    assert sock.pending_messages == 0
    sock.join_group(nl.RTNLGRP_LINK)
    sock.set_link("v0", mtu=1234)
    count = sock.pending_messages
    assert count >= 1
    while select.select([sock], [], [], 0)[0]:
        sock.request(nl.RTM_GETLINK, b"\0" * 16)
    news = sock.recv_messages()
    assert len(news) >= count
    assert 1234 in {Link.unpack(message).mtu for message in news}
    assert sock.pending_messages == 0


def test_gateways_are_addresses() -> None:
    route = Route("0.0.0.0/0", "192.0.2.254")
    assert (route.gateway, route.scope) == (ip_address("192.0.2.254"), nl.RT_SCOPE_UNIVERSE)
    assert Route("198.51.100.0/24", link_index=2).scope == nl.RT_SCOPE_LINK
    assert Route("198.51.100.1/32", type=nl.RTN_LOCAL).scope == nl.RT_SCOPE_HOST
    assert Route("198.51.100.0/24", next_hops=(NextHop(1, "192.0.2.2"),)).scope == 0


@in_namespace
def test_asyncio_gets_messages_put_aside_and_those_to_come(ip: Ip, opened: Opened) -> None:
    async def main() -> list[int]:
        sock = opened()
        sock.join_group(nl.RTNLGRP_LINK)
        sock.set_link("v0", mtu=1234)
        sock.setblocking(False)
        seen = []
        for command in ("link set v0 mtu 1235", "link set v0 mtu 1236"):
            for message in await aio.when_readable(sock, sock.recv_messages):
                seen.append(Link.unpack(message).mtu)
            ip(command)
        while 1236 not in seen:
            for message in await aio.when_readable(sock, sock.recv_messages):
                seen.append(Link.unpack(message).mtu)
        return seen

    seen = asyncio.run(asyncio.wait_for(main(), 60))
    assert [mtu for mtu in dict.fromkeys(seen) if 1234 <= mtu <= 1236] == [1234, 1235, 1236]
