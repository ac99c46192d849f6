"""A live exchange between two sockets of AF_RDS on the loopback address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import AF_RDS, SOCK_SEQPACKET

from famsock.plugin import socket

_TIMEOUT_S = 10.0
_LOOPBACK = "127.0.0.1"


@contextmanager
def datagrams() -> Iterator[Callable[[], None]]:
    """Datagrams to a port, answered to the one that they came from."""
    with socket(AF_RDS, SOCK_SEQPACKET) as server, socket(AF_RDS, SOCK_SEQPACKET) as client:
        for sock in (server, client):
            sock.settimeout(_TIMEOUT_S)
            sock.bind((_LOOPBACK, 0))

        def round_trip() -> None:
            client.sendto(b"ping", server.getsockname())
            data, sender = server.recvfrom(16)
            _expect(sender, client.getsockname())
            server.sendto(data + b" pong", sender)
            _expect(client.recv(16), b"ping pong")

        yield round_trip


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise RuntimeError(f"AF_RDS gave {got!r}, not {wanted!r}")
