"""The state of the registry: one immutable object, which a change replaces by another."""

from __future__ import annotations

import socket as _stdlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from famsock._registry.discovery import EntryPoint
    from famsock.family import Family, Served

    Key = tuple[Any, ...]

_FIELDS = (
    "blocked",
    "by_hand",
    "checked",
    "chosen",
    "entries",
    "failed",
    "hints",
    "loaded",
    "resolved",
)


class Loaded:
    """A family in use, the plugin that supplied it, and the plugin's name for pluggy."""

    __slots__ = ("family", "label", "plugin")

    def __init__(self, family: Family, plugin: object, label: str | None) -> None:
        self.family = family
        self.plugin = plugin
        self.label = label


class Snapshot:
    """The plugins as they are between two changes.

    ``entries`` are the entry points by family name, None before the first discovery. ``loaded``
    are the families loaded through them, ``failed`` the reasons of those that did not load,
    ``by_hand`` the families registered by hand. ``chosen`` (None: all) and ``blocked`` select, and
    ``checked`` says whether the selected names were compared with the families that there are.

    No field is assigned after the object is made, with two exceptions. ``resolved`` and ``hints``
    keep answers that follow from the other fields: what serves a kind of socket, and what to say of
    a constant that is missing. They grow by single items. ``successor`` gets one item, 0, when the
    next snapshot is made; from then on ``served``, where sockets look first, is empty.
    """

    __slots__ = (*_FIELDS, "served", "successor")

    def __init__(
        self,
        *,
        blocked: frozenset[str] = frozenset(),
        by_hand: Mapping[str, Loaded] | None = None,
        checked: bool = False,
        chosen: frozenset[str] | None = None,
        entries: Mapping[str, tuple[EntryPoint, ...]] | None = None,
        failed: Mapping[str, str] | None = None,
        hints: dict[str, str] | None = None,
        loaded: Mapping[str, Loaded] | None = None,
        resolved: dict[Key, Served | None] | None = None,
    ) -> None:
        self.blocked = blocked
        self.by_hand: Mapping[str, Loaded] = {} if by_hand is None else by_hand
        self.checked = checked
        self.chosen = chosen
        self.entries = entries
        self.failed: Mapping[str, str] = {} if failed is None else failed
        self.hints: dict[str, str] = {} if hints is None else hints
        self.loaded: Mapping[str, Loaded] = {} if loaded is None else loaded
        self.resolved: dict[Key, Served | None] = {} if resolved is None else resolved
        self.served: dict[Key, Served | None] = self.resolved
        self.successor: dict[int, Snapshot] = {}

    def with_(self, **changes: Any) -> Snapshot:
        """A snapshot with other values, to which all answers found so far apply."""
        return Snapshot(**{**{name: getattr(self, name) for name in _FIELDS}, **changes})

    def changed(self, **changes: Any) -> Snapshot:
        """A snapshot with other values that may change any answer: none is taken over."""
        return self.with_(**{"checked": False, "hints": None, "resolved": None, **changes})

    @property
    def offered(self) -> dict[str, tuple[EntryPoint, ...]]:
        """The entry points, of all that were discovered, that the selection lets serve."""
        entries = self.entries or {}
        return {n: e for n, e in entries.items() if self.chosen is None or n in self.chosen}

    @property
    def names(self) -> list[str]:
        """The names of all families that plugins offer."""
        return sorted({*self.by_hand, *self.offered})

    def family(self, name: str) -> Family | None:
        """The family of this name, if it is registered by hand, or offered and loaded."""
        found = self.by_hand.get(name)
        if found is None and name in self.offered:
            found = self.loaded.get(name)
        return None if found is None else found.family

    @property
    def unknown(self) -> list[str]:
        """The names that plugins offer whose number this Python cannot tell."""
        return [name for name in self.names if number_here(name) is None]

    @property
    def plugins(self) -> list[Loaded]:
        """The plugins in use, each family once."""
        return [*({**self.loaded, **self.by_hand}).values()]

    @property
    def unknown_selected(self) -> list[str]:
        """The names in `chosen` and `blocked` that are no family's."""
        selected = self.blocked | (self.chosen or frozenset())
        known = {*self.by_hand, *(self.entries or ()), *_stdlib.AddressFamily.__members__}
        return sorted(selected - known)

    def state(self, name: str, claims: tuple[EntryPoint, ...]) -> str:
        """A word for how the family of an entry point fares."""
        if name in self.blocked:
            return "blocked"
        if self.chosen is not None and name not in self.chosen:
            return "not chosen"
        if len({claim.distribution for claim in claims}) > 1:
            return "clash"
        if name in self.loaded:
            return "loaded"
        return "broken" if name in self.failed else "available"


def number_here(name: str) -> int | None:
    """The number that this Python's own `socket` gives a family's name, or None."""
    number = vars(_stdlib).get(name)
    return None if number is None else int(number)
