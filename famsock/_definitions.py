"""A family's constants, options and control messages, merged with those that every family has.

Each module of a family is loaded on its first use, and merged once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from famsock._lazy import kept, load

if TYPE_CHECKING:
    from famsock.control import ControlType
    from famsock.options import Option

_Row = TypeVar("_Row")


def constants_of(reference: Any) -> Mapping[str, int | str]:
    """Return a family's constants by name: the upper-case names of its ``Family.constants``."""
    loaded = load(reference)
    values = loaded if isinstance(loaded, Mapping) else vars(loaded)
    return {
        name: value
        for name, value in values.items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int | str)
    }


def definitions_of(
    reference: Any, collect: Callable[[Mapping[str, object]], Iterable[_Row]]
) -> Iterable[_Row]:
    """Return a family's rows: the collection given, or what ``collect`` finds in a module."""
    loaded = load(reference) or ()
    return collect(vars(loaded)) if isinstance(loaded, ModuleType) else loaded


class Definitions:
    """The options and control messages of a family's sockets, beside those of every family.

    ``family_name`` names the family in messages; ``options`` and ``control`` are the `Family`
    fields of these names. Without them only those of every family are here.
    """

    def __init__(self, family_name: str | None, options: Any = (), control: Any = ()) -> None:
        self._family_name = family_name
        self._options = options
        self._control = control

    @kept
    def options(self) -> dict[str, Option[Any]]:
        """Options by name; the family's own come before those of SOL_SOCKET."""
        from famsock import options

        own = definitions_of(self._options, options.collect)
        return {row.name: row for row in (*options.collect(vars(options)), *own)}

    @kept
    def control(self) -> dict[tuple[int, int], ControlType[Any]]:
        """Control messages by (level, type)."""
        from famsock import control

        own = definitions_of(self._control, control.collect)
        return {(row.level, row.number): row for row in (*control.collect(vars(control)), *own)}

    @kept
    def message(self) -> Callable[..., Any]:
        """The function that makes a typed message of what was received."""
        from famsock.control import Message

        return partial(Message.received, self.control)

    def option(self, name: object) -> Option[Any]:
        """Return the option of this name; LookupError if the family has none."""
        if not isinstance(name, str):
            raise TypeError(
                f"an option is a row or its name, not {name!r}: setsockopt takes numbers"
            )
        try:
            return self.options[name]
        except KeyError:
            raise LookupError(self._no_option(name)) from None

    def _no_option(self, name: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(name, self.options, 1)
        where = self._family_name or "a family that no plugin serves"
        return f"{where} has no option {name!r}" + (f"; did you mean {near[0]}?" if near else "")


COMMON: Definitions = Definitions(None)
"""Options and control messages for sockets whose family has no plugin."""
