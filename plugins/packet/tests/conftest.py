"""Fixtures that the live tests of AF_PACKET share."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import SOCK_RAW

import pytest
from famsock_packet import PacketSocket

_SET_UP = (
    "link add v0 address 02:00:00:00:00:10 type veth peer name v1 address 02:00:00:00:00:11",
    "link set v0 up",
    "link set v1 up",
)


def _ip(command: str) -> str:
    words = ["ip", *command.split()]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


def _wait_for_the_cable() -> None:
    """Return when every link is ready to send, which the kernel makes it some time after "up"."""
    deadline = time.monotonic() + 60
    while any(" UP " not in line for line in _links()):
        assert time.monotonic() < deadline, f"no carrier: {_links()}"
        time.sleep(0.01)


def _links() -> list[str]:
    return _ip("-br link show type veth").splitlines()


@pytest.fixture
def network(new_network_namespace: None) -> None:
    """A network namespace of the test's own, with v0 and v1 joined as by a cable, both up.

    Nothing but the test sends there: IPv6 is off. Needs CAP_SYS_ADMIN and iproute2.
    """
    for scope in ("all", "default"):
        switch = Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        if switch.exists():
            switch.write_text("1")
    for command in _SET_UP:
        _ip(command)
    _wait_for_the_cable()


@pytest.fixture
def ip() -> Callable[[str], str]:
    """Runs iproute2's ip in the namespace of the test, and gives what it prints."""
    return _ip


@pytest.fixture
def wait_for_the_cable(network: None) -> Callable[[], None]:
    """Waits until frames pass again, after a link was down."""
    return _wait_for_the_cable


@pytest.fixture
def opened() -> Iterator[Callable[..., PacketSocket]]:
    """Opens packet sockets with a time-out, and closes them at the end."""
    with ExitStack() as stack:

        def open_socket(kind: int = SOCK_RAW, protocol: int = 0) -> PacketSocket:
            sock = stack.enter_context(PacketSocket(type=kind, proto=protocol))
            sock.settimeout(20)
            return sock

        yield open_socket


@pytest.fixture
def wire(network: None, opened: Callable[..., PacketSocket]) -> PacketSocket:
    """A socket that sends to v1."""
    sender = opened()
    sender.bind(("v0", 0))
    return sender
