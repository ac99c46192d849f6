"""Zones that are numbers, where an interface has a number for its name: as getaddrinfo(3)."""

from __future__ import annotations

import ipaddress
import socket as stdlib
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from famsock_inet import Inet6Address, Udp6Socket
from famsock_inet._hosts import pack_ipv6

import famsock
from famsock import AF_INET6, SOCK_DGRAM, endpoints

pytestmark = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors", "links"),
]
NAMED, NUMBERED = 77, 42
ADDRESSES = "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff01::1", "ff12::1", "ff05::1", "::1"
ZONES = "42", "042", "77", "v7", "lo", "1", "0", "4294967295", "4294967296", "4711", "none9", "4x"


@pytest.fixture
def links(new_network_namespace: None) -> None:
    """Interface 42, of index 77, joined with v7, of index 42."""
    for command in (
        "link add name 42 index 77 type veth peer name v7 index 42",
        "link set lo up",
        "address add fe80::1/64 dev 42 nodad",
        "address add fe80::1/64 dev v7 nodad",
        "link set 42 up",
        "link set v7 up",
    ):
        subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=60)
    deadline = time.monotonic() + 60
    while not all(can_be_sent_to(index) for index in (NAMED, NUMBERED)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def can_be_sent_to(index: int) -> bool:
    """Whether an interface has its routes, which the kernel adds some time after "up"."""
    with stdlib.socket(AF_INET6, SOCK_DGRAM) as sock:
        try:
            sock.sendto(b"", ("ff02::1", 9, 0, index))
        except OSError:
            return False
    return True


def scope_of_glibc(host: str) -> int | None:
    try:
        scope: Any = stdlib.getaddrinfo(host, None, AF_INET6, SOCK_DGRAM)[0][4][-1]
    except stdlib.gaierror:
        return None
    return int(scope)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_is_what_it_is_to_getaddrinfo(address: str, zone: str) -> None:
    host = f"{address}%{zone}"
    expected = scope_of_glibc(host)
    try:
        found = pack_ipv6(host)[1]
    except stdlib.gaierror:
        assert expected is None
    else:
        is_name_of_no_link = expected is None and zone in ("v7", "lo")  # which glibc refuses
        assert found == expected or is_name_of_no_link
    if expected is not None:
        typed = Inet6Address(host, 80)
        assert Inet6Address.unpack(typed.pack()).scope_id == expected
        assert Inet6Address.parse(str(typed)) == typed
        assert endpoints.parse(f"udp6://{typed}").address == typed


def test_a_scope_is_an_index() -> None:
    for scope_id in (NAMED, NUMBERED):
        address = Inet6Address("fe80::1", 80, 0, scope_id)
        assert str(address) == f"[fe80::1]:80:0:{scope_id}"
        assert Inet6Address.parse(str(address)) == address
        assert Inet6Address.unpack(address.pack()) == address


CALLS: dict[str, Callable[[famsock.socket], Any]] = {
    "bind": famsock.socket.getsockname,
    "connect": famsock.socket.getpeername,
    "connect_ex": famsock.socket.getpeername,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "form",
    [
        ("fe80::1%42", 4242),
        ("fe80::1%42", 4242, 0, 0),
        (b"fe80::1%42", 4242),
        None,
    ],
    ids=["pair", "four items", "bytes", "typed"],
)
def test_calls_go_by_the_name_first(call: str, form: Any) -> None:
    with famsock.socket(AF_INET6, SOCK_DGRAM) as sock:
        getattr(sock, call)(form or Inet6Address("fe80::1%42", 4242))
        assert CALLS[call](sock)[3] == NAMED


def test_a_datagram_goes_by_the_name_first() -> None:
    with Udp6Socket() as receiver, Udp6Socket() as sender:
        receiver.settimeout(20)
        receiver.bind(("", 0))
        sender.setsockopt(stdlib.IPPROTO_IPV6, stdlib.IPV6_MULTICAST_LOOP, 0)
        port = receiver.getsockname()[1]
        for to in (("ff02::1%42", port), Inet6Address("ff02::1%42", port)):
            sender.sendto(b"x", to)
            _, address = receiver.recvfrom(9)
            assert address[3] == NUMBERED


@pytest.mark.parametrize(
    ("interface", "index"),
    [("42", NAMED), ("77", NAMED), ("v7", NUMBERED), (42, NUMBERED), ("fe80::1%42", NAMED)],
)
def test_a_group_is_joined_by_the_name_first(interface: Any, index: int) -> None:
    as_object = [ipaddress.ip_address(interface)] if "%" in str(interface) else []
    for given in (interface, *as_object):
        with Udp6Socket() as sock:
            sock.join_group("ff02::4321", given)
            with pytest.raises(OSError, match="in use"):
                sock.join_group("ff02::4321", index)
            with pytest.raises(OSError, match=r"No such device"):
                sock.join_group("ff02::4321", "none9")
