"""Constants of every family: stated once, and equal to those of this Python."""

from __future__ import annotations

import re
import socket as stdlib
import sys
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import constants
from famsock._definitions import constants_of
from famsock._registry import Registry
from famsock._registry.discovery import entry_points
from famsock._registry.missing import FAMILIES

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


def test_no_served_familys_constant_is_here() -> None:
    directory = {entry.name for entry in entry_points(FAMILIES)}
    served = {*directory, *Registry().names()}
    assert len(served) > 10
    assert STATED.keys() & served == set()
    protocols = [name for name in STATED if name.startswith(("PF_", "IPPROTO_", "BTPROTO_"))]
    assert protocols == []


MISSED = {
    "NI_IDN": 32,
    "SO_PASSRIGHTS": 83,
    "AF_SMC": 43,
    "AF_XDP": 44,
    "AF_MCTP": 45,
    "AF_KCM": 41,
    "AF_NFC": 39,
    "AF_PHONET": 35,
    "AF_RXRPC": 33,
    "AF_IUCV": 32,
    "AF_CAIF": 37,
    "IPX_TYPE": 1,
    "SOL_AX25": 257,
    "SOL_ATALK": 258,
    "SOL_IPX": 256,
    "SOL_NETROM": 259,
    "SOL_ROSE": 260,
}
"""Constants that some Python 3.15 has or that public programs name, by their value on Linux."""


@pytest.mark.parametrize("name", MISSED)
def test_what_other_pythons_have(name: str) -> None:
    assert getattr(famsock, name) == MISSED[name]


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's C library: run it on Linux")
def test_every_family_and_level_of_the_c_library_has_a_name() -> None:
    header = next(Path("/usr/include").glob("**/bits/socket.h"), None)
    if header is None:
        pytest.skip("needs the C library's headers: install libc6-dev")
    text = header.read_text()
    numbers = dict(re.findall(r"^#define ((?:PF|SOL)_[A-Z0-9]+)\s+(\d+)", text, re.MULTILINE))
    numbers |= {
        name: numbers[number]
        for name, number in re.findall(r"^#define (AF_[A-Z0-9]+)\s+(PF_\w+)", text, re.MULTILINE)
        if number in numbers and name != "AF_MAX"  # AF_MAX is another number in each release
    }
    wanted = {name: int(value) for name, value in numbers.items() if not name.startswith("PF_")}
    assert len(wanted) > 50
    assert {name: int(getattr(famsock, name, -1)) for name in wanted} == wanted


def test_a_family_without_a_plugin_opens_as_with_the_stdlib() -> None:
    def opened(module: Any) -> Any:
        try:
            with module.socket(famsock.AF_NFC, module.SOCK_SEQPACKET, 1) as sock:
                return int(sock.family), sock.type
        except OSError as error:
            return type(error), error.errno

    assert opened(famsock) == opened(stdlib)
