"""Typed socket options, as rows of data.

An `Option` names its level, its number and the type of its value; ``sock.get_option(option)`` and
``sock.set_option(option, value)`` do the rest. The rows of this module are those of SOL_SOCKET,
which every family has; a family's own come from its plugin. Source: socket(7), asm/socket.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

import attrs

from famsock import values, wire
from famsock.address import name_operation

T = TypeVar("T")


@attrs.frozen
class Option(Generic[T]):
    """One socket option.

    ``name`` is the constant's, ``level`` and ``number`` are getsockopt(2)'s, ``codec`` the type of
    the value. ``access`` is "rw", "r" or "w". ``request`` is for options whose getsockopt reads its
    buffer: the codec of what goes in. ``length_unit_bytes`` is what one counts in the length that
    getsockopt takes and gives, where that is not bytes.
    """

    name: str
    level: int
    number: int
    codec: values.Codec[T]
    access: str = "rw"
    request: values.Codec[Any] | None = None
    length_unit_bytes: int = 1

    def encode(self, value: T) -> bytes:
        """The bytes for setsockopt; the errors name the option."""
        if "w" not in self.access:
            raise AttributeError(f"option {self.name} is read-only")
        try:
            return self.codec.encode(value)
        except (TypeError, ValueError, OverflowError) as error:
            if len(error.args) == 1:
                error.args = (f"{self.name} {error.args[0]}",)
            name_operation(error, "set_option")
            raise

    def encode_request(self, request: Any) -> bytes:
        """What getsockopt's buffer holds at first; TypeError for a request that nothing takes."""
        if request is None:
            return b""
        if self.request is None:
            raise TypeError(f"option {self.name} takes no request")
        return self.request.encode(request)

    def decode(self, data: bytes) -> T:
        """The value of what getsockopt gave."""
        return self.codec.decode(data)


def collect(namespace: Mapping[str, object]) -> tuple[Option[object], ...]:
    """The `Option` rows among a module's names."""
    return tuple(value for value in namespace.values() if isinstance(value, Option))


def by_name(rows: Iterable[Option[object]]) -> dict[str, Option[object]]:
    """Rows keyed by their constant's name."""
    return {row.name: row for row in rows}


@wire.struct("struct linger", header="sys/socket.h")
class Linger(wire.Struct):
    """SO_LINGER: whether close waits for unsent data, and for how many seconds (0-65535)."""

    on: bool = wire.boolean("l_onoff")
    seconds: int = wire.i32("l_linger")
