"""The command ``python -m famsock``: run programs, list families, check this machine."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line: :mod:`famsock._run`, or what :mod:`famsock._cli` has."""
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


if __name__ == "__main__":
    main()
