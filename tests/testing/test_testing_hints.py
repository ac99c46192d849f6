"""The check that every hint in a plugin's code is provoked, and that each is true."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from famsock._registry import plugins
from famsock.testing.hints import Cause, check_cause, hints_in_code, unprovoked

_PLUGIN = """
from errno import EACCES, EINVAL, ENOENT
from famsock.plugin import Family, Protocol

_SLEEPS = "the node sleeps"

def _look(sock, address):
    if address is None:
        return None
    if address == 1:
        return f"node {address} is off: {_SLEEPS}"
    return "node 2 is slow" if address == 2 else _SLEEPS

hints = {EACCES: "be root", ("bind", EINVAL): _look}
row = Protocol("p", None, (1,), "nowhere:Nothing", hints=hints)
FAMILY = Family("AF_KIT", 200, (row,))
"""
_OPERATIONS = """
_NOTES = {1: "the first", 2: "the second"}

def fail(error, code, name):
    error.add_note(_NOTES[code])
    error.add_note(f"no node {name!r} here")
    error.add_note("up" if code else "down")

def _explained(number, words):
    error = OSError(number)
    error.add_note(f"AF_KIT: {words}")
    return error

def route(name):
    raise _explained(3, f"no route to {name}")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A plugin with hints of every sort."""
    folder = tmp_path / "famsock_kit_of_hints"
    folder.mkdir()
    (folder / "__init__.py").write_text(_PLUGIN)
    (folder / "operations.py").write_text(_OPERATIONS)
    monkeypatch.syspath_prepend(str(tmp_path))
    from famsock.family import Family

    family: Family = __import__(folder.name).FAMILY
    row = {"family": "AF_KIT", "plugin": folder.name}
    monkeypatch.setattr(type(plugins), "describe", lambda _: [row])
    monkeypatch.setattr(type(plugins), "family", lambda _self, _name: family)
    return folder.name


HINTS = [
    "be root",
    "node {} is off: the node sleeps",
    "node 2 is slow",
    "the node sleeps",
    "the first",
    "the second",
    "no node {} here",
    "up",
    "down",
    "no route to {}",
]


def test_every_hint_is_found(package: str) -> None:
    assert sorted(hints_in_code(package)) == sorted(HINTS)


@pytest.mark.parametrize("missing", HINTS)
def test_a_hint_without_a_provocation_is_told(package: str, missing: str) -> None:
    others = [hint for hint in HINTS if hint not in missing]
    assert missing in unprovoked(package, others)
    assert unprovoked(package, HINTS) == []


def test_rows_without_a_text_provoke_no_hint(package: str) -> None:
    row = Cause("none", lambda _: None, errno.EIO)
    assert sorted(unprovoked(package, [row])) == sorted(HINTS)


def _fail(number: int, *notes: str) -> Cause:
    def provoke(stack: ExitStack) -> None:
        error = OSError(number, os.strerror(number))
        for note in notes:
            error.add_note(note)
        raise error

    return Cause("fails", provoke, errno.EINVAL, "be root", ("be patient",))


def test_a_cause_with_its_hint() -> None:
    check_cause(_fail(errno.EINVAL, "AF_KIT p: be root"))


@pytest.mark.parametrize(
    "cause",
    [
        _fail(errno.EACCES, "be root"),
        _fail(errno.EINVAL),
        _fail(errno.EINVAL, "be somebody"),
        _fail(errno.EINVAL, "be root", "be patient"),
        Cause("says", _fail(errno.EINVAL, "be root").provoke, errno.EINVAL),
    ],
    ids=["errno", "no hint", "another", "never", "must be silent"],
)
def test_a_cause_with_another_error_or_hint(cause: Cause) -> None:
    with pytest.raises(AssertionError):
        check_cause(cause)
