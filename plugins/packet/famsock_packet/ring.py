"""TPACKET_V3: receiving through memory that the kernel fills, block by block.

Wire layout, in host order: each block begins with a struct tpacket_block_desc. Its
``offset_to_first_pkt`` is the offset of the first frame's struct tpacket3_hdr, and
``tp_next_offset`` that of the next one. After that header, at a multiple of 16 bytes, comes the
struct sockaddr_ll. A block belongs to the kernel until it sets TP_STATUS_USER, and again when that
is cleared. Source: Documentation/networking/packet_mmap.rst, linux/if_packet.h.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from errno import EAGAIN
from itertools import chain
from mmap import mmap
from struct import Struct as Codec
from time import monotonic, sleep
from typing import NamedTuple

from famsock.plugin import Lookup, Struct, cstruct, options, records, socket
from famsock_packet._mapped import Ring, frames_of
from famsock_packet.addresses import PacketAddress
from famsock_packet.constants import (
    TP_STATUS_BLK_TMO,
    TP_STATUS_KERNEL,
    TP_STATUS_LOSING,
    TP_STATUS_USER,
)
from famsock_packet.options import PACKET_RX_RING
from famsock_packet.structs import RingRequest, VlanTag, vlan_tag

__all__ = [
    "ReceiveRing",
    "RingBlock",
    "RingFrame",
]

_HEADER = "linux/if_packet.h"
_PAUSE_S = 0.001
_AT_ONCE = 64
_GIVEN_BACK = "AF_PACKET ring block was given back to the kernel"


@cstruct.struct("struct tpacket_block_desc", header=_HEADER)
class BlockHeader(Struct):
    """The header of a block."""

    version: int = cstruct.u32("version")
    private_offset: int = cstruct.u32("offset_to_priv")
    status: int = cstruct.u32("hdr.bh1.block_status")
    frames: int = cstruct.u32("hdr.bh1.num_pkts")
    first_offset: int = cstruct.u32("hdr.bh1.offset_to_first_pkt")
    used_bytes: int = cstruct.u32("hdr.bh1.blk_len")
    sequence: int = cstruct.u64("hdr.bh1.seq_num")
    first_s: int = cstruct.u32("hdr.bh1.ts_first_pkt.ts_sec")
    first_ns: int = cstruct.u32("hdr.bh1.ts_first_pkt.ts_nsec")
    last_s: int = cstruct.u32("hdr.bh1.ts_last_pkt.ts_sec")
    last_ns: int = cstruct.u32("hdr.bh1.ts_last_pkt.ts_nsec")


@cstruct.struct("struct tpacket3_hdr", header=_HEADER, size=48)
class FrameHeader(Struct):
    """The header of each frame."""

    next_offset: int = cstruct.u32("tp_next_offset")
    seconds: int = cstruct.u32("tp_sec")
    nanoseconds: int = cstruct.u32("tp_nsec")
    captured_bytes: int = cstruct.u32("tp_snaplen")
    length_bytes: int = cstruct.u32("tp_len")
    status: int = cstruct.u32("tp_status")
    mac: int = cstruct.u16("tp_mac")
    net: int = cstruct.u16("tp_net")
    hash: int = cstruct.u32("hv1.tp_rxhash")
    vlan_tci: int = cstruct.u32("hv1.tp_vlan_tci")
    vlan_tpid: int = cstruct.u16("hv1.tp_vlan_tpid")


_unpack_block = BlockHeader.layout.codec.unpack_from
_STATUS_OFFSET = next(m.offset for m in BlockHeader.layout.members if m.attribute == "status")
_STATUS = Codec("=I")


class RingFrame(NamedTuple):
    """A frame of a ring: a tuple, because an attrs object takes eight times as long to make.

    ``data`` begins with the link-layer header on SOCK_RAW. ``timestamp_ns`` is the time of arrival
    since 1970. ``length_bytes`` is its original length. ``status`` are TP_STATUS_*. ``sockaddr`` is
    the source as bytes, with at most 8 bytes of its hardware address.
    """

    data: bytes
    timestamp_ns: int
    length_bytes: int
    status: int
    vlan_tci: int
    vlan_tpid: int
    sockaddr: bytes

    @property
    def vlan(self) -> VlanTag | None:
        """The VLAN tag that was taken off, None without one."""
        return vlan_tag(self.status, self.vlan_tci, self.vlan_tpid)

    def address(self, sock: socket | None = None) -> PacketAddress:
        """Return the source of the frame; its interface by name if ``sock`` is given."""
        raw = bytearray(self.sockaddr)
        raw[11] = min(raw[11], 8)
        return PacketAddress.unpack(raw, Lookup("decode", sock) if sock is not None else None)


_FRAMES = records.RecordReader(
    FrameHeader,
    RingFrame,
    (
        records.Counted("mac", "captured_bytes"),
        records.Nanoseconds("seconds", "nanoseconds"),
        "length_bytes",
        "status",
        "vlan_tci",
        "vlan_tpid",
        records.Octets(FrameHeader.layout.size, PacketAddress.layout.size),
    ),
    step="next_offset",
)


class RingBlock:
    """A block of a ring: an iterable of its `RingFrame`, each copied before it is reached.

    ``frames`` is their number, ``sequence`` the block's. ``is_losing`` means that frames were
    dropped for lack of space, ``is_timed_out`` that the block came although it was not full. It can
    be read until the ring's next one is asked for: then iteration raises ValueError, at the latest
    64 frames on. The frames themselves stay valid.
    """

    __slots__ = (
        "_end",
        "_is_given_back",
        "_memory",
        "_start",
        "frames",
        "is_losing",
        "is_timed_out",
        "sequence",
    )

    def __init__(self, memory: mmap, start: int, size_bytes: int) -> None:
        header = BlockHeader.unchecked(*_unpack_block(memory, start))
        self._memory = memory
        self._is_given_back = False
        self._start = start + header.first_offset
        self._end = start + size_bytes
        self.frames = header.frames
        self.sequence = header.sequence
        self.is_losing = bool(header.status & TP_STATUS_LOSING)
        self.is_timed_out = bool(header.status & TP_STATUS_BLK_TMO)

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[RingFrame]:
        return chain.from_iterable(self._pieces())

    def _pieces(self) -> Iterator[list[RingFrame]]:
        """Read the frames, few at a time: a whole block would not fit the processor's cache."""
        at, left = self._start, self.frames
        while left > 0:
            try:
                frames, at = _FRAMES.read(self._memory, at, self._end, min(left, _AT_ONCE))
            except ValueError:  # another thread has closed the ring
                raise ValueError(_GIVEN_BACK) from None
            if self._is_given_back:  # perhaps while it was read
                raise ValueError(_GIVEN_BACK)
            if not frames:
                return
            left -= len(frames)
            yield frames


class ReceiveRing(Ring):
    """The memory that a socket receives through: an iterator of blocks, without end.

    Each step gives the block before back to the kernel and waits for the next one as a receive
    does: for ever, for the socket's timeout (then TimeoutError), or not at all (BlockingIOError).
    """

    def __init__(
        self, sock: socket, block_bytes: int, blocks: int, retire_ms: int, frame_bytes: int
    ) -> None:
        frames = frames_of(block_bytes, blocks, frame_bytes)
        request = RingRequest(block_bytes, blocks, frame_bytes, frames, retire_ms)
        super().__init__(sock, PACKET_RX_RING, request)
        self._block_bytes = block_bytes
        self._next = 0
        self._held: tuple[RingBlock, int] | None = None

    def close(self) -> None:
        """Take the ring away: the memory is unmapped, and what was in it is lost.

        Receive calls give frames again from then on.
        """
        if not self._memory.closed:
            self._give_back()
        super().close()

    def __iter__(self) -> ReceiveRing:
        return self

    def __next__(self) -> RingBlock:
        self._check_open()
        self._give_back()
        start = self._next
        self._wait(start)
        try:
            block = RingBlock(self._memory, start, self._block_bytes)
        except ValueError:
            self._check_open()
            raise
        self._held = block, start
        self._next = (start + self._block_bytes) % self._size_bytes
        return block

    def _give_back(self) -> None:
        if self._held is not None:
            block, start = self._held
            block._is_given_back = True
            self._held = None
            try:
                _STATUS.pack_into(self._memory, start + _STATUS_OFFSET, TP_STATUS_KERNEL)
            except ValueError:
                self._check_open()
                raise

    def _wait(self, start: int) -> None:
        """Return when the block at ``start`` is the program's."""
        if self._is_ready(start):
            return
        timeout = self._sock.gettimeout()
        if timeout == 0:
            raise BlockingIOError(EAGAIN, "AF_PACKET ring has no block ready")
        deadline = None if timeout is None else monotonic() + timeout
        with self._waiter() as waiter:
            while not self._is_ready(start):
                self._check_open()
                left_s = None if deadline is None else deadline - monotonic()
                if left_s is not None and left_s <= 0:
                    raise TimeoutError("timed out")
                if waiter.wait(left_s) & ~select.POLLIN:
                    self._check_open()
                    self._raise_pending_error()
                    sleep(_PAUSE_S)  # what is in the error queue, a time stamp, would end each poll

    def _is_ready(self, start: int) -> bool:
        status: int = self._read(_STATUS, start + _STATUS_OFFSET)[0]
        return bool(status & TP_STATUS_USER)

    def _raise_pending_error(self) -> None:
        """Raise what happened to the interface, such as ENETDOWN."""
        if error := self._sock.get_option(options.SO_ERROR):
            raise OSError(error, os.strerror(error))
