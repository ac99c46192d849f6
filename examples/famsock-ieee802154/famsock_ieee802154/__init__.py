"""AF_IEEE802154 for famsock: low-rate wireless personal area networks (IEEE 802.15.4)."""

from __future__ import annotations

from errno import EISCONN, ENETDOWN, ENETUNREACH, ENODEV, ENXIO
from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_ieee802154.addresses import ExtendedAddress as ExtendedAddress
    from famsock_ieee802154.addresses import ShortAddress as ShortAddress
    from famsock_ieee802154.sockets import Ieee802154DatagramSocket as Ieee802154DatagramSocket
    from famsock_ieee802154.sockets import Ieee802154RawSocket as Ieee802154RawSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        ExtendedAddress="addresses",
        Ieee802154DatagramSocket="sockets",
        Ieee802154RawSocket="sockets",
        ShortAddress="addresses",
    )

_ADDRESS = "famsock_ieee802154.addresses:Ieee802154Address"
_SENDS = ("sendto", "sendmsg", "sendmmsg")
_SENDING = {
    EISCONN: "a connected socket takes no destination: use send()",
    ENETDOWN: "bring the interface up: ip link set wpan0 up",
    ENXIO: "there is no 802.15.4 interface, or the one that the socket is bound to is gone: "
    "modprobe mac802154_hwsim makes two simulated ones",
}
_HINTS = {
    ("bind", ENODEV): "no interface has this address: iwpan dev shows those that there are",
    ("connect", ENETUNREACH): "bind the socket before connecting it",
    **{(name, number): hint for name in _SENDS for number, hint in _SENDING.items()},
}

FAMILY = Family(
    "AF_IEEE802154",
    36,
    (
        Protocol(
            "dgram",
            ANY_PROTOCOL,
            (SOCK_DGRAM,),
            _ADDRESS,
            socket="famsock_ieee802154.sockets:Ieee802154DatagramSocket",
            scheme="ieee802154",
            hints=_HINTS,
            selftest="famsock_ieee802154.selftest:dgram",
        ),
        Protocol(
            "raw",
            ANY_PROTOCOL,
            (SOCK_RAW,),
            _ADDRESS,
            socket="famsock_ieee802154.sockets:Ieee802154RawSocket",
            scheme="ieee802154-raw",
            capability="CAP_NET_RAW",
            hints=_HINTS,
            selftest="famsock_ieee802154.selftest:raw",
        ),
    ),
    constants="famsock_ieee802154.constants",
    options="famsock_ieee802154.options",
    control="famsock_ieee802154.control",
    modules=("ieee802154", "ieee802154_socket"),
)
