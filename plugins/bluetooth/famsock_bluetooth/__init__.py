"""AF_BLUETOOTH for famsock: L2CAP, RFCOMM, HCI, SCO and ISO, without any BlueZ header or library.

This module only describes the family; all else is loaded on first use. Sources: the kernel's
include/net/bluetooth and net/bluetooth, the Bluetooth Core Specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from errno import (
    EACCES,
    EBUSY,
    EHOSTDOWN,
    EHOSTUNREACH,
    EINVAL,
    ENETDOWN,
    ENODEV,
    EPERM,
    EPROTONOSUPPORT,
)
from socket import SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM
from typing import Any

from famsock.plugin import Family, Protocol, hookimpl

_Remedies = Mapping[Any, str]
_UNPOWERED = (
    "no adapter here is powered on: power one on with "
    "famsock_bluetooth.mgmt.Management.switch_on (CAP_NET_ADMIN)"
)
_LINK_REMEDIES: _Remedies = {
    EHOSTUNREACH: _UNPOWERED,
    EHOSTDOWN: "the peer does not answer: it must be powered on and connectable, in range",
}
_L2CAP_FORM = (
    "a BR/EDR psm is odd, and bit 8 is 0 (0x1001, 0x1003 …); an LE psm is 1-0xFF; psm or cid, not "
    "both; bdaddr_type is BDADDR_BREDR, BDADDR_LE_PUBLIC or BDADDR_LE_RANDOM, LE at both ends or "
    "at none"
)
_L2CAP_REMEDIES: _Remedies = {
    **_LINK_REMEDIES,
    ("bind", EACCES): "a psm below 0x1001 (BR/EDR) or 0x80 (LE) needs CAP_NET_BIND_SERVICE",
    ("bind", EINVAL): _L2CAP_FORM,
    ("connect", EINVAL): _L2CAP_FORM,
}
_RFCOMM_REMEDIES: _Remedies = {**_LINK_REMEDIES, ("connect", EINVAL): "an RFCOMM channel is 1-30"}
_HCI_REMEDIES = {
    ENODEV: "no such controller; devices() lists those that there are (modprobe btusb)",
    ENETDOWN: "the controller is down: power it on with Management.switch_on (CAP_NET_ADMIN)",
    EBUSY: "the user channel needs a controller that is powered off: Management.set_powered",
    EPERM: "needs CAP_NET_RAW (raw channel) or CAP_NET_ADMIN (user channel)",
}
_ISO_REMEDIES = {
    **_LINK_REMEDIES,
    EPROTONOSUPPORT: "an experimental feature of the kernel (6.0 or later): switch it on with "
    "Management.set_experimental_feature(ISO_SOCKET_FEATURE, True) (CAP_NET_ADMIN)",
}


def _protocol(
    name: str,
    number: int,
    types: tuple[int, ...],
    remedies: _Remedies,
    *,
    room: str = "operations",
    modules: tuple[str, ...] = (),
    capability: str = "",
    exchanges: tuple[str, ...] = (),
) -> Protocol:
    """A protocol whose classes and exchanges are called after it."""
    return Protocol(
        name,
        number,
        types,
        f"famsock_bluetooth.addresses:{name.capitalize()}Address",
        operations=f"famsock_bluetooth.{room}:{name.capitalize()}Operations",
        scheme=name,
        modules=("bluetooth", *modules),
        capability=capability,
        remedies=remedies,
        exchange={
            label: f"famsock_bluetooth.exchange:{label.replace(' ', '_')}"
            for label in (name, *exchanges)
        },
    )


_PROTOCOLS = (
    _protocol(
        "l2cap",
        0,
        (SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW),
        _L2CAP_REMEDIES,
        exchanges=("l2cap le",),
    ),
    _protocol("hci", 1, (SOCK_RAW,), _HCI_REMEDIES, room="hci", capability="CAP_NET_RAW"),
    _protocol("sco", 2, (SOCK_SEQPACKET,), _LINK_REMEDIES),
    _protocol("rfcomm", 3, (SOCK_STREAM, SOCK_RAW), _RFCOMM_REMEDIES, modules=("rfcomm",)),
    _protocol("iso", 8, (SOCK_SEQPACKET,), _ISO_REMEDIES),
)


@hookimpl
def famsock_families() -> Iterable[Family]:
    """The one family of this package."""
    return (
        Family(
            "AF_BLUETOOTH",
            31,
            _PROTOCOLS,
            constants="famsock_bluetooth.constants",
            operation_names="famsock_bluetooth.operation_names:NAMES",
            options="famsock_bluetooth.options",
            control="famsock_bluetooth.control",
            modules=("bluetooth",),
        ),
    )
