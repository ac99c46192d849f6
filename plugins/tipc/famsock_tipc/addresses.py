"""Addresses of AF_TIPC: a service, a range of services, or one socket.

The three share one sockaddr of 16 bytes, whose ``addrtype`` distinguishes them. Here each is a
class, and `TipcAddress` is their base. Sources: linux/tipc.h, the TIPC programmer's guide.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from famsock.plugin import Address, Lookup, cstruct, family_head, sockaddr, text
from famsock_tipc.constants import (
    AF_TIPC,
    TIPC_CLUSTER_SCOPE,
    TIPC_SERVICE_ADDR,
    TIPC_SERVICE_RANGE,
    TIPC_SOCKET_ADDR,
)

__all__ = [
    "GroupMember",
    "ServiceAddress",
    "ServiceRange",
    "SocketAddress",
    "TipcAddress",
]

_SIZE = 16
_SHAPE = "AF_TIPC address must be a tuple (addr_type, v1, v2, v3[, scope])"
_TYPES = {
    "addr_type": cstruct.U32,
    "v1": cstruct.U32,
    "v2": cstruct.U32,
    "v3": cstruct.U32,
    "scope": cstruct.I8,
}


class TipcAddress(Address):
    """An address of AF_TIPC: `ServiceAddress`, `ServiceRange`, `SocketAddress` or `GroupMember`.

    `from_stdlib`, `unpack` and `parse` give the class that the address is of; called on one of
    these, they take no other. The stdlib form is ``(addr_type, v1, v2, v3[, scope])``.
    ``addr_type`` is the sockaddr's discriminator, ``kind`` the word that opens the text form.
    """

    __slots__ = ()
    family = AF_TIPC
    family_name = label = "AF_TIPC"
    addr_type: ClassVar[int]
    kind: ClassVar[str]
    scope: int

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        """Return the address of ``(addr_type, v1, v2, v3[, scope])``; default: the cluster's.

        TypeError for another shape, for a value that is no integer and for an address type that
        does not exist; OverflowError for an integer out of range (CPython masks it). -1 in an
        unsigned field is all ones.
        """
        if not isinstance(form, tuple):
            raise TypeError(f"AF_TIPC address must be tuple, not {type(form).__name__}")
        if not 4 <= len(form) <= 5:
            raise TypeError(f"{_SHAPE}, not of {len(form)} items")
        addr_type, v1, v2, v3, scope = map(_checked, _TYPES, (*form, TIPC_CLUSTER_SCOPE)[:5])
        made: type[Self] | None = _class_of(addr_type, cls)
        if made is None:
            raise TypeError(f"Invalid address type: AF_TIPC addr_type {addr_type}")
        return made._of_values(v1, v2, v3, scope)

    @classmethod
    def _of_values(cls, v1: int, v2: int, v3: int, scope: int) -> Self:
        """Return the address of a stdlib form's values, already checked."""
        raise NotImplementedError

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview, lookup: Any = None) -> Self:
        """Return the address of a ``struct sockaddr_tipc``.

        ValueError if ``data`` is shorter than 16 bytes or of another address type.
        """
        if len(data) < _SIZE:
            raise ValueError(
                f"AF_TIPC needs {_SIZE} bytes of struct sockaddr_tipc, not {len(data)}"
            )
        made: type[Self] | None = _class_of(data[2], cls, data[_SIZE : _SIZE + len(_MEMBER)])
        if made is None:
            raise ValueError(f"AF_TIPC addrtype {data[2]} is no {cls.__name__}")
        return super(TipcAddress, made).unpack(data, lookup)

    def __str__(self) -> str:
        return f"{self.kind}:{text.join_fields(self)}"

    @classmethod
    def parse(cls, text_form: str) -> Self:
        """Return the address of ``text_form``, as ``str`` writes it; ``tipc://`` may precede it.

        ValueError if the text does not have the form.
        """
        word, _, rest = text.without_scheme(text_form).partition(":")
        made: type[Self] | None = _BY_KIND.get(word)  # type: ignore[assignment]
        if made is None or not issubclass(made, cls):
            known = ", ".join(c.kind for c in _CLASSES if issubclass(c, cls))
            raise ValueError(f"AF_TIPC address must start with {known}, not {text_form!r}")
        return text.parse_fields(made, rest)


def _checked(name: str, value: Any) -> int:
    if type(value) is int and value == -1 and _TYPES[name] is cstruct.U32:
        return 0xFFFFFFFF  # as CPython masks it, and as in every family
    try:
        return int(_TYPES[name].check(value))
    except (TypeError, OverflowError) as error:
        raise type(error)(f"AF_TIPC {name} {error}") from None


@sockaddr(
    "struct sockaddr_tipc",
    header="linux/tipc.h",
    family=AF_TIPC,
    family_name="AF_TIPC",
    stdlib=("type", "instance", "scope"),
    size=_SIZE,
    head=family_head(AF_TIPC, _SIZE) + bytes([TIPC_SERVICE_ADDR]),
)
class ServiceAddress(TipcAddress):
    """An instance of a service (TIPC_SERVICE_ADDR, formerly TIPC_ADDR_NAME).

    ``type`` and ``instance`` are 0-4294967295; types below 64 (TIPC_RESERVED_TYPES) belong to TIPC.
    ``scope`` (-128 to 127) is how far a bound name is published, TIPC_CLUSTER_SCOPE (2) or
    TIPC_NODE_SCOPE (3); binding to the negative scope withdraws the name. ``domain``
    (0-4294967295) limits the lookup to the node with that hash, 0 for all; the stdlib's form cannot
    say it. Stdlib form: ``(2, type, instance, instance, scope)``, whose fourth value is
    ignored when it comes in, as in CPython. Text: ``service:18888:17``.

    Wire layout: u16 family, u8 address type 2, i8 scope, u32 type, u32 instance, u32 domain, all in
    host order. Source: linux/tipc.h.
    """

    addr_type = TIPC_SERVICE_ADDR
    kind = "service"

    type: int = cstruct.u32("addr.name.name.type", offset=4)
    instance: int = cstruct.u32("addr.name.name.instance", offset=8)
    domain: int = cstruct.u32("addr.name.domain", offset=12, default=0)
    scope: int = cstruct.field(cstruct.I8, "scope", offset=3, default=TIPC_CLUSTER_SCOPE)

    @classmethod
    def _of_values(cls, v1: int, v2: int, v3: int, scope: int) -> Self:
        return cls.unchecked(v1, v2, 0, scope)

    def to_stdlib(self, lookup: Lookup) -> tuple[int, int, int, int, int]:
        """Return ``(2, type, instance, instance, scope)``."""
        return self.addr_type, self.type, self.instance, self.instance, self.scope


@sockaddr(
    "struct sockaddr_tipc",
    header="linux/tipc.h",
    family=AF_TIPC,
    family_name="AF_TIPC",
    stdlib=("type", "lower", "upper", "scope"),
    size=_SIZE,
    head=family_head(AF_TIPC, _SIZE) + bytes([TIPC_SERVICE_RANGE]),
)
class ServiceRange(TipcAddress):
    """A range of instances of a service (TIPC_SERVICE_RANGE, TIPC_ADDR_MCAST, TIPC_ADDR_NAMESEQ).

    Bound to, it publishes all of them; as a destination it is multicast, to every socket whose
    range overlaps. ``type``, ``lower`` and ``upper`` (inclusive) are 0-4294967295, ``scope`` as in
    `ServiceAddress`. Stdlib form: ``(1, type, lower, upper, scope)``. Text: ``range:18888:0:99``.

    Wire layout: u16 family, u8 address type 1, i8 scope, u32 type, u32 lower, u32 upper, all in
    host order. Source: linux/tipc.h.
    """

    addr_type = TIPC_SERVICE_RANGE
    kind = "range"

    type: int = cstruct.u32("addr.nameseq.type", offset=4)
    lower: int = cstruct.u32("addr.nameseq.lower", offset=8)
    upper: int = cstruct.u32("addr.nameseq.upper", offset=12)
    scope: int = cstruct.field(cstruct.I8, "scope", offset=3, default=TIPC_CLUSTER_SCOPE)

    @classmethod
    def _of_values(cls, v1: int, v2: int, v3: int, scope: int) -> Self:
        return cls.unchecked(v1, v2, v3, scope)

    def to_stdlib(self, lookup: Lookup) -> tuple[int, int, int, int, int]:
        """Return ``(1, type, lower, upper, scope)``."""
        return self.addr_type, self.type, self.lower, self.upper, self.scope


@sockaddr(
    "struct sockaddr_tipc",
    header="linux/tipc.h",
    family=AF_TIPC,
    family_name="AF_TIPC",
    stdlib=("node", "ref", "scope"),
    size=_SIZE,
    head=family_head(AF_TIPC, _SIZE) + bytes([TIPC_SOCKET_ADDR]),
)
class SocketAddress(TipcAddress):
    """A socket (TIPC_SOCKET_ADDR, formerly TIPC_ADDR_ID): the kernel's address of a sender.

    ``node`` is the hash of the node's identity and ``ref`` the socket's port there, both
    0-4294967295; node 0 is this one as long as it has no identity. ``scope`` means nothing here.
    Stdlib form: ``(3, node, ref, 0, scope)``. Text: ``socket:0:3361643057``.

    Wire layout: u16 family, u8 address type 3, i8 scope, u32 ref, u32 node, 4 zero bytes, all in
    host order. Source: linux/tipc.h.
    """

    addr_type = TIPC_SOCKET_ADDR
    kind = "socket"

    node: int = cstruct.u32("addr.id.node", offset=8)
    ref: int = cstruct.u32("addr.id.ref", offset=4)
    scope: int = cstruct.field(cstruct.I8, "scope", offset=3, default=0)

    @classmethod
    def _of_values(cls, v1: int, v2: int, v3: int, scope: int) -> Self:
        return cls.unchecked(v1, v2, scope)

    def to_stdlib(self, lookup: Lookup) -> tuple[int, int, int, int, int]:
        """Return ``(3, node, ref, 0, scope)``."""
        return self.addr_type, self.node, self.ref, 0, self.scope


_MEMBER = family_head(AF_TIPC, _SIZE) + bytes([TIPC_SERVICE_ADDR])


@sockaddr(
    "",
    header="linux/tipc.h",
    family=AF_TIPC,
    family_name="AF_TIPC",
    stdlib=("node", "ref", "type", "instance", "scope"),
    size=2 * _SIZE,
    head=family_head(AF_TIPC, _SIZE) + bytes([TIPC_SOCKET_ADDR]),
)
class GroupMember(SocketAddress):
    """A member of a communication group: its socket, and the group and identity that it has.

    This is the kernel's address for the sender of a group's message. ``type`` (the group) and
    ``instance`` (the member) are 0-4294967295. The rest is as in `SocketAddress`, and so is the
    stdlib form, which does not have them, and the effect as a destination. Text:
    ``member:0:3361643057:5000:1``.

    Wire layout: the sockaddr of the socket and that of the member's name (address type 2), 16 bytes
    each. Source: net/tipc/socket.c (struct sockaddr_pair).
    """

    kind = "member"

    type: int = cstruct.u32("", offset=_SIZE + 4, default=0)
    instance: int = cstruct.u32("", offset=_SIZE + 8, default=0)

    def pack(self, lookup: Lookup | None = None) -> bytes:
        """Return the two sockaddrs, 32 bytes."""
        both = super().pack(lookup)
        return both[:_SIZE] + _MEMBER + both[_SIZE + len(_MEMBER) :]


_CLASSES: tuple[type[TipcAddress], ...] = (
    ServiceAddress,
    ServiceRange,
    SocketAddress,
    GroupMember,
)
_BY_KIND = {cls.kind: cls for cls in _CLASSES}


def _class_of(addr_type: int, wanted: type[TipcAddress], second: object = None) -> Any:
    """Return the class of an address type, if it is ``wanted`` or a subclass; otherwise None.

    ``second`` is the start of the second sockaddr, which only a member's address has.
    """
    if addr_type == TIPC_SOCKET_ADDR and second == _MEMBER and issubclass(GroupMember, wanted):
        return GroupMember
    if second is not None and wanted is GroupMember:
        return None
    return next((c for c in _CLASSES if c.addr_type == addr_type and issubclass(c, wanted)), None)
