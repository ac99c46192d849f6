"""AF_QIPCRTR for famsock: Qualcomm's IPC router, with its name service."""

from __future__ import annotations

from socket import SOCK_DGRAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports
from famsock_qipcrtr._hints import HINTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_qipcrtr.addresses import QipcrtrAddress as QipcrtrAddress
    from famsock_qipcrtr.sockets import QipcrtrSocket as QipcrtrSocket
else:
    __getattr__, __dir__ = exports(__name__, QipcrtrAddress="addresses", QipcrtrSocket="sockets")

__all__ = [
    "FAMILY",
    "QipcrtrAddress",
    "QipcrtrSocket",
]

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
            hints=HINTS,
            selftest={
                "qipcrtr": "famsock_qipcrtr.selftest:datagrams",
                "qipcrtr lookup": "famsock_qipcrtr.selftest:lookup",
            },
        ),
    ),
    constants="famsock_qipcrtr.constants",
    modules=("qrtr",),
)
