"""Control messages of AF_LLC."""

from __future__ import annotations

from famsock.plugin import ControlType, control_rows
from famsock_llc import constants
from famsock_llc.structs import PacketInfo

_row = control_rows(constants.SOL_LLC, constants)

LLC_OPT_PKTINFO: ControlType[PacketInfo] = _row("LLC_OPT_PKTINFO", PacketInfo)
"""Received with each datagram where the option of this name is set."""
