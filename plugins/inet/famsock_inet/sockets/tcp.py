"""TCP. Sources: tcp(7), linux/tcp.h."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import options
from famsock_inet.options import tcp
from famsock_inet.sockets.zerocopy import ZerocopyOperations

if TYPE_CHECKING:
    from famsock_inet.structs.tcp import TcpInfo


class TcpOperations(ZerocopyOperations):
    """TCP: the state of a connection, keep-alive, sending without copying."""

    def tcp_info(self) -> TcpInfo:
        """Return the state of the connection, round-trip time, windows and counters (TCP_INFO)."""
        info: TcpInfo = self._sock.get_option(tcp.TCP_INFO)
        return info

    def set_keepalive(self, idle_s: int, interval_s: int, count: int) -> None:
        """Probe a silent connection after ``idle_s`` and every ``interval_s`` seconds.

        After ``count`` unanswered probes (1-127) it fails with ETIMEDOUT. Both times are 1-32767 s.
        OSError EINVAL for values beyond.
        """
        self._sock.set_option(tcp.TCP_KEEPIDLE, idle_s)
        self._sock.set_option(tcp.TCP_KEEPINTVL, interval_s)
        self._sock.set_option(tcp.TCP_KEEPCNT, count)
        self._sock.set_option(options.SO_KEEPALIVE, True)
