"""Every cause of an error of AF_QIPCRTR, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack
from socket import SO_RCVBUF, SOCK_STREAM, SOL_SOCKET
from typing import Any

import pytest
from famsock_qipcrtr import QipcrtrAddress, QipcrtrSocket
from famsock_qipcrtr.constants import AF_QIPCRTR, QRTR_NODE_BCAST

import famsock
from famsock.testing.hints import Cause, check_cause, unprivileged, unprovoked

Call = Callable[[ExitStack], object]
PORT = 0x100000 + 2 * os.getpid()  # the ports of a node are for all of its processes
NO_NODE, NO_PORT = "no node has this number", "no other socket has this port"
DESTINATION, BROADCAST = "name a destination, or", "a broadcast goes to QRTR_PORT_CTRL only"
FULL = "the receiver's buffer is full"
NEVER = (NO_NODE, NO_PORT, DESTINATION, BROADCAST)


def _sends(method: str, away: int | None, *, typed: bool = False) -> Call:
    """Send to the node ``away`` from the own one; None is no address at all."""

    def provoke(stack: ExitStack) -> None:
        sock = stack.enter_context(QipcrtrSocket())
        node = sock.local_node()
        address: Any = None
        if away is not None:
            to = QRTR_NODE_BCAST if away < 0 else node + away
            address = QipcrtrAddress(to, PORT) if typed else (to, PORT)
        if method == "sendto":
            sock.sendto(b"x", address)
        elif method == "sendmsg":
            sock.sendmsg([b"x"], (), 0, address)
        else:
            sock.sendmmsg([(b"x", address)])

    return provoke


def _full(method: str) -> Call:
    """Send to a socket of this node until its receive buffer is full."""

    def provoke(stack: ExitStack) -> None:
        full, sock = (stack.enter_context(QipcrtrSocket()) for _ in range(2))
        full.setsockopt(SOL_SOCKET, SO_RCVBUF, 1)
        full.bind((full.local_node(), 0))
        address = full.getsockname()
        for _ in range(100):
            if method == "sendto":
                sock.sendto(bytes(1000), address)
            elif method == "sendmsg":
                sock.sendmsg([bytes(1000)], (), 0, address)
            else:
                sock.sendmmsg([(bytes(1000), address)])

    return provoke


def _low_port(stack: ExitStack) -> None:
    sock = stack.enter_context(QipcrtrSocket())
    stack.enter_context(unprivileged())
    sock.bind((sock.local_node(), 5))


def _another_node(stack: ExitStack) -> None:
    sock = stack.enter_context(QipcrtrSocket())
    sock.bind((sock.local_node() + 1, 0))


def _taken(stack: ExitStack) -> None:
    for _ in range(2):
        sock = stack.enter_context(QipcrtrSocket())
        sock.bind((sock.local_node(), PORT + 1))


def _another_type(stack: ExitStack) -> None:
    stack.enter_context(famsock.socket(AF_QIPCRTR, SOCK_STREAM))


CAUSES = (
    Cause("a low port", _low_port, errno.EACCES, "ports below 16384 need CAP_NET_ADMIN"),
    Cause("another node's", _another_node, errno.EINVAL),
    Cause("taken", _taken, errno.EADDRINUSE),
    *(
        cause
        for method in ("sendto", "sendmsg", "sendmmsg")
        for cause in (
            Cause(f"{method} node", _sends(method, 1), errno.ECONNRESET, NO_NODE, NEVER[1:]),
            Cause(f"{method} port", _sends(method, 0), errno.ENODEV, NO_PORT, (NO_NODE,)),
            Cause(f"{method} full", _full(method), errno.ENOSPC, FULL, NEVER),
            Cause(
                f"{method} broadcast", _sends(method, -1), errno.ENOTCONN, BROADCAST, (DESTINATION,)
            ),
        )
    ),
    Cause("typed", _sends("sendto", 0, typed=True), errno.ENODEV, NO_PORT, (NO_NODE,)),
    Cause("to none", _sends("sendmmsg", None), errno.ENOTCONN, DESTINATION, (BROADCAST,)),
    Cause("another type", _another_type, errno.EPROTOTYPE, "is opened with the type SOCK_DGRAM"),
)


@pytest.mark.needs_family("AF_QIPCRTR")
@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


def test_a_node_that_is_gone_is_no_missing_port() -> None:
    """Another node's end is ENODEV too, as qrtr_node_enqueue gives it; it has no hint."""
    served = famsock.plugins.find(AF_QIPCRTR, 2, 0)
    assert served is not None

    class Ours:
        def getsockname(self) -> tuple[int, int]:
            return 1, 20000

    assert served.note("sendto", errno.ENODEV, Ours(), (2, 20001)) is None
    assert NO_PORT in (served.note("sendto", errno.ENODEV, Ours(), (1, 20001)) or "")


def test_every_hint_is_provoked() -> None:
    assert unprovoked("famsock_qipcrtr", CAUSES) == []
