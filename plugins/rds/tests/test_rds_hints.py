"""Every cause of an error of AF_RDS, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import ExitStack
from socket import SOCK_DGRAM
from typing import Any

import pytest
from famsock_rds import RdsInetAddress, RdsSocket
from famsock_rds.constants import AF_RDS

import famsock
from famsock.testing.hints import Cause, check_cause, unprovoked

Call = Callable[[ExitStack], object]
LOCAL, FAR = "127.0.0.1", "203.0.113.7"
BIND, DESTINATION = "bind to an address of this host first", "name a destination, in the call"


def _call(method: str, address: Any, *, bound: bool = False) -> Call:
    def provoke(stack: ExitStack) -> None:
        sock = stack.enter_context(RdsSocket())
        if bound:
            sock.bind((LOCAL, 0))
        if method == "sendto":
            sock.sendto(b"x", address)
        elif method == "sendmsg":
            sock.sendmsg([b"x"], (), 0, address)
        elif method == "sendmmsg":
            sock.sendmmsg([(b"x", address)])
        else:
            getattr(sock, method)(address)

    return provoke


def _another_type(stack: ExitStack) -> None:
    stack.enter_context(famsock.socket(AF_RDS, SOCK_DGRAM))


UNCONNECTED, NO_ADDRESS = errno.ENOTCONN, errno.EADDRNOTAVAIL
CAUSES = (
    Cause("no transport", _call("bind", (FAR, 0)), NO_ADDRESS, "no transport of RDS serves"),
    Cause("typed", _call("bind", RdsInetAddress(FAR, 0)), NO_ADDRESS, "no transport of RDS"),
    Cause("bind to the wildcard", _call("bind", ("0.0.0.0", 5)), errno.EINVAL),
    Cause("to the wildcard", _call("connect", ("0.0.0.0", 5)), errno.EDESTADDRREQ, "the wildcard"),
    *(
        Cause(method, _call(method, (LOCAL, 4000)), UNCONNECTED, BIND, (DESTINATION,))
        for method in ("sendto", "sendmsg", "sendmmsg")
    ),
    Cause("to none", _call("sendmmsg", None, bound=True), UNCONNECTED, DESTINATION, (BIND,)),
    Cause("cancel, not bound", _call("cancel_sent_to", (LOCAL, 4000)), UNCONNECTED, BIND),
    Cause("another type", _another_type, errno.ESOCKTNOSUPPORT, "is opened with the type"),
)


@pytest.mark.needs_family("AF_RDS")
@pytest.mark.needs_module("rds_tcp")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


def test_every_hint_is_provoked() -> None:
    congested = "the destination is congested"  # test_rds_tcp.py provokes it
    assert unprovoked("famsock_rds", (*CAUSES, congested)) == []
