"""Socket options of SOCK_DGRAM, at level SOL_IEEE802154. Source: net/ieee802154/socket.c."""

from __future__ import annotations

from famsock.plugin import Option, codecs, cstruct, option_rows
from famsock_ieee802154 import constants
from famsock_ieee802154.constants import SOL_IEEE802154

_HIGHEST_LEVEL = 7

_row = option_rows(SOL_IEEE802154, constants)

WPAN_WANTACK: Option[bool] = _row("WPAN_WANTACK", codecs.BOOL)
"""Whether frames that are sent ask for an acknowledgment; on at first."""

WPAN_WANTLQI: Option[bool] = _row("WPAN_WANTLQI", codecs.BOOL)
"""Whether each frame comes with its link quality, see `famsock_ieee802154.control`."""

# To set these two needs CAP_NET_ADMIN or CAP_NET_RAW.
WPAN_SECURITY: Option[int] = _row(
    "WPAN_SECURITY",
    codecs.scalar(
        cstruct.integer("int", "i", constants.WPAN_SECURITY_DEFAULT, constants.WPAN_SECURITY_ON)
    ),
)
"""Whether frames are secured: WPAN_SECURITY_DEFAULT (0, the interface's choice), _OFF, _ON."""

WPAN_SECURITY_LEVEL: Option[int] = _row(
    "WPAN_SECURITY_LEVEL",
    codecs.scalar(
        cstruct.integer("int", "i", constants.WPAN_SECURITY_LEVEL_DEFAULT, _HIGHEST_LEVEL)
    ),
)
"""The security level: -1 (the interface's choice), 0-7 as in IEEE 802.15.4, table 9-6."""
