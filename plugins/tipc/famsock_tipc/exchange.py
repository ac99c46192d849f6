"""Live exchanges between two sockets of AF_TIPC, within this node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import getpid
from socket import AF_TIPC, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import socket
from famsock_tipc.addresses import ServiceAddress, SocketAddress
from famsock_tipc.constants import TIPC_NODE_SCOPE

_TIMEOUT_S = 10.0
_SERVICE = 0xFA505


@contextmanager
def rdm() -> Iterator[Callable[[], None]]:
    """Datagrams to a name, answered to the socket that sent them."""
    name = _name(SOCK_RDM)
    with socket(AF_TIPC, SOCK_RDM) as server, socket(AF_TIPC, SOCK_RDM) as client:
        _prepare(server, client)
        server.bind(name)

        def round_trip() -> None:
            client.sendto(b"ping", name)
            data, sender = server.recvfrom(16)
            _expect(sender[:3], client.getsockname()[:3])
            server.sendto(data + b" pong", sender)
            _expect(client.recv(16), b"ping pong")

        yield round_trip


@contextmanager
def seqpacket() -> Iterator[Callable[[], None]]:
    """Messages over a connection to a name."""
    with _connected(SOCK_SEQPACKET) as round_trip:
        yield round_trip


@contextmanager
def stream() -> Iterator[Callable[[], None]]:
    """A stream over a connection to a name."""
    with _connected(SOCK_STREAM) as round_trip:
        yield round_trip


@contextmanager
def topology() -> Iterator[Callable[[], None]]:
    """A name that comes and goes, as the topology service tells of it."""
    name = _name(0)
    with socket(AF_TIPC, SOCK_SEQPACKET) as watcher, socket(AF_TIPC, SOCK_RDM) as server:
        _prepare(watcher, server)
        operations = watcher.operations
        operations.subscribe(name)

        def round_trip() -> None:
            server.bind(name)
            came = operations.receive_event()
            _expect((came.published, came.service.lower), (True, name.instance))
            address = server.local_address
            assert isinstance(address, SocketAddress)
            _expect(came.ref, address.ref)
            server.operations.withdraw(name)
            _expect(operations.receive_event().withdrawn, True)

        yield round_trip


@contextmanager
def _connected(kind: int) -> Iterator[Callable[[], None]]:
    name = _name(kind)
    with socket(AF_TIPC, kind) as listener, socket(AF_TIPC, kind) as client:
        _prepare(listener, client)
        listener.bind(name)
        listener.listen(1)
        client.setblocking(False)
        client.connect_ex(name)  # a connection is made by accept: to wait here would be for ever
        server, _ = listener.accept()
        with server:
            _prepare(server, client)

            def round_trip() -> None:
                client.sendall(b"ping")
                server.sendall(server.recv(16) + b" pong")
                _expect(client.recv(16), b"ping pong")

            yield round_trip


def _name(instance: int) -> ServiceAddress:
    """A name that no other process uses."""
    return ServiceAddress(_SERVICE + getpid(), instance, scope=TIPC_NODE_SCOPE)


def _prepare(*sockets: socket) -> None:
    for sock in sockets:
        sock.settimeout(_TIMEOUT_S)


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise RuntimeError(f"AF_TIPC gave {got!r}, not {wanted!r}")
