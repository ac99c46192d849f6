"""The command ``famsock run``: run a program that knows only `socket` on famsock's sockets."""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import pkgutil
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import click

from famsock._dropin import install


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
        code, spec = _module(program)
    elif pkgutil.get_importer(program) is not None:  # a folder or an archive
        sys.path[0] = program
        code, spec = _archived(program)
    else:
        sys.path[0] = str(Path(program).resolve().parent)
        code, spec = _source(program), None
    _execute(code, spec, program)


def _source(program: str) -> CodeType:
    try:
        with io.open_code(program) as file:
            text = file.read()
    except OSError as error:
        raise _Unusable(f"can't open file {program!r}: {error}") from error
    return compile(text, program, "exec", dont_inherit=True)


def _archived(program: str) -> tuple[CodeType, ModuleSpec]:
    """Return the ``__main__`` of a folder or a zip file."""
    finder: Any = pkgutil.get_importer(program)
    return _code(finder.find_spec("__main__"), program)


def _module(name: str) -> tuple[CodeType, ModuleSpec]:
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError as error:
        raise _Unusable(str(error)) from error
    return _code(spec, name)


def _code(spec: ModuleSpec | None, name: str) -> tuple[CodeType, ModuleSpec]:
    loader: Any = spec and spec.loader
    code = loader and loader.get_code(spec and spec.name)
    if spec is None or code is None:
        raise _Unusable(f"nothing to run in {name!r}")
    return code, spec


class _Unusable(click.ClickException):
    """Error: there is no such program; the exit status is Python's own."""

    exit_code = 2


def _execute(code: CodeType, spec: ModuleSpec | None, program: str) -> None:
    """Run the code as ``__main__``, which stays in place for threads and atexit handlers.

    An exception that it lets through is reported as Python does, with only its own frames.
    """
    main = ModuleType("__main__")
    main.__dict__.update(
        __builtins__=builtins,
        __file__=spec.origin if spec is not None else program,
        __spec__=spec,
        __loader__=spec and spec.loader,
        __package__=spec.parent if spec is not None else None,
        __cached__=spec and spec.cached,
    )
    sys.modules["__main__"] = main
    try:
        exec(code, main.__dict__)
    except KeyboardInterrupt as error:
        _report(error)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except Exception as error:
        _report(error)
        sys.exit(1)


def _report(error: BaseException) -> None:
    here = error.__traceback__
    error.__traceback__ = here and here.tb_next
    sys.excepthook(type(error), error, error.__traceback__)
