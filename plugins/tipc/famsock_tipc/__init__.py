"""AF_TIPC for famsock: services by name, range and identity, and the topology service."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import Family, Protocol, exports
from famsock_tipc._hints import HINTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_tipc.addresses import GroupMember as GroupMember
    from famsock_tipc.addresses import ServiceAddress as ServiceAddress
    from famsock_tipc.addresses import ServiceRange as ServiceRange
    from famsock_tipc.addresses import SocketAddress as SocketAddress
    from famsock_tipc.addresses import TipcAddress as TipcAddress
    from famsock_tipc.sockets import TipcDatagramSocket as TipcDatagramSocket
    from famsock_tipc.sockets import TipcRdmSocket as TipcRdmSocket
    from famsock_tipc.sockets import TipcSeqpacketSocket as TipcSeqpacketSocket
    from famsock_tipc.sockets import TipcStreamSocket as TipcStreamSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        GroupMember="addresses",
        ServiceAddress="addresses",
        ServiceRange="addresses",
        SocketAddress="addresses",
        TipcAddress="addresses",
        TipcDatagramSocket="sockets",
        TipcRdmSocket="sockets",
        TipcSeqpacketSocket="sockets",
        TipcStreamSocket="sockets",
    )

__all__ = [
    "FAMILY",
    "GroupMember",
    "ServiceAddress",
    "ServiceRange",
    "SocketAddress",
    "TipcAddress",
    "TipcDatagramSocket",
    "TipcRdmSocket",
    "TipcSeqpacketSocket",
    "TipcStreamSocket",
]

_EXCHANGES = {
    f"tipc {label}": f"famsock_tipc.selftest:{label}"
    for label in ("rdm", "seqpacket", "stream", "topology")
}

FAMILY = Family(
    "AF_TIPC",
    30,
    (
        Protocol(
            "tipc",
            0,
            (SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM),
            "famsock_tipc.addresses:TipcAddress",
            socket={
                SOCK_RDM: "famsock_tipc.sockets:TipcRdmSocket",
                SOCK_SEQPACKET: "famsock_tipc.sockets:TipcSeqpacketSocket",
                SOCK_STREAM: "famsock_tipc.sockets:TipcStreamSocket",
                SOCK_DGRAM: "famsock_tipc.sockets:TipcDatagramSocket",
            },
            scheme="tipc",
            hints=HINTS,
            selftest=_EXCHANGES,
        ),
    ),
    constants="famsock_tipc.constants",
    options="famsock_tipc.options",
    control="famsock_tipc.control",
    modules=("tipc",),
)
