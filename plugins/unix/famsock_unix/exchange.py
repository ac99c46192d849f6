"""Live exchanges between two sockets of AF_UNIX, one for each socket type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import socket

_TIMEOUT_S = 10.0


@contextmanager
def stream() -> Iterator[Callable[[], None]]:
    """Over a connection to an abstract name."""
    with _connected(SOCK_STREAM) as round_trip:
        yield round_trip


@contextmanager
def seqpacket() -> Iterator[Callable[[], None]]:
    """Over a connection that keeps the messages apart."""
    with _connected(SOCK_SEQPACKET) as round_trip:
        yield round_trip


@contextmanager
def dgram() -> Iterator[Callable[[], None]]:
    """Datagrams between two abstract names, answered to their sender."""
    with socket(AF_UNIX, SOCK_DGRAM) as server, socket(AF_UNIX, SOCK_DGRAM) as client:
        for sock in (server, client):
            sock.settimeout(_TIMEOUT_S)
            sock.bind("")

        def round_trip() -> None:
            client.sendto(b"ping", server.getsockname())
            data, sender = server.recvfrom(16)
            _expect(sender, client.getsockname())
            server.sendto(data + b" pong", sender)
            _expect(client.recv(16), b"ping pong")

        yield round_trip


@contextmanager
def _connected(kind: int) -> Iterator[Callable[[], None]]:
    with socket(AF_UNIX, kind) as listener, socket(AF_UNIX, kind) as client:
        for sock in (listener, client):
            sock.settimeout(_TIMEOUT_S)
        listener.bind("")
        listener.listen(1)
        client.connect(listener.local_address)
        server, _ = listener.accept()
        server.settimeout(_TIMEOUT_S)
        with server:

            def round_trip() -> None:
                client.sendall(b"ping")
                server.sendall(server.recv(16) + b" pong")
                _expect(client.recv(16), b"ping pong")

            yield round_trip


def _expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise RuntimeError(f"AF_UNIX gave {got!r}, not {wanted!r}")
