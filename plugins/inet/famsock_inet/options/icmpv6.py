"""SOL_ICMPV6's option: which ICMPv6 types a raw socket does not receive. Source: RFC 3542."""

from __future__ import annotations

from typing import TYPE_CHECKING

from famsock.plugin import Option
from famsock_inet.constants import SOL_ICMPV6
from famsock_inet.deferred import deferred
from famsock_inet.options.rows import rows_of

if TYPE_CHECKING:
    from famsock_inet.structs import ip

_row = rows_of(SOL_ICMPV6)

ICMPV6_FILTER: Option[ip.Icmp6Filter] = _row("ICMPV6_FILTER", deferred("structs.ip:Icmp6Filter"))
