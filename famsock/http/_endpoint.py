"""Endpoints that an HTTP client can connect to again and again, and their sockets."""

from __future__ import annotations

import socket

from famsock.endpoints import DescriptorEndpoint, Endpoint, parse


def stream_endpoint(endpoint: str | Endpoint) -> Endpoint:
    """Return the endpoint of a text; ValueError if a client cannot use it.

    A descriptor is one connection, and a client opens another one when the server has closed it.
    """
    found = endpoint if isinstance(endpoint, Endpoint) else parse(endpoint)
    if isinstance(found, DescriptorEndpoint):
        raise ValueError(f"{found} is one connection, and an HTTP client opens more than one")
    if found.type != socket.SOCK_STREAM:
        raise ValueError(f"HTTP needs a stream, and {found} is none")
    return found


def connect(endpoint: Endpoint, timeout: float | None) -> socket.socket:
    """Return a socket that is connected to an endpoint, one that the ssl module can wrap.

    ``timeout`` and errors are those of `Endpoint.connect`.
    """
    sock = endpoint.connect(timeout)
    try:
        socket.SocketType.getpeername(sock)  # as ssl.SSLSocket has it, which is no famsock socket
    except OSError as error:
        if error.errno is None:  # not of the kernel: this Python was built without the family
            return plain(sock)
    return sock


def plain(sock: socket.socket) -> socket.socket:
    """Return a socket of AF_UNIX, to go by its `family`, which takes over that of any stream.

    For code of others that knows a few families only.
    """
    timeout = sock.gettimeout()
    taken = socket.socket(socket.AF_UNIX, fileno=sock.detach())
    taken.settimeout(timeout)
    return taken
