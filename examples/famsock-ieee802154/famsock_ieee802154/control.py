"""Control messages of SOCK_DGRAM. Source: net/ieee802154/socket.c."""

from __future__ import annotations

from famsock.plugin import ControlType, codecs, control_rows
from famsock_ieee802154 import constants

_row = control_rows(constants.SOL_IEEE802154, constants)

WPAN_WANTLQI: ControlType[int] = _row("WPAN_WANTLQI", codecs.U8)
"""Received with each frame where the option of this name is set: the link quality, 0-255."""
