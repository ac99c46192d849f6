"""Constants of every family: stated once, and equal to those of this Python."""

from __future__ import annotations

import socket as stdlib
import sys

import pytest

import famsock
from famsock import constants
from famsock._definitions import constants_of
from famsock._registry import Registry

STATED = {name: value for name, value in vars(constants).items() if name.isupper()}
del STATED["HEADERS"]


def test_no_constant_is_stated_twice() -> None:
    places = {name: {"famsock.constants"} for name in STATED}
    for family in Registry().families():
        for name in constants_of(family.name, family.constants):
            places.setdefault(name, set()).add(str(family.constants))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.skipif(sys.platform != "linux", reason="the constants are Linux's: run it on Linux")
def test_this_pythons_own_are_equal() -> None:
    theirs = {name: int(getattr(stdlib, name)) for name in STATED if hasattr(stdlib, name)}
    assert len(theirs) > 50
    assert {name: STATED[name] for name in theirs} == theirs


def test_each_is_an_integer_of_the_module() -> None:
    assert {type(value) for value in STATED.values()} == {int}
    assert {name: getattr(famsock, name) for name in STATED} == STATED


def test_no_familys_constant_is_here() -> None:
    numbers_of_families = [name for name in STATED if name.startswith(("AF_", "PF_", "IPPROTO_"))]
    assert numbers_of_families == []
