"""Rings: memory that a packet socket shares with the kernel. Source: packet(7), mmap(2),
Documentation/networking/packet_mmap.rst."""

from __future__ import annotations

from errno import EBADF, EBUSY
from mmap import MAP_SHARED, PROT_READ, PROT_WRITE, mmap
from time import monotonic, sleep
from typing import Self

from famsock.plugin import Option, socket
from famsock_packet.constants import TPACKET_V3
from famsock_packet.options import PACKET_VERSION
from famsock_packet.structs import RingRequest

_NO_RING = RingRequest(0, 0, 0, 0)
_PATIENCE_S = 5.0
_PAUSE_S = 0.001


class Ring:
    """The memory of a ring of one direction, mapped until it is closed."""

    def __init__(self, sock: socket, option: Option[RingRequest], request: RingRequest) -> None:
        sock.set_option(PACKET_VERSION, TPACKET_V3)
        sock.set_option(option, request)
        self._sock = sock
        self._option = option
        self._size_bytes = request.block_bytes * request.blocks
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

        Calls that send and receive work as without a ring from then on.
        """
        if self._memory.closed:
            return
        self._memory.close()
        if self._sock.fileno() >= 0:
            self._take_away()

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


def frames_of(block_bytes: int, blocks: int, frame_bytes: int) -> int:
    """Return the number of frames in a ring; 0 for sizes that the kernel refuses."""
    return blocks * (block_bytes // frame_bytes) if frame_bytes else 0
