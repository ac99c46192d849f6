"""Fixtures of the tests of INET: pairs of sockets, and a network namespace of one's own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from socket import AF_INET, AF_INET6
from typing import Protocol, TypeVar

import pytest
from famsock_inet import (
    Ip6RawSocket,
    IpRawSocket,
    Mptcp6Socket,
    MptcpSocket,
    Sctp6Socket,
    SctpSocket,
    Tcp6Socket,
    TcpSocket,
    Udp6Socket,
    UdpSocket,
)
from famsock_inet.sockets.ip import IpSocket
from famsock_inet.sockets.mptcp import AnyMptcpSocket
from famsock_inet.sockets.sctp import AnySctpSocket
from famsock_inet.sockets.tcp import AnyTcpSocket
from famsock_inet.sockets.udp import AnyUdpSocket

import famsock
from famsock.testing.namespaces import unshare_network

T = TypeVar("T")
S = TypeVar("S", bound=IpSocket)
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
def udp_class(family: int) -> type[AnyUdpSocket]:
    """The family's class of UDP sockets."""
    return UdpSocket if family == AF_INET else Udp6Socket


@pytest.fixture
def tcp_class(family: int) -> type[AnyTcpSocket]:
    """The family's class of TCP sockets."""
    return TcpSocket if family == AF_INET else Tcp6Socket


@pytest.fixture
def mptcp_class(family: int) -> type[AnyMptcpSocket]:
    """The family's class of MPTCP sockets."""
    return MptcpSocket if family == AF_INET else Mptcp6Socket


@pytest.fixture
def sctp_class(family: int) -> type[AnySctpSocket]:
    """The family's class of SCTP sockets."""
    return SctpSocket if family == AF_INET else Sctp6Socket


@pytest.fixture
def raw_class(family: int) -> type[IpRawSocket | Ip6RawSocket]:
    """The family's class of raw sockets."""
    return IpRawSocket if family == AF_INET else Ip6RawSocket


class Open(Protocol):
    """The type of the fixture `opened`."""

    def __call__(self, cls: type[S], type: int = -1, proto: int = -1) -> S: ...


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens sockets of a class with a time-out, and closes them at the end."""
    with ExitStack() as stack:

        def open_socket(cls: type[S], type: int = -1, proto: int = -1) -> S:
            sock = cls(type=type, proto=proto)
            stack.enter_context(sock)
            sock.settimeout(TIMEOUT_S)
            return sock

        yield open_socket


@pytest.fixture
def udp_pair(udp_class: type[AnyUdpSocket], opened: Open) -> tuple[AnyUdpSocket, AnyUdpSocket]:
    """Two UDP sockets bound to loopback, the first one connected to the second."""
    sender, receiver = opened(udp_class), opened(udp_class)
    for sock in (sender, receiver):
        sock.bind((LOOPBACK[sock.family], 0))
    sender.connect(receiver.getsockname())
    return sender, receiver


class Connect(Protocol):
    """The type of the fixture `connect_pair`."""

    def __call__(self, cls: type[S]) -> tuple[S, S]: ...


@pytest.fixture
def connect_pair(opened: Open) -> Iterator[Connect]:
    """Makes connections over loopback: the client's socket and the server's."""
    with ExitStack() as stack:

        def connect(cls: type[S]) -> tuple[S, S]:
            listener = opened(cls)
            listener.bind((LOOPBACK[listener.family], 0))
            listener.listen(1)
            client = opened(cls)
            client.connect(listener.getsockname())
            server = stack.enter_context(listener.accept()[0])
            assert isinstance(server, cls)
            server.settimeout(TIMEOUT_S)
            return client, server

        yield connect


@pytest.fixture
def in_namespace() -> Iterator[Callable[[Callable[[], T]], T]]:
    """Runs a function in a thread that has its own network namespace.

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
        with Udp6Socket() as sock:
            error = sock.connect_ex(("ff02::1", 9, 0, index))
        if not error:
            return
        if time.monotonic() > deadline:
            raise OSError(error, os.strerror(error), interface)
        time.sleep(0.01)
