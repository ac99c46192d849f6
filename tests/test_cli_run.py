"""``run`` in the list of the command line's commands."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from famsock import _run
from famsock._cli import main


def test_all_arguments_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(_run, "main", given.append)
    arguments = ["-u", "-m", "module", "--help", "--", "-x"]
    assert CliRunner().invoke(main, ["run", *arguments]).exit_code == 0
    assert given == [tuple(arguments)]
