"""The command ``python -m famsock``: run programs, list families, check this machine."""

from __future__ import annotations

import os
import sys
from errno import EDQUOT, EFBIG, EIO, ENOSPC, EPIPE

_NOT_WRITTEN = (EDQUOT, EFBIG, EIO, ENOSPC)
"""The errnos of an output that cannot be written, as on a full disk."""


def main() -> None:
    """Run the command line; say in one line if its output cannot be written."""
    try:
        try:
            _run_command()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.errno == EPIPE:
            _discard_output()
            sys.exit(1)
        if error.errno not in _NOT_WRITTEN:
            raise
        _discard_output()
        sys.exit(f"famsock: the output cannot be written: {os.strerror(error.errno)}")


def _run_command() -> None:
    """Run :mod:`famsock._run`, which needs no click, or what :mod:`famsock._cli` has."""
    if sys.argv[1:2] == ["run"]:
        from famsock import _run

        _run.main(sys.argv[2:])
    try:
        from famsock._cli import main as command

        command(prog_name="famsock")
    except ModuleNotFoundError as missing:
        if missing.name not in ("click", "rich"):
            raise
        sys.exit(f"famsock's command line needs {missing.name}: pip install 'famsock[cli]'")


def _discard_output() -> None:
    """Let what is buffered go nowhere, or Python fails to write it again at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        sys.stdout.flush()
    except (OSError, ValueError):
        return  # there is no descriptor to change


if __name__ == "__main__":
    main()
