"""Each constant stands in one place: the core's module, or that of its families."""

from __future__ import annotations

from famsock import constants
from famsock._definitions import constants_of
from famsock._registry import Registry


def test_no_constant_is_stated_twice() -> None:
    places = {name: {"famsock.constants"} for name in vars(constants) if name.isupper()}
    del places["HEADERS"]
    for family in Registry().families():
        for name in constants_of(family.constants):
            places.setdefault(name, set()).add(str(family.constants))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
