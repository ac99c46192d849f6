"""AF_BLUETOOTH for famsock: its protocols, without any BlueZ header or library.

This module only describes the family; the rest is loaded on first use. Sources: the kernel's
include/net/bluetooth and net/bluetooth, the Bluetooth Core Specification.
"""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import Family, Protocol, exports
from famsock_bluetooth import _hints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_bluetooth.addresses import HciAddress as HciAddress
    from famsock_bluetooth.addresses import IsoAddress as IsoAddress
    from famsock_bluetooth.addresses import IsoBroadcastAddress as IsoBroadcastAddress
    from famsock_bluetooth.addresses import L2capAddress as L2capAddress
    from famsock_bluetooth.addresses import RfcommAddress as RfcommAddress
    from famsock_bluetooth.addresses import ScoAddress as ScoAddress
    from famsock_bluetooth.connections import BnepSocket as BnepSocket
    from famsock_bluetooth.connections import CmtpSocket as CmtpSocket
    from famsock_bluetooth.connections import HidpSocket as HidpSocket
    from famsock_bluetooth.hci import HciSocket as HciSocket
    from famsock_bluetooth.sockets import IsoSocket as IsoSocket
    from famsock_bluetooth.sockets import L2capSocket as L2capSocket
    from famsock_bluetooth.sockets import RfcommSocket as RfcommSocket
    from famsock_bluetooth.sockets import ScoSocket as ScoSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        BnepSocket="connections",
        CmtpSocket="connections",
        HciAddress="addresses",
        HciSocket="hci",
        HidpSocket="connections",
        IsoAddress="addresses",
        IsoBroadcastAddress="addresses",
        IsoSocket="sockets",
        L2capAddress="addresses",
        L2capSocket="sockets",
        RfcommAddress="addresses",
        RfcommSocket="sockets",
        ScoAddress="addresses",
        ScoSocket="sockets",
    )

__all__ = [
    "FAMILY",
    "BnepSocket",
    "CmtpSocket",
    "HciAddress",
    "HciSocket",
    "HidpSocket",
    "IsoAddress",
    "IsoBroadcastAddress",
    "IsoSocket",
    "L2capAddress",
    "L2capSocket",
    "RfcommAddress",
    "RfcommSocket",
    "ScoAddress",
    "ScoSocket",
]


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
        socket=f"famsock_bluetooth.{module}:{name.capitalize()}Socket",
        scheme=name,
        modules=("bluetooth", *modules),
        capability=capability,
        hints=getattr(_hints, name.upper()),
        selftest={
            label: f"famsock_bluetooth.selftest:{label.replace(' ', '_')}"
            for label in (name, *selftests)
        },
    )


def _without_addresses(name: str, number: int) -> Protocol:
    """Return a protocol whose sockets only take requests about connections of the kernel."""
    return Protocol(
        name,
        number,
        (SOCK_RAW,),
        address=None,
        socket=f"famsock_bluetooth.connections:{name.capitalize()}Socket",
        modules=("bluetooth", name),
        hints=_hints.CONNECTIONS,
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
    _without_addresses("bnep", 4),
    _without_addresses("cmtp", 5),
    _without_addresses("hidp", 6),
)

FAMILY = Family(
    "AF_BLUETOOTH",
    31,
    _PROTOCOLS,
    constants="famsock_bluetooth.constants",
    options="famsock_bluetooth.options",
    control="famsock_bluetooth.control",
    modules=("bluetooth",),
    api_version=3,
)
