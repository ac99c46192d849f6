"""SOL_ICMPV6's option: which ICMPv6 types a raw socket does not receive. Source: RFC 3542."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option, option_rows
from famsock_inet import constants
from famsock_inet.constants import SOL_ICMPV6

if TYPE_CHECKING:
    from famsock_inet.structs import ip

__all__ = [
    "ICMPV6_FILTER",
]

_row = option_rows(SOL_ICMPV6, constants, "famsock_inet.structs.ip")

ICMPV6_FILTER: Option[ip.Icmp6Filter] = _row("ICMPV6_FILTER", "Icmp6Filter")
