"""Messages to and from the broadcast manager (CAN_BCM): cyclic transmission, content filters.

``struct bcm_msg_head``, host order, 56 bytes where a long has 64 bits; the frames follow it:

========== =========== ============ ====================================================
type       member      field        meaning
========== =========== ============ ====================================================
u32        opcode      opcode       TX_SETUP … RX_CHANGED
u32        flags       flags        SETTIMER, STARTTIMER … CAN_FD_FRAME
u32        count       count        sends at the first interval before the second
timeval    ival1       ival1_us     first interval; timeout of reception
timeval    ival2       ival2_us     second interval; throttle of RX_CHANGED
u32        can_id      can_id       identifier and flags of the frames
u32        nframes     (frames)     number of frames that follow
========== =========== ============ ====================================================

Times are integer microseconds, as in the kernel. Sources: linux/can/bcm.h, can.rst.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import attrs

from famsock.plugin import codecs, cstruct
from famsock_can import constants as c
from famsock_can.frames import CanFdFrame, CanFrame

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "BcmFrame",
    "BcmMessage",
    "BcmOpcode",
]

_HEAD = struct.Struct("@3I4l2I0q")
_US_PER_S = 1_000_000
_IVAL_MAX_US = (1 << 31) * _US_PER_S - 1
_FRAMES_MAX = 257  # MAX_NFRAMES of net/can/bcm.c, and the mask of a multiplexer before them
LONGEST_BYTES = _HEAD.size + _FRAMES_MAX * c.CANFD_MTU

BcmFrame = CanFrame | CanFdFrame


class BcmOpcode(enum.IntEnum):
    """The opcodes of messages."""

    TX_SETUP = c.TX_SETUP
    TX_DELETE = c.TX_DELETE
    TX_READ = c.TX_READ
    TX_SEND = c.TX_SEND
    RX_SETUP = c.RX_SETUP
    RX_DELETE = c.RX_DELETE
    RX_READ = c.RX_READ
    TX_STATUS = c.TX_STATUS
    TX_EXPIRED = c.TX_EXPIRED
    RX_STATUS = c.RX_STATUS
    RX_TIMEOUT = c.RX_TIMEOUT
    RX_CHANGED = c.RX_CHANGED


@attrs.frozen(init=False)
class BcmMessage:
    """A message to or from the broadcast manager.

    :param opcode: the request or event.
    :param can_id: identifier and flags of its frames, 0-0xffffffff.
    :param frames: classic or FD frames, all of one kind, at most 257;
        masks of the content with RX_SETUP.
    :param flags: SETTIMER, STARTTIMER, TX_COUNTEVT … (linux/can/bcm.h); CAN_FD_FRAME follows from
        the frames, and must be given for FD without frames.
    :param count: 0-0xffffffff.
    :param ival1_us: first interval, or timeout, in µs, from 0 up.
    :param ival2_us: second interval, or throttle, in µs, from 0 up.
    :raises OverflowError: for an integer out of range.
    :raises ValueError: for an unknown opcode, too many frames or frames of two kinds.
    """

    opcode: BcmOpcode
    can_id: int
    frames: tuple[BcmFrame, ...]
    _flags: int = attrs.field(alias="flags")
    """Without CAN_FD_FRAME where that follows from the frames: `attrs.evolve` can change them."""
    count: int
    ival1_us: int
    ival2_us: int

    def __init__(
        self,
        opcode: BcmOpcode | int,
        can_id: int,
        frames: Sequence[BcmFrame] = (),
        *,
        flags: int = 0,
        count: int = 0,
        ival1_us: int = 0,
        ival2_us: int = 0,
    ) -> None:
        kinds = {type(frame) for frame in frames}
        if len(kinds) > 1 or kinds - {CanFrame, CanFdFrame}:
            raise ValueError("BCM frames must be all CanFrame or all CanFdFrame")
        if len(frames) > _FRAMES_MAX:
            raise ValueError(f"BCM frames must be at most {_FRAMES_MAX}, not {len(frames)}")
        flags = codecs.check_int("BCM flags", flags, 0xFFFFFFFF)
        if kinds == {CanFdFrame}:
            flags &= ~c.CAN_FD_FRAME
        elif kinds and flags & c.CAN_FD_FRAME:
            raise ValueError("BCM flag CAN_FD_FRAME needs frames of CanFdFrame")
        self.__attrs_init__(
            BcmOpcode(opcode),
            codecs.check_int("BCM can_id", can_id, 0xFFFFFFFF),
            tuple(frames),
            flags,
            codecs.check_int("BCM count", count, 0xFFFFFFFF),
            codecs.check_int("BCM ival1_us", ival1_us, _IVAL_MAX_US),
            codecs.check_int("BCM ival2_us", ival2_us, _IVAL_MAX_US),
        )

    def __repr__(self) -> str:
        return (
            f"BcmMessage(opcode={self.opcode!r}, can_id={self.can_id:#x}, frames={self.frames!r}, "
            f"flags={self.flags}, count={self.count}, ival1_us={self.ival1_us}, "
            f"ival2_us={self.ival2_us})"
        )

    @property
    def flags(self) -> int:
        """The flags, with CAN_FD_FRAME for FD frames."""
        fd = bool(self.frames) and isinstance(self.frames[0], CanFdFrame)
        return self._flags | c.CAN_FD_FRAME if fd else self._flags

    def pack(self) -> bytes:
        """Return ``struct bcm_msg_head`` and the frames."""
        return _HEAD.pack(
            self.opcode,
            self.flags,
            self.count,
            *divmod(self.ival1_us, _US_PER_S),
            *divmod(self.ival2_us, _US_PER_S),
            self.can_id,
            len(self.frames),
        ) + b"".join([frame.pack() for frame in self.frames])

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> Self:
        """Return the message in ``data``; ValueError if it is truncated or its opcode unknown."""
        data = cstruct.check_bytes(data)
        if len(data) < _HEAD.size:
            raise ValueError(f"struct bcm_msg_head needs {_HEAD.size} bytes, not {len(data)}")
        opcode, flags, count, s1, us1, s2, us2, can_id, nframes = _HEAD.unpack_from(data)
        kind: type[BcmFrame] = CanFdFrame if flags & c.CAN_FD_FRAME else CanFrame
        size = c.CANFD_MTU if flags & c.CAN_FD_FRAME else c.CAN_MTU
        end = _HEAD.size + nframes * size
        if len(data) < end:
            raise ValueError(
                f"a BCM message with {nframes} frames needs {end} bytes, not {len(data)}"
            )
        frames = tuple([kind.unpack(data[at : at + size]) for at in range(_HEAD.size, end, size)])
        message = cls.__new__(cls)
        message.__attrs_init__(
            BcmOpcode(opcode),
            can_id,
            frames,
            flags & ~c.CAN_FD_FRAME if frames else flags,
            count,
            s1 * _US_PER_S + us1,
            s2 * _US_PER_S + us2,
        )
        return message
