"""Values of control messages of AF_LLC. Source: linux/llc.h."""

from __future__ import annotations

from famsock.plugin import Struct, cstruct


@cstruct.struct("struct llc_pktinfo", header=("sys/socket.h", "linux/llc.h"))
class PacketInfo(Struct):
    """The addresses that a datagram came to.

    ``ifindex`` is the interface's index, ``sap`` (0-255) and ``mac`` (6 bytes) its destination.

    Wire layout: i32 index, u8 SAP, 6 bytes, a byte of padding.
    """

    ifindex: int = cstruct.i32("lpi_ifindex")
    sap: int = cstruct.u8("lpi_sap")
    mac: bytes = cstruct.raw("lpi_mac", 6)
