"""Live exchanges between two sockets of AF_VSOCK, over the loopback transport's CID 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import socket
from famsock_vsock.addresses import VsockAddress
from famsock_vsock.constants import AF_VSOCK, VMADDR_CID_LOCAL, VMADDR_PORT_ANY

_TIMEOUT_S = 1.0
_REMEDY = "AF_VSOCK reaches its own machine by CID 1 only through loopback: modprobe vsock_loopback"


@contextmanager
def stream() -> Iterator[Callable[[], None]]:
    """Over a connection."""
    with _connected(SOCK_STREAM) as round_trip:
        yield round_trip


@contextmanager
def seqpacket() -> Iterator[Callable[[], None]]:
    """Over a connection that keeps the messages apart (Linux 5.14)."""
    with _connected(SOCK_SEQPACKET) as round_trip:
        yield round_trip


@contextmanager
def _connected(kind: int) -> Iterator[Callable[[], None]]:
    with socket(AF_VSOCK, kind) as listener, socket(AF_VSOCK, kind) as client:
        server = _connect(listener, client)
        with server:
            server.settimeout(_TIMEOUT_S)

            def round_trip() -> None:
                client.sendall(b"ping")
                server.sendall(server.recv(16) + b" pong")
                if (answer := client.recv(16)) != b"ping pong":
                    raise RuntimeError(f"AF_VSOCK gave {answer!r}, not b'ping pong'")

            yield round_trip


def _connect(listener: socket, client: socket) -> socket:
    for sock in (listener, client):
        sock.settimeout(_TIMEOUT_S)
    try:
        listener.bind(VsockAddress(VMADDR_CID_LOCAL, VMADDR_PORT_ANY))
        listener.listen(1)
        client.connect(listener.local_address)
        return listener.accept()[0]
    except TimeoutError as error:
        error.add_note(_REMEDY)
        raise
