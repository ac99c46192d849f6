"""Typed control messages (ancillary data), and the messages that carry them.

A `ControlType` is a row of data: name, level, number, the type of its value. A message that no row
describes is a `RawControl`. Source: cmsg(3), recvmsg(2).
"""

from __future__ import annotations

import socket as _stdlib
import struct as _struct
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, Self, TypeVar, overload

import attrs

from famsock import _calls, codecs, constants, cstruct
from famsock._calls.descriptors import close_descriptors
from famsock.address import Address

if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVar

    _A = _TypeVar("_A", bound=Address, default=Address, covariant=True)

    class _ReceivesMessages(Protocol):
        """A `famsock.socket`, whose module imports this one."""

        def recv_message(
            self, bufsize_bytes: int = 65536, control_bytes: int = 1024, flags: int = 0
        ) -> Message[Any]: ...

else:
    _A = TypeVar("_A")
    _ReceivesMessages = Any

_T = TypeVar("_T")
Item = tuple[int, int, bytes]


@attrs.frozen
class ControlType(Generic[_T]):
    """A kind of control message: its constant's name, level and number, and its value's codec.

    Rows of one name, level and number are equal. ``since`` is the first Linux that has the message
    ("6.14"), or "" if Linux 6.1 has it, or if it is not known.
    """

    name: str
    level: int
    number: int
    codec: codecs.Codec[_T] = attrs.field(eq=False)
    since: str = attrs.field(default="", eq=False, repr=False)

    def __call__(self, value: _T) -> ControlMessage[_T]:
        """Return a control message of this kind, to send."""
        return ControlMessage(self, value)

    def pack(self, value: _T) -> Item:
        """Return (level, type, data) for sendmsg.

        TypeError, ValueError or OverflowError, with the kind's name, for a value it cannot hold.
        """
        try:
            return self.level, self.number, self.codec.encode(value)
        except codecs.REFUSALS as error:
            codecs.name(error, self.name)
            raise


@attrs.frozen
class ControlMessage(Generic[_T]):
    """A control message: its kind and its value."""

    kind: ControlType[_T] = attrs.field(repr=lambda kind: kind.name)
    value: _T

    def pack(self) -> Item:
        """Return (level, type, data) for sendmsg.

        TypeError, ValueError or OverflowError, with the kind's name, for a value it cannot hold.
        """
        return self.kind.pack(self.value)


@attrs.frozen
class RawControl:
    """A control message that no row describes, with all its bytes."""

    level: int
    type: int
    data: bytes = attrs.field(converter=cstruct.check_bytes)

    def pack(self) -> Item:
        """Return (level, type, data) for sendmsg."""
        return self.level, self.type, self.data


class _Received:
    """The control messages of a `Message` as they came, until they are read."""

    __slots__ = ("_items", "_kinds")
    if TYPE_CHECKING:
        _items: list[Item] | None
        _kinds: Mapping[tuple[int, int], ControlType[Any]]


@attrs.frozen
class Message(_Received, Generic[_A]):
    """The result of `socket.recv_message`.

    ``address`` is typed, or None if the kernel gave no sender; a sockaddr of another family is a
    `famsock.RawAddress`, whatever the type says. ``control`` is typed when it is read. ``flags``
    are msg_flags (MSG_TRUNC, MSG_CTRUNC …). Descriptors in an SCM_RIGHTS message belong to the
    caller, who must close them.
    """

    data: bytes
    address: _A | None
    control: tuple[ControlMessage[Any] | RawControl, ...]
    flags: int

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return the control messages, typed now; nothing else is left out at first."""
            if name == "_items":
                return None
            if name != "control" or self._items is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            typed = _typed_items(self._items, self._kinds)
            object.__setattr__(self, "control", typed)
            return typed

    if TYPE_CHECKING:

        @overload
        def get(self, kind: ControlType[_T]) -> _T | None: ...
        @overload
        def get(self, kind: str) -> Any: ...

    def get(self, kind: ControlType[Any] | str) -> Any:
        """Return the value of the first control message of a kind, a row or its name, or None."""
        if type(kind) is ControlType and (items := self._items) is not None:
            level, number = kind.level, kind.number
            for item in items:
                if item[1] == number and item[0] == level:
                    row = self._kinds.get((level, number))
                    if row is not kind and row != kind:
                        return None
                    try:
                        return row.codec.decode(item[2])
                    except ValueError:  # it is a `RawControl`
                        continue
            return None
        if not isinstance(kind, (ControlType, str)):
            raise TypeError(f"a kind is a row or its name, not {kind!r}")
        for message in self.control:
            if isinstance(message, ControlMessage):
                found = message.kind
                if found is kind or kind in (found, found.name):
                    return message.value
        return None

    @classmethod
    def received(
        cls,
        kinds: Mapping[tuple[int, int], ControlType[Any]],
        data: bytes,
        address: _A | None,
        items: list[Item],
        flags: int,
    ) -> Self:
        """Return the message for recvmsg's result; ``kinds`` type its (level, type, data) items."""
        made = cls.__new__(cls)
        for name, value in (
            ("data", data), ("address", address), ("flags", flags), ("_items", items),
            ("_kinds", kinds),
        ):  # fmt: skip
            object.__setattr__(made, name, value)
        return made


def _message_maker(kinds: Mapping[tuple[int, int], ControlType[Any]]) -> Callable[..., Any]:
    """Return a function of data, address, items and flags: `Message.received` with ``kinds``."""
    if _calls.native is None:
        return partial(Message.received, kinds)
    maker: Callable[..., Any] = _calls.native.MessageMaker(Message, kinds)
    return maker


class Source(NamedTuple):
    """The origin of a field of a `Reader`'s class, made by the ``from_…`` functions."""

    origin: str
    convert: Any = None
    number: int = 0
    level: int = 0
    default: Any = None
    members: Members | None = None


class Members(NamedTuple):
    """The part of a control message that `from_members` takes."""

    struct_class: type[cstruct.Struct]
    names: tuple[str, ...]
    convert: Callable[..., Any] | None
    mask: int


def from_data(convert: Callable[[bytes], Any] | None = None) -> Source:
    """Return the source of the message's data, or of what ``convert`` makes of it."""
    return Source("data", convert)


def from_address(convert: Callable[[Any], Any] | None = None) -> Source:
    """Return the source of the sender's address, or of what ``convert`` makes of it."""
    return Source("address", convert)


def from_address_item(index: int) -> Source:
    """Return the source of one item of the sender's address, which is a tuple."""
    return Source("address item", number=index)


def from_flags(mask: int) -> Source:
    """Return the source of a bool: whether one of the bits of ``mask`` (MSG_*) is set."""
    return Source("flags", number=int(mask))


def from_item(
    kind: ControlType[_T], default: Any = None, convert: Callable[[_T], Any] | None = None
) -> Source:
    """Return the source of a control message's value, or of what ``convert`` makes of it.

    It is ``default`` without such a message, or with one that the row's codec refuses; what it
    tells if ``default`` is a source itself, of data, address or flags. The last message counts.
    """
    decode = kind.codec.decode
    if convert is not None:
        decode = partial(_decoded_and_converted, decode, convert)
    return Source("item", decode, kind.number, kind.level, _checked_default(default))


def from_members(
    kind: ControlType[Any],
    *names: str,
    convert: Callable[..., Any] | None = None,
    mask: int = 0,
    default: Any = None,
) -> Source:
    """Return the source of an integer member of a control message's struct.

    With ``convert`` it may be several, and the value is what that makes of them. It is None if the
    first one has no bit of ``mask``. ``default`` and repeated messages are as for `from_item`. No
    object of the struct is made. TypeError if the value of ``kind`` is no struct, if this has no
    member of a name, or for several members without ``convert``.
    """
    found = kind.codec.struct_class
    if found is None:
        raise TypeError(f"{kind.name}: its value is no struct with members")
    if not names or (len(names) > 1 and convert is None):
        raise TypeError(f"{kind.name}: one member, or a conversion of several")
    if unknown := {*names} - {member.attribute for member in found.layout.members}:
        raise TypeError(f"{found.__name__} has no member {unknown.pop()!r}")
    members = Members(found, names, convert, mask)
    decode = partial(_decoded_members, kind.codec.decode, members)
    return Source("item", decode, kind.number, kind.level, _checked_default(default), members)


def _decoded_members(decode: Callable[[bytes], Any], members: Members, data: bytes) -> Any:
    value = decode(data)
    found = [getattr(value, name) for name in members.names]
    if members.mask and not found[0] & members.mask:
        return None
    return found[0] if members.convert is None else members.convert(*found)


def _checked_default(default: Any) -> Any:
    if isinstance(default, Source) and default.origin in ("item", "reader"):
        raise TypeError("a default is a value, or a source of data, address or flags")
    return default


def _decoded_and_converted(decode: Callable[[bytes], Any], convert: Any, data: bytes) -> Any:
    return convert(decode(data))


def from_reader(reader: Reader[Any]) -> Source:
    """Return the source of what another reader makes of the same message."""
    return Source("reader", reader)


class Reader(Generic[_T]):
    """Makes an instance of ``cls`` of each received message; made by `reader`."""

    def __init__(self, cls: type[_T], sources: Mapping[str, Source]) -> None:
        fields = attrs.fields(cls)  # type: ignore[arg-type]
        if {field.name for field in fields} != sources.keys():
            raise TypeError(f"{cls.__name__}: a source for each field, not {', '.join(sources)}")
        if any(field.converter or field.validator or not field.init for field in fields):
            raise TypeError(f"{cls.__name__}: what is received is not checked, but its fields are")
        self.cls = cls
        self._make: Any = cls.unchecked if issubclass(cls, cstruct.Struct) else cls
        self.sources = {field.name: sources[field.name] for field in fields}
        self._items: dict[tuple[int, int], list[tuple[str, Callable[[bytes], Any]]]] = {}
        for name, source in self.sources.items():
            if source.origin == "item":
                kind = source.level, source.number
                self._items.setdefault(kind, []).append((name, source.convert))

    def read(self, message: tuple[bytes, list[Item], int, Any]) -> _T:
        """Return the instance of what recvmsg gave: data, items, flags, address."""
        _, items, _, _ = message
        found: dict[str, Any] = {}
        if self._items:
            for level, number, data in items:
                for name, decode in self._items.get((level, number), ()):
                    try:
                        found[name] = decode(data)
                    except ValueError:
                        continue
        return self._make(  # type: ignore[no-any-return]
            *[
                found[name] if name in found else _from_source(source, message)
                for name, source in self.sources.items()
            ]
        )

    def read_each(self, messages: Iterable[tuple[bytes, list[Item], int, Any]]) -> list[_T]:
        """Return the instances of what recvmmsg gave."""
        return [self.read(message) for message in messages]

    def receive(
        self,
        sock: _ReceivesMessages,
        bufsize_bytes: int = 65536,
        control_bytes: int = 1024,
        flags: int = 0,
    ) -> _T:
        """Receive one message by `socket.recv_message`, and return the instance of it.

        The address is the typed one. Received descriptors that no source takes are closed. Errors
        are those of `socket.recv_message`, and what a source's conversion raises.
        """
        message = sock.recv_message(bufsize_bytes, control_bytes, flags)
        items = message._items
        if items is None:
            items = [each.pack() for each in message.control]
        try:
            made = self.read((message.data, items, message.flags, message.address))
        except BaseException:
            close_descriptors(items)
            raise
        close_descriptors([item for item in items if not self._takes(item)])
        return made

    def _takes(self, item: Item) -> bool:
        nested = [source.convert for source in self.sources.values() if source.origin == "reader"]
        return item[:2] in self._items or any(reader._takes(item) for reader in nested)


def _from_source(source: Source, message: tuple[bytes, list[Item], int, Any]) -> Any:
    data, _, flags, address = message
    if source.origin == "item":
        default = source.default
        return _from_source(default, message) if isinstance(default, Source) else default
    if source.origin == "flags":
        return flags & source.number != 0
    if source.origin == "address item":
        return address[source.number]
    if source.origin == "reader":
        return source.convert.read(message)
    value = data if source.origin == "data" else address
    return value if source.convert is None else source.convert(value)


def reader(cls: type[_T], **sources: Source) -> Reader[_T]:
    """Return a `Reader` for an attrs class: a source for each of its fields, by name.

    It is for values that an operation makes of each message that it receives. Compiled code fills
    in the slots, where it can. TypeError if a source is missing, or if a field is checked or
    converted when an instance is made.

    ::

        _STAMPED = control.reader(
            Stamped,
            data=control.from_data(),
            at_ns=control.from_item(control.SCM_TIMESTAMPNS),
            is_cut=control.from_flags(MSG_TRUNC),
        )
        ...
        return _STAMPED.receive(self, 2048, 128)
    """
    made = Reader(cls, sources)
    compiled = _calls.companion("famsock._cstruct")
    if compiled is None:
        return made
    try:
        found: Reader[_T] = compiled.Reader(made)
    except TypeError:  # a class whose objects are made in their own way
        return made
    return found


def _packed_item(message: ControlMessage[Any] | RawControl | Item) -> Item:
    """(level, type, data) of a control message in any of its forms."""
    return message if isinstance(message, tuple) else message.pack()


def collect(namespace: Mapping[str, object]) -> tuple[ControlType[object], ...]:
    """Return the `ControlType` rows among a module's names."""
    return tuple(value for value in namespace.values() if isinstance(value, ControlType))


def _typed_items(
    items: Iterable[Item], kinds: Mapping[tuple[int, int], ControlType[Any]]
) -> tuple[ControlMessage[Any] | RawControl, ...]:
    """Return the typed form of (level, type, data) items; `RawControl` for what no row fits."""
    return tuple(_typed_item(item, kinds.get(item[:2])) for item in items)


def _typed_item(item: Item, kind: ControlType[Any] | None) -> ControlMessage[Any] | RawControl:
    if kind is not None:
        try:
            return ControlMessage(kind, kind.codec.decode(item[2]))
        except ValueError:
            pass
    return RawControl(*item)


class Timestamps(NamedTuple):
    """SCM_TIMESTAMPING: when a packet was seen, in nanoseconds; 0 for a time that is not there.

    ``software_ns`` is the kernel's time and ``hardware_ns`` the network adapter's raw one;
    ``transformed_ns`` is no longer filled in. Source: Documentation/networking/timestamping.rst.
    """

    software_ns: int
    transformed_ns: int
    hardware_ns: int


_THREE_TIMES = _struct.Struct("=6q")
_NS_PER_S = 1_000_000_000


def _pack_timestamps(times: Timestamps) -> bytes:
    return _THREE_TIMES.pack(*(part for time in times for part in divmod(time, _NS_PER_S)))


def _unpack_timestamps(data: bytes) -> Timestamps:
    if len(data) < _THREE_TIMES.size:
        raise ValueError(f"needs {_THREE_TIMES.size} bytes, not {len(data)}")
    a, b, c, d, e, f = _THREE_TIMES.unpack_from(data)
    return Timestamps(a * _NS_PER_S + b, c * _NS_PER_S + d, e * _NS_PER_S + f)


_TIMESTAMPS: codecs.Codec[Timestamps] = codecs.Codec(
    c="struct scm_timestamping64",
    size_bytes=_THREE_TIMES.size,
    encode=_pack_timestamps,
    decode=_unpack_timestamps,
)


class TimestampedPacket(NamedTuple):
    """SCM_TIMESTAMPING_PKTINFO: interface and length (bytes) of a packet that hardware stamped."""

    if_index: int
    pkt_length_bytes: int


_PACKET = _struct.Struct("=II8x")


def _unpack_packet(data: bytes) -> TimestampedPacket:
    if len(data) < _PACKET.size:
        raise ValueError(f"needs {_PACKET.size} bytes, not {len(data)}")
    return TimestampedPacket(*_PACKET.unpack_from(data))


_TIMESTAMPED_PACKET: codecs.Codec[TimestampedPacket] = codecs.Codec(
    c="struct scm_ts_pktinfo",
    size_bytes=_PACKET.size,
    encode=lambda packet: _PACKET.pack(*packet),
    decode=_unpack_packet,
)


def _row(name: str, codec: codecs.Codec[_T], since: str = "") -> ControlType[_T]:
    """Return a row of SOL_SOCKET: this platform's number of it, or Linux's where it has none."""
    number = getattr(_stdlib, name, getattr(constants, name))
    return ControlType(name, _stdlib.SOL_SOCKET, number, codec, since)


# Timestamps of received data, in nanoseconds since 1970.
SO_TIMESTAMP_NEW: ControlType[int] = _row("SO_TIMESTAMP_NEW", codecs.TIMEVAL_NS)
SO_TIMESTAMPNS_NEW: ControlType[int] = _row("SO_TIMESTAMPNS_NEW", codecs.TIMESPEC_NS)
SO_TIMESTAMPING_NEW: ControlType[Timestamps] = _row("SO_TIMESTAMPING_NEW", _TIMESTAMPS)
SCM_TIMESTAMP: ControlType[int] = _row("SCM_TIMESTAMP", codecs.TIMEVAL_NS)
SCM_TIMESTAMPNS: ControlType[int] = _row("SCM_TIMESTAMPNS", codecs.TIMESPEC_NS)
SCM_TIMESTAMPING_OPT_STATS: ControlType[bytes] = _row("SCM_TIMESTAMPING_OPT_STATS", codecs.raw(512))
SCM_TIMESTAMPING_PKTINFO: ControlType[TimestampedPacket] = _row(
    "SCM_TIMESTAMPING_PKTINFO", _TIMESTAMPED_PACKET
)
# To send: the flags (SOF_TIMESTAMPING_TX_*) for one message. The row after it has the same number
# and is for received messages, so typed messages show that one.
SO_TIMESTAMPING: ControlType[int] = _row("SO_TIMESTAMPING", codecs.U32)
SCM_TIMESTAMPING: ControlType[Timestamps] = _row("SCM_TIMESTAMPING", _TIMESTAMPS)

# Sent: when a packet shall leave, in nanoseconds of SO_TXTIME's clock; its mark and priority; the
# number that its timestamps carry in ee_data with SOF_TIMESTAMPING_OPT_ID (Linux 6.13, not TCP).
# The priority is also received, with SO_RCVPRIORITY (Linux 6.14).
SCM_TXTIME: ControlType[int] = _row("SCM_TXTIME", codecs.U64)
SO_MARK: ControlType[int] = _row("SO_MARK", codecs.U32)
SO_PRIORITY: ControlType[int] = _row("SO_PRIORITY", codecs.U32)
SCM_TS_OPT_ID: ControlType[int] = _row("SCM_TS_OPT_ID", codecs.U32, since="6.13")

# Received: how many packets the queue has dropped so far; whether a Wi-Fi frame was acknowledged;
# how many bytes are left to read, with SO_INQ (Linux 6.17).
SO_RXQ_OVFL: ControlType[int] = _row("SO_RXQ_OVFL", codecs.U32)
SCM_WIFI_STATUS: ControlType[int] = _row("SCM_WIFI_STATUS", codecs.INT)
SCM_INQ: ControlType[int] = _row("SCM_INQ", codecs.INT, since="6.17")

__all__ = [
    "ControlMessage",
    "ControlType",
    "Item",
    "Message",
    "RawControl",
    "Reader",
    "Source",
    "TimestampedPacket",
    "Timestamps",
    "collect",
    "from_address",
    "from_address_item",
    "from_data",
    "from_flags",
    "from_item",
    "from_members",
    "from_reader",
    "reader",
    *(name for name, row in dict(vars()).items() if isinstance(row, ControlType)),
]
