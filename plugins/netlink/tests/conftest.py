"""Fixtures that the live tests of AF_NETLINK share."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from famsock_netlink import RouteSocket

_SET_UP = (
    "link add v0 type veth peer name v1",
    "address add 192.0.2.1/24 broadcast 192.0.2.255 dev v0",
    "address add 2001:db8::1/64 dev v0 nodad",
    "link set v0 up",
    "link set v1 up",
)
_LATE_ROUTES = ("2001:db8::/64 dev v0", "fe80::/64 dev v0", "fe80::/64 dev v1")


def _ip(command: str) -> str:
    words = ["ip", *command.split()]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


def _wait_for_the_cable() -> None:
    """Return when v0's network can be sent to, and the kernel has no news of either end any more.

    Their IPv6 routes and the carrier of both come some time after "up".
    """
    deadline = time.monotonic() + 60
    while not (_has_routes() and _ip("link show up").count("state UP") == 2):
        assert time.monotonic() < deadline, f"no route: {_ip('address show')}"
        time.sleep(0.01)


def _has_routes() -> bool:
    shown = _ip("-6 route show")
    return all(route in shown for route in _LATE_ROUTES)


@pytest.fixture
def network(new_network_namespace: None) -> None:
    """A network namespace of the test's own, with v0 and v1 joined as by a cable, both up.

    No address is ever tentative: an address loses that flag a second or two later, between two
    views of the kernel that a test compares. Needs CAP_SYS_ADMIN and iproute2.
    """
    Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
    for command in _SET_UP:
        _ip(command)
    _wait_for_the_cable()


@pytest.fixture
def ip() -> Callable[[str], str]:
    """Runs iproute2's ip in the namespace of the test, and gives what it prints."""
    return _ip


def _agree(ours: Callable[[], object], shown: Callable[[], object]) -> None:
    for _ in range(50):
        before, found, after = shown(), ours(), shown()
        if before == after:
            break
    assert found == after


@pytest.fixture
def agree() -> Callable[[Callable[[], object], Callable[[], object]], None]:
    """Asserts that two views of the kernel are equal, taken while it changed nothing itself.

    It adds its own routes, neighbors and flags as interfaces come up.
    """
    return _agree


@pytest.fixture
def opened() -> Iterator[Callable[[], RouteSocket]]:
    """Opens sockets of NETLINK_ROUTE with a time-out, and closes them at the end."""
    with ExitStack() as stack:

        def open_socket() -> RouteSocket:
            sock = stack.enter_context(RouteSocket())
            sock.settimeout(20)
            return sock

        yield open_socket
