"""AF_CAN for famsock: RAW, BCM, ISO-TP and J1939."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import Family, Protocol, exports
from famsock_can import _hints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_can.addresses import CanAddress as CanAddress
    from famsock_can.addresses import IsotpAddress as IsotpAddress
    from famsock_can.addresses import J1939Address as J1939Address
    from famsock_can.sockets.bcm import BcmSocket as BcmSocket
    from famsock_can.sockets.isotp import IsotpSocket as IsotpSocket
    from famsock_can.sockets.j1939 import J1939Socket as J1939Socket
    from famsock_can.sockets.raw import CanRawSocket as CanRawSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        CanAddress="addresses",
        IsotpAddress="addresses",
        J1939Address="addresses",
        BcmSocket="sockets.bcm",
        IsotpSocket="sockets.isotp",
        J1939Socket="sockets.j1939",
        CanRawSocket="sockets.raw",
    )

__all__ = [
    "FAMILY",
    "BcmSocket",
    "CanAddress",
    "CanRawSocket",
    "IsotpAddress",
    "IsotpSocket",
    "J1939Address",
    "J1939Socket",
]


_SOL_CAN_BASE = 100  # linux/can.h; constants.py has more than opening a socket needs
_CAN_ISOTP_OPTS = 1
_SO_J1939_PROMISC = 2
_CANXL_MTU = 2060


def _protocol(
    name: str,
    number: int,
    kind: int,
    address: str,
    socket: str,
    scheme: str = "",
    probe: int | None = None,
    max_message_bytes: int = 0,
) -> Protocol:
    """Return a protocol whose modules, kernel module included, bear its name.

    ``probe`` is an option that only this protocol knows, at its own level.
    """
    return Protocol(
        name,
        number,
        (kind,),
        f"famsock_can.addresses:{address}",
        layout=f"famsock_can._layouts:{address.removesuffix('Address').upper()}",
        socket=f"famsock_can.sockets.{name}:{socket}",
        scheme=scheme or name,
        modules=("can", f"can-{name}"),
        hints=getattr(_hints, name.upper()),
        selftest=f"famsock_can.selftest:{name}",
        probe=None if probe is None else (_SOL_CAN_BASE + number, probe),
        max_message_bytes=max_message_bytes,
    )


_PROTOCOLS = (
    _protocol(
        "raw", 1, SOCK_RAW, "CanAddress", "CanRawSocket", "can", max_message_bytes=_CANXL_MTU
    ),
    _protocol("bcm", 2, SOCK_DGRAM, "CanAddress", "BcmSocket"),
    _protocol("isotp", 6, SOCK_DGRAM, "IsotpAddress", "IsotpSocket", probe=_CAN_ISOTP_OPTS),
    _protocol("j1939", 7, SOCK_DGRAM, "J1939Address", "J1939Socket", probe=_SO_J1939_PROMISC),
)

FAMILY = Family(
    "AF_CAN",
    29,
    _PROTOCOLS,
    constants="famsock_can.constants",
    options="famsock_can.options",
    control="famsock_can.control",
    modules=("can",),
)
