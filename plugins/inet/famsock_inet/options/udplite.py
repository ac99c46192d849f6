"""SOL_UDPLITE's options: how many bytes the checksum covers, 0 for all. Source: udplite(7)."""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_UDPLITE

__all__ = [
    "UDPLITE_RECV_CSCOV",
    "UDPLITE_SEND_CSCOV",
]

_row = option_rows(SOL_UDPLITE, constants)

UDPLITE_SEND_CSCOV: Option[int] = _row("UDPLITE_SEND_CSCOV", codecs.INT)
UDPLITE_RECV_CSCOV: Option[int] = _row("UDPLITE_RECV_CSCOV", codecs.INT)
