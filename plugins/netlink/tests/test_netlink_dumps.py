"""Dumps of one link or table: limited by the kernel if it can, otherwise by each header."""

from __future__ import annotations

import copy
import errno
import os
import pickle
from collections.abc import Callable
from socket import AF_INET, AF_UNSPEC
from typing import Any

import attrs
import pytest
from famsock_netlink import NetlinkSocket, RouteSocket
from famsock_netlink import constants as nl
from famsock_netlink.attributes import Attribute
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.options import NETLINK_GET_STRICT_CHK
from famsock_netlink.route import AddressHeader, InterfaceAddress, Link, LinkHeader
from famsock_netlink.routing import Neighbor, NeighborHeader, Route, RouteHeader
from famsock_netlink.sockets import _State

from famsock.plugin import Struct

Opened = Callable[[], RouteSocket]
Ip = Callable[[str], str]
Agree = Callable[[Callable[[], object], Callable[[], object]], None]
pytestmark = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_capability("CAP_NET_ADMIN"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors", "network"),
]
TABLE, LARGE_TABLE = 77, 4711

LIMITED: dict[str, Callable[[RouteSocket], tuple[Any, ...]]] = {
    "addresses": lambda sock: sock.addresses(sock.link("v0").index),
    "addresses 4": lambda sock: sock.addresses(sock.link("lo").index, AF_INET),
    "routes": lambda sock: sock.routes(table=TABLE),
    "routes 4": lambda sock: sock.routes(AF_INET, TABLE),
    "routes of a large table": lambda sock: sock.routes(table=LARGE_TABLE),
    "neighbors": lambda sock: sock.neighbors(sock.link("v0").index, AF_INET),
    "neighbors in a bridge": lambda sock: sock.neighbors(sock.link("v0").index, 7),
}
MISSING: dict[str, Callable[[RouteSocket], tuple[Any, ...]]] = {
    "link": lambda sock: sock.addresses(4711),
    "link 4": lambda sock: sock.addresses(4711, AF_INET),
    "table": lambda sock: sock.routes(table=4713),
    "table 4": lambda sock: sock.routes(AF_INET, 4713),
    "table 252": lambda sock: sock.routes(table=nl.RT_TABLE_COMPAT),
    "neighbors": lambda sock: sock.neighbors(4711),
}


@pytest.fixture(autouse=True)
def _filled(network: None, ip: Ip) -> None:
    ip("address add 127.0.0.2/8 dev lo")
    for table in (TABLE, TABLE + 1, LARGE_TABLE, LARGE_TABLE + 1):
        ip(f"route add 198.51.100.0/24 dev v0 table {table}")
        ip(f"-6 route add 2001:db8:7::/64 dev v0 table {table}")
    ip("neighbor add 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev v0")
    ip("neighbor add 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev lo")


def as_before_linux_4_20(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the option be one that the kernel does not have."""

    def unknown(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(sock: RouteSocket, option: Any, *given: Any) -> Any:
            if option is NETLINK_GET_STRICT_CHK:
                raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
            return function(sock, option, *given)

        return call

    for name in ("get_option", "set_option"):
        monkeypatch.setattr(RouteSocket, name, unknown(getattr(RouteSocket, name)))


def steady(found: tuple[Any, ...]) -> set[Any]:
    """Return the objects, without the times of neighbors, which go on."""
    return {attrs.evolve(one, others=()) if isinstance(one, Neighbor) else one for one in found}


def count_kept(monkeypatch: pytest.MonkeyPatch) -> list[NetlinkMessage]:
    """Return a list that gets each message that is received."""
    kept: list[NetlinkMessage] = []
    keep = _State.keep

    def counted(state: _State, received: list[NetlinkMessage], sender: Any) -> list[NetlinkMessage]:
        kept.extend(m for m in received if m.type != nl.NLMSG_DONE)
        return keep(state, received, sender)

    monkeypatch.setattr(_State, "keep", counted)
    return kept


@pytest.mark.parametrize("call", LIMITED.values(), ids=LIMITED)
def test_an_old_kernel_gives_the_same(
    call: Callable[[RouteSocket], tuple[Any, ...]],
    opened: Opened,
    agree: Agree,
) -> None:
    def by_header() -> set[Any]:
        with pytest.MonkeyPatch.context() as monkeypatch:
            as_before_linux_4_20(monkeypatch)
            return steady(call(sock))

    sock = opened()
    agree(by_header, lambda: steady(call(sock)))
    assert by_header()


@pytest.mark.parametrize("call", MISSING.values(), ids=MISSING)
@pytest.mark.parametrize("is_old", [False, True], ids=["new", "old"])
def test_what_is_missing_has_nothing(
    call: Callable[[RouteSocket], tuple[Any, ...]],
    is_old: bool,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if is_old:
        as_before_linux_4_20(monkeypatch)
    sock = opened()
    assert call(sock) == ()
    assert sock.routes(table=TABLE)


@pytest.mark.parametrize(
    ("call", "count"), [(LIMITED["routes"], 2), (LIMITED["routes 4"], 1), (LIMITED["neighbors"], 1)]
)
def test_the_kernel_sends_no_others(
    call: Callable[[RouteSocket], tuple[Any, ...]],
    count: int,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sock = opened()
    assert sock.link("v0").name == "v0"
    kept = count_kept(monkeypatch)
    found = call(sock)
    links = [m for m in kept if m.type in (nl.RTM_NEWLINK, nl.NLMSG_ERROR)]
    assert len(found) == count == len(kept) - len(links)
    assert sock.get_option("NETLINK_GET_STRICT_CHK") is False


def test_a_header_decides_before_attributes(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_before_linux_4_20(monkeypatch)
    kept = count_kept(monkeypatch)
    read: list[NetlinkMessage] = []
    for kind in (Route, InterfaceAddress, Neighbor):
        unpack = kind.unpack

        def counted(message: NetlinkMessage, unpack: Any = unpack) -> Any:
            read.append(message)
            return unpack(message)

        monkeypatch.setattr(kind, "unpack", counted)
    sock = opened()
    for call in (LIMITED["routes"], LIMITED["addresses 4"], LIMITED["neighbors"]):
        kept.clear()
        read.clear()
        found = call(sock)
        assert len(found) == len(read) < len(kept)


def test_a_limit_that_the_kernel_refuses_is_applied_here(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = opened().routes(table=TABLE)
    send = NetlinkSocket.send_messages
    refused = []

    def refuse(sock: NetlinkSocket, message: NetlinkMessage) -> None:
        if sock.get_option(NETLINK_GET_STRICT_CHK):
            refused.append(message)
            header = RouteHeader(family=AF_UNSPEC, tos=1).pack()  # EINVAL, if it looks
            message = attrs.evolve(message, payload=header + message.payload[len(header) :])
        send(sock, message)

    monkeypatch.setattr(NetlinkSocket, "send_messages", refuse)
    sock = opened()
    assert sock.routes(table=TABLE) == expected
    assert len(refused) == 1
    sock.check_strictly()
    with pytest.raises(OSError, match="Invalid argument") as caught:
        sock.routes(table=TABLE)
    assert caught.value.errno == errno.EINVAL


def test_a_request_of_the_users_own_is_not_checked(opened: Opened) -> None:
    sock = opened()
    assert sock.routes(table=TABLE)
    loose = RouteHeader(family=AF_INET, tos=1)
    assert sock.dump(nl.RTM_GETROUTE, loose, [Attribute.u32(nl.RTA_TABLE, TABLE)])


def test_an_option_that_cannot_be_set_back_replaces_no_error(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    sock = opened()

    def closed(self: NetlinkSocket, *sent: NetlinkMessage) -> None:
        sock.close()
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(NetlinkSocket, "send_messages", closed)
    with pytest.raises(PermissionError, match="no"):
        sock.routes(table=TABLE)


@pytest.mark.parametrize(
    ("kind", "type", "header"),
    [
        (Link, nl.RTM_GETLINK, LinkHeader()),
        (InterfaceAddress, nl.RTM_GETADDR, AddressHeader()),
        (Route, nl.RTM_GETROUTE, RouteHeader()),
        (Neighbor, nl.RTM_GETNEIGH, NeighborHeader()),
    ],
)
def test_objects_that_were_not_read_are_as_any(
    kind: Any, type: int, header: Struct, opened: Opened
) -> None:
    messages = opened().dump(type, header)
    assert messages
    for use in (
        copy.copy,
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),
        attrs.evolve,
    ):
        for message in messages:
            one, another = kind.unpack(message), kind.unpack(message)
            made = use(one)
            assert (made, repr(made)) == (another, repr(another))
            assert len({made, one, another}) == 1
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                made.family = 1
