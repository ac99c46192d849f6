"""SOL_RAW's option: the ICMP types that a raw socket does not receive, as bits. Source: raw(7)."""

from __future__ import annotations

from famsock.plugin import Option, values
from famsock_inet.constants import SOL_RAW
from famsock_inet.options.rows import rows_of

_row = rows_of(SOL_RAW)

ICMP_FILTER: Option[int] = _row("ICMP_FILTER", values.U32)
