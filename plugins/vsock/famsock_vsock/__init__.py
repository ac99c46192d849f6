"""AF_VSOCK for famsock: sockets between a virtual machine and its host."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports
from famsock_vsock._hints import HINTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_vsock.addresses import VsockAddress as VsockAddress
    from famsock_vsock.sockets import VsockDatagramSocket as VsockDatagramSocket
    from famsock_vsock.sockets import VsockSeqpacketSocket as VsockSeqpacketSocket
    from famsock_vsock.sockets import VsockSocket as VsockSocket
    from famsock_vsock.sockets import VsockStreamSocket as VsockStreamSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        VsockAddress="addresses",
        VsockDatagramSocket="sockets",
        VsockSeqpacketSocket="sockets",
        VsockSocket="sockets",
        VsockStreamSocket="sockets",
    )

__all__ = [
    "FAMILY",
    "VsockAddress",
    "VsockDatagramSocket",
    "VsockSeqpacketSocket",
    "VsockSocket",
    "VsockStreamSocket",
]

_AF_VSOCK = 40
FAMILY = Family(
    "AF_VSOCK",
    _AF_VSOCK,
    (
        Protocol(
            "vsock",
            ANY_PROTOCOL,
            (SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM),
            "famsock_vsock.addresses:VsockAddress",
            layout="famsock_vsock._layouts:VSOCK",
            socket={
                SOCK_STREAM: "famsock_vsock.sockets:VsockStreamSocket",
                SOCK_SEQPACKET: "famsock_vsock.sockets:VsockSeqpacketSocket",
                SOCK_DGRAM: "famsock_vsock.sockets:VsockDatagramSocket",
            },
            scheme="vsock",
            hints=HINTS,
            integer_bytes={_AF_VSOCK: 8},
            selftest={
                "vsock": "famsock_vsock.selftest:stream",
                "vsock seqpacket": "famsock_vsock.selftest:seqpacket",
            },
        ),
    ),
    constants="famsock_vsock.constants",
    options="famsock_vsock.options",
    control="famsock_vsock.control",
    modules=("vsock",),
)
