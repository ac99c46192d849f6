"""TPACKET_V3: sending from memory that the kernel reads, many frames in one system call.

Wire layout, in host order: slots of ``frame_bytes`` each, as many in a block as fit completely. A
slot begins with a struct tpacket3_hdr, in which ``tp_len`` and ``tp_status`` count and
``tp_next_offset`` stays 0; the frame is 48 bytes from its beginning. A slot is the kernel's from
TP_STATUS_SEND_REQUEST until it is TP_STATUS_AVAILABLE again. Linux 4.11. Source:
Documentation/networking/packet_mmap.rst, linux/if_packet.h, tpacket_snd of af_packet.c.
"""

from __future__ import annotations

from errno import EAGAIN
from struct import Struct as Codec
from time import monotonic, sleep
from typing import Any

from famsock.plugin import records, socket
from famsock_packet._mapped import Ring, frames_of
from famsock_packet.constants import (
    TP_STATUS_AVAILABLE,
    TP_STATUS_SEND_REQUEST,
    TP_STATUS_WRONG_FORMAT,
)
from famsock_packet.options import PACKET_TX_RING
from famsock_packet.ring import FrameHeader
from famsock_packet.structs import RingRequest

__all__ = [
    "TransmitRing",
]

_DATA = FrameHeader.layout.size
_PAUSE_S = 0.0002

_NOT_TAKEN = (TP_STATUS_SEND_REQUEST, TP_STATUS_WRONG_FORMAT)
_AT_STATUS = next(m.offset for m in FrameHeader.layout.members if m.attribute == "status")
_STATUS = Codec("=I")
_write = records.RecordWriter(
    FrameHeader,
    data_offset=_DATA,
    length="length_bytes",
    state="status",
    free=TP_STATUS_AVAILABLE,
    ready=TP_STATUS_SEND_REQUEST,
).write


class TransmitRing(Ring):
    """The memory that a socket sends from: `put` lays frames there, `flush` has them sent.

    Leaving ``with`` flushes. ``frame_bytes_max`` is how long a frame may be, ``len()`` is how many
    wait to be flushed.
    """

    def __init__(
        self, sock: socket, block_bytes: int, blocks: int, frame_bytes: int, address: Any = None
    ) -> None:
        frames = frames_of(block_bytes, blocks, frame_bytes)
        super().__init__(
            sock, PACKET_TX_RING, RingRequest(block_bytes, blocks, frame_bytes, frames)
        )
        in_block = block_bytes // frame_bytes
        self._places = [
            n // in_block * block_bytes + n % in_block * frame_bytes for n in range(frames)
        ]
        self._slot_bytes = frame_bytes
        self._fileno = sock.fileno
        self._next = 0
        self._waiting = 0
        self._address = address
        self.frame_bytes_max = frame_bytes - _DATA

    def __exit__(self, *raised: object) -> None:
        try:
            if raised[0] is None and self._waiting and not self._memory.closed:
                self.flush()
        finally:
            self.close()

    def __len__(self) -> int:
        return self._waiting

    def put(self, frame: Any) -> None:
        """Write a frame, a bytes-like object, into the next slot.

        With no place free, flushes what waits, and waits for a place as a send does: for ever, for
        the socket's timeout (then TimeoutError), or not at all (BlockingIOError). ValueError for a
        frame of more than ``frame_bytes_max``; OSError as `flush`, with this frame not laid down.
        """
        start = self._places[self._next]
        try:
            if self._fileno() < 0:
                self._check_open()
            while not _write(self._memory, start, start + self._slot_bytes, frame):
                self._make_room()
                start = self._places[self._next]
        except ValueError:
            self._check_open()  # another thread may have closed it
            self._check_size(frame)
            raise
        self._next = (self._next + 1) % len(self._places)
        self._waiting += 1

    def _check_size(self, frame: Any) -> None:
        if (size := memoryview(frame).nbytes) > self.frame_bytes_max:
            raise ValueError(
                f"put(): AF_PACKET frame must be at most {self.frame_bytes_max} bytes in this "
                f"ring, not {size}"
            ) from None

    def flush(self) -> int:
        """Make the kernel send all frames that wait; return their size in bytes.

        Waits as a send does. OSError EMSGSIZE for a frame of more than the interface's MTU, EINVAL
        for one that is shorter than a header: it and those behind it are dropped. ENETDOWN, ENXIO
        without an interface, ENOBUFS if the interface's queue is full: frames that were not sent
        keep waiting.
        """
        self._check_open()
        sent = 0
        while self._waiting:
            try:
                sent += self._kick()
            except OSError as error:
                self._drop_from_a_wrong_one(error)
                raise
        return sent

    def _kick(self) -> int:
        """Make one system call, which takes some of the frames or all."""
        try:
            if self._address is None:
                return self._sock.send(b"")
            return self._sock.sendto(b"", self._address)
        finally:
            self._count_waiting()

    def _count_waiting(self) -> None:
        """Find which frames the kernel has not taken: it takes them in order."""
        if self._status(self._next - 1) not in _NOT_TAKEN:
            self._waiting = 0
        while self._waiting and self._status(self._next - self._waiting) not in _NOT_TAKEN:
            self._waiting -= 1

    def _drop_from_a_wrong_one(self, error: OSError) -> None:
        """Go back to a refused frame; otherwise the kernel would try that frame for ever."""
        first = self._next - self._waiting
        if not self._waiting or self._status(first) != TP_STATUS_WRONG_FORMAT:
            return
        for place in range(first, self._next):
            at = self._places[place] + _AT_STATUS
            _STATUS.pack_into(self._memory, at, TP_STATUS_AVAILABLE)
        error.add_note(
            f"AF_PACKET ring: a frame was refused; {self._waiting - 1} behind it were dropped too"
        )
        self._next = first % len(self._places)
        self._waiting = 0

    def _make_room(self) -> None:
        """Return when the next place is free."""
        self.flush()
        timeout = self._sock.gettimeout()
        deadline = None if timeout is None else monotonic() + timeout
        while self._status(self._next) != TP_STATUS_AVAILABLE:
            if timeout == 0:
                raise BlockingIOError(EAGAIN, "put(): AF_PACKET ring has no free place")
            if deadline is not None and monotonic() > deadline:
                raise TimeoutError("timed out")
            sleep(_PAUSE_S)
            self._check_open()

    def _status(self, place: int) -> int:
        status: int = self._read(_STATUS, self._places[place] + _AT_STATUS)[0]
        return status
