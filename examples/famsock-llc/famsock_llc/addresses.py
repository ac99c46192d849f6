"""Addresses of AF_LLC: a service access point of a station. Source: linux/llc.h."""

from __future__ import annotations

import attrs

from famsock.plugin import Address, cstruct, sockaddr
from famsock.plugin import constants as links
from famsock_llc.constants import AF_LLC

MAC_BYTES = 6


def _octets(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


_MAC = attrs.evolve(cstruct.octets(MAC_BYTES), text=lambda mac: mac.hex(":"), parse=_octets)


@sockaddr(
    "struct sockaddr_llc",
    header=("sys/socket.h", "linux/llc.h"),
    family=AF_LLC,
    family_name="AF_LLC",
    stdlib=("mac", "sap", "arphrd", "test", "xid", "ua"),
    size=16,
)
class LlcAddress(Address):
    """A service access point (SAP) of a station.

    ``mac`` is the station's hardware address of 6 bytes, ``sap`` 0-255 (0 for any free one in
    bind). ``arphrd`` is the type of its interface: ARPHRD_ETHER, or ARPHRD_LOOPBACK. ``test``,
    ``xid`` and ``ua`` (0-255) are true for the kind of frame of that name. CPython has no form for
    this family; here it is ``(mac, sap, arphrd, test, xid, ua)``, of which all but the first two
    may be left out. Text: ``[02:fc:00:00:00:01]:84``.

    Wire layout: u16 family, u16 interface type, u8 test, u8 xid, u8 ua, u8 SAP, 6 bytes, 2 zero
    bytes, all in host order. Raises OverflowError for an integer out of range, ValueError for bytes
    that are not 6. Source: linux/llc.h.
    """

    mac: bytes = cstruct.field(_MAC, "sllc_mac", offset=8)
    sap: int = cstruct.u8("sllc_sap", offset=7)
    arphrd: int = cstruct.u16("sllc_arphrd", offset=2, default=links.ARPHRD_ETHER)
    test: int = cstruct.u8("sllc_test", offset=4, default=0)
    xid: int = cstruct.u8("sllc_xid", offset=5, default=0)
    ua: int = cstruct.u8("sllc_ua", offset=6, default=0)
