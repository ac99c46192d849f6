"""ICMP and ICMPv6 echo messages, as ping sockets and raw sockets carry them.

Sources: RFC 792, RFC 4443 section 4, icmp(7).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import attrs

from famsock.plugin import codecs, cstruct

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "Echo",
    "checksum",
    "payload_of_ipv4",
]

_HEADER = struct.Struct(">BBHHH")
_ECHO_TYPES = {4: (8, 0), 6: (128, 129)}


@attrs.frozen
class Echo:
    """An echo request or reply.

    ``identifier`` and ``sequence`` are 0-65535. Wire layout: u8 type, u8 code 0, be16 checksum,
    be16 identifier, be16 sequence, then ``data``. A ping socket's kernel writes the identifier.
    """

    identifier: int
    sequence: int
    data: bytes = attrs.field(default=b"", converter=cstruct.check_bytes)
    reply: bool = False

    def pack(self, version: int) -> bytes:
        """Return the message for IP ``version`` 4 or 6; OverflowError for a number out of range.

        The checksum is filled in for version 4; the kernel computes that of ICMPv6 itself, as the
        pseudo-header belongs to it.
        """
        kind = _ECHO_TYPES[version][self.reply]
        identifier = codecs.check_int("ICMP echo identifier", self.identifier, 0xFFFF)
        sequence = codecs.check_int("ICMP echo sequence", self.sequence, 0xFFFF)
        blank = _HEADER.pack(kind, 0, 0, identifier, sequence) + self.data
        if version == 6:
            return blank
        return blank[:2] + checksum(blank).to_bytes(2, "big") + blank[4:]

    @classmethod
    def unpack(cls, data: ReadableBuffer, version: int) -> Echo | None:
        """Return the echo message in ``data``; None if it is another ICMP message or too short."""
        data = cstruct.check_bytes(data)
        if len(data) < _HEADER.size:
            return None
        kind, code, _, identifier, sequence = _HEADER.unpack_from(data)
        if code != 0 or kind not in _ECHO_TYPES[version]:
            return None
        reply = kind == _ECHO_TYPES[version][1]
        return cls(identifier, sequence, data[_HEADER.size :], reply)


def checksum(data: bytes) -> int:
    """Return the Internet checksum of RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def payload_of_ipv4(packet: bytes) -> bytes:
    """Return an IPv4 packet's payload: raw sockets of AF_INET also receive the IP header."""
    return packet[(packet[0] & 0xF) * 4 :] if packet else b""
