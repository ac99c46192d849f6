"""Hints for failures of AF_RDS, each true for every cause of its errno in its call.

Causes are those of the kernel's net/rds: rds_bind, rds_connect, rds_sendmsg, rds_cong_wait,
rds_cancel_sent_to.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EDESTADDRREQ, ENOBUFS, ENOTCONN

from famsock.plugin import Hint, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SENDS = ("sendto", "sendmsg", "sendmmsg")

_NOT_LOCAL = Hint(
    "no transport of RDS serves this address",
    "bind to an address of this host, with a transport loaded (modprobe rds_tcp)",
    check="ip -br address lists the addresses of this host, ls -d /sys/module/rds_* the transports",
)
_WILDCARD = Hint("the wildcard address is no destination", "name a host")
_CONGESTED = Hint("the destination is congested; sendto_uncongested() waits")
_BIND = Hint("bind to an address of this host first", check="sock.getsockname()")
_NO_DESTINATION = Hint("name a destination, in the call or by connect()")


@one_of(_NO_DESTINATION, _BIND)
def _not_connected(sock: Any, address: Any) -> str:
    return _NO_DESTINATION if type(sock.getsockname()) is tuple else _BIND


HINTS: dict[Any, Any] = {
    ("bind", EADDRNOTAVAIL): _NOT_LOCAL,
    ("connect", EDESTADDRREQ): _WILDCARD,
    ("set_option", ENOTCONN): _BIND,
    **{(operation, ENOBUFS): _CONGESTED for operation in _SENDS},
    **{(operation, ENOTCONN): _not_connected for operation in _SENDS},
}
