"""Hints for failures of Bluetooth sockets, each true for every cause of its errno in its call.

The core notes them on calls that carry an address or an option; `explain` does so for operations.
Causes are those of the kernel's net/bluetooth: bt_sock_create, l2cap_sock_bind, l2cap_chan_connect,
rfcomm_sock_connect, sco_connect, iso_sock_create, hci_sock_bind, hci_sock_sendmsg, hci_dev_cmd.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from errno import (
    EACCES,
    EAFNOSUPPORT,
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

Hint = str | Callable[[Any, Any], str | None]
Hints = Mapping[Any, Hint]

_MODULE = "/sys/module/bluetooth"
_NO_ADAPTER = "00:00:00:00:00:00"

_NAMESPACE = (
    "One possible cause: Bluetooth has sockets in the first network namespace only, and this is "
    "another"
)
_MODPROBE = "One possible cause: the kernel lacks the module bluetooth: modprobe bluetooth"
_EBADFD = getattr(errno, "EBADFD", 77)  # Linux only
_UNPOWERED = (
    "One possible cause: no adapter here is powered on: power one on with "
    "famsock_bluetooth.mgmt.Management.switch_on (CAP_NET_ADMIN)"
)
_NOT_OURS = (
    "One possible cause: no adapter that is powered on has the address that the socket is bound "
    "to: Management.read_info() gives each one's address and settings"
)
_SILENT = "the peer did not answer: it must be powered on and connectable, in range"
_L2CAP_FORM = (
    "One possible cause: the address breaks one of these rules: a BR/EDR psm is odd, and bit 8 is "
    "0 (0x1001, 0x1003 …); an LE psm is 1-0xFF; psm or cid, not both; bdaddr_type is BDADDR_BREDR, "
    "BDADDR_LE_PUBLIC or BDADDR_LE_RANDOM, LE at both ends or at none"
)
_ISO_FORM = (
    "One possible cause: the address breaks one of these rules: bdaddr_type is BDADDR_LE_PUBLIC or "
    "BDADDR_LE_RANDOM; a broadcast's qos is made by BtIsoQos.broadcast(), its bc_sid is 0-15"
)
_PSM = "a psm below 0x1001 (BR/EDR) or 0x80 (LE) needs CAP_NET_BIND_SERVICE"
_CHANNEL = "an RFCOMM channel is 1-30"
_NO_CONTROLLER = "no such controller; devices() lists those that there are"
_DOWN = "the controller is down: power it on with Management.switch_on (CAP_NET_ADMIN)"
_NOT_OFF = "the user channel needs a controller that is powered off: Management.set_powered"
_IN_USE = "One possible cause: a program has the controller to itself, by the user channel"
_CHANNELS = "the user channel needs CAP_NET_ADMIN, the monitor and logging channels CAP_NET_RAW"
_COMMANDS = "this command needs CAP_NET_RAW on a raw channel"
_CHANGES = "changing a controller needs CAP_NET_ADMIN"
_BLOCKED = "the radio is blocked: rfkill unblock bluetooth"
_EXPERIMENTAL = (
    "One possible cause: an experimental feature of the kernel (6.0 or later): switch it on with "
    "Management.set_experimental_feature(ISO_SOCKET_FEATURE, True) (CAP_NET_ADMIN)"
)
_LACKING = (
    "One possible cause: the controller lacks it: Management.read_info() tells what it supports "
    "(CIS_CENTRAL, ISO_BROADCASTER …)"
)


def _no_family(sock: Any, address: Any) -> str:
    return _NAMESPACE if os.path.isdir(_MODULE) else _MODPROBE


def _unrouted(sock: Any, address: Any) -> str:
    """No adapter to send by: of those here, or of the one address that the socket is bound to."""
    name = sock.getsockname()
    local = name if isinstance(name, (str, bytes)) else name[0]
    return _UNPOWERED if local in (_NO_ADAPTER, _NO_ADAPTER.encode()) else _NOT_OURS


_COMMON: Hints = {("socket", EAFNOSUPPORT): _no_family}
_NO_ADDRESSES = "it has no addresses: connect an L2CAP socket, and give it to add_connection()"

SCO: Hints = {
    **_COMMON,
    ("connect", EHOSTUNREACH): _unrouted,
    ("connect", EHOSTDOWN): _SILENT,
}
L2CAP: Hints = {
    **SCO,
    ("bind", EACCES): _PSM,
    ("bind", EINVAL): _L2CAP_FORM,
    ("connect", EINVAL): _L2CAP_FORM,
}
RFCOMM: Hints = {**SCO, ("connect", EINVAL): _CHANNEL}
HCI: Hints = {
    **_COMMON,
    ("bind", ENODEV): _NO_CONTROLLER,
    ("bind", EBUSY): _NOT_OFF,
    ("bind", EPERM): _CHANNELS,
    ("bind", ERFKILL): _BLOCKED,
    ("send", ENETDOWN): _DOWN,
    ("send", EPERM): _COMMANDS,
    ("ioctl", EBUSY): _IN_USE,
    ("ioctl", ENETDOWN): _DOWN,
    ("ioctl", ENODEV): _NO_CONTROLLER,
    ("ioctl", EPERM): _CHANGES,
    ("ioctl", ERFKILL): _BLOCKED,
}
ISO: Hints = {
    **SCO,
    ("socket", EPROTONOSUPPORT): _EXPERIMENTAL,
    **{(operation, EOPNOTSUPP): _LACKING for operation in ("bind", "connect")},
    ("bind", EINVAL): _ISO_FORM,
    ("connect", EINVAL): _ISO_FORM,
}


CONNECTIONS: Hints = {
    **_COMMON,
    ("ioctl", EPERM): "adding and deleting connections needs CAP_NET_ADMIN",
    ("ioctl", _EBADFD): "it takes connected L2CAP sockets",
    (
        "ioctl",
        EINVAL,
    ): "one possible cause: it takes connected L2CAP sockets, of HIDP two to one peer",
    **{  # EINVAL is a security module's, which looks first
        (operation, number): _NO_ADDRESSES
        for operation in ("bind", "connect")
        for number in (EINVAL, EOPNOTSUPP)
    },
}


def explain(error: OSError, hints: Hints, operation: str) -> None:
    """Add a note to a failed operation that says how to fix it, if that is known."""
    hint = hints.get((operation, error.errno))
    if isinstance(hint, str):
        error.add_note(hint)
