"""The names that a family's description lists are those of its operations, no more and no fewer."""

from __future__ import annotations

from famsock._lazy import load
from famsock._registry import Registry
from famsock.family import Family


def _differences(family: Family) -> dict[str, set[str]]:
    listed = load(family.operation_names)
    differences = {}
    for protocol in family.protocols:
        if protocol.operations is not None:
            cls = load(protocol.operations)
            public = {name for name in dir(cls) if not name.startswith("_")}
            differences[protocol.name] = public ^ set(listed.get(protocol.operations, ()))
    return {name: found for name, found in differences.items() if found}


def test_names_are_listed() -> None:
    differences = {family.name: _differences(family) for family in Registry().families()}
    assert {name: found for name, found in differences.items() if found} == {}


def test_no_name_is_listed_twice() -> None:
    for family in Registry().families():
        for operations, names in load(family.operation_names).items():
            assert len(names) == len(set(names)), operations
