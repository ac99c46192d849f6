"""``python -m famsock`` and the script ``famsock``: the entry to the command line."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

import pytest

from famsock.__main__ import main
from famsock._cli import _COMMANDS


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


OUTPUTS = {
    "--version": 0,
    "--help": 0,
    "doctor unix": 0,
    "doctor nothing": 1,
    "doctor --json unix": 0,
    "doctor --help": 0,
    "families": 0,
    "families --json": 0,
    "families --help": 0,
    "new-family --help": 0,
    "run --help": 0,
    "explain ECONNREFUSED": 0,
    "explain --help": 0,
    "relay --help": 0,
    "cat --help": 0,
}
"""Calls that write to the standard output, each with its exit status."""


def test_each_command_is_among_those_whose_output_fails() -> None:
    assert {words.split()[0] for words in OUTPUTS if words[0] != "-"} == {*_COMMANDS}


@pytest.mark.parametrize("words", OUTPUTS)
def test_a_full_disk_is_told_in_one_line(words: str) -> None:
    done = _into("/dev/full", words.split())
    assert done.returncode == 1
    assert done.stderr == "famsock: the output cannot be written: No space left on device\n"


def test_a_full_disk_for_a_family_that_is_written(tmp_path: Path) -> None:
    done = _into("/dev/full", ["new-family", "fresh", "--number", "200", "--into", str(tmp_path)])
    assert done.returncode == 1
    assert done.stderr == "famsock: the output cannot be written: No space left on device\n"


def test_a_full_disk_for_the_script_of_completion() -> None:
    done = _into("/dev/full", [], _FAMSOCK_COMPLETE="zsh_source")
    assert done.returncode == 1
    assert done.stderr == "famsock: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("words", ["", *OUTPUTS, "nothing", "run", "run no-such-program-kit"])
def test_nobody_can_be_told_of_a_full_disk(words: str) -> None:
    """The exit status is all that is left if errors cannot be written either."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "famsock", *words.split()],
            stdout=full,
            stderr=full,
            timeout=120,
            check=False,
        )
    assert done.returncode > 0


@pytest.mark.parametrize("words", OUTPUTS)
def test_a_reader_that_has_gone_is_no_error_to_tell(words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:
        done = _into(pipe, words.split())
    assert done.returncode == 1
    assert done.stderr == ""


@pytest.mark.parametrize("words", OUTPUTS)
def test_a_closed_output_is_no_error(words: str) -> None:
    command = [sys.executable, "-m", "famsock", *words.split()]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command],
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == OUTPUTS[words]
    assert "Traceback" not in done.stderr


def _into(
    output: str | TextIO, arguments: list[str], **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command whose standard output is a file."""
    with open(output, "w") if isinstance(output, str) else nullcontext(output) as file:
        return subprocess.run(
            [sys.executable, "-m", "famsock", *arguments],
            env={**os.environ, **environment},
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
