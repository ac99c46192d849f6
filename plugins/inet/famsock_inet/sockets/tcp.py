"""TCP. Sources: tcp(7), linux/tcp.h."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM
from typing import TYPE_CHECKING

from famsock.plugin import options
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.options import tcp
from famsock_inet.sockets._families import A, F
from famsock_inet.sockets.zerocopy import ZerocopySocket

if TYPE_CHECKING:
    from famsock_inet.structs.tcp import TcpInfo

__all__ = [
    "AnyTcpSocket",
    "Tcp6Socket",
    "TcpSocket",
]


class AnyTcpSocket(ZerocopySocket[A, F]):
    """A TCP or MPTCP socket of either family: state of the connection, keep-alive, zero copy."""

    __slots__ = ()

    def tcp_info(self) -> TcpInfo:
        """Return the state of the connection, round-trip time, windows and counters (TCP_INFO)."""
        return self.get_option(tcp.TCP_INFO)

    def set_keepalive(self, idle_s: int, interval_s: int, count: int) -> None:
        """Probe a silent connection after ``idle_s`` and every ``interval_s`` seconds.

        After ``count`` unanswered probes (1-127) it fails with ETIMEDOUT. Both times are 1-32767 s.
        OSError EINVAL for values beyond.
        """
        self.set_option(tcp.TCP_KEEPIDLE, idle_s)
        self.set_option(tcp.TCP_KEEPINTVL, interval_s)
        self.set_option(tcp.TCP_KEEPCNT, count)
        self.set_option(options.SO_KEEPALIVE, True)


class TcpSocket(
    AnyTcpSocket[InetAddress, tuple[str, int]],
    family=AF_INET,
    type=SOCK_STREAM,
    proto=IPPROTO_TCP,
):
    """A TCP socket of AF_INET."""

    __slots__ = ()

    if TYPE_CHECKING:

        def accept(self) -> tuple[TcpSocket, tuple[str, int]]: ...


class Tcp6Socket(
    AnyTcpSocket[Inet6Address, tuple[str, int, int, int]],
    family=AF_INET6,
    type=SOCK_STREAM,
    proto=IPPROTO_TCP,
):
    """A TCP socket of AF_INET6."""

    __slots__ = ()

    if TYPE_CHECKING:

        def accept(self) -> tuple[Tcp6Socket, tuple[str, int, int, int]]: ...
