"""Transmission at a given time. Sources: tc-etf(8), tc-fq(8), linux/net_tstamp.h."""

from __future__ import annotations

import time
from typing import Any

from famsock.plugin import control, options
from famsock_inet.sockets._families import A, F
from famsock_inet.sockets._items import packer
from famsock_inet.sockets.ip import IpSocket

__all__ = [
    "TransmitTimeSocket",
]

_transmit_time = packer(control.SCM_TXTIME, "Q")


class TransmitTimeSocket(IpSocket[A, F]):
    """A socket whose datagrams each carry the time at which they shall leave (SO_TXTIME)."""

    __slots__ = ()

    def set_transmit_clock(self, clock: int = time.CLOCK_MONOTONIC, flags: int = 0) -> None:
        """Set the clock of `send_at`, before it is used.

        The queueing discipline of the interface obeys: fq by CLOCK_MONOTONIC, etf by the clock it
        was set up with, mostly CLOCK_TAI; any other sends at once. ``flags`` are
        SOF_TXTIME_DEADLINE_MODE (the time is the latest one, with etf) and SOF_TXTIME_REPORT_ERRORS
        (`recv_errors` reports dropped datagrams, with SO_EE_ORIGIN_TXTIME). OSError: EPERM for
        another clock than CLOCK_MONOTONIC without CAP_NET_ADMIN.
        """
        self.set_option(options.SO_TXTIME, options.Txtime(clock, flags))

    def send_at(self, data: Any, time_ns: int, address: Any = None) -> int:
        """Send ``data`` at ``time_ns`` of the transmit clock; the number of bytes taken.

        0-18446744073709551615, in nanoseconds; 0 is at once. OSError: EINVAL without
        `set_transmit_clock`.
        """
        buffers = data if isinstance(data, list | tuple) else [data]
        return self.sendmsg(buffers, [_transmit_time(time_ns)], 0, address)
