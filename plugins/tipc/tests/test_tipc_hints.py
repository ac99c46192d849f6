"""Every cause of an error of AF_TIPC, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack
from socket import SOCK_RAW, SOCK_RDM
from typing import Any

import pytest
from famsock_tipc import (
    ServiceAddress,
    ServiceRange,
    SocketAddress,
    TipcRdmSocket,
    TipcSeqpacketSocket,
    TipcStreamSocket,
)
from famsock_tipc.constants import AF_TIPC, TIPC_NODE_SCOPE

import famsock
from famsock.testing.hints import Cause, check_cause, unprovoked

SERVICE = 0x40000000 + 8 * os.getpid()
NAME, RANGE = ServiceAddress(SERVICE, 1), ServiceRange(SERVICE, 1, 2)
ABSENT_NODE = SocketAddress(0x7FFFFFFF, 12345)
NO_NAME, NO_NODE = "no socket that can be reached has this name", "no link leads to the node"
BELOW, ONE_GROUP = "types below 64 belong to TIPC", "a socket can be in one group only"
Call = Callable[[ExitStack], object]


def _call(cls: type[Any], method: str, address: Any, *, member: bool = False) -> Call:
    """Call a method with an address, on a member of a group."""

    def provoke(stack: ExitStack) -> None:
        sock = stack.enter_context(cls())
        if member:
            sock.join_group(SERVICE, 1, TIPC_NODE_SCOPE)
        if method == "sendto":
            sock.sendto(b"x", address)
        elif method == "sendmsg":
            sock.sendmsg([b"x"], (), 0, address)
        elif method == "sendmmsg":
            sock.sendmmsg([(b"x", address)])
        else:
            getattr(sock, method)(address)

    return provoke


def _not_accepted(cls: type[Any]) -> Call:
    """Connect to a server that accepts nothing."""

    def provoke(stack: ExitStack) -> None:
        server, client = (stack.enter_context(cls()) for _ in range(2))
        server.bind(RANGE)
        server.listen(0)
        client.set_option("TIPC_CONN_TIMEOUT", 100)
        client.connect(NAME)

    return provoke


def _join(*groups: int) -> Call:
    def provoke(stack: ExitStack) -> None:
        sock = stack.enter_context(TipcRdmSocket())
        for group in groups:
            sock.join_group(group, 1, TIPC_NODE_SCOPE)

    return provoke


def _open(*kind: int) -> Call:
    return lambda stack: stack.enter_context(famsock.socket(AF_TIPC, *kind))


UNREACHED, REFUSED = errno.EHOSTUNREACH, errno.EACCES
CAUSES = (
    Cause("a reserved type", _call(TipcRdmSocket, "bind", ServiceAddress(5, 1)), REFUSED, BELOW),
    Cause(
        "bind in a group",
        _call(TipcRdmSocket, "bind", NAME, member=True),
        REFUSED,
        "a socket in a group can have no name",
    ),
    Cause("a reserved group", _join(5), REFUSED, "types below 64 belong to TIPC; a socket can be"),
    Cause("a second group", _join(SERVICE, SERVICE + 1), REFUSED, ONE_GROUP, ("have no name",)),
    *(
        cause
        for cls, method in (
            (TipcRdmSocket, "sendto"),
            (TipcRdmSocket, "sendmsg"),
            (TipcRdmSocket, "sendmmsg"),
            (TipcSeqpacketSocket, "connect"),
            (TipcStreamSocket, "connect"),
            (TipcStreamSocket, "sendto"),
        )
        for cause in (
            Cause(f"{cls.__name__} {method}", _call(cls, method, NAME), UNREACHED, NO_NAME),
            Cause(
                f"{cls.__name__} {method} tuple",
                _call(cls, method, (2, SERVICE, 1, 0)),
                UNREACHED,
                NO_NAME,
                (NO_NODE,),
            ),
            Cause(
                f"{cls.__name__} {method} node",
                _call(cls, method, ABSENT_NODE),
                UNREACHED,
                NO_NODE,
                (NO_NAME,),
            ),
            Cause(
                f"{cls.__name__} {method} node tuple",
                _call(cls, method, (3, 12345, 0x7FFFFFFF, 0)),
                UNREACHED,
                NO_NODE,
                (NO_NAME,),
            ),
        )
    ),
    *(
        Cause(
            f"{cls.__name__} not accepted",
            _not_accepted(cls),
            errno.ETIMEDOUT,
            "did not accept the connection within TIPC_CONN_TIMEOUT",
        )
        for cls in (TipcSeqpacketSocket, TipcStreamSocket)
    ),
    Cause("to a range", _call(TipcRdmSocket, "sendto", RANGE), UNREACHED, NO_NAME),
    Cause(
        "no member",
        _call(TipcRdmSocket, "sendto", ServiceAddress(SERVICE, 7), member=True),
        UNREACHED,
        "in a group no member",
    ),
    Cause(
        "no such member",
        _call(TipcRdmSocket, "sendto", ABSENT_NODE, member=True),
        UNREACHED,
        "in a group, no member has it",
        (NO_NAME,),
    ),
    Cause("another protocol", _open(SOCK_RDM, 5), errno.EPROTONOSUPPORT),
    Cause("another type", _open(SOCK_RAW), errno.EPROTOTYPE, "is opened with the type SOCK_RDM"),
)


@pytest.mark.needs_family("AF_TIPC")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


def test_every_hint_is_provoked() -> None:
    assert unprovoked("famsock_tipc", CAUSES) == []
