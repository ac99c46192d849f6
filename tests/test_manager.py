"""pluggy's manager of the registry."""

from __future__ import annotations

import famsock
from famsock._registry import Registry
from famsock._registry.hookspecs import hookimpl
from famsock.family import Family, Protocol

PROTOCOL = Protocol("p", None, (1,), None)


def test_manager_has_what_is_loaded_and_tells_hooks_of_each_family() -> None:
    class Observer:
        def __init__(self) -> None:
            self.told: list[str] = []

        @hookimpl
        def famsock_family_loaded(self, family: Family) -> None:
            self.told.append(family.name)

    class Supplier:
        @hookimpl(tryfirst=True)
        def famsock_families(self) -> tuple[Family, ...]:
            return (Family("AF_NEW", 99, (PROTOCOL,)), Family("AF_NEWER", 98, (PROTOCOL,)))

    registry, observer, supplier = Registry(), Observer(), Supplier()
    assert registry.find(famsock.AF_INET, 1, 0) is not None
    registry.manager.register(observer)
    assert observer.told == ["AF_INET"]
    registry.register(supplier, "mine")
    assert registry.manager.get_plugin("mine") is supplier
    assert registry.find(famsock.AF_UNIX, 1, 0) is not None
    assert observer.told == ["AF_INET", "AF_NEW", "AF_NEWER", "AF_UNIX"]
    supplied = registry.manager.hook.famsock_families()
    assert {f.name for families in supplied for f in families} == {*observer.told}
    registry.unregister("AF_NEW")
    assert registry.manager.get_plugin("mine") is supplier
    registry.unregister("AF_NEWER")
    assert registry.manager.get_plugin("mine") is None
