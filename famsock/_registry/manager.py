"""The registry's part that needs pluggy: plugins with hooks, and `famsock.plugins.manager`."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from famsock._lazy import PluginError
from famsock._registry import hookspecs
from famsock._registry.hookspecs import PROJECT, hookimpl
from famsock._registry.references import check_references
from famsock._registry.snapshot import Loaded, Snapshot
from famsock._registry.validation import families_in
from famsock.family import Family

_specification = pluggy.HookspecMarker(PROJECT)
_specification(hookspecs.famsock_families)
_specification(hookspecs.famsock_family_loaded, historic=True)


class FamilyPlugin:
    """The plugin that a `Family` without hooks stands for."""

    def __init__(self, family: Family) -> None:
        self.family = family

    @hookimpl
    def famsock_families(self) -> Iterable[Family]:
        """That family only."""
        return (self.family,)


class Manager(pluggy.PluginManager):
    """pluggy's manager with the plugin of every loaded family, and with those that a user adds."""

    def __init__(self) -> None:
        super().__init__(PROJECT)
        self.add_hookspecs(hookspecs)
        # By the id of the plugin, or of the family; the second item keeps the id in use.
        self._followed: dict[int, tuple[object, object]] = {}
        self._announced: dict[int, tuple[Family]] = {}

    def follow(self, snapshot: Snapshot) -> None:
        """Register what the snapshot has and this manager lacks, and unregister what is gone.

        Each family is announced once, whichever thread comes first. What an exception interrupts is
        done by the next call.
        """
        loaded = snapshot.plugins
        there = {id(one.plugin) for one in loaded}
        for key in list(self._followed):
            if key not in there and (gone := self._followed.pop(key, None)) is not None:
                self._drop(gone[1])
        for one in loaded:
            self._add(one)
        for one in loaded:
            mark = (one.family,)
            if self._announced.setdefault(id(one.family), mark) is mark:
                self.hook.famsock_family_loaded.call_historic(kwargs={"family": one.family})

    def _add(self, one: Loaded) -> None:
        plain = isinstance(one.plugin, Family)
        made = FamilyPlugin(one.family) if plain else one.plugin
        mine = one.plugin, made
        if self._followed.setdefault(id(one.plugin), mine) is not mine:
            return
        try:
            self.register(made, None if plain else one.label)
        except BaseException:
            self._drop(made)
            self._followed.pop(id(one.plugin), None)
            raise

    def _drop(self, plugin: object) -> None:
        if self.is_registered(plugin):
            self.unregister(plugin)


def families_of(
    plugin: object, label: str | None, distribution: str | None = None
) -> tuple[Family, ...]:
    """The families that a plugin with hooks supplies; PluginError if it is not valid.

    It is asked through its own manager. So nothing is half registered if this is interrupted,
    and another thread may load the same plugin meanwhile. What the families name is imported too:
    with pluggy, little is saved by deferring it.
    """
    manager = Manager()
    try:
        manager.register(plugin, label)
        supplied = manager.hook.famsock_families()
        families = tuple(
            family for given in supplied for family in families_in(given, distribution)
        )
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(str(error)) from error
    if not families:
        described = getattr(plugin, "FAMILY", None)
        advice = ": name its Family, as in module:FAMILY" if isinstance(described, Family) else ""
        raise PluginError(f"{label or plugin!r} implements no famsock_families hook{advice}")
    for family in families:
        check_references(family)
    return families
