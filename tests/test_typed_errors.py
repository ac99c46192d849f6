"""Mistakes in `typed_errors` are errors for mypy and for pyright, and nothing else there is."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("typed_errors.py")
MISTAKES = {
    number
    for number, line in enumerate(PROGRAM.read_text().splitlines(), 1)
    if line.endswith("# error")
}
CHECKERS = {
    "mypy": ["-m", "mypy", "--strict", "--no-error-summary", "--config-file=", str(PROGRAM)],
    "pyright": ["-m", "uv", "run", "--with", "basedpyright", "basedpyright", "--level", "error",
                str(PROGRAM)],
}  # fmt: skip
NEEDS = {"mypy": "mypy", "pyright": "uv"}


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_each_mistake_is_reported(checker: str) -> None:
    if find_spec(NEEDS[checker]) is None:
        pytest.skip(f"needs {NEEDS[checker]}: pip install {NEEDS[checker]}")
    done = subprocess.run(
        [sys.executable, *CHECKERS[checker]], capture_output=True, text=True, check=False
    )
    found = re.findall(rf"{PROGRAM.name}:(\d+)(?::\d+)?(?: -|:) error", done.stdout)
    assert {*map(int, found)} == MISTAKES, done.stdout + done.stderr


def test_there_are_twenty() -> None:
    assert len(MISTAKES) >= 20
