"""AF_BLUETOOTH for famsock: L2CAP, RFCOMM, HCI, SCO and ISO, without any BlueZ header or library.

This module only describes the family; all else is loaded on first use. Sources: the kernel's
include/net/bluetooth and net/bluetooth, the Bluetooth Core Specification.
"""

from __future__ import annotations

from collections.abc import Iterable
from errno import EBUSY, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENODEV, EPERM, EPROTONOSUPPORT
from socket import SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import Family, Protocol, hookimpl

_UNPOWERED = (
    "no adapter here is powered on: power one on with "
    "famsock_bluetooth.mgmt.Management.switch_on (CAP_NET_ADMIN)"
)
_LINK_REMEDIES = {
    EHOSTUNREACH: _UNPOWERED,
    EHOSTDOWN: "the peer does not answer: it must be powered on and connectable, in range",
}
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


@hookimpl
def famsock_families() -> Iterable[Family]:
    """The one family of this package."""
    protocols = (
        Protocol(
            "l2cap",
            0,
            (SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW),
            "famsock_bluetooth.addresses:L2capAddress",
            operations="famsock_bluetooth.operations:L2capOperations",
            scheme="l2cap",
            modules=("bluetooth",),
            remedies=_LINK_REMEDIES,
            exchange={
                "l2cap": "famsock_bluetooth.exchange:l2cap",
                "l2cap le": "famsock_bluetooth.exchange:l2cap_le",
            },
        ),
        Protocol(
            "hci",
            1,
            (SOCK_RAW,),
            "famsock_bluetooth.addresses:HciAddress",
            operations="famsock_bluetooth.hci:HciOperations",
            scheme="hci",
            modules=("bluetooth",),
            capability="CAP_NET_RAW",
            remedies=_HCI_REMEDIES,
            exchange="famsock_bluetooth.exchange:hci",
        ),
        Protocol(
            "sco",
            2,
            (SOCK_SEQPACKET,),
            "famsock_bluetooth.addresses:ScoAddress",
            operations="famsock_bluetooth.operations:ScoOperations",
            scheme="sco",
            modules=("bluetooth",),
            remedies=_LINK_REMEDIES,
            exchange="famsock_bluetooth.exchange:sco",
        ),
        Protocol(
            "rfcomm",
            3,
            (SOCK_STREAM, SOCK_RAW),
            "famsock_bluetooth.addresses:RfcommAddress",
            operations="famsock_bluetooth.operations:RfcommOperations",
            scheme="rfcomm",
            modules=("bluetooth", "rfcomm"),
            remedies=_LINK_REMEDIES,
            exchange="famsock_bluetooth.exchange:rfcomm",
        ),
        Protocol(
            "iso",
            8,
            (SOCK_SEQPACKET,),
            "famsock_bluetooth.addresses:IsoAddress",
            operations="famsock_bluetooth.operations:IsoOperations",
            scheme="iso",
            modules=("bluetooth",),
            remedies=_ISO_REMEDIES,
            exchange="famsock_bluetooth.exchange:iso",
        ),
    )
    return (
        Family(
            "AF_BLUETOOTH",
            31,
            protocols,
            constants="famsock_bluetooth.constants",
            operation_names="famsock_bluetooth.operation_names:NAMES",
            options="famsock_bluetooth.options",
            control="famsock_bluetooth.control",
            modules=("bluetooth",),
        ),
    )
