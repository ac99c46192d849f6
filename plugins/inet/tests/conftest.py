"""What the tests of INET share: pairs of sockets, and a network namespace of one's own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM
from typing import TypeVar

import pytest

import famsock
from famsock.testing.namespaces import unshare_network

T = TypeVar("T")
LOOPBACK: dict[int, str] = {AF_INET: "127.0.0.1", AF_INET6: "::1"}
TIMEOUT_S = 20.0
_SET_UP = (
    "ip link add v0 type veth peer name v1",
    "ip address add 192.0.2.1/24 dev v0",
    "ip address add 2001:db8::1/64 dev v0 nodad",
    "ip address add fe80::77/64 dev v0 nodad",
    "ip link set v1 up",
    "ip link set v0 up",
)


@pytest.fixture(params=[AF_INET, AF_INET6], ids=["inet", "inet6"])
def family(request: pytest.FixtureRequest) -> int:
    """Both families."""
    return int(request.param)


@pytest.fixture
def opened() -> Iterator[Callable[..., famsock.socket]]:
    """Opens sockets with a time-out, and closes them at the end."""
    with ExitStack() as stack:

        def open_socket(family: int, kind: int = SOCK_DGRAM, protocol: int = 0) -> famsock.socket:
            sock = stack.enter_context(famsock.socket(family, kind, protocol))
            sock.settimeout(TIMEOUT_S)
            return sock

        yield open_socket


@pytest.fixture
def udp_pair(
    family: int, opened: Callable[..., famsock.socket]
) -> tuple[famsock.socket, famsock.socket]:
    """Two UDP sockets bound to loopback, the first one connected to the second."""
    sender, receiver = opened(family), opened(family)
    for sock in (sender, receiver):
        sock.bind((LOOPBACK[family], 0))
    sender.connect(receiver.getsockname())
    return sender, receiver


@pytest.fixture
def connect_pair(
    opened: Callable[..., famsock.socket],
) -> Iterator[Callable[..., tuple[famsock.socket, famsock.socket]]]:
    """Makes connections over loopback: the client's socket and the server's."""
    with ExitStack() as stack:

        def connect(family: int, protocol: int = 0) -> tuple[famsock.socket, famsock.socket]:
            listener = opened(family, SOCK_STREAM, protocol)
            listener.bind((LOOPBACK[family], 0))
            listener.listen(1)
            client = opened(family, SOCK_STREAM, protocol)
            client.connect(listener.getsockname())
            server = stack.enter_context(listener.accept()[0])
            server.settimeout(TIMEOUT_S)
            return client, server

        yield connect


@pytest.fixture
def in_namespace() -> Iterator[Callable[[Callable[[], T]], T]]:
    """Runs a function in a thread that has a network namespace of its own.

    There lo is up, the veth pair v0 (192.0.2.1, 2001:db8::1, fe80::77) and v1 is up, and every
    group may open ping sockets. Needs CAP_SYS_ADMIN and iproute2.
    """
    with ThreadPoolExecutor(1, initializer=_enter_namespace) as pool:

        def run(function: Callable[[], T]) -> T:
            return pool.submit(function).result(TIMEOUT_S * 10)

        yield run


def _enter_namespace() -> None:
    unshare_network()
    # Packets that one processor sends arrive in their order, those of two need not.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for command in _SET_UP:
        subprocess.run(command.split(), check=True, timeout=TIMEOUT_S)
    _await_routes("v0")


def _await_routes(interface: str) -> None:
    """Wait until IPv6 sends by an interface: its routes come after the command returned."""
    index = famsock.if_nametoindex(interface)
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        with famsock.socket(AF_INET6, SOCK_DGRAM) as sock:
            error = sock.connect_ex(("ff02::1", 9, 0, index))
        if not error:
            return
        if time.monotonic() > deadline:
            raise OSError(error, os.strerror(error), interface)
        time.sleep(0.01)
