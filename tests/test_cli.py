"""The command line as a whole: its commands, its help, what it imports."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from famsock._cli import _COMMANDS, main
from tests.programs import run


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_the_commands_with_their_lines(option: str) -> None:
    done = CliRunner().invoke(main, [option], terminal_width=200)
    assert done.exit_code == 0
    listed = done.output.partition("Commands:\n")[2].splitlines()
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
    assert json.loads(run(code).splitlines()[-1]) == []
