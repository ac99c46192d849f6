"""The class of sockets for each netlink protocol."""

from __future__ import annotations

import socket as stdlib
from collections.abc import Callable

import pytest
from famsock_netlink import GenericNetlinkSocket, NetlinkSocket, RouteSocket, UeventSocket
from famsock_netlink import constants as nl
from famsock_netlink.addresses import NetlinkAddress
from famsock_netlink.sockets import FIRST_SEQUENCE, _State

import famsock

pytestmark = [pytest.mark.needs_family("AF_NETLINK"), pytest.mark.usefixtures("descriptors")]


@pytest.mark.parametrize(
    ("make", "proto"),
    [
        (NetlinkSocket, nl.NETLINK_ROUTE),
        (RouteSocket, nl.NETLINK_ROUTE),
        (GenericNetlinkSocket, nl.NETLINK_GENERIC),
        (UeventSocket, nl.NETLINK_KOBJECT_UEVENT),
    ],
)
def test_a_class_opens_its_own_protocol(make: Callable[[], NetlinkSocket], proto: int) -> None:
    with make() as sock:
        assert type(sock) is make
        assert (sock.family, sock.type, sock.proto) == (16, stdlib.SOCK_RAW, proto)
        assert sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_PROTOCOL) == proto
        assert sock.groups() == frozenset()
        assert sock.local_address == NetlinkAddress(0)


def test_the_class_for_any_protocol() -> None:
    for proto in (nl.NETLINK_ROUTE, nl.NETLINK_GENERIC, nl.NETLINK_USERSOCK):
        with NetlinkSocket(type=stdlib.SOCK_DGRAM, proto=proto) as sock:
            assert type(sock) is NetlinkSocket
            assert sock.operations is sock
            assert (sock.type, sock.proto) == (stdlib.SOCK_DGRAM, proto)
            with NetlinkSocket.adopt(sock.dup()) as adopted:
                assert adopted.proto == proto


@pytest.mark.parametrize(
    ("cls", "proto"),
    [
        (RouteSocket, nl.NETLINK_GENERIC),
        (RouteSocket, nl.NETLINK_USERSOCK),
        (GenericNetlinkSocket, nl.NETLINK_ROUTE),
        (UeventSocket, nl.NETLINK_ROUTE),
        (UeventSocket, nl.NETLINK_GENERIC),
    ],
)
def test_another_protocol_is_refused(cls: type[NetlinkSocket], proto: int) -> None:
    refusal = rf"{cls.__name__} is of AF_NETLINK .*, not AF_NETLINK SOCK_RAW protocol {proto}$"
    with stdlib.socket(stdlib.AF_NETLINK, stdlib.SOCK_RAW, proto) as other:
        with pytest.raises(TypeError, match=refusal):
            cls(fileno=other.fileno())
        with pytest.raises(TypeError, match=refusal):
            cls.adopt(other)
        assert other.fileno() >= 0
        assert other.getsockname() == (0, 0)
    if proto:
        with pytest.raises(TypeError, match=refusal):
            cls(proto=proto)


def test_a_plain_socket_becomes_its_protocols_class() -> None:
    for proto, cls in ((0, RouteSocket), (16, GenericNetlinkSocket), (2, NetlinkSocket)):
        with famsock.socket(stdlib.AF_NETLINK, stdlib.SOCK_DGRAM, proto) as sock:
            assert type(sock) is famsock.socket
            assert sock.operations is sock
            assert type(sock) is cls


def test_a_copy_numbers_its_own_requests() -> None:
    with RouteSocket() as sock:
        sock.settimeout(20)
        assert sock.link("lo").name == "lo"
        assert sock.protocol_state(_State).sequence == FIRST_SEQUENCE + 1
        with sock.dup() as copy:
            assert type(copy) is RouteSocket
            assert copy.protocol_state(_State).sequence == FIRST_SEQUENCE
            assert copy.link("lo").name == "lo"
