"""A family's constants, options and control messages, merged with those that every family has.

Each module of a family is loaded on its first use, and merged once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from famsock._lazy import PluginError, kept, load, load_part

if TYPE_CHECKING:
    from famsock.control import ControlType
    from famsock.options import Option

_Row = TypeVar("_Row")


def constants_of(family_name: str, reference: Any) -> Mapping[str, int | str]:
    """Return a family's constants by name: the upper-case names of its ``Family.constants``.

    PluginError if they cannot be loaded, which names the family.
    """
    wanted = "a module or a mapping of constants"
    loaded = load_part(family_name, "constants", wanted, reference)
    values = loaded if isinstance(loaded, Mapping) else vars(loaded)
    return {
        name: value
        for name, value in values.items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int | str)
    }


def definitions_of(
    reference: Any, collect: Callable[[Mapping[str, object]], Iterable[_Row]]
) -> Iterator[_Row]:
    """Yield the rows that ``reference`` stands for.

    It is a row, a module, in which ``collect`` finds them, a collection of all these, or the name
    of one.
    """
    loaded = load(reference)
    if isinstance(loaded, ModuleType):
        yield from collect(vars(loaded))
    elif isinstance(loaded, Collection):
        for item in loaded:
            yield from definitions_of(item, collect)
    else:
        yield loaded


def rows_of(
    owner: object,
    field: str,
    given: Any,
    collect: Callable[[Mapping[str, object]], Iterable[_Row]],
    kind: type[_Row],
) -> list[_Row]:
    """Return the rows of a ``field`` of a description; PluginError if it has not all of ``kind``.

    ``owner`` is the family or protocol for the error; the others are as those of `definitions_of`.
    """
    wanted = f"{kind.__name__} rows, or a module or collection of them"

    def read(reference: Any) -> list[_Row]:
        return list(definitions_of(reference, collect))

    rows = []
    several = isinstance(given, Collection) and not isinstance(given, str)
    for reference in given if several else (given,):
        for row in load_part(owner, field, wanted, reference, read):
            if not isinstance(row, kind):
                raise PluginError(f"{owner}: {field} must name {wanted}; {reference} has {row!r}")
            rows.append(row)
    return rows


class Definitions:
    """The options and control messages of a family's sockets, beside those of every family.

    ``family_name`` names the family in messages; ``options`` and ``control`` are what
    `definitions_of` reads: of two with one name, the last one counts. Without them only those of
    every family are here.
    """

    def __init__(self, family_name: str | None, options: Any = (), control: Any = ()) -> None:
        self._family_name = family_name
        self._options = options
        self._control = control

    @kept
    def options(self) -> dict[str, Option[Any]]:
        """Options by name; the family's own come before those of SOL_SOCKET."""
        from famsock import options

        name, collect = self._family_name, options.collect
        own = rows_of(name, "options", self._options, collect, options.Option)
        return {row.name: row for row in (*options.collect(vars(options)), *own)}

    @kept
    def control(self) -> dict[tuple[int, int], ControlType[Any]]:
        """Control messages by (level, type)."""
        from famsock import control

        name, collect = self._family_name, control.collect
        own = rows_of(name, "control", self._control, collect, control.ControlType)
        return {(row.level, row.number): row for row in (*control.collect(vars(control)), *own)}

    @kept
    def message(self) -> Callable[..., Any]:
        """The function that makes a typed message of what was received."""
        from famsock.control import _message_maker

        return _message_maker(self.control)

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
