"""``famsock run``: run a program that knows only `socket` on famsock's sockets."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import click

from famsock.dropin import install


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[PROGRAM] [ARGS]...")
def run(module: str | None, arguments: tuple[str, ...]) -> None:
    """Run PROGRAM, or the module of -m, with famsock in place of the stdlib's socket."""
    if module is None and not arguments:
        raise click.UsageError("give a PROGRAM, or -m MODULE")
    install()
    if module is not None:
        sys.argv = [module, *arguments]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        program = arguments[0]
        sys.argv = list(arguments)
        sys.path[0] = str(Path(program).resolve().parent)
        runpy.run_path(program, run_name="__main__")
