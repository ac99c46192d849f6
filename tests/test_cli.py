"""The command line as a whole: its commands, its help, what it imports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from famsock import _cli
from famsock._cli import _COMMANDS, main
from famsock._cli.tables import WIDE
from tests.programs import run
from tests.terminal import shown

TABLES = {"doctor": "doctor unix bluetooth netlink nothing", "families": "families"}
"""The commands that print a table, each with the words of a call."""


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_the_commands_with_their_lines(option: str) -> None:
    done = CliRunner().invoke(main, [option], terminal_width=200)
    assert done.exit_code == 0
    listed = done.output.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split(maxsplit=1) for line in listed] == [
        [name, _COMMANDS[name]] for name in sorted(_COMMANDS)
    ]


@pytest.mark.parametrize("name", _COMMANDS)
def test_each_command_has_a_help(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.help
    assert " ".join(command.help.split()) in " ".join(done.output.split())


def test_a_command_that_is_not_there() -> None:
    assert main.get_command(click.Context(main), "nothing") is None
    done = CliRunner().invoke(main, ["nothing"])
    assert done.exit_code == 2
    assert "No such command 'nothing'" in done.output
    assert "did you mean" not in done.output
    done = CliRunner().invoke(main, ["doctr"])
    assert done.exit_code == 2
    assert "No such command 'doctr'; did you mean 'doctor'?" in done.output


def test_help_imports_no_command_and_no_plugin() -> None:
    code = (
        "import json, sys\n"
        "from famsock._cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps([m for m in sys.modules if m.startswith(('famsock._cli.', 'famsock_'))]))"
    )
    assert json.loads(run(code).splitlines()[-1]) == ["famsock._cli.words"]


@pytest.mark.parametrize("words", ["", *_COMMANDS])
def test_each_help_ends_with_examples(words: str) -> None:
    text = _piped(f"{words} --help")
    calls = [line.strip() for line in text.partition("Examples:\n")[2].splitlines()]
    assert calls
    for call in calls:
        program, *arguments = call.split()
        assert program == "famsock"
        assert arguments[0] == words or (not words and arguments[0] in _COMMANDS)


def test_these_commands_print_a_table() -> None:
    folder = Path(_cli.__file__).parent
    users = [path.stem for path in folder.glob("*.py") if "import show_table" in path.read_text()]
    assert sorted(users) == sorted(TABLES)


def _table(text: str) -> list[str]:
    """The lines of the paragraph in which one begins with the title of the first column."""
    paragraphs = [part.strip("\n").splitlines() for part in text.split("\n\n")]
    (found,) = [each for each in paragraphs if any(line.startswith("family ") for line in each)]
    return [line.rstrip() for line in found]


def _piped(words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "famsock", *words.split()],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


def _letters(lines: list[str]) -> list[str]:
    """The letters of a table in order of the alphabet: round-trip times differ by their digits."""
    return sorted(filter(str.isalpha, "".join(lines)))


@pytest.mark.parametrize("words", TABLES.values(), ids=TABLES)
def test_tables_fit_a_terminal_and_lose_nothing(words: str) -> None:
    whole = _table(_piped(words))
    for columns in (60, 80, 200):
        _, text = shown(["-m", "famsock", *words.split()], columns, NO_COLOR="1")
        lines = _table(text)
        assert max(map(len, lines)) <= columns
        assert {word for line in whole for word in line.split() if word.startswith("AF_")} <= {
            *" ".join(lines).split()
        }
        assert _letters(lines) == _letters(whole), columns
        assert "\u2026" not in text
    assert len(lines) == len(whole)  # at 200 columns no cell goes on in the next line


@pytest.mark.parametrize("words", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_tables_are_plain_where_they_are_piped(words: str, columns: str) -> None:
    text = _piped(words, COLUMNS=columns, TERM="xterm")
    assert "\x1b" not in text
    lines = _table(text)
    assert max(map(len, lines)) <= WIDE
    assert all(line.startswith("AF_") for line in lines[1:])  # a line for each row


@pytest.mark.parametrize("words", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize(
    ("environment", "styled"),
    [
        ({}, True),
        ({"NO_COLOR": ""}, True),  # counts only if it is not empty: https://no-color.org
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "0", "FORCE_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
    ids=lambda value: (
        " ".join("=".join(item) for item in value.items()) or "terminal"
        if isinstance(value, dict)
        else ""
    ),
)
def test_no_color_is_respected(words: str, environment: dict[str, str], styled: bool) -> None:
    _, text = shown(["-m", "famsock", *words.split()[:2]], 80, **environment)
    assert ("\x1b[" in text) is styled


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("words", ["", *_COMMANDS])
def test_helps_fit_a_terminal(words: str, columns: int) -> None:
    status, text = shown(["-m", "famsock", *words.split(), "--help"], columns)
    assert status == 0
    assert text.lower().startswith("usage: famsock")
    assert max(map(len, text.splitlines())) <= columns


def _completed(words: str) -> list[str]:
    """Return what bash is offered for the last of the words, as click's script asks for it."""
    told = _piped(
        "", _FAMSOCK_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
    )
    return [line.partition(",")[2] for line in told.splitlines()]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("famsock ", list(_COMMANDS)),
        ("famsock fam", ["families"]),
        ("famsock doctor AF_BL", ["AF_BLUETOOTH"]),
        ("famsock doctor blue", ["bluetooth"]),
        ("famsock doctor --j", ["--json"]),
        ("famsock families --", ["--json", "--help"]),
        ("famsock new-family --in", ["--into"]),
        ("famsock run no-such-program-kit", ["no-such-program-kit"]),  # of the type file
    ],
)
def test_a_shell_completes(words: str, completed: list[str]) -> None:
    assert _completed(words) == completed


COMPLETE_IN_BASH = """
eval "$(_FAMSOCK_COMPLETE=bash_source famsock)"
complete -p famsock
COMP_WORDS=(famsock doctor AF_BL) COMP_CWORD=2
_famsock_completion famsock
echo "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_by_the_documented_line(tmp_path: Path) -> None:
    program = tmp_path / "famsock"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m famsock "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE_IN_BASH],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    registered, completed = done.stdout.splitlines()
    assert registered.endswith("_famsock_completion famsock")
    assert completed == "AF_BLUETOOTH"
    line = COMPLETE_IN_BASH.splitlines()[1]
    pages = Path(__file__).parents[1] / "docs"
    assert line in (pages / "getting-started.md").read_text()
