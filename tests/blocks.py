"""Run the programs of a page one after the other in one interpreter, whose start would cost most.

Standard input is a JSON list of [page, line, program]; standard output a list of what each printed.
A program that begins with ``# name.py`` is saved under that name, for those that import it.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path


def run(page: str, line: int, program: str) -> str:
    """Return what a program prints, which is the text of ``page`` behind ``line``."""
    named = re.match(r"# (\w+)\.py\n", program)
    if named:
        Path(f"{named[1]}.py").write_text(program)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        name = named[1] if named else "__main__"
        exec(compile("\n" * line + program, page, "exec"), {"__name__": name})
    return printed.getvalue()


if __name__ == "__main__":
    sys.path.insert(0, "")
    json.dump([run(*block) for block in json.load(sys.stdin)], sys.stdout)
