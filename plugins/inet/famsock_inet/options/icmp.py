"""SOL_RAW's option: the ICMP types that a raw socket does not receive, as bits. Source: raw(7)."""

from __future__ import annotations

from famsock.plugin import Option, codecs, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_RAW

__all__ = [
    "ICMP_FILTER",
]

_row = option_rows(SOL_RAW, constants)

ICMP_FILTER: Option[int] = _row("ICMP_FILTER", codecs.U32)
