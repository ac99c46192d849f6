"""Type variables of the classes of both families (A: address, F: its stdlib form), and options."""

from __future__ import annotations

from socket import AF_INET
from typing import TYPE_CHECKING, Any

from famsock.plugin import socket
from famsock_inet.addresses import Inet6Address, InetAddress, L2tp6Address, L2tpAddress

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    A = TypeVar(
        "A",
        bound=InetAddress | Inet6Address | L2tpAddress | L2tp6Address,
        default=InetAddress | Inet6Address,
        covariant=True,
    )
    F = TypeVar("F", default=Any, covariant=True)
else:  # without defaults, which this Python's own need not know
    from typing import TypeVar

    A = TypeVar("A")
    F = TypeVar("F")


def is_ipv4(sock: socket) -> bool:
    """Return whether a socket is of AF_INET and not of AF_INET6."""
    return sock.family == AF_INET


def set_option(sock: socket, for_ipv4: Any, for_ipv6: Any, value: Any) -> None:
    """Set an option that both families have under different names."""
    sock.set_option(for_ipv4 if is_ipv4(sock) else for_ipv6, value)
