"""Receive filters of CAN_RAW and J1939 sockets.

Sources: linux/can.h (struct can_filter), linux/can/j1939.h (struct j1939_filter),
Documentation/networking/can.rst and j1939.rst.
"""

from __future__ import annotations

from typing import Self

from famsock.plugin import cstruct
from famsock_can import _frame_parts as parts
from famsock_can.addresses import CAN_ID, NAME, PGN, hex_repr
from famsock_can.constants import (
    CAN_EFF_FLAG,
    CAN_EFF_MASK,
    CAN_ERR_FLAG,
    CAN_INV_FILTER,
    CAN_RTR_FLAG,
    CAN_SFF_MASK,
    J1939_PGN_MAX,
)
from famsock_can.pgn import check_pgn

__all__ = [
    "EVERY_FRAME",
    "CanFilter",
    "J1939Filter",
]

_NAME_MASK = 0xFFFFFFFFFFFFFFFF
_ADDR_MASK = 0xFF
_WIDE_DIGITS = 8
_MASK = cstruct.integer("__u32", "I", 0, 0xFFFFFFFF, text="{:#x}".format)
_WHOLE_SFF = CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_SFF_MASK
_WHOLE_EFF = CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_EFF_MASK


@cstruct.struct("struct can_filter", header="linux/can.h", size=8)
class CanFilter(cstruct.Struct):
    """A filter that passes frames with ``frame.can_id & can_mask == can_id & can_mask``, or not.

    :param can_id: the identifier and flags to compare with, 0-0xffffffff; CAN_INV_FILTER in it
        inverts the filter.
    :param can_mask: the bits to compare, 0-0xffffffff: CAN_EFF_FLAG and CAN_RTR_FLAG in it
        distinguish frames with an 11-bit from those with a 29-bit identifier, and data from
        requests. CAN_ERR_FLAG in it makes this a filter of error messages, by the classes in the
        mask.

    The values are not checked: an identifier over 0x7ff without CAN_EFF_FLAG is accepted. `exact`
    checks.

    Text: candump's ``123:7FF``, inverted ``123~7FF``. An identifier has up to 3 digits, or 8, which
    set CAN_EFF_FLAG, or 9 for 32 unchanged bits. As in candump, CAN_ERR_FLAG is removed from a mask
    of up to 8 digits, so that ``123:FFFFFFFF`` is a filter of frames; one of 9 digits
    (``0FFFFFFFF``) keeps it.
    """

    can_id: int = cstruct.field(CAN_ID, "can_id")
    can_mask: int = cstruct.field(CAN_ID, "can_mask")
    __repr__ = hex_repr

    @classmethod
    def exact(cls, can_id: int) -> Self:
        """Return a filter for only this identifier: 0-0x7ff, or CAN_EFF_FLAG | 0-0x1fffffff.

        Data frames, or with CAN_RTR_FLAG in it remote requests. Raises OverflowError for an
        identifier out of range, ValueError for one with CAN_INV_FILTER (see `inverted`).
        """
        can_id = parts.check_can_id(can_id)
        if can_id & CAN_INV_FILTER:
            raise ValueError(
                f"CAN filter of {can_id:#x}: exact() takes no CAN_INV_FILTER (CAN_ERR_FLAG): use "
                "inverted(), or set_error_mask() for error messages"
            )
        return cls(can_id, _WHOLE_EFF if can_id & CAN_EFF_FLAG else _WHOLE_SFF)

    def inverted(self) -> Self:
        """Return the filter that lets through what this one does not."""
        return type(self)(self.can_id ^ CAN_INV_FILTER, self.can_mask)

    def __str__(self) -> str:
        identifier = self.can_id & ~(CAN_INV_FILTER | CAN_EFF_FLAG)
        narrow = 3 if identifier <= CAN_SFF_MASK else _WIDE_DIGITS + 1
        digits = _WIDE_DIGITS if self.can_id & CAN_EFF_FLAG else narrow
        separator = "~" if self.can_id & CAN_INV_FILTER else ":"
        whole = _WIDE_DIGITS + 1 if self.can_mask & CAN_ERR_FLAG else 1
        return f"{identifier:0{digits}X}{separator}{self.can_mask:0{whole}X}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the filter that ``text`` stands for; ValueError if it does not have the form."""
        separator = "~" if "~" in text else ":"
        identifier, _, mask = text.partition(separator)
        digits = len(identifier)
        try:
            can_id = parts.parse_number(identifier, text)
            if digits not in (1, 2, 3, _WIDE_DIGITS, _WIDE_DIGITS + 1):
                raise ValueError
            if digits <= 3:
                parts.check_can_id(can_id)
            can_id |= CAN_EFF_FLAG if digits == _WIDE_DIGITS else 0
            can_id |= CAN_INV_FILTER if separator == "~" else 0
            bits = parts.parse_number(mask, text)
            return cls(can_id, bits if len(mask) > _WIDE_DIGITS else bits & ~CAN_ERR_FLAG)
        except (ValueError, OverflowError):
            form = "3 hex digits (0-7FF) or 8 (29 bits), ':' or '~', a hex mask"
            raise ValueError(f"CAN filter must be {form}, not {text!r}") from None


EVERY_FRAME = CanFilter(0, 0)
"""The filter that a new CAN_RAW socket has: all data frames and requests."""


@cstruct.struct("struct j1939_filter", header="linux/can/j1939.h", size=32)
class J1939Filter(cstruct.Struct):
    """A filter for NAME, PGN and address of a message's source, compared under the masks.

    `exact` sets the masks for its arguments.

    :param name: the sender's NAME, 64 bits.
    :param name_mask: the bits of ``name`` to compare, 0 for any.
    :param pgn: the Parameter Group Number, 0-0x40000.
    :param pgn_mask: the bits of ``pgn`` to compare, 0-0xffffffff, 0 for any.
    :param addr: the sender's address, 0-255.
    :param addr_mask: the bits of ``addr`` to compare, 0 for any.
    :raises OverflowError: for a field out of range.
    """

    name: int = cstruct.field(NAME, "name", default=0)
    name_mask: int = cstruct.field(NAME, "name_mask", default=0)
    pgn: int = cstruct.field(PGN, "pgn", default=0)
    pgn_mask: int = cstruct.field(_MASK, "pgn_mask", default=0)
    addr: int = cstruct.u8("addr", default=0)
    addr_mask: int = cstruct.u8("addr_mask", default=0)
    __repr__ = hex_repr

    @classmethod
    def exact(
        cls, *, name: int | None = None, pgn: int | None = None, addr: int | None = None
    ) -> Self:
        """Return a filter for messages with this NAME, PGN and sender address; None for any.

        ``pgn`` is 0-0x3ffff without a destination in it, ``addr`` 0-255. Raises OverflowError for a
        value out of range, ValueError for a PDU1's ``pgn`` whose low byte is not 0.
        """
        return cls(
            0 if name is None else name,
            0 if name is None else _NAME_MASK,
            0 if pgn is None else check_pgn(pgn),
            0 if pgn is None else J1939_PGN_MAX,
            0 if addr is None else addr,
            0 if addr is None else _ADDR_MASK,
        )

    def check(self) -> None:
        """Raise ValueError for a value with bits outside its mask: the kernel ignores them."""
        for field, value, mask in (
            ("name", self.name, self.name_mask),
            ("pgn", self.pgn, self.pgn_mask),
            ("addr", self.addr, self.addr_mask),
        ):
            if value & ~mask:
                raise ValueError(
                    f"J1939Filter {field} {value:#x} has bits outside its {field}_mask {mask:#x}: "
                    f"J1939Filter.exact({field}={value:#x}) compares all"
                )
