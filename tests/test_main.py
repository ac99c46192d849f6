"""``python -m famsock`` and the script ``famsock``: the entry to the command line."""

from __future__ import annotations

import builtins
import subprocess
import sys
from importlib import metadata
from typing import Any

import pytest

from famsock.__main__ import main


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "famsock", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_its_name_and_version() -> None:
    done = _run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"famsock, version {metadata.version('famsock')}\n"


def test_a_command_that_is_not_there() -> None:
    done = _run("nothing")
    assert done.returncode == 2
    assert "No such command 'nothing'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_script_is_this_function() -> None:
    (script,) = metadata.entry_points(group="console_scripts", name="famsock")
    assert script.load() is main


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Take a module away from whoever imports the command line."""
    real = builtins.__import__

    def take(missing: str) -> None:
        def imported(name: str, *arguments: Any) -> Any:
            if name == "famsock._cli":
                raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
            return real(name, *arguments)

        monkeypatch.setattr(builtins, "__import__", imported)

    return take


@pytest.mark.parametrize("library", ["click", "rich"])
def test_without_its_libraries_it_says_what_to_install(without: Any, library: str) -> None:
    without(library)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == (
        f"famsock's command line needs {library}: pip install 'famsock[cli]'"
    )


def test_another_module_that_is_missing_is_no_matter_of_installation(without: Any) -> None:
    without("famsock._cli.lost")
    with pytest.raises(ModuleNotFoundError, match=r"famsock\._cli\.lost"):
        main()
