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

from famsock.plugin import Hint, one_of

AnyHint = str | Callable[[Any, Any], str | None]
Hints = Mapping[Any, AnyHint]

_MODULE = "/sys/module/bluetooth"
_NO_ADAPTER = "00:00:00:00:00:00"

_CONTROLLERS = "Management.read_index_list() lists the controllers"
_SETTINGS = "Management.read_info() tells each controller's address and settings"

_NAMESPACE = Hint(
    "Bluetooth has sockets in the first network namespace only, and this is another",
    check="readlink /proc/self/ns/net differs from that of /proc/1/ns/net",
    possible=True,
)
_MODPROBE = Hint(
    "the kernel lacks the module bluetooth",
    "modprobe bluetooth",
    check="ls -d /sys/module/bluetooth",
    possible=True,
)
_EBADFD = getattr(errno, "EBADFD", 77)  # Linux only
_UNPOWERED = Hint(
    "no adapter here is powered on",
    "power one on with famsock_bluetooth.mgmt.Management.switch_on (CAP_NET_ADMIN)",
    check=_SETTINGS,
    possible=True,
)
_NOT_OURS = Hint(
    "no adapter that is powered on has the address that the socket is bound to",
    "bind to the address of one that is: Management.read_info() gives each one's address and "
    "settings",
    check=f"sock.getsockname(); {_SETTINGS}",
    possible=True,
)
_SILENT = Hint("the peer did not answer: it must be powered on and connectable, in range")
_L2CAP_FORM = Hint(
    "the address breaks one of these rules: a BR/EDR psm is odd, and bit 8 is 0 (0x1001, 0x1003 "
    "…); an LE psm is 1-0xFF; psm or cid, not both; bdaddr_type is BDADDR_BREDR, BDADDR_LE_PUBLIC "
    "or BDADDR_LE_RANDOM, LE at both ends or at none",
    check="the address that was passed, and sock.getsockname()",
    possible=True,
)
_ISO_FORM = Hint(
    "the address breaks one of these rules: bdaddr_type is BDADDR_LE_PUBLIC or BDADDR_LE_RANDOM; a "
    "broadcast's qos is made by BtIsoQos.broadcast(), its bc_sid is 0-15",
    check="the address that was passed",
    possible=True,
)
_PSM = Hint("a psm below 0x1001 (BR/EDR) or 0x80 (LE) needs CAP_NET_BIND_SERVICE")
_CHANNEL = Hint("an RFCOMM channel is 1-30")
_NO_CONTROLLER = Hint("no such controller; devices() lists those that there are")
_DOWN = Hint(
    "the controller is down",
    "power it on with Management.switch_on (CAP_NET_ADMIN)",
    check=_SETTINGS,
)
_NOT_OFF = Hint(
    "the user channel needs a controller that is powered off",
    "Management.set_powered",
    check=_SETTINGS,
)
_IN_USE = Hint(
    "a program has the controller to itself, by the user channel",
    check=f"{_CONTROLLERS}, this one not among them",
    possible=True,
)
_CHANNELS = Hint(
    "the user channel needs CAP_NET_ADMIN, the monitor and logging channels CAP_NET_RAW",
)
_COMMANDS = Hint("this command needs CAP_NET_RAW on a raw channel")
_CHANGES = Hint("changing a controller needs CAP_NET_ADMIN")
_BLOCKED = Hint("the radio is blocked", "rfkill unblock bluetooth", check="rfkill list bluetooth")
_EXPERIMENTAL = Hint(
    "an experimental feature of the kernel (6.0 or later)",
    "switch it on with Management.set_experimental_feature(ISO_SOCKET_FEATURE, True) "
    "(CAP_NET_ADMIN)",
    check="btmgmt exp-info lists 6fbaf188-05e0-496a-9885-d6ddfdb4e03e, not switched on",
    possible=True,
)
_LACKING = Hint(
    "the controller lacks it",
    "use another controller: Management.read_info() tells what each supports (CIS_CENTRAL, "
    "ISO_BROADCASTER …)",
    check="Management.read_info()",
    possible=True,
)


@one_of(_NAMESPACE, _MODPROBE)
def _no_family(sock: Any, address: Any) -> str:
    return _NAMESPACE if os.path.isdir(_MODULE) else _MODPROBE


@one_of(_UNPOWERED, _NOT_OURS)
def _unrouted(sock: Any, address: Any) -> str:
    """No adapter to send by: of those here, or of the one address that the socket is bound to."""
    name = sock.getsockname()
    local = name if isinstance(name, (str, bytes)) else name[0]
    return _UNPOWERED if local in (_NO_ADAPTER, _NO_ADAPTER.encode()) else _NOT_OURS


_COMMON: Hints = {("socket", EAFNOSUPPORT): _no_family}
_NO_ADDRESSES = Hint(
    "it has no addresses", "connect an L2CAP socket, and give it to add_connection()"
)

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
NOT_ALLOWED = Hint(
    "the controller's settings do not allow it now",
    "read_info() gives them",
    check="Management.read_info()",
    possible=True,
)
NO_DISCOVERY = Hint("no discovery is under way, or it is about to begin or to end")
MANAGEMENT: Mapping[int, Hint] = {
    EPERM: _CHANGES,
    ERFKILL: _BLOCKED,
    ENETDOWN: Hint("the controller is off", "power it on first: set_powered(index, True)"),
    EBUSY: Hint(
        "another such command, or a discovery, is under way on this controller",
        check="btmon shows the commands of other programs",
        possible=True,
    ),
    ENODEV: Hint("no such controller", "read_index_list() gives the controllers that there are"),
}
"""Those of `famsock_bluetooth.mgmt`, which an errno tells; `_mgmt_error` has some by status."""

HCI: Hints = {
    **_COMMON,
    **{("management", number): hint for number, hint in MANAGEMENT.items()},
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
    ("ioctl", EPERM): Hint("adding and deleting connections needs CAP_NET_ADMIN"),
    ("ioctl", _EBADFD): Hint("it takes connected L2CAP sockets"),
    ("ioctl", EINVAL): Hint(
        "it takes connected L2CAP sockets, of HIDP two to one peer",
        check="getpeername() of each socket that was passed",
        possible=True,
    ),
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
