"""AF_CAN for famsock: RAW, BCM, ISO-TP and J1939."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from errno import EACCES, EINVAL, EISCONN, ENODEV
from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import Family, Protocol, hookimpl


def _protocol(
    name: str, number: int, kind: int, address: str, scheme: str, remedies: Mapping[int, str]
) -> Protocol:
    """A protocol whose rooms and kernel module are called after it."""
    return Protocol(
        name,
        number,
        (kind,),
        f"famsock_can.addresses:{address}",
        operations=f"famsock_can.operations.{name}:{name.capitalize()}Operations",
        scheme=scheme,
        modules=("can", f"can-{name}"),
        remedies=remedies,
        exchange=f"famsock_can.exchange:{name}",
    )


_PROTOCOLS = (
    _protocol("raw", 1, SOCK_RAW, "CanAddress", "can", {}),
    _protocol("bcm", 2, SOCK_DGRAM, "CanAddress", "bcm", {}),
    _protocol(
        "isotp",
        6,
        SOCK_DGRAM,
        "IsotpAddress",
        "isotp",
        {
            EINVAL: "an identifier over 0x7ff needs CAN_EFF_FLAG (0x80000000) and no other flag",
            EISCONN: "set its options before bind()",
        },
    ),
    _protocol(
        "j1939",
        7,
        SOCK_DGRAM,
        "J1939Address",
        "j1939",
        {
            EACCES: "the broadcast address needs SO_BROADCAST: sock.set_broadcast(True)",
            ENODEV: "name the interface: J1939 binds to one CAN interface, never to all",
        },
    ),
)


@hookimpl
def famsock_families() -> Iterable[Family]:
    return (
        Family(
            "AF_CAN",
            29,
            _PROTOCOLS,
            constants="famsock_can.constants",
            operation_names="famsock_can.operation_names:NAMES",
            options="famsock_can.options",
            control="famsock_can.control",
            modules=("can",),
        ),
    )
