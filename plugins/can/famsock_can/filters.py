"""Receive filters of CAN_RAW and J1939 sockets.

Sources: linux/can.h (struct can_filter), linux/can/j1939.h (struct j1939_filter),
Documentation/networking/can.rst and j1939.rst.
"""

from __future__ import annotations

from typing import Self

from famsock.plugin import wire
from famsock_can.addresses import CAN_ID, NAME, PGN
from famsock_can.constants import (
    CAN_EFF_FLAG,
    CAN_EFF_MASK,
    CAN_INV_FILTER,
    CAN_RTR_FLAG,
    CAN_SFF_MASK,
)

_WHOLE_SFF = CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_SFF_MASK
_WHOLE_EFF = CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_EFF_MASK


@wire.struct("struct can_filter", header="linux/can.h", size=8)
class CanFilter(wire.Struct):
    """Lets a frame through if ``frame.can_id & can_mask == can_id & can_mask``, or if not.

    :param can_id: the identifier and flags to compare with, 0-0xffffffff; CAN_INV_FILTER in it
        inverts the filter.
    :param can_mask: the bits to compare, 0-0xffffffff: CAN_EFF_FLAG and CAN_RTR_FLAG in it tell
        frames with an 11-bit from those with a 29-bit identifier, and data from requests.
        CAN_ERR_FLAG in it makes this a filter of error messages, by the classes in the mask.

    Text: candump's ``123:7FF``, inverted ``123~7FF``; 8 digits set CAN_EFF_FLAG in the identifier.
    """

    can_id: int = wire.field(CAN_ID, "can_id")
    can_mask: int = wire.field(CAN_ID, "can_mask")

    @classmethod
    def exact(cls, can_id: int) -> Self:
        """Data frames with this identifier alone, 29 bits wide where CAN_EFF_FLAG is in it."""
        return cls(can_id, _WHOLE_EFF if can_id & CAN_EFF_FLAG else _WHOLE_SFF)

    def inverted(self) -> Self:
        """The filter that lets through what this one does not."""
        return type(self)(self.can_id ^ CAN_INV_FILTER, self.can_mask)

    def __str__(self) -> str:
        identifier = self.can_id & ~(CAN_INV_FILTER | CAN_EFF_FLAG)
        wide = self.can_id & CAN_EFF_FLAG
        separator = "~" if self.can_id & CAN_INV_FILTER else ":"
        return f"{identifier:0{8 if wide else 3}X}{separator}{self.can_mask:X}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The filter that ``text`` writes; ValueError if it does not have the form."""
        separator = "~" if "~" in text else ":"
        identifier, _, mask = text.partition(separator)
        try:
            can_id = int(identifier, 16) | (CAN_EFF_FLAG if len(identifier) == 8 else 0)
            can_id |= CAN_INV_FILTER if separator == "~" else 0
            return cls(can_id, int(mask, 16))
        except (ValueError, OverflowError):
            form = "hex identifier, ':' or '~', hex mask"
            raise ValueError(f"CAN filter must be {form}, not {text!r}") from None


EVERY_FRAME = CanFilter(0, 0)
"""The filter that a new CAN_RAW socket has: all data frames and requests."""


@wire.struct("struct j1939_filter", header="linux/can/j1939.h", size=32)
class J1939Filter(wire.Struct):
    """Lets a message through if NAME, PGN and address of its source are equal under the masks.

    :param name: the sender's NAME, 64 bits.
    :param name_mask: the bits of ``name`` to compare, 0 for any.
    :param pgn: the Parameter Group Number, 0-0x40000.
    :param pgn_mask: the bits of ``pgn`` to compare, 0-0xffffffff, 0 for any.
    :param addr: the sender's address, 0-255.
    :param addr_mask: the bits of ``addr`` to compare, 0 for any.
    """

    name: int = wire.field(NAME, "name", default=0)
    name_mask: int = wire.field(NAME, "name_mask", default=0)
    pgn: int = wire.field(PGN, "pgn", default=0)
    pgn_mask: int = wire.u32("pgn_mask", default=0)
    addr: int = wire.u8("addr", default=0)
    addr_mask: int = wire.u8("addr_mask", default=0)
