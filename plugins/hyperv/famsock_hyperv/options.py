"""Options of AF_HYPERV, at level HV_PROTOCOL_RAW. Source: hvsocket.h."""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_hyperv import constants as c

__all__ = [
    "HVSOCKET_CONNECTED_SUSPEND",
    "HVSOCKET_CONNECT_TIMEOUT",
]

_row = option_rows(c.HV_PROTOCOL_RAW, c)

HVSOCKET_CONNECT_TIMEOUT: Option[int] = _row("HVSOCKET_CONNECT_TIMEOUT", codecs.U32)
"""The time limit of connect, in milliseconds: 0-300000."""

HVSOCKET_CONNECTED_SUSPEND: Option[bool] = _row("HVSOCKET_CONNECTED_SUSPEND", codecs.BOOL)
"""True if the connection survives a suspended virtual machine."""
