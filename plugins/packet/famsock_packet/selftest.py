"""Self-tests over the loopback interface: a frame goes out, and comes in. Needs CAP_NET_RAW."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import selftest
from famsock_packet.addresses import PacketAddress
from famsock_packet.constants import ETH_P_802_EX1, PACKET_HOST
from famsock_packet.sockets import PacketSocket

__all__ = [
    "dgram",
    "raw",
    "ring",
]

_LOOPBACK = "lo"
_TO = bytes(6)


@contextmanager
def _opened(kind: int) -> Iterator[tuple[PacketSocket, PacketSocket]]:
    """Yield a socket that sends to the loopback interface, and one that receives from it."""
    with PacketSocket(type=kind) as sender, PacketSocket(type=kind) as receiver:
        for sock in (sender, receiver):
            sock.settimeout(selftest.TIMEOUT_S)
        sender.bind(PacketAddress(_LOOPBACK, 0))
        yield sender, receiver


def _frame() -> bytes:
    """Return an Ethernet frame of a protocol for experiments, unlike any other's."""
    return _TO + bytes(6) + ETH_P_802_EX1.to_bytes(2, "big") + os.urandom(46)


@contextmanager
def raw() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of complete frames."""
    with _opened(SOCK_RAW) as (sender, receiver):
        receiver.bind(PacketAddress(_LOOPBACK, ETH_P_802_EX1))

        def round_trip() -> None:
            frame = _frame()
            sender.send(frame)
            while (received := receiver.recvfrom(2048))[0] != frame:
                _expect_experiment(received[0])
            selftest.expect(received[1][:3], (_LOOPBACK, ETH_P_802_EX1, PACKET_HOST))

        yield round_trip


@contextmanager
def dgram() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of frames without a header; the kernel makes it from the address."""
    with _opened(SOCK_DGRAM) as (sender, receiver):
        receiver.bind(PacketAddress(_LOOPBACK, ETH_P_802_EX1))
        to = PacketAddress(_LOOPBACK, ETH_P_802_EX1, addr=_TO)

        def round_trip() -> None:
            payload = os.urandom(46)
            sender.sendto(payload, to)
            while (received := receiver.recvfrom(2048))[0] != payload:
                pass
            selftest.expect(received[1][:3], (_LOOPBACK, ETH_P_802_EX1, PACKET_HOST))

        yield round_trip


@contextmanager
def ring() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of complete frames, received through a ring."""
    with (
        _opened(SOCK_RAW) as (sender, receiver),
        receiver.receive_ring(1 << 16, 2, 1) as blocks,
    ):
        receiver.bind(PacketAddress(_LOOPBACK, ETH_P_802_EX1))

        def round_trip() -> None:
            frame = _frame()
            sender.send(frame)
            while frame not in [received.data for received in next(blocks)]:
                pass
            selftest.received(len(frame))

        yield round_trip


def _expect_experiment(frame: bytes) -> None:
    selftest.expect(frame[12:14], ETH_P_802_EX1.to_bytes(2, "big"))
