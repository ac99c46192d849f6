"""Hints for failures of AF_RDS, each true for every cause of its errno in its call.

Causes are those of the kernel's net/rds: rds_bind, rds_connect, rds_sendmsg, rds_cong_wait,
rds_cancel_sent_to.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EDESTADDRREQ, ENOBUFS, ENOTCONN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SENDS = ("sendto", "sendmsg", "sendmmsg")

_NOT_LOCAL = (
    "no transport of RDS serves this address: bind to an address of this host, with a transport "
    "loaded (modprobe rds_tcp)"
)
_WILDCARD = "the wildcard address is no destination: name a host"
_CONGESTED = "the destination is congested; sendto_uncongested() waits"
_BIND = "bind to an address of this host first"
_NO_DESTINATION = "name a destination, in the call or by connect()"


def _not_connected(sock: Any, address: Any) -> str:
    return _NO_DESTINATION if type(sock.getsockname()) is tuple else _BIND


HINTS: dict[Any, Any] = {
    ("bind", EADDRNOTAVAIL): _NOT_LOCAL,
    ("connect", EDESTADDRREQ): _WILDCARD,
    ("set_option", ENOTCONN): _BIND,
    **{(operation, ENOBUFS): _CONGESTED for operation in _SENDS},
    **{(operation, ENOTCONN): _not_connected for operation in _SENDS},
}
