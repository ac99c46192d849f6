"""SOL_UDP's options. Sources: udp(7), linux/udp.h."""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_UDP

_row = option_rows(SOL_UDP, constants)

UDP_CORK: Option[bool] = _row("UDP_CORK", codecs.BOOL)
UDP_ENCAP: Option[int] = _row("UDP_ENCAP", codecs.INT)
UDP_NO_CHECK6_TX: Option[bool] = _row("UDP_NO_CHECK6_TX", codecs.BOOL)
UDP_NO_CHECK6_RX: Option[bool] = _row("UDP_NO_CHECK6_RX", codecs.BOOL)
UDP_SEGMENT: Option[int] = _row("UDP_SEGMENT", codecs.INT)
UDP_GRO: Option[bool] = _row("UDP_GRO", codecs.BOOL)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
