"""The MAC header that SOCK_RAW sends in front of the payload. Source: IEEE 802.15.4, clause 7."""

from __future__ import annotations

from famsock.plugin import Struct, cstruct
from famsock_ieee802154.constants import IEEE802154_ADDR_BROADCAST, IEEE802154_PANID_BROADCAST

DATA_WITHIN_PAN = 0x8841
"""Frame control of a data frame between short addresses of one PAN, without acknowledgment."""


@cstruct.struct("", header="")
class DataHeader(Struct):
    """The header of a data frame between short addresses of one PAN.

    ``sequence`` is 0-255, all others are 0-65535; by default the frame goes to everyone.

    Wire layout: u16 frame control, u8 sequence number, u16 PAN id, u16 destination, u16 source, all
    little-endian.
    """

    sequence: int = cstruct.u8("", offset=2)
    source: int = cstruct.le16("", offset=7)
    pan_id: int = cstruct.le16("", offset=3, default=IEEE802154_PANID_BROADCAST)
    destination: int = cstruct.le16("", offset=5, default=IEEE802154_ADDR_BROADCAST)
    frame_control: int = cstruct.le16("", offset=0, default=DATA_WITHIN_PAN)
