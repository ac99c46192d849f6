"""Sockets of CAN_J1939: messages, filters, modes, the progress of long transfers."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable
from math import ceil
from socket import MSG_TRUNC, SO_BROADCAST, SO_ERROR, SOCK_DGRAM, SOL_SOCKET

from famsock.plugin import constants as system
from famsock.plugin import control
from famsock_can import _hints, options
from famsock_can import constants as c
from famsock_can.addresses import J1939Address
from famsock_can.control import (
    SCM_J1939_DEST_ADDR,
    SCM_J1939_DEST_NAME,
    SCM_J1939_ERRQUEUE,
    SCM_J1939_PRIO,
)
from famsock_can.filters import J1939Filter
from famsock_can.j1939 import J1939Message, J1939Progress
from famsock_can.sockets.arrival import ARRIVAL, CONTROL_BYTES, _TransferSocket, several

__all__ = [
    "J1939Socket",
]

_TP_MAX_BYTES = 1785
"""The longest message of the transport protocol (TP); the extended one (ETP) goes to 117440505."""

_USUAL_PRIORITY = 6

_TRANSMISSION = (
    system.SOF_TIMESTAMPING_SOFTWARE
    | system.SOF_TIMESTAMPING_OPT_ID
    | system.SOF_TIMESTAMPING_OPT_CMSG
    | system.SOF_TIMESTAMPING_OPT_TSONLY
    | system.SOF_TIMESTAMPING_OPT_STATS
    | system.SOF_TIMESTAMPING_TX_SCHED
    | system.SOF_TIMESTAMPING_TX_ACK
)

_SOURCE = control.reader(
    J1939Address,
    interface=control.from_address_item(0),
    name=control.from_address_item(1),
    pgn=control.from_address_item(2),
    addr=control.from_address_item(3),
)
_MESSAGE = control.reader(
    J1939Message,
    data=control.from_data(),
    source=control.from_reader(_SOURCE),
    destination=control.from_item(SCM_J1939_DEST_ADDR, c.J1939_NO_ADDR),
    destination_name=control.from_item(SCM_J1939_DEST_NAME, c.J1939_NO_NAME),
    priority=control.from_item(SCM_J1939_PRIO, _USUAL_PRIORITY),  # the kernel tells it always
    is_truncated=control.from_flags(MSG_TRUNC),
    arrival=control.from_reader(ARRIVAL),
)


class J1939Socket(
    _TransferSocket[J1939Address, tuple[str, int, int, int]],
    family=c.AF_CAN,
    type=SOCK_DGRAM,
    proto=c.CAN_J1939,
):
    """A socket of CAN_J1939 (SAE J1939): messages of parameter groups. Source: j1939.rst.

    A long message (over 8 bytes) to one receiver is under way after the call that sends it. If it
    fails, the next call on the socket raises OSError: EHOSTUNREACH if the receiver did not answer.
    `enable_progress` reports it apart.
    """

    __slots__ = ()
    _transfer_hints = _hints.J1939

    def recv_pg(self, bufsize_bytes: int = _TP_MAX_BYTES) -> J1939Message:
        """Receive one message (parameter group); waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, or OSError as recvmsg(2) fails.
        """
        try:
            message = self.recvmsg(bufsize_bytes, CONTROL_BYTES + 128)
        except OSError as error:
            _hints.explain(error, _hints.J1939, "recv")
            raise
        return _MESSAGE.read(message)

    def set_filters(self, filters: Iterable[J1939Filter]) -> None:
        """Receive only what one of the filters lets through, at most 512; none lets all through.

        ``sock.set_filters([J1939Filter.exact(pgn=0xFEF1)])``. Raises ValueError for a filter with
        bits outside its masks, which would let through what it seems to keep out. Messages that
        wait to be received stay: set filters before ``bind``, or call `discard_queued` afterwards.
        """
        given = several(filters, J1939Filter)
        for each in given:
            if isinstance(each, J1939Filter):
                each.check()
        self.set_option(options.SO_J1939_FILTER, given)

    def set_priority(self, priority: int) -> None:
        """Send with this priority from now on: 0 (highest) to 7, 6 at first.

        Raises OSError (EPERM) for 0 and 1 without CAP_NET_ADMIN.
        """
        self.set_option(options.SO_J1939_SEND_PRIO, priority)

    def set_promiscuous(self, promiscuous: bool) -> None:
        """Set whether to receive messages to other addresses too.

        Those that wait to be received stay: `discard_queued` drops them.
        """
        self.set_option(options.SO_J1939_PROMISC, promiscuous)

    def set_broadcast(self, broadcast: bool) -> None:
        """Set whether to send and receive messages to all (SO_BROADCAST)."""
        self.setsockopt(SOL_SOCKET, SO_BROADCAST, broadcast)

    def enable_progress(self, *, reception: bool = False) -> None:
        """Make `recv_progress` report the state of sent messages, and of those under way here.

        While it is on, a transfer that fails no longer makes the next call fail. Source: j1939.rst,
        "Error queue".
        """
        flags = _TRANSMISSION | (system.SOF_TIMESTAMPING_RX_SOFTWARE if reception else 0)
        self.set_option(options.SO_J1939_ERRQUEUE, True)
        self.setsockopt(SOL_SOCKET, system.SO_TIMESTAMPING, flags)

    def recv_progress(self) -> J1939Progress:
        """Receive one report of the error queue; waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, OSError as recvmsg(2) fails, and the socket's own
        error (SO_ERROR): ENETDOWN if the interface goes down.
        """
        timeout = self.gettimeout()
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            _await_error(self.fileno(), deadline)
            try:
                message = self.recv_message(1, 1024, system.MSG_ERRQUEUE)
                break
            except BlockingIOError:
                if failure := self.getsockopt(SOL_SOCKET, SO_ERROR):
                    error = OSError(failure, os.strerror(failure))
                    _hints.explain(error, _hints.J1939, "recv")
                    raise error from None
                if deadline is not None and time.monotonic() >= deadline:
                    if timeout:
                        raise TimeoutError("timed out") from None
                    raise
        report = message.get(SCM_J1939_ERRQUEUE)
        if report is None:
            raise ValueError("J1939 error queue: a message without SCM_J1939_ERRQUEUE")
        return J1939Progress.decode(report, message.get("SCM_TIMESTAMPING_OPT_STATS") or b"")


def _await_error(descriptor: int, deadline: float | None) -> None:
    """Wait until poll(2) reports an error, or until ``deadline`` of the monotonic clock."""
    poller = select.poll()
    poller.register(descriptor, 0)
    left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
    poller.poll(None if left_s is None else ceil(left_s * 1000))
