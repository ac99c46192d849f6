"""Hints for failures of Bluetooth sockets, by protocol, operation and errno.

The core notes it on calls that carry an address or an option; `explain` does so for operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from errno import (
    EACCES,
    EBUSY,
    EHOSTDOWN,
    EHOSTUNREACH,
    EINVAL,
    ENETDOWN,
    ENODEV,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ERFKILL,
)
from typing import Any

Hints = Mapping[Any, str]

_UNPOWERED = (
    "no adapter here is powered on: power one on with "
    "famsock_bluetooth.mgmt.Management.switch_on (CAP_NET_ADMIN)"
)
_L2CAP_FORM = (
    "a BR/EDR psm is odd, and bit 8 is 0 (0x1001, 0x1003 …); an LE psm is 1-0xFF; psm or cid, not "
    "both; bdaddr_type is BDADDR_BREDR, BDADDR_LE_PUBLIC or BDADDR_LE_RANDOM, LE at both ends or "
    "at none"
)
_ISO_FORM = (
    "bdaddr_type is BDADDR_LE_PUBLIC or BDADDR_LE_RANDOM; a broadcast's qos is made by "
    "BtIsoQos.broadcast(), its bc_sid is 0-15"
)

SCO: Hints = {
    EHOSTUNREACH: _UNPOWERED,
    EHOSTDOWN: "the peer does not answer: it must be powered on and connectable, in range",
}
L2CAP: Hints = {
    **SCO,
    ("bind", EACCES): "a psm below 0x1001 (BR/EDR) or 0x80 (LE) needs CAP_NET_BIND_SERVICE",
    ("bind", EINVAL): _L2CAP_FORM,
    ("connect", EINVAL): _L2CAP_FORM,
}
RFCOMM: Hints = {**SCO, ("connect", EINVAL): "an RFCOMM channel is 1-30"}
HCI: Hints = {
    ENODEV: "no such controller; devices() lists those that there are (modprobe btusb)",
    ENETDOWN: "the controller is down: power it on with Management.switch_on (CAP_NET_ADMIN)",
    EBUSY: "the user channel needs a controller that is powered off: Management.set_powered",
    EPERM: "needs CAP_NET_RAW (raw channel) or CAP_NET_ADMIN (user channel)",
    ERFKILL: "the radio is blocked: rfkill unblock bluetooth",
    ("ioctl", EPERM): "changing a controller needs CAP_NET_ADMIN",
}
ISO: Hints = {
    **SCO,
    EPROTONOSUPPORT: "an experimental feature of the kernel (6.0 or later): switch it on with "
    "Management.set_experimental_feature(ISO_SOCKET_FEATURE, True) (CAP_NET_ADMIN)",
    EOPNOTSUPP: "the controller lacks it: Management.read_info() tells what it supports "
    "(CIS_CENTRAL, ISO_BROADCASTER …)",
    ("bind", EINVAL): _ISO_FORM,
    ("connect", EINVAL): _ISO_FORM,
}


def explain(error: OSError, hints: Hints, operation: str = "") -> None:
    """Add a note to a failed operation that says how to fix it, if that is known."""
    advice = hints.get((operation, error.errno)) or hints.get(error.errno)
    if advice is not None:
        error.add_note(advice)
