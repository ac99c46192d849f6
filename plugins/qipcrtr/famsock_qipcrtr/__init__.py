"""AF_QIPCRTR for famsock: Qualcomm's IPC router, with its name service."""

from __future__ import annotations

from errno import EACCES, ECONNRESET, ENODEV, ENOTCONN
from socket import SOCK_DGRAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_qipcrtr.addresses import QipcrtrAddress as QipcrtrAddress
    from famsock_qipcrtr.sockets import QipcrtrSocket as QipcrtrSocket
else:
    __getattr__, __dir__ = exports(__name__, QipcrtrAddress="addresses", QipcrtrSocket="sockets")

_HINTS = {
    EACCES: "ports below 16384 need CAP_NET_ADMIN; port 0 takes a free one from 16384 on",
    ECONNRESET: "no node has this number; the own one is sock.local_node()",
    ENODEV: "no other socket has this port",
    ENOTCONN: "name a destination, or connect to one; a broadcast has but QRTR_PORT_CTRL",
}

FAMILY = Family(
    "AF_QIPCRTR",
    42,
    (
        Protocol(
            "qipcrtr",
            ANY_PROTOCOL,
            (SOCK_DGRAM,),
            "famsock_qipcrtr.addresses:QipcrtrAddress",
            layout="famsock_qipcrtr._layouts:QIPCRTR",
            socket="famsock_qipcrtr.sockets:QipcrtrSocket",
            scheme="qipcrtr",
            hints=_HINTS,
            selftest={
                "qipcrtr": "famsock_qipcrtr.selftest:datagrams",
                "qipcrtr lookup": "famsock_qipcrtr.selftest:lookup",
            },
        ),
    ),
    constants="famsock_qipcrtr.constants",
    modules=("qrtr",),
)
