"""The command ``famsock run`` in the list of commands; ``famsock._run`` does its work."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem

from famsock import _run
from famsock._cli.words import examples


def _completed(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return what the shell completes: files, and for the first word commands on PATH too."""
    files = CompletionItem(incomplete, type="file")
    if ctx.params.get("arguments") or not incomplete or os.sep in incomplete:
        return [files]
    return [files, *map(CompletionItem, sorted({*_commands(incomplete)}))]


def _commands(incomplete: str) -> Iterator[str]:
    """Yield the names on PATH that begin so and can be executed."""
    for folder in os.get_exec_path():
        try:
            names = [name for name in os.listdir(folder) if name.startswith(incomplete)]
        except OSError:  # a folder that is not there, or that this user may not read
            continue
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                yield name


@click.command(
    help=_run.DESCRIPTION,
    epilog=examples(*_run.EXAMPLES),
    options_metavar="",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument(
    "arguments",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[OPTION]... PROGRAM [ARGUMENT]...",
    shell_complete=_completed,
)
def run(arguments: tuple[str, ...]) -> None:
    """Run the program, which needs no click."""
    _run.main(arguments)
