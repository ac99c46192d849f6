"""The registry of plugins: discovery, selection, clashes.

A plugin registered by hand takes precedence over an entry point. Two entry points for one family
are an error that names both distributions, and affects only that family. A plugin is loaded when
one of its families is first used. A plugin that fails to load breaks only its own families.

``FAMSOCK_PLUGINS`` chooses and blocks: ``AF_INET,AF_CAN`` lets only these plugins serve (any other
family is the stdlib's), ``-AF_CAN`` blocks one, which then raises an error that says so. At run
time, use ``famsock.plugins.choose(...)``, ``famsock.plugins.block(...)``.
"""

from __future__ import annotations

import errno
import os
import socket as _stdlib
import sys

# As in functools: importing threading would make famsock's import a fifth slower.
from _thread import RLock

from famsock import _calls
from famsock._errors import PluginError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    import pluggy

    from famsock._registry.discovery import EntryPoint
    from famsock.address import Address
    from famsock.family import Family, Served

GROUP = "famsock"
DIRECTORY_GROUP = "famsock.directory"


class Registry:
    """The families that famsock can serve; ``famsock.plugins`` is the one that sockets use."""

    def __init__(self, selection: str = "") -> None:
        self.served: dict[tuple[int, int, int], Served | None] = {}
        self.on_served: Callable[[Served], object] = lambda served: None
        self._families: dict[str, Family] = {}
        self._entries: dict[str, list[EntryPoint]] | None = None
        self._failed: dict[str, str] = {}
        self._lacking: dict[str, str] = {}
        self._blocked: set[str] = set()
        self._chosen: set[str] | None = None
        self._by_hand: set[str] = set()
        self._imported: set[Any] = set()
        self._manager_: pluggy.PluginManager | None = None
        self._lock = RLock()
        self._checked = False
        words = [word.strip() for word in selection.split(",") if word.strip()]
        self.block(*[word[1:] for word in words if word.startswith("-")])
        if chosen := [word for word in words if not word.startswith("-")]:
            self.choose(*chosen)

    # Selection

    def choose(self, *names: str) -> None:
        """Let only the plugins of these families serve; without a name, all that are installed."""
        with self._lock:
            self._chosen = set(names) or None
            self._forget()

    def block(self, *names: str) -> None:
        """Refuse to open sockets of these families (``AF_CAN``)."""
        with self._lock:
            self._blocked.update(names)
            self._forget()

    def unblock(self, *names: str) -> None:
        """Take `block` back."""
        with self._lock:
            self._blocked.difference_update(names)
            self._forget()

    def refresh(self) -> None:
        """Look for entry points again, for example after installing or removing a distribution."""
        with self._lock:
            self._entries = None
            self._failed.clear()
            for name in set(self._families) - self._by_hand:
                del self._families[name]
            for plugin in self._imported:
                self._manager.unregister(plugin)
            self._imported.clear()
            self._forget()

    # Registration

    def register(self, plugin: object, name: str | None = None) -> None:
        """Serve the families of ``plugin``, an object with hooks or a `Family`, by hand.

        Takes precedence over entry points. PluginError if the plugin is not valid, or if another
        was registered by hand for one of its families.
        """
        with self._lock:
            families = self._families_of(plugin, name)
            for family in families:
                if family.name in self._by_hand:
                    raise PluginError(f"{family.name} is already registered by hand")
            for family in families:
                self._add(family)
                self._by_hand.add(family.name)

    def unregister(self, name: str) -> None:
        """Take back a family (``AF_CAN``) that was registered by hand."""
        with self._lock:
            self._by_hand.remove(name)
            family = self._families.pop(name)
            for plugin in self._manager.get_plugins():
                if family in plugin.famsock_families():
                    self._manager.unregister(plugin)
            self._forget()

    # Use

    def find(self, number: int, kind: int, protocol: int) -> Served | None:
        """Return what serves sockets of a family number, socket type and protocol number.

        None if no plugin does, and famsock acts like the stdlib. Raises PluginError for a family
        whose plugin is broken, and OSError EAFNOSUPPORT for a blocked one.
        """
        key = number, kind, protocol
        if key not in self.served:
            with self._lock:
                self.served[key] = self._resolve(number, kind, protocol)
        return self.served[key]

    def family(self, name: str) -> Family | None:
        """Return the family of this name, loading its plugin; None if none is installed."""
        with self._lock:
            if name in self._families:
                return self._families[name]
            if name in self._failed:
                raise PluginError(self._failed[name])
            claims = self._offered().get(name)
            return self._load(name, claims) if claims else None

    def address_class(self, number: int, kind: int, protocol: int) -> type[Address] | None:
        """Return the address class of another family whose sockaddr turned up, if one is known."""
        try:
            served = self.find(number, kind, protocol)
        except (PluginError, OSError):
            return None
        return None if served is None else served.codec.address_class

    def constant(self, name: str, module: str = "famsock") -> int | str:
        """Return a constant that this Python lacks, from the core or from a plugin.

        Raises AttributeError for ``module`` if no installed plugin has it.
        """
        if name not in self._lacking:
            value = self._find_constant(name)
            if value is not None:
                return value
            self._lacking[name] = self._hint(name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}{self._lacking[name]}")

    def _find_constant(self, name: str) -> int | str | None:
        from famsock import constants
        from famsock._definitions import constants_of

        if sys.platform.startswith("linux") and isinstance(
            common := vars(constants).get(name), int
        ):
            return common
        for family in self._families_likely_for(name):
            try:
                value = constants_of(family.constants).get(name) if family.here else None
            except ImportError:
                continue  # a module that does not import hides no other plugin's constants
            if value is not None:
                return value
        return None

    def families(self, names: Iterable[str] | None = None) -> Iterator[Family]:
        """Yield the families of these names (default: all) that load; pass over broken ones."""
        for name in self.names() if names is None else names:
            try:
                family = self.family(name)
            except PluginError:
                continue
            if family is not None:
                yield family

    def broken_unknown(self) -> list[str]:
        """Return why plugins did not load that may have a number that this Python cannot name."""
        with self._lock:
            return [why for name, why in self._failed.items() if _number_here(name) is None]

    def names(self) -> list[str]:
        """Return the names of the families that plugins offer here, without importing any."""
        with self._lock:
            return sorted({*self._families, *self._offered()})

    def describe(self) -> list[dict[str, Any]]:
        """Return the installed families without importing any plugin."""
        with self._lock:
            rows: list[dict[str, Any]] = [
                {
                    "family": name,
                    "distributions": [str(claim) for claim in claims],
                    "plugin": claims[0].value,
                    "state": self._state(name, claims),
                }
                for name, claims in self._discovered().items()
                if name not in self._by_hand
            ]
            rows += [
                {
                    "family": name,
                    "distributions": [],
                    "plugin": "registered by hand",
                    "state": "blocked" if name in self._blocked else "loaded",
                }
                for name in self._by_hand
            ]
            return sorted(rows, key=lambda row: str(row["family"]))

    # Internal

    def _forget(self) -> None:
        """Drop what depends on the plugins that serve."""
        self.served.clear()
        self._lacking.clear()
        self._checked = False

    def _check_selection(self) -> None:
        """Warn of names in `choose` and `block` that belong to no family: they would do nothing."""
        self._checked = True
        if selected := self._blocked | (self._chosen or set()):
            import warnings

            known = {*self._families, *self._discovered(), *_stdlib.AddressFamily.__members__}
            for name in sorted(selected - known):
                warnings.warn(
                    f"famsock.plugins: no family is named {name!r}", RuntimeWarning, stacklevel=2
                )

    def _after_fork(self) -> None:
        """Replace the lock in a forked child, where the thread that may have held it is missing."""
        self._lock = RLock()

    def _state(self, name: str, claims: list[EntryPoint]) -> str:
        if name in self._blocked:
            return "blocked"
        if self._chosen is not None and name not in self._chosen:
            return "not chosen"
        if len(claims) > 1:
            return "clash"
        if name in self._failed:
            return "broken"
        return "loaded" if name in self._families else "available"

    @property
    def _manager(self) -> pluggy.PluginManager:
        if self._manager_ is None:
            import pluggy

            from famsock._registry import hookspecs

            self._manager_ = pluggy.PluginManager(hookspecs.PROJECT)
            self._manager_.add_hookspecs(hookspecs)
        return self._manager_

    def _discovered(self) -> dict[str, list[EntryPoint]]:
        if self._entries is None:
            from famsock._registry.discovery import entry_points

            self._entries = {}
            for entry in entry_points(GROUP):
                self._entries.setdefault(entry.name, []).append(entry)
        return self._entries

    def _offered(self) -> dict[str, list[EntryPoint]]:
        entries = self._discovered()
        return {n: e for n, e in entries.items() if self._chosen is None or n in self._chosen}

    def _resolve(self, number: int, kind: int, protocol: int) -> Served | None:
        from famsock.family import Served

        if not self._checked:
            self._check_selection()
        family = self._family_numbered(number)
        if family is None:
            return None
        if family.name in self._blocked:
            raise OSError(
                errno.EAFNOSUPPORT,
                f"{family.name} is blocked, by FAMSOCK_PLUGINS or famsock.plugins.block(); "
                f"famsock.plugins.unblock({family.name!r}) lifts it",
            )
        row = family.protocol(protocol, kind)
        if row is None or not _calls.HERE:
            return None
        served = Served(family, row, lambda other: self.address_class(other, kind, protocol))
        self.on_served(served)
        return served

    def _family_numbered(self, number: int) -> Family | None:
        for family in self._families.values():
            if family.number == number and family.here:
                return family
        named = [name for name in self.names() if _number_here(name) == number]
        if named:
            found = self.family(named[0])
            return found if found is not None and found.here else None
        if any(number == int(known) for known in _stdlib.AddressFamily):
            return None
        # This Python has no name for the number: ask the plugins whose numbers it does not know.
        unknown = [name for name in self.names() if _number_here(name) is None]
        fits = [f for f in self.families(unknown) if f.number == number and f.here]
        if len(fits) > 1:
            names = " and ".join(family.name for family in fits)
            raise PluginError(f"{names} both have the number {number}: uninstall one of them")
        return fits[0] if fits else None

    def _load(self, name: str, claims: list[EntryPoint]) -> Family:
        try:
            if len({claim.distribution for claim in claims}) > 1:
                raise PluginError(
                    f"{name} is claimed by {' and '.join(map(str, claims))}: uninstall one, or "
                    f"register the one to use by hand with famsock.plugins.register()"
                )
            self._import(name, claims[0])
        except PluginError as error:
            self._failed[name] = str(error)
            raise
        return self._families[name]

    def _import(self, name: str, claim: EntryPoint) -> None:
        from famsock._lazy import load

        try:
            plugin = load(claim.value)
            families = self._families_of(plugin, claim.distribution)
            self._imported.add(plugin)
        except PluginError as error:
            raise PluginError(f"{name}: the plugin of {claim} is not valid: {error}") from error
        except Exception as error:
            raise PluginError(
                f"{name}: the plugin {claim.value} of {claim} cannot be loaded: "
                f"{type(error).__name__}: {error}"
            ) from error
        match = [family for family in families if family.name == name]
        if not match:
            raise PluginError(f"{name}: the plugin {claim.value} of {claim} supplies no {name}")
        self._add(match[0])

    def _families_of(self, plugin: object, label: str | None) -> list[Family]:
        """Register the plugin with pluggy, which validates its hooks, and ask for its families."""
        import pluggy

        from famsock._registry.hookspecs import FamilyPlugin
        from famsock._registry.validation import families_in
        from famsock.family import Family

        if isinstance(plugin, Family):
            plugin = FamilyPlugin(plugin)
        manager = self._manager
        try:
            if not manager.is_registered(plugin):
                manager.register(plugin, label)
            others = manager.get_plugins() - {plugin}
            call = manager.subset_hook_caller("famsock_families", others)
            families = [family for supplied in call() for family in families_in(supplied)]
            if not families:
                raise PluginError(f"{label or plugin!r} implements no famsock_families hook")
        except (pluggy.PluginValidationError, PluginError, ValueError) as error:
            if manager.is_registered(plugin):
                manager.unregister(plugin)
            raise PluginError(str(error)) from error
        return families

    def _add(self, family: Family) -> None:
        self._families[family.name] = family
        self._forget()
        self._manager.hook.famsock_family_loaded.call_historic(kwargs={"family": family})

    def _families_likely_for(self, constant: str) -> Iterator[Family]:
        """Yield the families to ask for a constant, those whose name it contains first."""
        names = [name for name in self.names() if name not in self._blocked]
        yield from self.families(
            sorted(names, key=lambda name: name.removeprefix("AF_") not in constant)
        )

    def _hint(self, name: str) -> str:
        """Return why a constant that names a family is missing, or what to install for it."""
        from famsock._registry.discovery import entry_points

        family = name.replace("PF_", "AF_")
        if family in self._failed:
            return f": {self._failed[family]}"
        known = {entry.name: entry.value for entry in entry_points(DIRECTORY_GROUP)}
        module = known.get(family)
        return f": pip install {module.replace('_', '-')}" if module else ""


def _number_here(name: str) -> int | None:
    """Return the number that this Python's own `socket` gives a family's name, or None."""
    number = vars(_stdlib).get(name)
    return None if number is None else int(number)


plugins: Registry = Registry(os.environ.get("FAMSOCK_PLUGINS", ""))
"""The registry that sockets use."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=plugins._after_fork)
