"""The hooks of a plugin."""

from __future__ import annotations

import pluggy
import pytest

from famsock._lazy import PluginError
from famsock._registry import Registry
from famsock._registry.hookspecs import PROJECT, hookimpl
from famsock._registry.manager import FamilyPlugin
from famsock.family import Family, Protocol
from tests.programs import OPEN_UNIX, PLUGIN, Site


def test_hook_with_an_unknown_argument(site: Site) -> None:
    source = PLUGIN.format(name="AF_UNIX", number="1", module="keyed").replace("ies()", "ies(sock)")
    site.install("famsock-unix", "AF_UNIX", "keyed", source)
    *refused, fine = site.run(OPEN_UNIX).splitlines()
    assert "famsock-unix 1.0 is not valid" in refused[0]
    assert "sock" in "".join(refused[1:])
    assert fine == "famsock._sockets"


class Noting:
    """A plugin that supplies AF_NOTING and notes which families it is told of."""

    def __init__(self) -> None:
        self.asked = 0
        self.told: list[str] = []

    @hookimpl
    def famsock_families(self) -> tuple[Family, ...]:
        self.asked += 1
        return (_family("AF_NOTING", 98),)

    @hookimpl
    def famsock_family_loaded(self, family: Family) -> None:
        self.told.append(family.name)


def _family(name: str, number: int) -> Family:
    return Family(name, number, (Protocol("p", None, (1,), None),))


def test_each_family_is_told_of_once_those_from_before_included() -> None:
    registry, noting = Registry(), Noting()
    registry.register(_family("AF_BEFORE", 97))
    registry.register(noting)
    registry.register(_family("AF_AFTER", 99))
    assert noting.asked == 1
    assert noting.told == ["AF_BEFORE", "AF_NOTING", "AF_AFTER"]


def test_a_family_by_itself_is_a_plugin() -> None:
    family = _family("AF_BEFORE", 97)
    assert tuple(FamilyPlugin(family).famsock_families()) == (family,)
    registry = Registry()
    registry.register(family)
    assert registry.family("AF_BEFORE") is family
    with pytest.raises(PluginError, match="already registered"):
        registry.register(family)


def test_an_object_without_a_hook_is_no_plugin() -> None:
    with pytest.raises(PluginError, match="'kit' implements no famsock_families hook"):
        Registry().register(object(), "kit")


def test_the_mark_is_pluggys() -> None:
    def ours() -> None: ...
    def theirs() -> None: ...

    hookimpl(tryfirst=True)(ours)
    pluggy.HookimplMarker(PROJECT)(theirs, tryfirst=True)
    given = {name: value for name, value in vars(theirs)["famsock_impl"].items() if value}
    assert vars(ours)["famsock_impl"] == given == {"tryfirst": True}
