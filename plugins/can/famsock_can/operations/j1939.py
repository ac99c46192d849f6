"""Operations of CAN_J1939 sockets: messages, filters, modes, the progress of long transfers."""

from __future__ import annotations

import select
from collections.abc import Iterable
from math import ceil
from socket import MSG_TRUNC, SO_BROADCAST, SOL_SOCKET

from famsock.plugin import constants as system
from famsock_can import constants as c
from famsock_can import control, options
from famsock_can.addresses import J1939Address
from famsock_can.filters import J1939Filter
from famsock_can.j1939 import J1939Message, J1939Progress
from famsock_can.operations.arrival import (
    CONTROL_BYTES,
    ArrivalOperations,
    arrival,
)

TP_MAX_BYTES = 1785
"""The longest message of the transport protocol (TP); the extended one (ETP) goes to 117440505."""

_TRANSMISSION = (
    system.SOF_TIMESTAMPING_SOFTWARE
    | system.SOF_TIMESTAMPING_OPT_ID
    | system.SOF_TIMESTAMPING_OPT_CMSG
    | system.SOF_TIMESTAMPING_OPT_TSONLY
    | system.SOF_TIMESTAMPING_OPT_STATS
    | system.SOF_TIMESTAMPING_TX_SCHED
    | system.SOF_TIMESTAMPING_TX_ACK
)


class J1939Operations(ArrivalOperations):
    """What a CAN_J1939 socket can do beyond the stdlib's methods. Source: j1939.rst."""

    def recv_pg(self, bufsize_bytes: int = TP_MAX_BYTES) -> J1939Message:
        """Receive one message (parameter group); waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, or OSError as recvmsg(2) fails.
        """
        data, items, flags, address = self._sock.recvmsg(bufsize_bytes, CONTROL_BYTES + 128)
        own = {kind: value for level, kind, value in items if level == c.SOL_CAN_J1939}
        destination = own.get(c.SCM_J1939_DEST_ADDR, bytes((c.J1939_NO_ADDR,)))
        name = own.get(c.SCM_J1939_DEST_NAME)
        return J1939Message(
            data,
            J1939Address.unchecked(*address),
            destination[0],
            control.SCM_J1939_DEST_NAME.codec.decode(name) if name else c.J1939_NO_NAME,
            own[c.SCM_J1939_PRIO][0],
            flags & MSG_TRUNC != 0,
            arrival(address[0], items, flags).timestamp_ns,
        )

    def set_filters(self, filters: Iterable[J1939Filter]) -> None:
        """Receive only what one of the filters lets through, at most 512; none lets all through."""
        self._sock.set_option(options.SO_J1939_FILTER, tuple(filters))

    def set_priority(self, priority: int) -> None:
        """Send with this priority from now on: 0 (highest) to 7, 6 at first.

        Raises OSError (EPERM) for 0 and 1 without CAP_NET_ADMIN.
        """
        self._sock.set_option(options.SO_J1939_SEND_PRIO, priority)

    def set_promiscuous(self, promiscuous: bool) -> None:
        """Whether to receive what is addressed to others too."""
        self._sock.set_option(options.SO_J1939_PROMISC, promiscuous)

    def set_broadcast(self, broadcast: bool) -> None:
        """Whether to send and receive what is addressed to all (SO_BROADCAST)."""
        self._sock.setsockopt(SOL_SOCKET, SO_BROADCAST, broadcast)

    def enable_progress(self, *, reception: bool = False) -> None:
        """Have `recv_progress` tell what becomes of messages sent, and of those under way here.

        While it is on, a transfer that fails no longer makes the next call fail. Source: j1939.rst,
        "Error queue".
        """
        flags = _TRANSMISSION | (system.SOF_TIMESTAMPING_RX_SOFTWARE if reception else 0)
        self._sock.set_option(options.SO_J1939_ERRQUEUE, True)
        self._sock.setsockopt(SOL_SOCKET, system.SO_TIMESTAMPING, flags)

    def recv_progress(self) -> J1939Progress:
        """Receive one report of the error queue; waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, or OSError as recvmsg(2) fails.
        """
        timeout = self._sock.gettimeout()
        poller = select.poll()
        poller.register(self._sock.fileno(), 0)
        if not poller.poll(None if timeout is None else ceil(timeout * 1000)) and timeout:
            raise TimeoutError("timed out")
        _, items, _, _ = self._sock.recvmsg(1, 1024, system.MSG_ERRQUEUE)
        found = {(level, kind): data for level, kind, data in items}
        extended = found[c.SOL_CAN_J1939, c.SCM_J1939_ERRQUEUE]
        return J1939Progress.decode(
            control.SCM_J1939_ERRQUEUE.codec.decode(extended),
            found.get((SOL_SOCKET, system.SCM_TIMESTAMPING_OPT_STATS), b""),
        )
