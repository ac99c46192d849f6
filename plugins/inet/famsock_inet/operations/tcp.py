"""TCP. Sources: tcp(7), linux/tcp.h, Documentation/networking/msg_zerocopy.rst."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import constants, options
from famsock_inet.operations.ip import IpOperations
from famsock_inet.options import tcp

if TYPE_CHECKING:
    from famsock_inet.structs.tcp import TcpInfo


class TcpOperations(IpOperations):
    """TCP: the state of a connection, keep-alive."""

    def tcp_info(self) -> TcpInfo:
        """The state of the connection, round-trip time, windows and counters (TCP_INFO)."""
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

    def zerocopy_completions(self) -> list[tuple[int, int]]:
        """Which sends with MSG_ZEROCOPY are done: ranges of their numbers, first and last.

        Sends count from 0. Other entries of the error queue are dropped: use `recv_errors` where
        both come. Source: Documentation/networking/msg_zerocopy.rst.
        """
        return [
            (entry.error.info, entry.error.data)
            for entry in self.recv_errors()
            if entry.error.origin == constants.SO_EE_ORIGIN_ZEROCOPY
        ]
