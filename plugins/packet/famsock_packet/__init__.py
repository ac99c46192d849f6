"""AF_PACKET for famsock: frames of network devices, below all protocols."""

from __future__ import annotations

from errno import ENETDOWN, ENODEV, ENXIO
from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_packet.addresses import PacketAddress as PacketAddress
    from famsock_packet.sockets import PacketSocket as PacketSocket
else:
    __getattr__, __dir__ = exports(__name__, PacketAddress="addresses", PacketSocket="sockets")

_HINTS = {
    ENETDOWN: "the interface is down: ip link set NAME up",
    ENODEV: "there is no such interface in this network namespace: ip -br link",
    ENXIO: "name an interface: bind first, or send to an address that has one",
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
