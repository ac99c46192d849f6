"""``run`` in the list of the command line's commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from famsock import _run
from famsock._cli import main

pytestmark = pytest.mark.asks_no_kernel


def test_all_arguments_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(_run, "main", given.append)
    arguments = ["-u", "-m", "module", "--help", "--", "-x"]
    assert CliRunner().invoke(main, ["run", *arguments]).exit_code == 0
    assert given == [tuple(arguments)]


FILES = [("file", "")]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that PATH names, after one that is not there and before one without any program."""
    for name in ("kit-serve", "kit-send", "other"):
        (tmp_path / name).touch(0o755)
    (tmp_path / "kit-text").touch(0o644)
    (tmp_path / "kit-folder").mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join(["/not/there", str(tmp_path), str(tmp_path)]))
    return tmp_path


@pytest.mark.parametrize(
    ("before", "typed", "completed"),
    [
        ([], "", FILES),
        ([], "kit", [("file", "kit"), ("plain", "kit-send"), ("plain", "kit-serve")]),
        ([], "nothing", [("file", "nothing")]),
        ([], "./kit", [("file", "./kit")]),
        (["-m"], "kit", [("file", "kit")]),
        (["kit-serve"], "kit", [("file", "kit")]),
        (["kit-serve", "--port"], "", FILES),
    ],
)
def test_commands_on_path_and_files_are_completed(
    path: Path, before: list[str], typed: str, completed: list[tuple[str, str]]
) -> None:
    shell = ShellComplete(main, {}, "famsock", "_FAMSOCK_COMPLETE")
    items = shell.get_completions(["run", *before], typed)
    assert [(item.type, item.value) for item in items] == completed
