"""Objects that a string names, imported on first use."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from famsock._lazy import load


def test_a_module_and_an_attribute() -> None:
    assert load("json") is json
    assert load("json:loads") is json.loads
    assert load("json.decoder:JSONDecoder") is json.JSONDecoder


@pytest.mark.parametrize("given", [json, str, None, 5, ("json:loads",), b"json"])
def test_any_other_object_is_returned_as_it_is(given: object) -> None:
    assert load(given) is given


@pytest.mark.parametrize(
    ("reference", "error", "match"),
    [
        ("no_such_module_kit", ModuleNotFoundError, "no_such_module_kit"),
        ("json.no_such_part:loads", ModuleNotFoundError, "json.no_such_part"),
        ("json:no_such_name", AttributeError, "no_such_name"),
        ("", ValueError, "[Ee]mpty module name"),
    ],
)
def test_a_reference_to_nothing(reference: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        load(reference)


def test_an_error_of_the_module_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kit_half_built.py").write_text("raise ZeroDivisionError('half built')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError, match="half built"):
        load("kit_half_built:Kit")
    assert "kit_half_built" not in sys.modules
