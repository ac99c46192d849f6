"""Mistakes in `typed_errors` are errors for mypy and for pyright, and nothing else there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

PROGRAM = Path(__file__).with_name("typed_errors.py")
MISTAKES = {
    number
    for number, line in enumerate(PROGRAM.read_text().splitlines(), 1)
    if line.endswith("# error")
}
CHECKERS = {
    "mypy": ("mypy", "--strict", "--no-error-summary", "--config-file="),
    "basedpyright": ("basedpyright", "--level", "error"),
}


if not os.environ.get("FAMSOCK_LAB"):  # no kernel changes what type checkers say

    @pytest.mark.slow
    @pytest.mark.parametrize("checker", CHECKERS)
    def test_each_mistake_is_reported(checker: str) -> None:
        beside = str(Path(sys.executable).parent)
        program = which(checker, path=os.pathsep.join((beside, os.environ["PATH"])))
        if program is None:
            pytest.skip(f"needs {checker}: uv run --with {checker} pytest {Path(__file__).name}")
        done = subprocess.run(
            [program, *CHECKERS[checker][1:], str(PROGRAM)],
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.findall(rf"{PROGRAM.name}:(\d+)(?::\d+)?(?: -|:) error", done.stdout)
        assert {*map(int, found)} == MISTAKES, done.stdout + done.stderr


def test_there_are_twenty() -> None:
    assert len(MISTAKES) >= 20
