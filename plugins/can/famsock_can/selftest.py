"""A self-test for each protocol, on vcan0: two sockets of this machine talk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from famsock.plugin import selftest
from famsock_can import constants as c
from famsock_can.filters import CanFilter
from famsock_can.frames import CanFrame
from famsock_can.sockets.arrival import CanSocket
from famsock_can.sockets.bcm import BcmSocket
from famsock_can.sockets.isotp import IsotpSocket
from famsock_can.sockets.j1939 import J1939Socket
from famsock_can.sockets.raw import CanRawSocket

__all__ = [
    "bcm",
    "isotp",
    "j1939",
    "raw",
]

INTERFACE = "vcan0"
_S = TypeVar("_S", bound=CanSocket[Any, Any])


@contextmanager
def raw() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of one frame each way between two CAN_RAW sockets."""
    frame = CanFrame(0x7A1, b"famsock")
    with _two(CanRawSocket) as (one, other):
        for sock in (one, other):
            sock.set_filters([CanFilter.exact(frame.can_id)])
            sock.bind((INTERFACE,))

        def round_trip() -> None:
            for sender, receiver in ((one, other), (other, one)):
                sender.send_frame(frame)
                selftest.expect(receiver.recv_frame().frame, frame)

        yield round_trip


@contextmanager
def bcm() -> Iterator[selftest.RoundTrip]:
    """Yield a check that one broadcast manager reports the changed frame of another."""
    frame = CanFrame(0x7A2, b"famsock")
    with _two(BcmSocket) as (one, other):
        for sock in (one, other):
            sock.connect((INTERFACE,))
        other.subscribe(frame.can_id)

        def round_trip() -> None:
            one.send_frame(frame)
            message = other.recv_event().message
            selftest.expect((message.opcode, message.frames), (c.RX_CHANGED, (frame,)))

        yield round_trip


@contextmanager
def isotp() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of several frames each way over an ISO-TP channel."""
    with _two(IsotpSocket) as (one, other):
        one.bind((INTERFACE, 0x7A3, 0x7A4))
        other.bind((INTERFACE, 0x7A4, 0x7A3))
        yield selftest.echo(one, other)


@contextmanager
def j1939() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of several packets each way between two J1939 addresses."""
    message, pgn = b"famsock" * 10, 0x1A300
    with _two(J1939Socket) as (one, other):
        one.bind((INTERFACE, c.J1939_NO_NAME, c.J1939_NO_PGN, 0x71))
        other.bind((INTERFACE, c.J1939_NO_NAME, c.J1939_NO_PGN, 0x72))

        def round_trip() -> None:
            for sender, receiver, to, back in ((one, other, 0x72, 0x71), (other, one, 0x71, 0x72)):
                sender.sendto(message, (INTERFACE, c.J1939_NO_NAME, pgn, to))
                received = receiver.recv_pg()
                selftest.expect((received.data, received.source.addr), (message, back))

        yield round_trip


@contextmanager
def _two(cls: type[_S]) -> Iterator[tuple[_S, _S]]:
    """Yield two sockets of a class with a timeout; close them at the end."""
    with cls() as one, cls() as other:
        for sock in (one, other):
            sock.settimeout(selftest.TIMEOUT_S)
        yield one, other
