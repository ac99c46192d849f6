"""Rings: memory that a packet socket shares with the kernel. Source: packet(7), mmap(2),
Documentation/networking/packet_mmap.rst."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EBADF, EBUSY
from math import ceil
from mmap import MAP_SHARED, PROT_READ, PROT_WRITE, mmap
from struct import Struct as Codec
from threading import Lock
from time import monotonic, sleep
from typing import Any, Self

from famsock.plugin import Option, socket
from famsock_packet.constants import TPACKET_V3
from famsock_packet.options import PACKET_VERSION
from famsock_packet.structs import RingRequest

_NO_RING = RingRequest(0, 0, 0, 0)
_PATIENCE_S = 5.0
_PAUSE_S = 0.001
_GLANCE_S = 0.05


class Ring:
    """The memory of a ring of one direction, mapped until it is closed."""

    def __init__(self, sock: socket, option: Option[RingRequest], request: RingRequest) -> None:
        sock.set_option(PACKET_VERSION, TPACKET_V3)
        sock.set_option(option, request)
        self._sock = sock
        self._option = option
        self._size_bytes = request.block_bytes * request.blocks
        self._turn = Lock()
        self._wakers: set[int] = set()
        try:
            self._memory = mmap(sock.fileno(), self._size_bytes, MAP_SHARED, PROT_READ | PROT_WRITE)
        except BaseException:
            sock.set_option(option, _NO_RING)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the ring away: the memory is unmapped, and what was in it is lost.

        Calls that send and receive work as without a ring from then on. A thread that waits in the
        ring gets OSError EBADF, at once.
        """
        if self._memory.closed:
            return
        self._unmap()
        self._wake()
        if self._sock.fileno() >= 0:
            self._take_away()

    def _unmap(self) -> None:
        """Unmap the memory, as soon as no other thread reads or writes it any more."""
        deadline = monotonic() + _PATIENCE_S
        while True:
            try:
                return self._memory.close()
            except BufferError:
                if monotonic() > deadline:
                    raise
            sleep(_PAUSE_S)

    def _take_away(self) -> None:
        """Undo the ring, as soon as the device holds none of its frames any more."""
        deadline = monotonic() + _PATIENCE_S
        while True:
            try:
                return self._sock.set_option(self._option, _NO_RING)
            except OSError as error:
                if error.errno != EBUSY or monotonic() > deadline:
                    raise
            sleep(_PAUSE_S)

    def _check_open(self) -> None:
        if self._memory.closed or self._sock.fileno() < 0:
            raise OSError(EBADF, "AF_PACKET ring is closed")

    def _read(self, codec: Codec, at: int) -> tuple[Any, ...]:
        """Read from the memory; OSError EBADF if another thread has closed the ring."""
        try:
            return codec.unpack_from(self._memory, at)
        except ValueError:
            self._check_open()
            raise

    def _wake(self) -> None:
        """End the waits of other threads."""
        with self._turn:
            for waker in self._wakers:
                os.write(waker, (1).to_bytes(8, sys.byteorder))  # as eventfd(2) says

    @contextmanager
    def _waiter(self) -> Iterator[Waiter]:
        """Give what waits for the socket and for `_wake`."""
        try:
            waker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        except (AttributeError, OSError):
            waker = -1  # PyPy, or no descriptor is left: it glances up now and then
        with self._turn:
            self._wakers |= {waker} - {-1}
        try:
            yield Waiter(self._sock.fileno(), waker)
        finally:
            with self._turn:
                self._wakers.discard(waker)
            if waker >= 0:
                os.close(waker)


class Waiter:
    """Waits for input or an error of a socket, and for what ends the wait from another thread."""

    def __init__(self, descriptor: int, waker: int) -> None:
        self._descriptor = descriptor
        self._limit_s = None if waker >= 0 else _GLANCE_S
        self._poll = select.poll()
        if descriptor >= 0:
            self._poll.register(descriptor, select.POLLIN | select.POLLERR)
        if waker >= 0:
            self._poll.register(waker, select.POLLIN)

    def wait(self, left_s: float | None) -> int:
        """Return the socket's events, 0 if there are none: the caller looks again at the ring."""
        limits_s = [limit for limit in (left_s, self._limit_s) if limit is not None]
        events = self._poll.poll(ceil(min(limits_s) * 1000) if limits_s else None)
        return dict(events).get(self._descriptor, 0)


def frames_of(block_bytes: int, blocks: int, frame_bytes: int) -> int:
    """Return the number of frames in a ring; 0 for sizes that the kernel refuses."""
    return blocks * (block_bytes // frame_bytes) if frame_bytes else 0
