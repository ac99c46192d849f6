"""Live exchanges between two sockets of AF_QIPCRTR, within this node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import getpid
from socket import AF_QIPCRTR, SOCK_DGRAM

from famsock.plugin import socket
from famsock_qipcrtr.packets import DelServer, NewServer

_TIMEOUT_S = 10.0


@contextmanager
def datagrams() -> Iterator[Callable[[], None]]:
    """Datagrams to a port, answered to the one that they came from."""
    with socket(AF_QIPCRTR, SOCK_DGRAM) as server, socket(AF_QIPCRTR, SOCK_DGRAM) as client:
        for sock in (server, client):
            sock.settimeout(_TIMEOUT_S)
            sock.bind((sock.getsockname()[0], 0))

        def round_trip() -> None:
            client.sendto(b"ping", server.getsockname())
            data, sender = server.recvfrom(16)
            _expect(sender, client.getsockname())
            server.sendto(data + b" pong", sender)
            _expect(client.recv(16), b"ping pong")

        yield round_trip


@contextmanager
def lookup() -> Iterator[Callable[[], None]]:
    """A server that comes and goes, as the kernel's name service tells of it."""
    service = 0x7A000000 + getpid()
    with socket(AF_QIPCRTR, SOCK_DGRAM) as server, socket(AF_QIPCRTR, SOCK_DGRAM) as watcher:
        watcher.settimeout(_TIMEOUT_S)
        operations = watcher.operations
        operations.new_lookup(service)
        _expect(operations.receive_packet(), NewServer(0))

        def round_trip() -> None:
            server.operations.publish(service, 1)
            node, port = server.getsockname()
            _expect(operations.receive_packet(), NewServer(service, 1, node, port))
            server.operations.withdraw(service, 1)
            _expect(operations.receive_packet(), DelServer(service, 1, node, port))

        yield round_trip


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise RuntimeError(f"AF_QIPCRTR gave {got!r}, not {wanted!r}")
