"""AF_CAN for famsock: RAW, BCM, ISO-TP and J1939."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import Family, Protocol
from famsock_can import _hints


def _protocol(name: str, number: int, kind: int, address: str, scheme: str = "") -> Protocol:
    """Return a protocol whose modules, kernel module included, bear its name."""
    return Protocol(
        name,
        number,
        (kind,),
        f"famsock_can.addresses:{address}",
        layout=f"famsock_can._layouts:{address.removesuffix('Address').upper()}",
        operations=f"famsock_can.sockets.{name}:{name.capitalize()}Operations",
        scheme=scheme or name,
        modules=("can", f"can-{name}"),
        hints=getattr(_hints, name.upper()),
        selftest=f"famsock_can.selftest:{name}",
    )


_PROTOCOLS = (
    _protocol("raw", 1, SOCK_RAW, "CanAddress", "can"),
    _protocol("bcm", 2, SOCK_DGRAM, "CanAddress"),
    _protocol("isotp", 6, SOCK_DGRAM, "IsotpAddress"),
    _protocol("j1939", 7, SOCK_DGRAM, "J1939Address"),
)

FAMILY = Family(
    "AF_CAN",
    29,
    _PROTOCOLS,
    constants="famsock_can.constants",
    operation_names="famsock_can._operation_names:NAMES",
    options="famsock_can.options",
    control="famsock_can.control",
    modules=("can",),
)
