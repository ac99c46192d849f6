"""Settings of a CAN_ISOTP socket before it is bound (ISO 15765-2).

Times are integer nanoseconds, as in the kernel. Sources: linux/can/isotp.h, isotp.rst.
"""

from __future__ import annotations

from typing import Self

import attrs

from famsock.plugin import codecs, cstruct
from famsock_can import constants as c
from famsock_can.sockets.arrival import Arrival

__all__ = [
    "IsotpFlowControl",
    "IsotpLinkLayer",
    "IsotpOptions",
    "IsotpPdu",
    "IsotpTimeoutError",
]

_HEADER = "linux/can/isotp.h"
_KNOWN_FLAGS = 0x3FFF
_FD_FLAGS = c.CANFD_BRS | c.CANFD_ESI | c.CANFD_FDF
_TX_DL = (8, 12, 16, 20, 24, 32, 48, 64)
_MTU = (c.CAN_MTU, c.CANFD_MTU)
_NS_PER_MS = 1_000_000
_NS_PER_100_US = 100_000


def _u8_of(allowed: tuple[int, ...]) -> cstruct.CType:
    def check(value: object) -> int:
        if (number := cstruct.U8.check(value)) not in allowed:
            raise ValueError(f"must be one of {', '.join(map(str, allowed))}, not {number}")
        return int(number)

    return cstruct.CType(c="__u8", code="B", check=check)


def _check_tx_flags(value: object) -> int:
    flags = int(cstruct.U8.check(value))
    if unknown := flags & ~_FD_FLAGS:
        raise ValueError(f"has bits that are no CANFD flags: {unknown:#x}")
    return flags


def _check_flags(value: object) -> int:
    flags = int(cstruct.U32.check(value))
    if unknown := flags & ~_KNOWN_FLAGS:
        raise ValueError(f"has bits that are no CAN_ISOTP flags: {unknown:#x}")
    if flags & c.CAN_ISOTP_SF_BROADCAST and flags & c.CAN_ISOTP_CF_BROADCAST:
        raise ValueError("must not have both CAN_ISOTP_SF_BROADCAST and CAN_ISOTP_CF_BROADCAST")
    return flags


_FLAGS = cstruct.CType(c="__u32", code="I", check=_check_flags)
_TX_FLAGS = cstruct.CType(c="__u8", code="B", check=_check_tx_flags)


@cstruct.struct("struct can_isotp_options", header=_HEADER)
class IsotpOptions(cstruct.Struct):
    """CAN_ISOTP_OPTS: how a transport channel behaves.

    :param flags: CAN_ISOTP_* bits: LISTEN_MODE, EXTEND_ADDR, TX_PADDING, RX_PADDING, CHK_PAD_LEN,
        CHK_PAD_DATA, HALF_DUPLEX, FORCE_TXSTMIN, FORCE_RXSTMIN, RX_EXT_ADDR, WAIT_TX_DONE,
        SF_BROADCAST or CF_BROADCAST, DYN_FC_PARMS (Linux 6.10). `make` sets those that follow.
    :param frame_txtime_ns: time between frames on the bus (N_As, N_Ar), 0-0xfffffffe ns; 0 leaves
        it as it is (50 µs at first), CAN_ISOTP_FRAME_TXTIME_ZERO (0xffffffff) makes it zero.
    :param ext_address: address extension byte to send, and to expect unless there is another one.
    :param txpad_content: byte that fills frames that are sent.
    :param rxpad_content: byte that fills frames that are received.
    :param rx_ext_address: address extension byte to expect, with CAN_ISOTP_RX_EXT_ADDR.
    """

    flags: int = cstruct.field(_FLAGS, "flags", default=0)
    frame_txtime_ns: int = cstruct.u32("frame_txtime", default=0)
    ext_address: int = cstruct.u8("ext_address", default=0)
    txpad_content: int = cstruct.u8("txpad_content", default=c.CAN_ISOTP_DEFAULT_PAD_CONTENT)
    rxpad_content: int = cstruct.u8("rxpad_content", default=c.CAN_ISOTP_DEFAULT_PAD_CONTENT)
    rx_ext_address: int = cstruct.u8("rx_ext_address", default=0)

    @classmethod
    def make(
        cls,
        *,
        flags: int = 0,
        frame_txtime_ns: int | None = None,
        ext_address: int | None = None,
        rx_ext_address: int | None = None,
        tx_padding: int | None = None,
        rx_padding: int | None = None,
    ) -> Self:
        """Return options with the flags that follow from the arguments; None switches off.

        ``frame_txtime_ns`` is 0-0xfffffffe and 0 means zero here, None the kernel's default. Other
        ``flags`` come on top. Errors are those of the class.
        """
        if frame_txtime_ns is not None:
            frame_txtime_ns = codecs.check_int(
                "IsotpOptions frame_txtime_ns", frame_txtime_ns, c.CAN_ISOTP_FRAME_TXTIME_ZERO - 1
            )
        features = {
            c.CAN_ISOTP_EXTEND_ADDR: ext_address,
            c.CAN_ISOTP_RX_EXT_ADDR: rx_ext_address,
            c.CAN_ISOTP_TX_PADDING: tx_padding,
            c.CAN_ISOTP_RX_PADDING: rx_padding,
        }
        for flag, value in features.items():
            flags |= flag if value is not None else 0
        pad = c.CAN_ISOTP_DEFAULT_PAD_CONTENT
        return cls(
            flags,
            0 if frame_txtime_ns is None else frame_txtime_ns or c.CAN_ISOTP_FRAME_TXTIME_ZERO,
            ext_address or 0,
            pad if tx_padding is None else tx_padding,
            pad if rx_padding is None else rx_padding,
            rx_ext_address or 0,
        )


@cstruct.struct("struct can_isotp_fc_options", header=_HEADER)
class IsotpFlowControl(cstruct.Struct):
    """CAN_ISOTP_RECV_FC: what the socket asks of a sender in its flow control frames.

    :param block_size: frames between two flow control frames, 0-255; 0 asks for all at once.
    :param stmin: the least time between two frames, as in the flow control frame: 0-0x7f in ms,
        0xf1-0xf9 for 100-900 µs, the rest is reserved but sent unchanged. See `for_time`.
    :param wait_frames_max: the greatest number of wait frames, 0-255; 0 for none.
    """

    block_size: int = cstruct.u8("bs", default=c.CAN_ISOTP_DEFAULT_RECV_BS)
    stmin: int = cstruct.u8("stmin", default=c.CAN_ISOTP_DEFAULT_RECV_STMIN)
    wait_frames_max: int = cstruct.u8("wftmax", default=c.CAN_ISOTP_DEFAULT_RECV_WFTMAX)

    @property
    def stmin_ns(self) -> int:
        """The least time between two frames in ns; a reserved value means 127 ms (ISO 15765-2)."""
        if 0xF1 <= self.stmin <= 0xF9:
            return (self.stmin - 0xF0) * _NS_PER_100_US
        return min(self.stmin, 0x7F) * _NS_PER_MS

    @classmethod
    def for_time(cls, stmin_ns: int, *, block_size: int = 0, wait_frames_max: int = 0) -> Self:
        """Return flow control for a time in ns: 0-127 ms in ms, or 100-900 µs in steps of 100.

        ValueError for a time that the protocol cannot express.
        """
        hundreds, rest = divmod(stmin_ns, _NS_PER_100_US)
        if not rest and 1 <= hundreds <= 9:
            return cls(block_size, 0xF0 + hundreds, wait_frames_max)
        ms, rest = divmod(stmin_ns, _NS_PER_MS)
        if rest or not 0 <= ms <= 0x7F:
            raise ValueError(
                f"stmin_ns must be 0-127 ms in whole ms, or 100000-900000 in whole 100000, "
                f"not {stmin_ns}"
            )
        return cls(block_size, ms, wait_frames_max)


@cstruct.struct("struct can_isotp_ll_options", header=_HEADER)
class IsotpLinkLayer(cstruct.Struct):
    """CAN_ISOTP_LL_OPTS: the frames underneath.

    :param mtu: CAN_MTU (16) for classic frames, CANFD_MTU (72) for CAN FD.
    :param tx_dl: bytes in a frame that is sent: 8, 12, 16, 20, 24, 32, 48 or 64; 8 with CAN_MTU.
    :param tx_flags: CANFD_BRS, CANFD_ESI or 0 for frames that are sent; 0 with CAN_MTU.
    :raises OverflowError: for an integer out of range.
    :raises ValueError: for a value that no frame has, or that only fits the other ``mtu``.
    """

    mtu: int = cstruct.field(_u8_of(_MTU), "mtu", default=c.CAN_ISOTP_DEFAULT_LL_MTU)
    tx_dl: int = cstruct.field(_u8_of(_TX_DL), "tx_dl", default=c.CAN_ISOTP_DEFAULT_LL_TX_DL)
    tx_flags: int = cstruct.field(_TX_FLAGS, "tx_flags", default=c.CAN_ISOTP_DEFAULT_LL_TX_FLAGS)

    def __attrs_post_init__(self) -> None:
        if self.mtu == c.CAN_MTU and (self.tx_dl != c.CAN_MAX_DLEN or self.tx_flags != 0):
            raise ValueError(
                f"IsotpLinkLayer mtu {self.mtu} (classic frames) needs tx_dl 8 and tx_flags 0, "
                f"not {self.tx_dl} and {self.tx_flags}"
            )


class IsotpTimeoutError(TimeoutError):
    """A peer began a message and did not go on within a second (ETIMEDOUT, ISO 15765-2's N_Cr).

    `TimeoutError` itself, without an errno, is the socket's own timeout: nothing was received.
    """


@attrs.frozen
class IsotpPdu:
    """A message that a CAN_ISOTP socket received.

    :ivar data: its bytes, put together from as many frames as it took. :ivar is_truncated: whether
        it was longer than the buffer. :ivar arrival: its time and interface.
    """

    data: bytes
    is_truncated: bool
    arrival: Arrival
