"""Every cause of an error of AF_CAN, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import select
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from socket import SOCK_DGRAM
from typing import Any

import pytest
from famsock_can import (
    BcmSocket,
    CanAddress,
    CanRawSocket,
    IsotpAddress,
    IsotpSocket,
    J1939Address,
    J1939Socket,
)
from famsock_can import constants as c
from famsock_can.frames import CanFdFrame, CanFrame
from famsock_can.isotp import IsotpOptions

from famsock import codecs
from famsock._registry.creation_hints import add_creation_hint
from famsock.options import Option
from famsock.testing import requirements
from famsock.testing.hints import Cause, check_cause, unprivileged, unprovoked

Call = Callable[[ExitStack], object]
FRAME, PGN, PATIENCE_S = CanFrame(0x123, b"x"), 0x1A500, 20.0
NOTHING, NO_CAN = 12345, "lo"
PUT_DOWN, PUT_UP, DELETE = "link set hcan0 down", "link set hcan0 up", "link delete hcan0"
DOWN, REMOVED = "the interface is down, or was", "the interface was removed: bind() again"
NO_CAN_HERE, ONE = "or it is no CAN interface", "binds to one CAN interface, never to all"
NOWHERE, NOT_CAN = "no interface to go by", "it is no CAN interface"
TOO_LARGE = "MTU is too small for it"
NEVER = (DOWN, REMOVED, NO_CAN_HERE, ONE, NOWHERE, NOT_CAN)


def _ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=60)


def _opened(stack: ExitStack, cls: type[Any]) -> Any:
    sock = stack.enter_context(cls())
    sock.settimeout(PATIENCE_S)
    return sock


def _call(cls: type[Any], method: str, *arguments: Any) -> Call:
    """Call a method of a new socket."""
    return lambda stack: getattr(_opened(stack, cls), method)(*arguments)


def _on_own(
    cls: type[Any], bound: Any, commands: str, call: Callable[[Any], object], method: str = "bind"
) -> Call:
    """Call on a socket of a new interface, after commands of ip."""

    def provoke(stack: ExitStack) -> None:
        _ip("link add hcan0 type vcan")
        stack.callback(lambda: subprocess.run(["ip", *DELETE.split()], capture_output=True))
        _ip("link set hcan0 mtu 72 up")
        sock = _opened(stack, cls)
        if bound is not None:
            getattr(sock, method)(bound)
        for command in filter(None, commands.split("; ")):
            _ip(command)
        call(sock)

    return provoke


def _raw(commands: str, call: Callable[[Any], object]) -> Call:
    return _on_own(CanRawSocket, ("hcan0",), commands, call)


def _bcm(commands: str, call: Callable[[Any], object]) -> Call:
    return _on_own(BcmSocket, ("hcan0",), commands, call, "connect")


def _isotp(commands: str, call: Callable[[Any], object]) -> Call:
    return _on_own(IsotpSocket, ("hcan0", 0x321, 0x322), commands, call)


def _j1939(commands: str, call: Callable[[Any], object]) -> Call:
    return _on_own(J1939Socket, ("hcan0", 0, c.J1939_NO_PGN, 0x20), commands, call)


def _await_error(sock: Any) -> Any:
    poller = select.poll()
    poller.register(sock, 0)
    assert poller.poll(PATIENCE_S * 1000)
    return sock


def _then(*calls: Callable[[Any], object]) -> Callable[[Any], object]:
    """Make calls of which each but the last may fail: an error is reported once."""

    def call(sock: Any) -> None:
        for each in calls[:-1]:
            with pytest.raises(OSError, match=r"\[Errno"):
                each(sock)
        calls[-1](sock)

    return call


def _low_priority(sock: Any) -> None:
    with unprivileged():
        sock.set_priority(1)


def _full_queue(sock: Any) -> None:
    subprocess.run(
        ["tc", "qdisc", "add", "dev", "hcan0", "root", "pfifo", "limit", "0"],
        check=True,
        capture_output=True,
    )
    sock.send_frame(FRAME)


def _no_protocol(stack: ExitStack) -> None:
    error = OSError(errno.EPROTONOSUPPORT, "Protocol not supported")
    add_creation_hint(error, c.AF_CAN, SOCK_DGRAM, c.CAN_J1939)
    raise error


def _send_no_frame(sock: Any) -> None:
    sock.sendto(b"xxxxx", ("hcan0",))


def _grow(sock: Any) -> None:
    sock.start_cyclic([FRAME], 10**6)
    sock.update_cyclic([FRAME, FRAME])


def _configure(sock: Any) -> None:
    sock.configure(options=IsotpOptions())


def _send(sock: Any) -> None:
    sock.send(bytes(4))


def _recv(sock: Any) -> None:
    sock.recv(100)


INVALID, NO_DEVICE, NO_NETWORK = errno.EINVAL, errno.ENODEV, errno.ENETDOWN
# Seen on 6.12 and 7.3, and on none between.
NOT_A_CAN_INTERFACE = errno.EPERM if requirements.kernel("7.0") else errno.EINVAL
BOUND, IDENTIFIERS = "the socket is bound already", "an identifier over 0x7ff needs CAN_EFF_FLAG"
BIND_FIRST = "bind() it to an interface and two identifiers first"
BY_LO = ("send_frame", FRAME, NO_CAN)
NO_ADDRESS, UNBOUND = CanAddress(NOTHING), errno.EADDRNOTAVAIL
UNKNOWN = Option("CAN_RAW_NOTHING", c.SOL_CAN_RAW, 99, codecs.INT)
RAW = (
    Cause("raw bind, nothing", _call(CanRawSocket, "bind", NO_ADDRESS), NO_DEVICE, NO_CAN_HERE),
    Cause("raw bind, no CAN", _call(CanRawSocket, "bind", (NO_CAN,)), NO_DEVICE, NO_CAN_HERE),
    Cause("raw bind, no name", _call(CanRawSocket, "bind", ("hcan9",)), NO_DEVICE, "modprobe vcan"),
    Cause("raw send, not bound", _call(CanRawSocket, "send_frame", FRAME), errno.ENXIO, NOWHERE),
    Cause(
        "raw send to nothing",
        _call(CanRawSocket, "send_frame", FRAME, NOTHING),
        errno.ENXIO,
        "the one that is named is gone",
    ),
    Cause("raw send, no CAN", _call(CanRawSocket, *BY_LO), NOT_A_CAN_INTERFACE, NOT_CAN),
    Cause("raw send, down", _raw(PUT_DOWN, lambda s: s.send_frame(FRAME)), NO_NETWORK, DOWN),
    Cause(
        "raw sendto, down",
        _on_own(CanRawSocket, None, PUT_DOWN, lambda s: s.send_frame(FRAME, "hcan0")),
        NO_NETWORK,
        DOWN,
    ),
    Cause(
        "raw send, up again",
        _raw(f"{PUT_DOWN}; {PUT_UP}", lambda s: s.send_frame(FRAME)),
        NO_NETWORK,
        "or was since the last call",
    ),
    Cause("raw recv, down", _raw(PUT_DOWN, CanRawSocket.recv_frame), NO_NETWORK, DOWN),
    Cause("raw recv, gone", _raw(DELETE, CanRawSocket.recv_frame), NO_DEVICE, REMOVED),
    Cause(
        "raw send, FD off",
        _raw("", lambda s: s.send_frame(CanFdFrame(1, b"x"))),
        INVALID,
        "this kind of frame is not switched on",
    ),
    Cause("raw send, no frame", _raw("", _send_no_frame), INVALID, TOO_LARGE),
    Cause("raw send, full", _raw("", _full_queue), errno.ENOBUFS, "the interface's queue is full"),
    Cause(
        "raw option",
        _call(CanRawSocket, "set_option", UNKNOWN, 1),
        errno.ENOPROTOOPT,
        "One possible cause: CAN XL",
    ),
)
BCM = (
    Cause("bcm connect, nothing", _call(BcmSocket, "connect", NO_ADDRESS), NO_DEVICE, NO_CAN_HERE),
    Cause("bcm connect, no CAN", _call(BcmSocket, "connect", (NO_CAN,)), NO_DEVICE, NO_CAN_HERE),
    Cause(
        "bcm send, not connected",
        _call(BcmSocket, "start_cyclic", [FRAME], 10**6),
        errno.ENOTCONN,
        "connect() it to an interface first",
    ),
    Cause(
        "bcm send, every one",
        _on_own(BcmSocket, ("",), "", lambda s: s.start_cyclic([FRAME], 10**6), "connect"),
        NO_DEVICE,
        "connected to every one, and a transmission needs one",
    ),
    Cause("bcm recv, gone", _bcm(DELETE, BcmSocket.recv_event), NO_DEVICE, "connect() again, and"),
    Cause("bcm recv, down", _bcm(PUT_DOWN, BcmSocket.recv_event), NO_NETWORK, DOWN),
    Cause("bcm grows", _bcm("", _grow), errno.E2BIG, "a job or subscription cannot grow"),
    Cause("bcm, no job", _bcm("", lambda s: s.stop_cyclic(0x77)), INVALID, "no such job"),
)
ISOTP = (
    Cause(
        "isotp bind twice",
        _isotp("", lambda s: s.bind(("hcan0", 0x321, 0x322))),
        INVALID,
        BOUND,
        (IDENTIFIERS,),
    ),
    Cause(
        "isotp bind, long identifier",
        _on_own(IsotpSocket, None, "", lambda s: s.bind(("hcan0", 0x12345, 0x322))),
        INVALID,
        IDENTIFIERS,
        (BOUND,),
    ),
    Cause(
        "isotp bind, same",
        _on_own(IsotpSocket, None, "", lambda s: s.bind(("hcan0", 0x321, 0x321))),
        errno.EADDRNOTAVAIL,
        "rx_id and tx_id must differ",
        (BIND_FIRST,),
    ),
    Cause("isotp bind, all", _call(IsotpSocket, "bind", ("", 1, 2)), NO_DEVICE, ONE),
    Cause("isotp bind, no CAN", _call(IsotpSocket, "bind", (NO_CAN, 1, 2)), NO_DEVICE, ONE),
    Cause(
        "isotp bind, nothing",
        _call(IsotpSocket, "bind", IsotpAddress(NOTHING, 1, 2)),
        NO_DEVICE,
        "this is none",
    ),
    Cause("isotp options", _isotp("", _configure), errno.EISCONN, "set its options before bind()"),
    Cause("isotp send, not bound", _call(IsotpSocket, "send", b"x"), UNBOUND, BIND_FIRST),
    Cause("isotp recv, down", _isotp(PUT_DOWN, IsotpSocket.recv_pdu), NO_NETWORK, DOWN),
    Cause("isotp send, down", _isotp(PUT_DOWN, _send), NO_NETWORK, DOWN),
    Cause("isotp recv, gone", _isotp(DELETE, _recv), UNBOUND, BIND_FIRST, (DOWN,)),
    Cause(
        "isotp send, gone",
        _isotp(DELETE, _then(_recv, _send)),
        errno.EADDRNOTAVAIL,
        BIND_FIRST,
    ),
)
J1939 = (
    Cause("j1939 bind, all", _call(J1939Socket, "bind", ("", 0, PGN, 0x20)), NO_DEVICE, ONE),
    Cause("j1939 bind, no CAN", _call(J1939Socket, "bind", (NO_CAN, 0, PGN, 2)), NO_DEVICE, ONE),
    Cause(
        "j1939 bind, down",
        _on_own(J1939Socket, None, PUT_DOWN, lambda s: s.bind(J1939Address("hcan0", addr=2))),
        NO_NETWORK,
        DOWN,
    ),
    Cause(
        "j1939 bind, PDU1",
        _on_own(J1939Socket, None, "", lambda s: s.bind(("hcan0", 0, 0xEA20, 2))),
        INVALID,
        "the low byte of a PDU1's pgn",
    ),
    Cause(
        "j1939 connect, not bound",
        _on_own(J1939Socket, None, "", lambda s: s.connect(("hcan0", 0, PGN, 0x30))),
        INVALID,
        "or to none yet",
    ),
    Cause(
        "j1939 connect, another interface",
        _j1939("", lambda s: s.connect(("vcan0", 0, PGN, 0x30))),
        INVALID,
        "the socket is bound to another interface",
    ),
    Cause("j1939 connect, all", _j1939("", lambda s: s.connect(("", 0, PGN, 3))), NO_DEVICE, ONE),
    Cause(
        "j1939 broadcast",
        _j1939("", lambda s: s.connect(("hcan0", 0, 0xFEE6, c.J1939_NO_ADDR))),
        errno.EACCES,
        "set_broadcast(True)",
    ),
    Cause(
        "j1939 sendto, not bound",
        _on_own(J1939Socket, None, "", lambda s: s.sendto(b"x", ("hcan0", 0, PGN, 0x30))),
        errno.EBADFD,
        "bind() it to an address or a NAME first",
    ),
    Cause("j1939 priority", _j1939("", _low_priority), errno.EPERM, "priorities 0 and 1 need"),
    Cause("j1939 recv, down", _j1939(PUT_DOWN, J1939Socket.recv_pg), NO_NETWORK, DOWN),
)
NO_MODULE = Cause("none", _no_protocol, errno.EPROTONOSUPPORT, "modprobe -a can can-j1939")
IN_OTHER_TESTS = (
    "no flow control came",
    "the peer began a message and did not go on",
    "a frame of the message was lost",
    "a frame was not padded",
    "a job or subscription of this identifier is there",
    "an earlier long message failed",
    "no address is claimed for this NAME",
)
"""Hints that the tests of ISO-TP, the broadcast manager and J1939 provoke."""


@pytest.mark.needs_family("AF_CAN", protocol="raw")
@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_command("tc", package="iproute2")
@pytest.mark.parametrize("cause", [*RAW, *BCM], ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


@pytest.mark.needs_family("AF_CAN", protocol="isotp")
@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.parametrize("cause", ISOTP, ids=lambda cause: cause.name)
def test_cause_of_isotp(cause: Cause) -> None:
    check_cause(cause)


@pytest.mark.needs_family("AF_CAN", protocol="j1939")
@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.parametrize("cause", J1939, ids=lambda cause: cause.name)
def test_cause_of_j1939(cause: Cause) -> None:
    check_cause(cause)


def test_a_kernel_without_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("famsock._hints._MODULES", "/nowhere")
    check_cause(NO_MODULE)


def test_every_hint_is_provoked() -> None:
    assert unprovoked("famsock_can", (*RAW, *BCM, *ISOTP, *J1939, *IN_OTHER_TESTS)) == []
