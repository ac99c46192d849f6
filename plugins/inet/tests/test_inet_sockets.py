"""The classes of sockets: how each comes about, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM
from typing import Any, get_type_hints

import famsock_inet
import pytest
from famsock_inet import (
    Inet6Address,
    InetAddress,
    MptcpSocket,
    Tcp6Socket,
    TcpSocket,
    Udp6Socket,
    UdpliteSocket,
    UdpSocket,
)
from famsock_inet.sockets.ip import IpSocket, QueuedError
from famsock_inet.sockets.tcp import AnyTcpSocket

import famsock

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")


@pytest.fixture
def close() -> Iterator[Callable[[Any], Any]]:
    """Closes what it is given at the end of the test."""
    with ExitStack() as stack:
        yield stack.enter_context


def test_kind_of_each_class() -> None:
    for cls, family, kind, proto in (
        (TcpSocket, AF_INET, SOCK_STREAM, 6),
        (Tcp6Socket, AF_INET6, SOCK_STREAM, 6),
        (UdpSocket, AF_INET, SOCK_DGRAM, 17),
        (Udp6Socket, AF_INET6, SOCK_DGRAM, 17),
    ):
        with cls() as sock:
            assert (sock.family, sock.type, sock.proto) == (family, kind, proto)
            assert sock.get_option("SO_PROTOCOL") == proto


@pytest.mark.parametrize(
    ("cls", "arguments", "named"),
    [
        (TcpSocket, {"family": AF_INET6}, "TcpSocket is of AF_INET SOCK_STREAM protocol 6, not"),
        (Udp6Socket, {"family": AF_INET}, "Udp6Socket is of AF_INET6 SOCK_DGRAM protocol 17, not"),
        (TcpSocket, {"type": SOCK_DGRAM}, "not AF_INET SOCK_DGRAM"),
        (UdpSocket, {"type": SOCK_SEQPACKET}, "not AF_INET SOCK_SEQPACKET"),
        (UdpSocket, {"proto": 136}, "not AF_INET SOCK_DGRAM protocol 136"),
        (MptcpSocket, {"proto": 6}, "not AF_INET SOCK_STREAM protocol 6"),
    ],
)
def test_another_kind_is_refused(
    cls: type[famsock.socket], arguments: dict[str, int], named: str
) -> None:
    with pytest.raises(TypeError, match=named):
        cls(**arguments)


def test_descriptor_of_another_kind_is_refused_and_stays_open() -> None:
    with UdpSocket() as sock:
        for cls in (TcpSocket, Udp6Socket, UdpliteSocket):
            with pytest.raises(TypeError, match=f"{cls.__name__} is of"):
                cls(fileno=sock.fileno())
            with pytest.raises(TypeError, match=f"{cls.__name__} is of"):
                cls.adopt(sock)
        assert sock.get_option("SO_PROTOCOL") == 17


def test_copies_and_accepted_sockets_are_of_the_class(
    close: Callable[[Any], Any], tcp_class: type[AnyTcpSocket]
) -> None:
    listener = close(tcp_class())
    listener.bind(("", 0))
    listener.listen()
    client = close(tcp_class())
    client.connect(listener.getsockname())
    server = close(listener.accept()[0])
    copy = close(server.dup())
    assert type(server) is type(copy) is tcp_class
    assert copy.tcp_info().state == 1
    client.send_zerocopy(bytes(5000))
    with client.dup() as copy:  # whose notifications are the same, whose numbers are its own
        assert [done.numbers for done in copy.zerocopy_completions(20)] == [[0]]
    assert client.zerocopy_completions() == []


def test_plain_socket_is_converted_at_the_first_operation(close: Callable[[Any], Any]) -> None:
    listener = close(famsock.create_server(("127.0.0.1", 0)))
    client = close(famsock.create_connection(listener.getsockname()))
    server = close(listener.accept()[0])
    assert type(listener) is type(client) is type(server) is famsock.socket
    assert not hasattr(client, "tcp_info")
    assert client.operations.tcp_info().state == 1
    assert isinstance(client, TcpSocket)
    assert client.tcp_info().state == 1
    assert type(server) is famsock.socket


def test_adopted_socket(close: Callable[[Any], Any]) -> None:
    listener = close(famsock.create_server(("127.0.0.1", 0)))
    client = close(famsock.create_connection(listener.getsockname(), timeout=7))
    adopted = close(TcpSocket.adopt(client))
    assert client.fileno() == -1
    assert adopted.gettimeout() == 7
    assert adopted.tcp_info().state == 1


def test_addresses_of_the_class() -> None:
    with UdpSocket() as sock, Udp6Socket() as sock6:
        sock.bind(("127.0.0.1", 0))
        sock6.bind(("::1", 0))
        local, local6 = sock.local_address, sock6.local_address
        assert isinstance(local, InetAddress)
        assert isinstance(local6, Inet6Address)
        assert (local.host, local.port) == sock.getsockname()
        assert (local6.host, local6.port) == sock6.getsockname()[:2]


def test_package_exports_the_classes() -> None:
    exported = [
        getattr(famsock_inet, name) for name in dir(famsock_inet) if name.endswith("Socket")
    ]
    assert len(exported) == 16
    assert all(issubclass(cls, IpSocket) for cls in exported)


def test_hints_of_an_error_resolve() -> None:
    assert set(get_type_hints(QueuedError)) >= {"error", "offender", "message"}
