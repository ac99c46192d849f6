"""The blocks of docs/http.md."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import famsock

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "famsock" / "http"
_PAGE = ROOT / "docs" / "http.md"
_BLOCK = re.compile(r"```python\n(?:# (\w+\.py)\n)?(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
_SECTION = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"```sh\npython serve\.py unix://web\.sock (.*)\n```")
_PATIENCE_S = 90


class Block(NamedTuple):
    """A block of Python.

    :ivar section: the heading that it stands below, with its place there.
    :ivar file: the name of the file that it is, "" for a program.
    :ivar output: what the program prints.
    """

    section: str
    file: str
    text: str
    output: str


def blocks() -> Iterator[Block]:
    """The blocks of Python, in order."""
    text = _PAGE.read_text()
    for found in _BLOCK.finditer(text):
        section = _SECTION.findall(text[: found.start()])[-1]
        place = len(_BLOCK.findall(text[text.index(f" {section}\n") : found.start()]))
        yield Block(f"{section}-{place}", found[1] or "", found[2], found[3] or "")


def write_files(folder: Path) -> None:
    """Write the files of the page into a folder."""
    for each in blocks():
        if each.file:
            (folder / each.file).write_text(each.text)


def commands() -> list[list[str]]:
    """The words of each command that ``serve.py`` becomes."""
    return [found.split() for found in _COMMAND.findall(_PAGE.read_text())]


def await_listener(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server listens at a path; fail with its log if it ends."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        with suppress(OSError):
            famsock.connect(f"unix://{path}").close()
            return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
