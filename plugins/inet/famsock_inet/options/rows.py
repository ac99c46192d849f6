"""How this package writes its rows: a level, and constants whose numbers are looked up by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from famsock.plugin import Codec, Option
from famsock_inet import constants

T = TypeVar("T")


def rows_of(level: int) -> Callable[..., Option[Any]]:
    """A function that makes the row of a constant at a level."""

    def row(
        name: str,
        codec: Codec[T],
        access: str = "rw",
        request: Codec[Any] | None = None,
        length_unit_bytes: int = 1,
    ) -> Option[T]:
        number: int = getattr(constants, name)
        return Option(name, level, number, codec, access, request, length_unit_bytes)

    return row
