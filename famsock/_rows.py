"""Functions with which a plugin writes rows of options and control messages, by constant name.

The rows of one level differ only by name and type of value::

    _row = option_rows(SOL_TCP, constants)

    TCP_NODELAY: Option[bool] = _row("TCP_NODELAY", codecs.BOOL)
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeVar

import attrs

from famsock import codecs
from famsock.control import ControlType
from famsock.options import Option

T = TypeVar("T")


@attrs.frozen
class _Rows:
    """The common part of the rows of one level.

    ``constants`` is the module where a row's name has its number. A row's value is a codec, a
    struct class, or the name of either in ``module``, imported when the first value is converted.
    """

    level: int
    constants: ModuleType
    module: str = ""

    def _number(self, name: str) -> int:
        number: int = getattr(self.constants, name)
        return number

    def _codec(self, value: codecs.Codec[T] | type[T] | str) -> codecs.Codec[T]:
        if isinstance(value, str):
            return codecs.deferred(f"{self.module}:{value}")
        return codecs.codec(value)


class option_rows(_Rows):  # noqa: N801 - used as a function
    """A function that makes the `Option` of a constant at ``level``; arguments as Option's."""

    def __call__(
        self,
        name: str,
        value: codecs.Codec[T] | type[T] | str,
        access: str = "rw",
        request: codecs.Codec[Any] | type[Any] | str | None = None,
        length_unit_bytes: int = 1,
        since: str = "",
    ) -> Option[T]:
        """Return the row of the constant ``name``."""
        asked = None if request is None else self._codec(request)
        number, codec = self._number(name), self._codec(value)
        return Option(name, self.level, number, codec, access, asked, length_unit_bytes, since)


class control_rows(_Rows):  # noqa: N801 - used as a function
    """A function that makes the `ControlType` of a constant at ``level``."""

    def __call__(
        self, name: str, value: codecs.Codec[T] | type[T] | str, since: str = ""
    ) -> ControlType[T]:
        """Return the row of the constant ``name``."""
        return ControlType(name, self.level, self._number(name), self._codec(value), since)
