"""AF_UNIX for famsock: the family's description."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports
from famsock_unix._hints import HINTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_unix.addresses import UnixAddress as UnixAddress
    from famsock_unix.sockets import UnixDatagramSocket as UnixDatagramSocket
    from famsock_unix.sockets import UnixSeqpacketSocket as UnixSeqpacketSocket
    from famsock_unix.sockets import UnixSocket as UnixSocket
    from famsock_unix.sockets import UnixStreamSocket as UnixStreamSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        UnixAddress="addresses",
        UnixDatagramSocket="sockets",
        UnixSeqpacketSocket="sockets",
        UnixSocket="sockets",
        UnixStreamSocket="sockets",
    )

__all__ = [
    "FAMILY",
    "UnixAddress",
    "UnixDatagramSocket",
    "UnixSeqpacketSocket",
    "UnixSocket",
    "UnixStreamSocket",
]

FAMILY = Family(
    "AF_UNIX",
    1,
    (
        Protocol(
            "unix",
            ANY_PROTOCOL,
            (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET),
            "famsock_unix.addresses:UnixAddress",
            layout="famsock_unix._layouts:UNIX",
            socket={
                SOCK_STREAM: "famsock_unix.sockets:UnixStreamSocket",
                SOCK_DGRAM: "famsock_unix.sockets:UnixDatagramSocket",
                SOCK_SEQPACKET: "famsock_unix.sockets:UnixSeqpacketSocket",
            },
            scheme="unix",
            hints=HINTS,
            passes_descriptors=True,
            reliable_datagrams=True,
            fixed_send_buffer=True,
            selftest={
                "unix": "famsock_unix.selftest:stream",
                "unix dgram": "famsock_unix.selftest:dgram",
                "unix seqpacket": "famsock_unix.selftest:seqpacket",
            },
        ),
    ),
    constants="famsock_unix.constants",
    options="famsock_unix.options",
    control="famsock_unix.control",
)
