"""``famsock run``: run a program that knows only `socket` on famsock's sockets."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import click

from famsock.dropin import install


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "as_module", is_flag=True, help="PROGRAM is a module, as with python -m.")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
def run(as_module: bool, program: str, arguments: tuple[str, ...]) -> None:
    """Run PROGRAM, a file or with -m a module, with famsock in place of the stdlib's socket."""
    install()
    sys.argv = [program, *arguments]
    if as_module:
        sys.path[0] = str(Path.cwd())
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(program).resolve().parent)
        runpy.run_path(program, run_name="__main__")
