"""AF_BLUETOOTH for famsock: L2CAP, RFCOMM, HCI, SCO and ISO, without any BlueZ header or library.

This module only describes the family; the rest is loaded on first use. Sources: the kernel's
include/net/bluetooth and net/bluetooth, the Bluetooth Core Specification.
"""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import Family, Protocol
from famsock_bluetooth import _hints


def _protocol(
    name: str,
    number: int,
    types: tuple[int, ...],
    *,
    module: str = "sockets",
    modules: tuple[str, ...] = (),
    capability: str = "",
    selftests: tuple[str, ...] = (),
) -> Protocol:
    """Return a protocol whose classes, hints and self-tests are named after it."""
    return Protocol(
        name,
        number,
        types,
        f"famsock_bluetooth.addresses:{name.capitalize()}Address",
        operations=f"famsock_bluetooth.{module}:{name.capitalize()}Operations",
        scheme=name,
        modules=("bluetooth", *modules),
        capability=capability,
        hints=getattr(_hints, name.upper()),
        selftest={
            label: f"famsock_bluetooth.selftest:{label.replace(' ', '_')}"
            for label in (name, *selftests)
        },
    )


_PROTOCOLS = (
    _protocol(
        "l2cap",
        0,
        (SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW),
        selftests=("l2cap le",),
    ),
    _protocol("hci", 1, (SOCK_RAW,), module="hci", capability="CAP_NET_RAW"),
    _protocol("sco", 2, (SOCK_SEQPACKET,)),
    _protocol("rfcomm", 3, (SOCK_STREAM, SOCK_RAW), modules=("rfcomm",)),
    _protocol("iso", 8, (SOCK_SEQPACKET,)),
)

FAMILY = Family(
    "AF_BLUETOOTH",
    31,
    _PROTOCOLS,
    constants="famsock_bluetooth.constants",
    operation_names="famsock_bluetooth._operation_names:NAMES",
    options="famsock_bluetooth.options",
    control="famsock_bluetooth.control",
    modules=("bluetooth",),
)
