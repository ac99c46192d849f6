"""CAN frames: classic (CAN 2.0B), FD and XL, as the CAN_RAW and CAN_BCM sockets carry them.

======= ============ ======================================================================
bytes   struct       members, host order
======= ============ ======================================================================
16      can_frame    u32 can_id, u8 len, 2 pad, u8 len8_dlc, u8 data[8]
72      canfd_frame  u32 can_id, u8 len, u8 flags, 2 pad, u8 data[64]
12+len  canxl_frame  u32 prio (with vcid), u8 flags, u8 sdt, u16 len, u32 af, u8 data[1-2048]
======= ============ ======================================================================

The constructors check every value; `unpack_frame` and the ``unpack`` methods check lengths only,
because they are on the receive path. Text is that of can-utils' cansend and candump.
Sources: linux/can.h, Documentation/networking/can.rst, can-utils' lib.h, ISO 11898-1.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Self

import attrs

from famsock.plugin import codecs, cstruct
from famsock_can import _frame_parts as parts
from famsock_can.constants import (
    CAN_EFF_FLAG,
    CAN_EFF_MASK,
    CAN_ERR_FLAG,
    CAN_ERR_MASK,
    CAN_MAX_DLEN,
    CAN_MAX_RAW_DLC,
    CAN_MTU,
    CAN_RTR_FLAG,
    CAN_SFF_MASK,
    CANFD_BRS,
    CANFD_ESI,
    CANFD_FDF,
    CANFD_MAX_DLEN,
    CANFD_MTU,
    CANXL_HDR_SIZE,
    CANXL_MAX_DLEN,
    CANXL_PRIO_MASK,
    CANXL_SEC,
    CANXL_VCID_MASK,
    CANXL_VCID_OFFSET,
    CANXL_XLF,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from famsock_can.errors import CanError

__all__ = [
    "CanFdFrame",
    "CanFrame",
    "CanXlFrame",
    "Frame",
    "pack_frame",
    "parse_addressed",
    "parse_frame",
    "unpack_frame",
]

_CLASSIC = struct.Struct("=IB2xB8s")
_FD = struct.Struct("=IBB2x64s")
_XL = struct.Struct("=IBBHI")
_WIDE = CAN_EFF_FLAG | CAN_ERR_FLAG


def _without_fdf(flags: int) -> int:
    return flags & ~CANFD_FDF


class _Identified:
    """The common part of frames with a ``can_id``: the identifier and its flags."""

    __slots__ = ()
    can_id: int

    @property
    def identifier(self) -> int:
        """The identifier without flags: 11 bits, or 29 if `is_extended`; or the error classes."""
        return self.can_id & (CAN_EFF_MASK if self.can_id & _WIDE else CAN_SFF_MASK)

    @property
    def is_extended(self) -> bool:
        """True if the identifier has 29 bits (CAN_EFF_FLAG)."""
        return self.can_id & CAN_EFF_FLAG != 0

    @property
    def is_error(self) -> bool:
        """True if this is an error message of the driver (CAN_ERR_FLAG), not a frame of the bus."""
        return self.can_id & CAN_ERR_FLAG != 0


_CAN_IDS = (0, CAN_SFF_MASK), (CAN_EFF_FLAG, CAN_EFF_FLAG | CAN_EFF_MASK)
"""Identifiers without CAN_RTR_FLAG and CAN_ERR_FLAG."""

_PLAIN_CLASSIC = cstruct.Plain(
    CAN_MTU,
    (
        cstruct.plain_integer("can_id", cstruct.U32, 0, _CAN_IDS),
        cstruct.plain_octets("data", 8, CAN_MAX_DLEN, length_offset=4, default=b""),
    ),
    none=("_dlc",),
    zero=struct.pack("=I3xB", CAN_RTR_FLAG, 0xFF),  # and no len8_dlc
)
_PLAIN_FD = cstruct.Plain(
    CANFD_MTU,
    (
        cstruct.plain_integer("can_id", cstruct.U32, 0, _CAN_IDS),
        cstruct.plain_octets("data", 8, CANFD_MAX_DLEN, length_offset=4, default=b""),
        cstruct.plain_integer("flags", cstruct.U8, 5, ((0, 0xF),), default=0),
    ),
)


@cstruct.plain(_PLAIN_CLASSIC)
@attrs.frozen(init=False)
class CanFrame(_Identified):
    """A classic CAN frame: at most 8 bytes of data, or a remote request, or an error message.

    :param can_id: 11-bit identifier, or 29-bit identifier | CAN_EFF_FLAG; with CAN_RTR_FLAG a
        remote request (no data); error classes | CAN_ERR_FLAG in an error message.
    :param data: 0-8 bytes.
    :param dlc: the data length code, 0-15. Left out: the number of data bytes. 9-15 mean 8
        bytes on the bus and need 8 bytes of data (``len8_dlc``); in a remote request, the length
        that is asked for.
    :raises OverflowError: for an identifier or dlc out of range.
    :raises ValueError: for data that is too long or does not go with ``dlc`` or a remote request.

    Text: ``123#DEADBEEF``, ``12345678#``, ``123#R4``, with a dlc over 8 ``123#0011223344556677_F``.
    """

    can_id: int
    data: bytes
    _dlc: int | None = attrs.field(alias="dlc")
    """None where it is the number of data bytes, so that `attrs.evolve` can change these."""

    def __init__(self, can_id: int, data: Any = b"", dlc: int | None = None) -> None:
        can_id = parts.check_can_id(can_id)
        data = parts.check_data(data, 0, CAN_MAX_DLEN, "CAN")
        if dlc is not None:
            dlc = codecs.check_int("CAN dlc", dlc, CAN_MAX_RAW_DLC, 0, hex)
        if can_id & CAN_RTR_FLAG:
            if data:
                raise ValueError(f"CAN remote frame carries no data, not {len(data)} bytes")
        elif dlc is not None and min(dlc, CAN_MAX_DLEN) != len(data):
            raise ValueError(f"CAN dlc {dlc} does not go with {len(data)} bytes of data")
        self.__attrs_init__(can_id, data, None if dlc == len(data) else dlc)

    def __repr__(self) -> str:
        return f"CanFrame(can_id={self.can_id:#x}, data={self.data!r}, dlc={self.dlc})"

    @property
    def dlc(self) -> int:
        """The data length code, 0-15."""
        return len(self.data) if self._dlc is None else self._dlc

    @property
    def is_remote(self) -> bool:
        """True if this is a remote request (CAN_RTR_FLAG)."""
        return self.can_id & CAN_RTR_FLAG != 0

    @property
    def error(self) -> CanError | None:
        """The content of an error message; None for any other frame."""
        if not self.can_id & CAN_ERR_FLAG:
            return None
        from famsock_can.errors import CanError

        return CanError.of_frame(self.can_id, self.data)

    def pack(self) -> bytes:
        """Return the 16 bytes of ``struct can_frame``."""
        dlc = self.dlc
        if dlc <= CAN_MAX_DLEN:
            return _CLASSIC.pack(self.can_id, dlc, 0, self.data)
        return _CLASSIC.pack(self.can_id, CAN_MAX_DLEN, dlc, self.data)

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> Self:
        """Return the frame of 16 bytes; ValueError for another size, or a length over 8."""
        data = cstruct.check_bytes(data)
        if len(data) != CAN_MTU:
            raise ValueError(f"struct can_frame has {CAN_MTU} bytes, not {len(data)}")
        can_id, length, len8_dlc, payload = _CLASSIC.unpack(data)
        if length > CAN_MAX_DLEN:
            raise ValueError(f"struct can_frame holds at most {CAN_MAX_DLEN} bytes, not {length}")
        dlc = len8_dlc if length == CAN_MAX_DLEN < len8_dlc <= CAN_MAX_RAW_DLC else length
        content = b"" if can_id & CAN_RTR_FLAG else payload[:length]
        frame = cls.__new__(cls)
        frame.__attrs_init__(can_id, content, None if dlc == len(content) else dlc)
        return frame

    def __str__(self) -> str:
        if self.is_remote:
            body = f"R{min(self.dlc, CAN_MAX_DLEN)}" if self.dlc else "R"
        else:
            body = parts.hex_text(self.data)
        return f"{_id_text(self)}#{body}" + (f"_{self.dlc:X}" if self.dlc > CAN_MAX_DLEN else "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the frame that ``text`` stands for; ValueError if it does not have the form."""
        can_id, body = parts.parse_id(text, "#")
        body, underscore, raw_dlc = body.partition("_")
        dlc = parts.parse_digit(raw_dlc, text) if underscore else None
        if dlc is not None and dlc <= CAN_MAX_DLEN:
            raise ValueError(f"CAN frame {text!r}: the dlc after '_' must be 9-F")
        if not body.startswith(("R", "r")):
            return cls(can_id, parts.parse_hex(body, text), dlc)
        length = parts.parse_digit(body[1:], text) if body[1:] else 0
        if length > CAN_MAX_DLEN or (dlc is not None and length != CAN_MAX_DLEN):
            raise ValueError(f"CAN frame {text!r}: a remote frame's length is 0-8, 8 before '_'")
        return cls(can_id | CAN_RTR_FLAG, b"", length if dlc is None else dlc)


@cstruct.plain(_PLAIN_FD)
@attrs.frozen(init=False)
class CanFdFrame(_Identified):
    """A CAN FD frame: at most 64 bytes of data.

    :param can_id: 11-bit identifier, or 29-bit identifier | CAN_EFF_FLAG.
    :param data: 0-64 bytes. A driver pads to the next length that the bus knows: 0-8, 12, 16, 20,
        24, 32, 48, 64.
    :param flags: CANFD_BRS, CANFD_ESI, CANFD_FDF or 0, 0-15. The kernel adds CANFD_FDF (6.1 on),
        which the class implies already: frames that differ only in it are equal.
    :raises OverflowError: for an identifier or flags out of range.
    :raises ValueError: for more than 64 bytes, or a remote request, which CAN FD does not have.

    Text: ``123##1DEADBEEF``, the digit after ``##`` being the flags.
    """

    can_id: int = attrs.field(repr=hex)
    data: bytes
    flags: int = attrs.field(eq=_without_fdf)

    def __init__(self, can_id: int, data: Any = b"", flags: int = 0) -> None:
        can_id = parts.check_can_id(can_id)
        if can_id & CAN_RTR_FLAG:
            raise ValueError("CAN FD has no remote frames: can_id must not have CAN_RTR_FLAG")
        data = parts.check_data(data, 0, CANFD_MAX_DLEN, "CAN FD")
        flags = codecs.check_int("CAN flags", flags, 0xF, 0, hex)
        self.__attrs_init__(can_id, data, flags)

    @property
    def bit_rate_switch(self) -> bool:
        """True if the data is sent at the second bit rate (CANFD_BRS)."""
        return self.flags & CANFD_BRS != 0

    @property
    def error_state_indicator(self) -> bool:
        """True if the sender is in the error passive state (CANFD_ESI)."""
        return self.flags & CANFD_ESI != 0

    def pack(self) -> bytes:
        """Return the 72 bytes of ``struct canfd_frame``."""
        return _FD.pack(self.can_id, len(self.data), self.flags, self.data)

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> Self:
        """Return the frame of 72 bytes; ValueError for another size, or a length over 64."""
        data = cstruct.check_bytes(data)
        if len(data) != CANFD_MTU:
            raise ValueError(f"struct canfd_frame has {CANFD_MTU} bytes, not {len(data)}")
        can_id, length, flags, payload = _FD.unpack(data)
        if length > CANFD_MAX_DLEN:
            raise ValueError(
                f"struct canfd_frame holds at most {CANFD_MAX_DLEN} bytes, not {length}"
            )
        frame = cls.__new__(cls)
        frame.__attrs_init__(can_id, payload[:length], flags)
        return frame

    def __str__(self) -> str:
        return f"{_id_text(self)}##{self.flags & 0xF:X}{parts.hex_text(self.data)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the frame that ``text`` stands for; ValueError if it does not have the form."""
        can_id, body = parts.parse_id(text, "##")
        return cls(can_id, parts.parse_hex(body[1:], text), parts.parse_digit(body[:1], text))


@attrs.frozen(init=False)
class CanXlFrame:
    """A CAN XL frame: 1 to 2048 bytes of data.

    :param priority: the 11-bit identifier that arbitrates, 0-0x7ff.
    :param data: 1-2048 bytes.
    :param sdt: the type of the service data unit, 0-255.
    :param af: the acceptance field, 0-0xffffffff.
    :param vcid: the virtual CAN network, 0-255 (Linux 6.9 on).
    :param flags: CANXL_SEC or 0; CANXL_XLF, which marks the frame as XL, is always set.
    :raises OverflowError: for an integer out of range.
    :raises ValueError: for data that is empty or too long.

    Text: ``[vcid]priority#flags:sdt:af#data``, as in ``00123#81:00:12345678#112233``.
    """

    priority: int = attrs.field(repr=hex)
    data: bytes
    sdt: int
    af: int = attrs.field(repr=hex)
    vcid: int
    flags: int

    def __init__(
        self, priority: int, data: Any, sdt: int = 0, af: int = 0, vcid: int = 0, flags: int = 0
    ) -> None:
        self.__attrs_init__(
            codecs.check_int("CAN priority", priority, CANXL_PRIO_MASK, 0, hex),
            parts.check_data(data, 1, CANXL_MAX_DLEN, "CAN XL"),
            codecs.check_int("CAN sdt", sdt, 0xFF, 0, hex),
            codecs.check_int("CAN af", af, 0xFFFFFFFF, 0, hex),
            codecs.check_int("CAN vcid", vcid, 0xFF, 0, hex),
            codecs.check_int("CAN flags", flags, 0xFF, 0, hex) | CANXL_XLF,
        )

    @property
    def simple_extended_content(self) -> bool:
        """True if the data is segmented or secured (CANXL_SEC)."""
        return self.flags & CANXL_SEC != 0

    def pack(self) -> bytes:
        """Return ``struct canxl_frame`` up to the end of its data: 12 bytes and the data."""
        prio = self.priority | self.vcid << CANXL_VCID_OFFSET
        return _XL.pack(prio, self.flags, self.sdt, len(self.data), self.af) + self.data

    @classmethod
    def unpack(cls, data: ReadableBuffer) -> Self:
        """Return the frame at the start of ``data``; ValueError if it is no complete XL frame."""
        data = cstruct.check_bytes(data)
        if len(data) <= CANXL_HDR_SIZE:
            raise ValueError(f"struct canxl_frame needs {CANXL_HDR_SIZE + 1} bytes or more")
        prio, flags, sdt, length, af = _XL.unpack_from(data)
        end = CANXL_HDR_SIZE + length
        if not flags & CANXL_XLF or not CANXL_HDR_SIZE < end <= len(data):
            raise ValueError(f"{len(data)} bytes with length {length} are no CAN XL frame")
        frame = cls.__new__(cls)
        frame.__attrs_init__(
            prio & CANXL_PRIO_MASK,
            data[CANXL_HDR_SIZE:end],
            sdt,
            af,
            (prio & CANXL_VCID_MASK) >> CANXL_VCID_OFFSET,
            flags,
        )
        return frame

    def __str__(self) -> str:
        front = f"{self.vcid:02X}{self.priority:03X}"
        return f"{front}#{self.flags:02X}:{self.sdt:02X}:{self.af:08X}#{parts.hex_text(self.data)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the frame that ``text`` stands for; ValueError if it does not have the form."""
        front, _, rest = text.partition("#")
        head, found, body = rest.partition("#")
        fields = head.split(":")
        if not found or len(front) not in (3, 5) or [*map(len, fields)] != [2, 2, 8]:
            raise ValueError(f"CAN XL frame must be [vcid]prio#flags:sdt:af#data, not {text!r}")
        flags, sdt, af = (parts.parse_number(field, text) for field in fields)
        if not flags & CANXL_XLF:
            raise ValueError(f"CAN XL frame {text!r}: its flags must include 80 (CANXL_XLF)")
        vcid = parts.parse_number(front[:-3], text) if front[:-3] else 0
        return cls(
            parts.parse_number(front[-3:], text), parts.parse_hex(body, text), sdt, af, vcid, flags
        )


Frame = CanFrame | CanFdFrame | CanXlFrame

_FRAMES = (CanFrame, CanFdFrame, CanXlFrame)
_BY_SIZE: dict[int, type[CanFrame] | type[CanFdFrame]] = {CAN_MTU: CanFrame, CANFD_MTU: CanFdFrame}


def unpack_frame(data: ReadableBuffer) -> Frame:
    """Return the frame that a CAN_RAW socket received, by CANXL_XLF, then by its size.

    Raises ValueError if it is no frame.
    """
    data = cstruct.check_bytes(data)
    if len(data) > CANXL_HDR_SIZE and data[4] & CANXL_XLF:
        return CanXlFrame.unpack(data)
    try:
        kind = _BY_SIZE[len(data)]
    except KeyError:
        raise ValueError(f"a CAN frame has 16, 72 or 13-2060 bytes, not {len(data)}") from None
    return kind.unpack(data)


def pack_frame(frame: Frame) -> bytes:
    """Return the bytes of a frame of any kind; TypeError if it is none."""
    if not isinstance(frame, _FRAMES):
        kind = type(frame).__name__
        raise TypeError(f"CAN frame must be CanFrame, CanFdFrame or CanXlFrame, not {kind}")
    return frame.pack()


def parse_frame(text: str) -> Frame:
    """Return the frame that ``text`` names in the form of cansend; ValueError if none."""
    if not isinstance(text, str):
        raise TypeError(f"CAN frame must be str, not {type(text).__name__}")
    if text.count("#") == 2:
        return CanFdFrame.parse(text) if "##" in text else CanXlFrame.parse(text)
    return CanFrame.parse(text)


def parse_addressed(text: str) -> tuple[str, Frame]:
    """Return the interface and the frame in ``can0:123#DEADBEEF``, the text of a frame received.

    No interface (``:123#``) is "". ValueError if ``text`` does not have the form.
    """
    if not isinstance(text, str):
        raise TypeError(f"CAN frame must be str, not {type(text).__name__}")
    interface, colon, frame = text.partition(":")
    if not colon or "#" in interface:
        raise ValueError(f"CAN frame must be interface:identifier#data, not {text!r}")
    return interface, parse_frame(frame)


def _id_text(frame: _Identified) -> str:
    """Return 3 digits for 11 bits, 8 for 29 bits or an error message with its flag."""
    if frame.is_error:
        return f"{frame.can_id & (CAN_ERR_FLAG | CAN_ERR_MASK):08X}"
    return f"{frame.identifier:0{8 if frame.is_extended else 3}X}"
