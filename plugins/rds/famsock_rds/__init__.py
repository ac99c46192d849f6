"""AF_RDS for famsock: reliable datagram sockets."""

from __future__ import annotations

from socket import SOCK_SEQPACKET

from famsock.plugin import Family, Protocol, exports
from famsock_rds._hints import HINTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_rds.addresses import RdsAddress as RdsAddress
    from famsock_rds.addresses import RdsInet6Address as RdsInet6Address
    from famsock_rds.addresses import RdsInetAddress as RdsInetAddress
    from famsock_rds.sockets import RdsSocket as RdsSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        RdsAddress="addresses",
        RdsInet6Address="addresses",
        RdsInetAddress="addresses",
        RdsSocket="sockets",
    )

__all__ = [
    "FAMILY",
    "RdsAddress",
    "RdsInet6Address",
    "RdsInetAddress",
    "RdsSocket",
]

FAMILY = Family(
    "AF_RDS",
    21,
    (
        Protocol(
            "rds",
            0,
            (SOCK_SEQPACKET,),
            "famsock_rds.addresses:RdsAddress",
            socket="famsock_rds.sockets:RdsSocket",
            scheme="rds",
            hints=HINTS,
            selftest="famsock_rds.selftest:datagrams",
        ),
    ),
    constants="famsock_rds.constants",
    options="famsock_rds.options",
    control="famsock_rds.control",
    modules=("rds", "rds_tcp"),
)
