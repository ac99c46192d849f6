"""Sending through TPACKET_V3's shared memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from socket import SOCK_DGRAM

import pytest
from famsock_packet import PacketSocket
from famsock_packet import constants as c
from famsock_packet.addresses import PacketAddress

Opened = Callable[..., PacketSocket]
Ip = Callable[[str], str]
MAC0, MAC1 = bytes.fromhex("020000000010"), bytes.fromhex("020000000011")
TYPE = c.ETH_P_802_EX1
PAGE = os.sysconf("SC_PAGE_SIZE")
pytestmark = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_capability("CAP_NET_RAW"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors", "alarm"),
]


def frame(payload: bytes = b"") -> bytes:
    return MAC1 + MAC0 + TYPE.to_bytes(2, "big") + payload.ljust(46, b"\0")


@pytest.fixture
def receiver(wire: PacketSocket, opened: Opened) -> PacketSocket:
    """A socket that receives from v1 what `wire` sends."""
    sock = opened()
    sock.bind(("v1", TYPE))
    return sock


def test_frames_in_their_order(wire: PacketSocket, receiver: PacketSocket) -> None:
    sent = [frame(bytes([n]) + os.urandom(n * 14)) for n in range(100)]
    with wire.transmit_ring(PAGE, 32) as ring:
        for one in sent:
            ring.put(one)
        assert len(ring) == len(sent) - 64  # it has 64 places, and was full once
        assert ring.flush() == sum(map(len, sent[64:]))
        assert len(ring) == ring.flush() == 0
        assert [receiver.recv(2048) for _ in sent] == sent


def test_a_ring_is_used_again_and_again(wire: PacketSocket, receiver: PacketSocket) -> None:
    with wire.transmit_ring(PAGE, 1, 256) as ring:
        for number in range(200):
            ring.put(bytearray(frame(bytes([number]))))
            assert ring.flush() == 60
            assert receiver.recv(2048) == frame(bytes([number]))


@pytest.mark.parametrize("timeout_s", [None, 20.0])
def test_more_frames_than_places(
    wire: PacketSocket, receiver: PacketSocket, timeout_s: float | None
) -> None:
    wire.settimeout(timeout_s)
    with wire.transmit_ring(PAGE, 1, 256) as ring:
        for number in range(48):
            ring.put(frame(bytes([number])))
    assert [receiver.recv(2048) for _ in range(48)] == [frame(bytes([n])) for n in range(48)]


def test_leaving_flushes_but_for_an_error(wire: PacketSocket, receiver: PacketSocket) -> None:
    with wire.transmit_ring() as ring:
        ring.put(memoryview(frame(b"left")))
    assert receiver.recv(2048) == frame(b"left")
    ring = wire.transmit_ring().__enter__()
    ring.put(frame(b"dropped"))
    ring.__exit__(RuntimeError, RuntimeError(), None)
    wire.send(frame(b"without a ring again"))
    assert receiver.recv(2048) == frame(b"without a ring again")


def test_headers_that_the_kernel_makes(
    network: None, opened: Opened, receiver: PacketSocket
) -> None:
    sender = opened(SOCK_DGRAM)
    with sender.transmit_ring(address=PacketAddress("v0", TYPE, addr=MAC1)) as ring:
        ring.put(b"x" * 46)
        ring.put(b"y" * 46)
    assert [receiver.recv(2048) for _ in "xy"] == [frame(b"x" * 46), frame(b"y" * 46)]


@pytest.mark.parametrize(
    ("wrong", "number"), [(bytes(1600), errno.EMSGSIZE), (b"short", errno.EINVAL)]
)
def test_a_frame_that_the_kernel_refuses(
    wire: PacketSocket, receiver: PacketSocket, wrong: bytes, number: int
) -> None:
    with wire.transmit_ring() as ring:
        for one in (frame(b"before"), wrong, frame(b"behind"), frame(b"behind")):
            ring.put(one)
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            ring.flush()
        assert caught.value.errno == number
        assert "2 behind it were dropped too" in caught.value.__notes__[-1]
        assert len(ring) == 0
        for payload in (b"after", b"after that"):
            ring.put(frame(payload))
            ring.flush()
    sent = [frame(b"before"), frame(b"after"), frame(b"after that")]
    assert [receiver.recv(2048) for _ in range(3)] == sent


def test_frames_wait_while_the_interface_is_down(
    wire: PacketSocket, receiver: PacketSocket, ip: Ip, wait_for_the_cable: Callable[[], None]
) -> None:
    with wire.transmit_ring() as ring:
        ip("link set v0 down")
        ring.put(frame(b"late"))
        with pytest.raises(OSError, match="Network is down"):
            ring.flush()
        assert len(ring) == 1
        ip("link set v0 up")
        wait_for_the_cable()
        assert ring.flush() == 60
        assert receiver.recv(2048) == frame(b"late")


def test_a_frame_longer_than_its_place(wire: PacketSocket, receiver: PacketSocket) -> None:
    with wire.transmit_ring(PAGE, 1, 256) as ring:
        assert ring.frame_bytes_max == 208
        ring.put(frame(bytes(194)))
        with pytest.raises(ValueError, match="must be at most 208 bytes in this ring, not 209"):
            ring.put(frame(bytes(195)))
        with pytest.raises(TypeError):
            ring.put("text")
    assert receiver.recv(2048) == frame(bytes(194))


def test_without_an_interface(opened: Opened) -> None:
    sock = opened()
    ring = sock.transmit_ring()
    ring.put(frame())
    with pytest.raises(OSError, match="No such device or address") as caught:
        ring.flush()
    ring.close()
    assert caught.value.errno == errno.ENXIO


def test_a_closed_ring_and_a_second_one(wire: PacketSocket) -> None:
    ring = wire.transmit_ring()
    for other in (wire.transmit_ring, wire.receive_ring):
        with pytest.raises(OSError, match="Device or resource busy"):
            other()
    ring.close()
    ring.close()
    for use in (lambda: ring.put(frame()), ring.flush):
        with pytest.raises(OSError, match="ring is closed") as caught:
            use()
        assert caught.value.errno == errno.EBADF
    with wire.transmit_ring() as ring:
        wire.close()
        with pytest.raises(OSError, match="ring is closed"):
            ring.put(frame())


@pytest.mark.parametrize(
    "sizes", [(1000, 2), (PAGE, 0), (PAGE, 2, 100), (PAGE, 2, 2 * PAGE), (PAGE, 2, 0), (0, 0, 0)]
)
def test_sizes_that_do_not_suit(opened: Opened, sizes: tuple[int, ...]) -> None:
    sock = opened()
    with pytest.raises((OSError, ValueError)):
        sock.transmit_ring(*sizes)
    sock.bind(("lo", 0))
