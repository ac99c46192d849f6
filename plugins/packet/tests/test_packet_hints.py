"""Every cause of an error of AF_PACKET, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from socket import SOCK_STREAM
from typing import Any

import pytest
from famsock_packet import PacketAddress, PacketSocket
from famsock_packet.constants import AF_PACKET

import famsock
from famsock.testing.hints import Cause, check_cause, unprivileged, unprovoked

TYPE, FRAME = 0x88B5, bytes(60)
ABSENT, DOWN, NOWHERE = "no such interface", "is down or gone", "no interface is named"
Call = Callable[[ExitStack], object]


def _ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=60)


def _wire(stack: ExitStack) -> PacketSocket:
    """A socket that is bound to one end of a cable."""
    _ip("link add p0 type veth peer name p1")
    _ip("link set p0 up")
    _ip("link set p1 up")
    sock = stack.enter_context(PacketSocket())
    sock.settimeout(20)
    sock.bind(("p0", TYPE))
    return sock


def _sends(method: str, interface: Any, *commands: str) -> Call:
    """Send to an interface, after commands of ip."""

    def provoke(stack: ExitStack) -> None:
        sock = stack.enter_context(PacketSocket())
        for command in commands:
            _ip(command)
        address = PacketAddress(interface, TYPE)
        if method == "sendto":
            sock.sendto(FRAME, address)
        elif method == "sendmsg":
            sock.sendmsg([FRAME], (), 0, address)
        elif method == "sendmmsg":
            sock.sendmmsg([(FRAME, address)])
        else:
            sock.send(FRAME)

    return provoke


def _on_the_wire(command: str, call: Callable[[PacketSocket], object]) -> Call:
    def provoke(stack: ExitStack) -> None:
        sock = _wire(stack)
        for each in command.split("; "):
            _ip(each)
        call(sock)

    return provoke


def _ring(stack: ExitStack) -> None:
    sock = _wire(stack)
    ring = stack.enter_context(sock.transmit_ring())
    _ip("link set p0 down")
    ring.put(FRAME)
    try:
        ring.flush()
    finally:
        _ip("link set p0 up")
        ring.flush()


def _bind_nothing(stack: ExitStack) -> None:
    stack.enter_context(PacketSocket()).bind(PacketAddress(12345, TYPE))


def _promiscuous_nothing(stack: ExitStack) -> None:
    stack.enter_context(PacketSocket()).set_promiscuous(12345)


def _another_type(stack: ExitStack) -> None:
    stack.enter_context(famsock.socket(AF_PACKET, SOCK_STREAM))


def _no_capability(stack: ExitStack) -> None:
    stack.enter_context(unprivileged())
    stack.enter_context(PacketSocket())


PUT_DOWN, RECEIVE = "link set p0 down", PacketSocket.recv_frame
NO_DEVICE, NO_NETWORK, NO_PLACE = errno.ENODEV, errno.ENETDOWN, errno.ENXIO
CAUSES = (
    Cause("bind to nothing", _bind_nothing, NO_DEVICE, ABSENT),
    Cause("a membership of nothing", _promiscuous_nothing, NO_DEVICE, ABSENT),
    *(
        cause
        for method in ("sendto", "sendmsg", "sendmmsg")
        for cause in (
            Cause(f"{method} by nothing", _sends(method, 12345), NO_PLACE, "is named is gone"),
            Cause(f"{method} by none", _sends(method, ""), NO_PLACE, NOWHERE),
            Cause(f"{method} down", _sends(method, "lo", "link set lo down"), NO_NETWORK, DOWN),
        )
    ),
    Cause("send, not bound", _sends("send", ""), NO_PLACE, NOWHERE),
    Cause("send, down", _on_the_wire(PUT_DOWN, lambda s: s.send(FRAME)), NO_NETWORK, DOWN),
    Cause(
        "send, up again",
        _on_the_wire("link set p0 down; link set p0 up", lambda s: s.send(FRAME)),
        NO_NETWORK,
        "or was so since the last call",
    ),
    Cause(
        "send, gone", _on_the_wire("link delete p0", lambda s: s.send(FRAME)), NO_PLACE, "is gone"
    ),
    Cause("receive, down", _on_the_wire(PUT_DOWN, RECEIVE), NO_NETWORK, DOWN),
    Cause(
        "receive, gone",
        _on_the_wire("link delete p0", RECEIVE),
        NO_NETWORK,
        "or gone",
    ),
    Cause("a ring, down", _ring, NO_NETWORK, DOWN),
    Cause("another type", _another_type, errno.ESOCKTNOSUPPORT, "is opened with the type SOCK_RAW"),
    Cause("no capability", _no_capability, errno.EPERM, "this process lacks CAP_NET_RAW"),
)


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_capability("CAP_NET_RAW")
@pytest.mark.usefixtures("new_network_namespace")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


def test_every_hint_is_provoked() -> None:
    ring = "behind it were dropped too"  # test_packet_transmit.py provokes it
    assert unprovoked("famsock_packet", (*CAUSES, ring)) == []
