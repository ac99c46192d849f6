"""The drop-in surface: every public name of this interpreter's `socket`, behaving the same."""

from __future__ import annotations

import inspect
import socket as stdlib

import pytest

import famsock
from tests.programs import run

PUBLIC = sorted(name for name in vars(stdlib) if not name.startswith("_"))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    ours, theirs = getattr(famsock, name), getattr(stdlib, name)
    if name == "socket" or inspect.isfunction(theirs):
        assert callable(ours)
    else:
        assert ours is theirs


def test_all_is_a_superset() -> None:
    assert set(stdlib.__all__) <= set(famsock.__all__)
    assert set(PUBLIC) <= set(dir(famsock))


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'AF_NO_SUCH_FAMILY'"):
        famsock.AF_NO_SUCH_FAMILY  # noqa: B018
    with pytest.raises(AttributeError):
        famsock.no_such_function  # noqa: B018
    with famsock.socket() as sock, pytest.raises(AttributeError):
        sock.no_such_operation  # type: ignore[attr-defined]  # noqa: B018


def test_importing_loads_no_plugin_and_nothing_heavy() -> None:
    heavy = "attr attrs pluggy typing inspect ctypes importlib.metadata"
    code = f"import sys, famsock; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert run(code) == "[]"
    code = "import sys, famsock; print([m for m in sys.modules if m.startswith('famsock_')])"
    assert run(code) == "[]"


def test_opening_a_family_loads_its_plugin_alone() -> None:
    code = (
        "import sys, famsock; famsock.socket(famsock.AF_UNIX).close();"
        "print({m.split('.')[0] for m in sys.modules if m.startswith(('famsock_', 'attr'))})"
    )
    assert run(code) == "{'famsock_unix'}"
