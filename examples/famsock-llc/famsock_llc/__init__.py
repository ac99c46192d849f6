"""AF_LLC for famsock: IEEE 802.2 logical link control."""

from __future__ import annotations

from errno import EADDRINUSE, ENODEV, EUSERS
from socket import SOCK_DGRAM, SOCK_STREAM

from famsock.plugin import Family, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_llc.addresses import LlcAddress as LlcAddress
    from famsock_llc.sockets import LlcDatagramSocket as LlcDatagramSocket
    from famsock_llc.sockets import LlcStreamSocket as LlcStreamSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        LlcAddress="addresses",
        LlcDatagramSocket="sockets",
        LlcStreamSocket="sockets",
    )


def _protocol(name: str, kind: int, scheme: str, socket: str) -> Protocol:
    return Protocol(
        name,
        0,
        (kind,),
        "famsock_llc.addresses:LlcAddress",
        socket=f"famsock_llc.sockets:{socket}",
        scheme=scheme,
        capability="CAP_NET_RAW",
        hints={
            ENODEV: "no interface has this hardware address: ip link shows those that there are",
            EADDRINUSE: "another socket has this service access point",
            EUSERS: "no service access point is free",
        },
        selftest=f"famsock_llc.selftest:{name}",
    )


FAMILY = Family(
    "AF_LLC",
    26,
    (
        _protocol("llc1", SOCK_DGRAM, "llc", "LlcDatagramSocket"),
        _protocol("llc2", SOCK_STREAM, "llc2", "LlcStreamSocket"),
    ),
    constants="famsock_llc.constants",
    options="famsock_llc.options",
    control="famsock_llc.control",
    modules=("llc2",),
    api_version=3,
)
