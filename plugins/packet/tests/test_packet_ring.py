"""Receiving through TPACKET_V3's shared memory."""

from __future__ import annotations

import errno
import gc
import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from famsock_packet import PacketSocket
from famsock_packet import constants as c
from famsock_packet._mapped import Waiter
from famsock_packet.addresses import PacketAddress
from famsock_packet.ring import ReceiveRing
from famsock_packet.structs import VlanTag
from famsock_packet.transmit import TransmitRing

from famsock.plugin import constants, options

Opened = Callable[..., PacketSocket]
Ip = Callable[[str], str]
MAC0, MAC1 = bytes.fromhex("020000000010"), bytes.fromhex("020000000011")
TYPE = c.ETH_P_802_EX1
pytestmark = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_capability("CAP_NET_RAW"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors"),
]


def frame(payload: bytes = b"", proto: int = TYPE) -> bytes:
    return MAC1 + MAC0 + proto.to_bytes(2, "big") + payload.ljust(46, b"\0")


def received(ring: Any, count: int) -> list[Any]:
    """So many frames of a ring."""
    found: list[Any] = []
    for block in ring:
        assert len(block) == block.frames
        found += block
        if len(found) >= count:
            return found
    raise AssertionError("a ring has no end")


def test_frames_in_their_order(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    sent = [frame(n.to_bytes(2, "big") + os.urandom(n % 900)) for n in range(300)]
    with sock.receive_ring(1 << 16, 8, 5) as ring:
        sock.bind(("v1", TYPE))
        before = time.time_ns()
        for one in sent:
            wire.send(one)
        got = received(ring, len(sent))
    assert [one.data for one in got] == sent
    assert [one.length_bytes for one in got] == [len(one) for one in sent]
    stamps = [one.timestamp_ns for one in got]
    assert sorted(stamps) == stamps
    assert before <= stamps[0] <= stamps[-1] <= time.time_ns()
    assert got[0].address(sock) == PacketAddress("v1", TYPE, 0, 1, MAC0)
    assert isinstance(got[0].address().interface, int)
    assert got[0].vlan is None


def test_blocks_are_counted_and_used_again(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    with sock.receive_ring(1 << 12, 2, 1) as ring:
        sock.bind(("v1", TYPE))
        sequences = []
        for number in range(6):
            wire.send(frame(bytes([number])))
            block = next(ring)
            while not block.frames:
                block = next(ring)
            sequences.append(block.sequence)
            assert [one.data for one in block] == [frame(bytes([number]))]
            assert block.is_timed_out
    assert sequences == sorted(set(sequences))


def test_a_block_that_was_given_back(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    with sock.receive_ring(1 << 12, 4, 1) as ring:
        sock.bind(("v1", TYPE))
        wire.send(frame(b"1"))
        block = next(ring)
        assert [one.data for one in block] == [frame(b"1")] == [one.data for one in block]
        wire.send(frame(b"2"))
        frames = iter(block)
        next(ring)
        with pytest.raises(ValueError, match="given back"):
            next(frames)
    with pytest.raises(OSError, match="ring is closed") as caught:
        next(ring)
    assert caught.value.errno == errno.EBADF


def test_a_block_that_is_given_back_while_it_is_read(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    with sock.receive_ring(1 << 16, 4, 60) as ring:
        sock.bind(("v1", TYPE))
        sent = [frame(n.to_bytes(2, "big")) for n in range(200)]
        for one in sent:
            wire.send(one)
        block = next(ring)
        assert len(block) > 100
        assert [one.data for one in block] == sent[: len(block)]
        found, frames = [], iter(block)
        found.append(next(frames))
        wire.send(frame(b"later"))
        next(ring)
        with pytest.raises(ValueError, match="given back"):
            found += frames
        with pytest.raises(ValueError, match="given back"):
            list(block)
    assert 1 <= len(found) <= 64
    assert [one.data for one in found] == sent[: len(found)]


def test_closing_while_the_memory_is_read(network: None, opened: Opened) -> None:
    """Compiled code has the memory exported while it reads."""
    sock = opened()
    with sock.receive_ring(1 << 12, 2) as ring:
        view = memoryview(ring._memory)
        with ThreadPoolExecutor(1) as pool:
            closing = pool.submit(ring.close)
            with pytest.raises(TimeoutError):
                closing.result(0.05)
            view.release()
            closing.result(20)
        with pytest.raises(OSError, match="ring is closed"):
            next(ring)


def test_nothing_to_receive(network: None, opened: Opened) -> None:
    sock = opened()
    with sock.receive_ring(1 << 12, 2) as ring:
        sock.bind(("v1", TYPE))
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            next(ring)
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError, match="timed out"):
            next(ring)


def counted(sock: PacketSocket, packets: int) -> tuple[int, ...]:
    """The statistics of a socket once so many packets have come, some time after they were sent."""
    found = (0, 0, 0)
    deadline = time.monotonic() + 20
    while found[0] < packets and time.monotonic() < deadline:
        told = sock.statistics()
        found = (
            found[0] + told.packets,
            found[1] + told.drops,
            found[2] + told.queue_freezes,
        )
    return found


def test_waiting_beside_the_error_queue(
    network: None, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time stamp that waits there ends every poll; asking on and on would take a processor."""
    sock = opened()
    asked: list[ReceiveRing] = []
    ask = ReceiveRing._raise_pending_error

    def counted(ring: ReceiveRing) -> None:
        asked.append(ring)
        ask(ring)

    monkeypatch.setattr(ReceiveRing, "_raise_pending_error", counted)
    flags = constants.SOF_TIMESTAMPING_TX_SOFTWARE | constants.SOF_TIMESTAMPING_SOFTWARE
    sock.set_option(options.SO_TIMESTAMPING, options.Timestamping(flags))
    with sock.receive_ring(1 << 12, 2, 1) as ring:
        sock.bind(("v1", TYPE))
        sock.send(frame())
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            next(ring)
    assert 1 <= len(asked) <= 200


def test_a_full_ring_loses_and_tells(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    with sock.receive_ring(1 << 12, 2, 1) as ring:
        sock.bind(("v1", TYPE))
        for _ in range(200):
            wire.send(frame(bytes(1000)))
        packets, drops, freezes = counted(sock, 200)
        assert (packets, drops > 0, freezes > 0) == (200, True, True)
        assert sum(len(block) for block in (next(ring), next(ring))) == 200 - drops


def test_a_vlan_tag(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    with sock.receive_ring(1 << 14, 2, 1) as ring:
        sock.capture("v1", c.ETH_P_ALL)
        wire.send(frame(b"\x20\x07" + TYPE.to_bytes(2, "big"), c.ETH_P_8021Q))
        (got,) = received(ring, 1)
    assert got.vlan == VlanTag(0x2007, c.ETH_P_8021Q)
    assert got.data == frame()[:56]


def test_receiving_without_a_ring_again(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    ring = sock.receive_ring(1 << 12, 2, 1)
    with pytest.raises(OSError, match="Device or resource busy"):
        sock.receive_ring()
    ring.close()
    ring.close()
    sock.bind(("v1", TYPE))
    wire.send(frame(b"1"))
    assert sock.recv_frame().data == frame(b"1")


def test_a_socket_closed_before_its_ring(network: None, opened: Opened) -> None:
    sock = opened()
    with sock.receive_ring(1 << 12, 2) as ring:
        sock.close()
        with pytest.raises(OSError, match="ring is closed"):
            next(ring)


CLOSINGS: dict[str, Callable[[PacketSocket, ReceiveRing], None]] = {
    "the ring": lambda _, ring: ring.close(),
    "the socket": lambda sock, _: sock.close(),
}


@pytest.mark.parametrize("close", CLOSINGS.values(), ids=CLOSINGS)
@pytest.mark.parametrize("timeout", [None, 60.0])
@pytest.mark.parametrize("waker", ["", "none left", "no eventfd"])
def test_closing_while_a_thread_waits(
    network: None,
    opened: Opened,
    close: Callable[[PacketSocket, ReceiveRing], None],
    timeout: float | None,
    waker: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sock = opened()
    sock.settimeout(timeout)
    waits = threading.Event()
    wait = Waiter.wait

    def told(waiter: Waiter, left_s: float | None) -> int:
        waits.set()
        return wait(waiter, left_s)

    def no_descriptor(*_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Waiter, "wait", told)
    if waker == "none left":
        monkeypatch.setattr(os, "eventfd", no_descriptor)
    elif waker == "no eventfd":
        monkeypatch.delattr(os, "eventfd", raising=False)  # as PyPy's os
    with sock.receive_ring(1 << 12, 2, 1) as ring:
        sock.bind(("v1", TYPE))
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(next, ring) for _ in range(2)]
            assert waits.wait(20)
            close(sock, ring)
            for one in waiting:
                error = one.exception(20)
                assert isinstance(error, OSError)
                assert error.errno == errno.EBADF


def read_all(ring: ReceiveRing, begun: threading.Barrier) -> None:
    begun.wait(20)
    for block in ring:
        try:
            list(block)
        except ValueError as error:
            if "given back" not in str(error):
                raise


def write_on_and_on(ring: TransmitRing, begun: threading.Barrier) -> None:
    begun.wait(20)
    while True:
        ring.put(frame())
        ring.flush()


@pytest.mark.parametrize("sockets_too", [False, True])
def test_closing_while_threads_read_and_write(
    network: None, opened: Opened, sockets_too: bool
) -> None:
    """At any moment: a thread gets EBADF, or a block that was given back."""
    for _ in range(30):
        receiver, sender = opened(), opened()
        receiver.settimeout(None)
        receiving, sending = receiver.receive_ring(1 << 12, 2, 1), sender.transmit_ring(1 << 12, 2)
        receiver.bind(("v1", TYPE))
        sender.bind(("v0", 0))
        begun = threading.Barrier(3)
        with ThreadPoolExecutor(2) as pool:
            at_work = [
                pool.submit(read_all, receiving, begun),
                pool.submit(write_on_and_on, sending, begun),
            ]
            begun.wait(20)
            for one in (receiver, sender) if sockets_too else (receiving, sending):
                one.close()
            for ended in at_work:
                error = ended.exception(20)
                assert isinstance(error, OSError), error
                assert error.errno == errno.EBADF
        for ring in (receiving, sending):
            ring.close()


@pytest.mark.parametrize("name", ["receive_ring", "transmit_ring"])
def test_a_ring_holds_its_socket_and_not_the_reverse(name: str) -> None:
    sock: PacketSocket | None = PacketSocket()
    assert sock is not None
    held = weakref.ref(sock)
    gc.disable()
    try:
        ring = getattr(sock, name)()
        sock = None
        kept = held()
        assert kept is not None
        freed = weakref.ref(ring)
        del ring
        assert freed() is None
        kept.close()
        del kept
        assert held() is None
    finally:
        gc.enable()


def test_an_interface_that_goes_down(network: None, opened: Opened, ip: Ip) -> None:
    sock = opened()
    with sock.receive_ring(1 << 12, 2) as ring:
        sock.bind(("v1", TYPE))
        ip("link set v1 down")
        with pytest.raises(OSError, match="Network is down"):
            next(ring)


@pytest.mark.parametrize(
    "sizes", [(1000, 2), (1 << 12, 0), (1 << 12, 2, 1, 100), (1 << 12, 2, 1, 1 << 13), (0, 0, 1, 0)]
)
def test_sizes_that_do_not_suit(opened: Opened, sizes: tuple[int, ...]) -> None:
    sock = opened()
    with pytest.raises((OSError, ValueError)):
        sock.receive_ring(*sizes)
    with pytest.raises(OverflowError, match="RingRequest block_bytes must be 0-4294967295"):
        sock.receive_ring(1 << 32)
    sock.bind(("lo", 0))
