"""SOL_UDPLITE's options: how many bytes the checksum covers, 0 for all. Source: udplite(7)."""

from __future__ import annotations

from famsock.plugin import Option, option_rows, values
from famsock_inet import constants
from famsock_inet.constants import SOL_UDPLITE

_row = option_rows(SOL_UDPLITE, constants)

UDPLITE_SEND_CSCOV: Option[int] = _row("UDPLITE_SEND_CSCOV", values.INT)
UDPLITE_RECV_CSCOV: Option[int] = _row("UDPLITE_RECV_CSCOV", values.INT)
