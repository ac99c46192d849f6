"""AF_PACKET for famsock: frames of network devices, below all protocols."""

from __future__ import annotations

from errno import ENETDOWN, ENODEV, ENXIO
from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import ANY_PROTOCOL, Family, Hint, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_packet.addresses import PacketAddress as PacketAddress
    from famsock_packet.sockets import PacketSocket as PacketSocket
else:
    __getattr__, __dir__ = exports(__name__, PacketAddress="addresses", PacketSocket="sockets")

__all__ = [
    "FAMILY",
    "PacketAddress",
    "PacketSocket",
]

_DOWN = Hint(
    "the interface is down or gone, or was so since the last call",
    "ip link set NAME up",
    check="ip -br link",
)
_ABSENT = Hint(
    "there is no such interface in this network namespace: ip -br link lists those that are"
)
_NOWHERE = Hint(
    "no interface is named, by bind() or in the address, or the one that is named is gone",
    check="sock.getsockname() and ip -br link",
)
_SENDS = ("send", "sendto", "sendmsg", "sendmmsg")
_HINTS = {
    ("bind", ENODEV): _ABSENT,
    ("set_option", ENODEV): _ABSENT,
    **{(operation, ENETDOWN): _DOWN for operation in ("recv", *_SENDS)},
    **{(operation, ENXIO): _NOWHERE for operation in _SENDS},
}

FAMILY = Family(
    "AF_PACKET",
    17,
    (
        Protocol(
            "packet",
            ANY_PROTOCOL,
            (SOCK_RAW, SOCK_DGRAM),
            "famsock_packet.addresses:PacketAddress",
            layout="famsock_packet._layouts:PACKET",
            socket="famsock_packet.sockets:PacketSocket",
            scheme="packet",
            capability="CAP_NET_RAW",
            hints=_HINTS,
            selftest={
                "packet": "famsock_packet.selftest:raw",
                "packet dgram": "famsock_packet.selftest:dgram",
                "packet ring": "famsock_packet.selftest:ring",
            },
        ),
    ),
    constants="famsock_packet.constants",
    options="famsock_packet.options",
    control="famsock_packet.control",
    modules=("af_packet",),
)
