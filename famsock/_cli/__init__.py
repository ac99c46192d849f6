"""The command line: one module per command, imported when the command is called."""

from __future__ import annotations

import importlib

import click

from famsock._cli.words import examples
from famsock._hints import did_you_mean

_COMMANDS = {
    "cat": "Send standard input to an endpoint, and print what it sends.",
    "doctor": "Check every installed family on this machine.",
    "explain": "Explain an errno, a constant or a family.",
    "families": "List the installed families.",
    "new-family": "Write a small distribution for a new family.",
    "relay": "Pass bytes and messages between two endpoints.",
    "run": "Run a program with famsock in place of the stdlib's socket.",
}
"""The commands: each is an object in the module of its name; the help shows this line."""


class _Commands(click.Group):
    """Group of commands that imports a command only when it is called."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; say which one is like a wrong name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            text = error.message.rstrip(".") + did_you_mean(args[0], _COMMANDS)
            raise click.UsageError(text, ctx) from None

    def short_line(self, name: str) -> str:
        """Return the line of a command in the help."""
        return _COMMANDS[name]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"famsock._cli.{cmd_name.replace('-', '_')}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("doctor", "explain ENOBUFS", "run -m http.server"),
)
@click.version_option(package_name="famsock")
def main() -> None:
    """Python's socket module with its address families as plugins."""
