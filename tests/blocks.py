"""Run the programs of a page one after the other in one interpreter, whose start would cost most.

Standard input is a JSON list of objects, one for each block; standard output a list of what each
printed. A program that begins with ``# name.py`` has that name, and is not ``__main__``.

A block of the shell runs in bash, and fails with its first command that fails. One with
``background`` goes on while the blocks behind it run: it has printed when it has written ``lines``
lines, and ends by SIGTERM when all others have ended.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PATIENCE_S = 150
_BASH = ("bash", "-euo", "pipefail", "-c")


def python(page: str, line: int, program: str) -> str:
    """Return what a program prints, which is the text of ``page`` behind ``line``."""
    named = re.match(r"# (\w+)\.py\n", program)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        name = named[1] if named else "__main__"
        exec(compile("\n" * line + program, page, "exec"), {"__name__": name})
    return printed.getvalue()


def shell(page: str, line: int, program: str) -> str:
    """Return what commands print to either of their outputs."""
    done = subprocess.run(
        [*_BASH, program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{page}:{line + 1}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


class Background:
    """Commands that go on, in their own session."""

    def __init__(self, page: str, line: int, program: str, lines: int) -> None:
        self._place = f"{page}:{line + 1}"
        with tempfile.NamedTemporaryFile(delete=False) as output:
            self._output = Path(output.name)
            self._process = subprocess.Popen(
                [*_BASH, program],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            self.printed = self._first(lines)
        except BaseException:
            self.end()
            raise

    def _first(self, lines: int) -> str:
        end = time.monotonic() + PATIENCE_S
        while True:
            written = self._output.read_text().splitlines(keepends=True)
            if len([line for line in written if line.endswith("\n")]) >= lines:
                return "".join(written[:lines])
            if self._process.poll() is not None or time.monotonic() > end:
                sys.exit(f"{self._place}: {lines} lines were to come\n{''.join(written)}")
            time.sleep(0.02)

    def tell(self, failure: type[BaseException] | None, *_: object) -> None:
        """Write what the commands have printed to standard error, if a block has failed."""
        if failure:
            print(f"{self._place} has printed:\n{self._output.read_text()}", file=sys.stderr)

    def end(self) -> None:
        """End the commands, at the latest by SIGKILL."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self._output.unlink()


def main(blocks: list[dict[str, Any]]) -> list[str]:
    """Run blocks, and return what each printed."""
    with contextlib.ExitStack() as stack:
        printed = []
        for block in blocks:
            place = block["page"], block["line"], block["program"]
            if block["background"]:
                started = Background(*place, block["lines"])
                stack.callback(started.end)
                stack.push(started.tell)
                printed.append(started.printed)
            else:
                run = {"python": python, "sh": shell}[block["language"]]
                printed.append(run(*place))
        return printed


if __name__ == "__main__":
    sys.path.insert(0, "")
    json.dump(main(json.load(sys.stdin)), sys.stdout)
