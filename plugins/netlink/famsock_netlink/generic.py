"""NETLINK_GENERIC: families of messages that are known by name. Source: linux/genetlink.h,
Documentation/userspace-api/netlink/intro.rst.

Wire layout of a message's payload: command (u8), version (u8), 2 zero bytes, the family's own
header if it has one, attributes.
"""

from __future__ import annotations

from collections.abc import Iterable
from errno import ENOENT
from socket import SOCK_DGRAM, SOCK_RAW

import attrs

from famsock.plugin import Struct, cstruct
from famsock_netlink.attributes import Attribute, Attributes
from famsock_netlink.constants import (
    AF_NETLINK,
    CTRL_ATTR_FAMILY_ID,
    CTRL_ATTR_FAMILY_NAME,
    CTRL_ATTR_HDRSIZE,
    CTRL_ATTR_MAXATTR,
    CTRL_ATTR_MCAST_GROUPS,
    CTRL_ATTR_MCAST_GRP_ID,
    CTRL_ATTR_MCAST_GRP_NAME,
    CTRL_ATTR_OP_FLAGS,
    CTRL_ATTR_OP_ID,
    CTRL_ATTR_OPS,
    CTRL_ATTR_VERSION,
    CTRL_CMD_GETFAMILY,
    GENL_ID_CTRL,
    GENL_NAMSIZ,
    NETLINK_GENERIC,
)
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.sockets import NetlinkSocket

__all__ = [
    "GenericFamily",
    "GenericHeader",
    "GenericMessage",
    "GenericNetlinkSocket",
]


@cstruct.struct("struct genlmsghdr", header="linux/genetlink.h")
class GenericHeader(Struct):
    """The header of a generic message, before its attributes: the family's command and version."""

    command: int = cstruct.u8("cmd")
    version: int = cstruct.u8("version", default=1)
    reserved: int = cstruct.u16("reserved", default=0)


@attrs.frozen
class GenericFamily:
    """A family of generic netlink.

    ``id`` is the message type that it has on this machine, ``header_bytes`` the size of the
    family's header. ``groups`` are its multicast groups by name, ``commands`` the GENL_* flags of
    each command by its number.
    """

    id: int
    name: str
    version: int
    header_bytes: int
    attribute_max: int
    groups: dict[str, int]
    commands: dict[int, int]

    @classmethod
    def unpack(cls, attributes: Attributes) -> GenericFamily:
        """Return the family from attributes of a CTRL_CMD_NEWFAMILY; ValueError if truncated."""
        groups = _listed(attributes, CTRL_ATTR_MCAST_GROUPS)
        commands = _listed(attributes, CTRL_ATTR_OPS)
        return cls(
            id=attributes.unsigned(CTRL_ATTR_FAMILY_ID, 0),
            name=attributes.text(CTRL_ATTR_FAMILY_NAME, ""),
            version=attributes.unsigned(CTRL_ATTR_VERSION, 0),
            header_bytes=attributes.unsigned(CTRL_ATTR_HDRSIZE, 0),
            attribute_max=attributes.unsigned(CTRL_ATTR_MAXATTR, 0),
            groups={
                group.text(CTRL_ATTR_MCAST_GRP_NAME, ""): group.unsigned(CTRL_ATTR_MCAST_GRP_ID, 0)
                for group in groups
            },
            commands={
                command.unsigned(CTRL_ATTR_OP_ID, 0): command.unsigned(CTRL_ATTR_OP_FLAGS, 0)
                for command in commands
            },
        )


def _listed(attributes: Attributes, type: int) -> list[Attributes]:
    """Return the elements of an array: each is nested in an attribute whose type is its place."""
    return [Attributes.unpack(value) for _, value in attributes.nested(type).pairs]


@attrs.frozen
class GenericMessage:
    """A message of a generic family: its command and version, the family's header, attributes."""

    command: int
    version: int
    header: bytes
    attributes: Attributes

    @classmethod
    def unpack(cls, message: NetlinkMessage, header_bytes: int = 0) -> GenericMessage:
        """Return the generic message in a message whose family has a header of ``header_bytes``."""
        front = GenericHeader.unpack(message.payload)
        start = GenericHeader.layout.size
        end = start + (header_bytes + 3 & ~3)
        header = message.payload[start : start + header_bytes]
        return cls(front.command, front.version, header, message.attributes(end))


class GenericNetlinkSocket(
    NetlinkSocket, family=AF_NETLINK, type=(SOCK_RAW, SOCK_DGRAM), proto=NETLINK_GENERIC
):
    """A socket of NETLINK_GENERIC: families of messages that are known by name."""

    __slots__ = ()

    def generic_family(self, name: str) -> GenericFamily:
        """Return the family of a name ("nl80211") of up to 15 bytes; load its module if needed.

        OSError ENOENT if there is none, ValueError for a longer name.
        """
        if len(name.encode("utf-8", "surrogateescape")) >= GENL_NAMSIZ:
            raise ValueError(f"AF_NETLINK generic family must be at most 15 bytes, not {name!r}")
        wanted = [Attribute.text(CTRL_ATTR_FAMILY_NAME, name)]
        try:
            (answer,) = self.request(GENL_ID_CTRL, GenericHeader(CTRL_CMD_GETFAMILY), wanted)
        except OSError as error:
            if error.errno == ENOENT:
                error.add_note(
                    f"AF_NETLINK: no generic family {name!r} in this network namespace; one "
                    "possible cause: its kernel module is not loaded"
                )
            raise
        return GenericFamily.unpack(GenericMessage.unpack(answer).attributes)

    def generic_families(self) -> tuple[GenericFamily, ...]:
        """Return every family that is registered."""
        answers = self.dump(GENL_ID_CTRL, GenericHeader(CTRL_CMD_GETFAMILY))
        return tuple(GenericFamily.unpack(GenericMessage.unpack(a).attributes) for a in answers)

    def generic_request(
        self,
        family: GenericFamily,
        command: int,
        attributes: Iterable[Attribute] = (),
        header: bytes = b"",
        flags: int = 0,
    ) -> list[GenericMessage]:
        """Ask a family by one of its commands (0-255); as `request`.

        ``header`` is the family's own, if it has one.
        """
        front = GenericHeader(command, family.version).pack() + header
        answers = self.request(family.id, front, attributes, flags)
        return [GenericMessage.unpack(answer, family.header_bytes) for answer in answers]

    def generic_dump(
        self,
        family: GenericFamily,
        command: int,
        attributes: Iterable[Attribute] = (),
        header: bytes = b"",
        flags: int = 0,
    ) -> list[GenericMessage]:
        """Ask a family for all objects that one of its commands (0-255) lists; as `dump`."""
        front = GenericHeader(command, family.version).pack() + header
        answers = self.dump(family.id, front, attributes, flags)
        return [GenericMessage.unpack(answer, family.header_bytes) for answer in answers]
