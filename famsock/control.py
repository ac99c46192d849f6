"""Typed control messages (ancillary data), and the messages that carry them.

A `ControlType` is a row of data: name, level, number, the type of its value. What no row describes
comes and goes as `RawControl`. Source: cmsg(3), recvmsg(2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

import attrs

from famsock import values
from famsock.address import Address

T = TypeVar("T")
Item = tuple[int, int, bytes]


@attrs.frozen
class ControlType(Generic[T]):
    """One kind of control message: the constant's name, its level and number, its value's codec."""

    name: str
    level: int
    number: int
    codec: values.Codec[T]

    def __call__(self, value: T) -> ControlMessage[T]:
        """A control message of this kind, to send."""
        return ControlMessage(self, value)


@attrs.frozen
class ControlMessage(Generic[T]):
    """One control message: its kind and its value."""

    kind: ControlType[T]
    value: T

    def pack(self) -> Item:
        """(level, type, data) for sendmsg."""
        return self.kind.level, self.kind.number, self.kind.codec.encode(self.value)


@attrs.frozen
class RawControl:
    """A control message that no row describes, whole."""

    level: int
    type: int
    data: bytes

    def pack(self) -> Item:
        """(level, type, data) for sendmsg."""
        return self.level, self.type, self.data


@attrs.frozen
class Message:
    """What `socket.recv_message` received.

    ``address`` is typed, or None where the kernel named no sender. ``flags`` are msg_flags
    (MSG_TRUNC, MSG_CTRUNC …). Descriptors in an SCM_RIGHTS message belong to whoever reads it.
    """

    data: bytes
    address: Address | None
    control: tuple[ControlMessage[Any] | RawControl, ...]
    flags: int

    def get(self, kind: ControlType[T]) -> T | None:
        """The value of the first control message of a kind, or None."""
        for message in self.control:
            if isinstance(message, ControlMessage) and message.kind == kind:
                return message.value  # type: ignore[no-any-return]
        return None


def collect(namespace: Mapping[str, object]) -> tuple[ControlType[object], ...]:
    """The `ControlType` rows among a module's names."""
    return tuple(value for value in namespace.values() if isinstance(value, ControlType))


def typed(
    items: Iterable[Item], kinds: Mapping[tuple[int, int], ControlType[Any]]
) -> tuple[ControlMessage[Any] | RawControl, ...]:
    """The typed form of (level, type, data) items; `RawControl` for what no row fits."""
    return tuple(_typed_item(item, kinds.get(item[:2])) for item in items)


def _typed_item(item: Item, kind: ControlType[Any] | None) -> ControlMessage[Any] | RawControl:
    if kind is not None:
        try:
            return ControlMessage(kind, kind.codec.decode(item[2]))
        except ValueError:
            pass
    return RawControl(*item)
