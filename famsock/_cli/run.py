"""The command ``famsock run`` in the list of commands; ``famsock._run`` does its work."""

from __future__ import annotations

import click

from famsock import _run


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> None:
    """Run a program with famsock in place of the stdlib's socket."""
    _run.main(arguments)
