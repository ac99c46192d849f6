"""Netlink messages and what the kernel says of a request. Source: netlink(7), linux/netlink.h.

Wire layout of a message: length with this header (u32), type (u16), flags (u16), sequence number
(u32), port of the sender (u32), all in host order; the payload; zeros up to a multiple of 4 bytes.
One datagram carries several.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from errno import EPERM

import attrs

from famsock.plugin import Struct, cstruct, tlv
from famsock_netlink import attributes
from famsock_netlink._hints import CHANGE
from famsock_netlink.attributes import Attribute, Attributes
from famsock_netlink.constants import (
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSGERR_ATTR_COOKIE,
    NLMSGERR_ATTR_MISS_NEST,
    NLMSGERR_ATTR_MISS_TYPE,
    NLMSGERR_ATTR_MSG,
    NLMSGERR_ATTR_OFFS,
    NLMSGERR_ATTR_POLICY,
)
from famsock_netlink.policy import Policy

__all__ = [
    "Acknowledgement",
    "MessageHeader",
    "NetlinkMessage",
    "body",
    "unpack",
]


@cstruct.struct("struct nlmsghdr", header="linux/netlink.h")
class MessageHeader(Struct):
    """The header of a message; ``length_bytes`` counts it and the payload, without padding."""

    length_bytes: int = cstruct.u32("nlmsg_len")
    type: int = cstruct.u16("nlmsg_type")
    flags: int = cstruct.u16("nlmsg_flags")
    sequence: int = cstruct.u32("nlmsg_seq")
    pid: int = cstruct.u32("nlmsg_pid")


_HEADER_BYTES = MessageHeader.layout.size
_unpack_header = MessageHeader.layout.codec.unpack_from
_ERROR = struct.Struct("=i")


@attrs.frozen
class NetlinkMessage:
    """A netlink message.

    ``type`` (0-65535) is the subsystem's, below 16 that of netlink itself (NLMSG_ERROR …);
    ``flags`` are NLM_F_*; ``sequence`` and ``pid`` (0-4294967295) identify the request and the port
    it belongs to; ``payload`` is what follows the header.
    """

    type: int
    payload: bytes = attrs.field(default=b"", converter=cstruct.check_bytes)
    flags: int = 0
    sequence: int = 0
    pid: int = 0

    def pack(self) -> bytes:
        """Return the bytes, padded to a multiple of 4; OverflowError for a field out of range."""
        header = MessageHeader(
            _HEADER_BYTES + len(self.payload), self.type, self.flags, self.sequence, self.pid
        )
        return header.pack() + self.payload + bytes(-len(self.payload) % 4)

    def attributes(self, offset_bytes: int = 0) -> Attributes:
        """Return the attributes in the payload, after the header of ``offset_bytes``."""
        return Attributes.unpack(self.payload, offset_bytes)


_RECORDS = tlv.Records(
    NetlinkMessage, MessageHeader, length="length_bytes", label="AF_NETLINK message"
)


def unpack(data: bytes) -> list[NetlinkMessage]:
    """Return the messages of one datagram; ValueError if one is truncated."""
    return _RECORDS.unpack(data)


def body(header: Struct | bytes, attributes_: Iterable[Attribute] = ()) -> bytes:
    """Return the payload of a request: the subsystem's header, padded, then attributes."""
    front = header.pack() if isinstance(header, Struct) else header
    return front + bytes(-len(front) % 4) + attributes.pack(attributes_)


@attrs.frozen
class Acknowledgement:
    """The content of NLMSG_ERROR or NLMSG_DONE about a request.

    ``error`` is an errno, 0 for success. The rest is the extended acknowledgement (NETLINK_EXT_ACK,
    Linux 4.12): ``text``, the ``offset_bytes`` of the wrong attribute from the beginning of the
    request and the ``policy`` that it violates, or the type of a missing attribute and of the nest
    without it; -1 if the kernel gives none. ``cookie`` is data that a few subsystems return on
    success.
    """

    error: int
    text: str = ""
    offset_bytes: int = -1
    missing_type: int = -1
    missing_in_offset_bytes: int = -1
    cookie: bytes = b""
    policy: Policy | None = None

    @classmethod
    def unpack(cls, message: NetlinkMessage) -> Acknowledgement:
        """Return the acknowledgement that a message is; ValueError for any other message."""
        payload = message.payload
        if message.type not in (NLMSG_ERROR, NLMSG_DONE):
            raise ValueError(f"AF_NETLINK message of type {message.type} acknowledges nothing")
        if len(payload) < _ERROR.size:
            if message.type == NLMSG_DONE:
                return cls(0)
            raise ValueError(f"AF_NETLINK error message needs 4 bytes, not {len(payload)}")
        error = -_ERROR.unpack_from(payload)[0]
        if not message.flags & NLM_F_ACK_TLVS:
            return cls(max(error, 0))
        found = Attributes.unpack(payload, _attributes_at(message))
        return cls(
            max(error, 0),
            found.text(NLMSGERR_ATTR_MSG, ""),
            found.unsigned(NLMSGERR_ATTR_OFFS, -1),
            found.unsigned(NLMSGERR_ATTR_MISS_TYPE, -1),
            found.unsigned(NLMSGERR_ATTR_MISS_NEST, -1),
            found.get(NLMSGERR_ATTR_COOKIE, b""),
            Policy.unpack(found.nested(NLMSGERR_ATTR_POLICY))
            if NLMSGERR_ATTR_POLICY in found
            else None,
        )

    def raise_for_error(self) -> None:
        """Raise the OSError of an errno other than 0, with the kernel's own words."""
        if not self.error:
            return
        words = os.strerror(self.error) + (f": {self.text}" if self.text else "")
        error = OSError(self.error, words)
        if self.error == EPERM:
            error.add_note(f"AF_NETLINK: {CHANGE}")
        if self.offset_bytes >= 0:
            limits = f", which must be {self.policy}" if self.policy else ""
            error.add_note(
                f"AF_NETLINK: at fault is the attribute at byte {self.offset_bytes}{limits}"
            )
        if self.missing_type >= 0:
            nest = self.missing_in_offset_bytes
            where = f" in the one at byte {nest}" if nest >= 0 else ""
            error.add_note(f"AF_NETLINK: attribute {self.missing_type} is missing{where}")
        raise error


def _attributes_at(message: NetlinkMessage) -> int:
    """Return the offset of an extended acknowledgement's attributes, in bytes of its payload."""
    if message.type == NLMSG_DONE:
        return _ERROR.size
    if message.flags & NLM_F_CAPPED:
        return _ERROR.size + _HEADER_BYTES
    if len(message.payload) < _ERROR.size + _HEADER_BYTES:
        raise ValueError(f"AF_NETLINK error message of {len(message.payload)} bytes is cut short")
    request_bytes: int = _unpack_header(message.payload, _ERROR.size)[0]
    return _ERROR.size + (request_bytes + 3 & ~3)
