"""The blocks of the documentation's pages: what each needs, and running them."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(
    r"(?:<!-- (?P<needs>[^\n]*) -->\n\n)?"
    r"```(?P<language>python|sh)\n(?P<program>.*?)```(?:\n\n```text\n(?P<output>.*?)```)?",
    re.DOTALL,
)
_WHOLE_PAGE = re.compile(r"^<!-- page: ([^\n]*) -->$", re.MULTILINE)
_BACKGROUND = "background"
NAME = re.compile(r"# (\w+)\.py\n")
"""The first line of a program that is saved under its name, for the blocks that use it."""
ANYTHING = "…"
"""Stands in a shown output for what differs from run to run: within a line, or for whole lines."""
_INCLUDED = re.compile(r'^--8<-- "([^":]+)"\n', re.MULTILINE)


class Block(NamedTuple):
    """A program of a page, the number of lines above it, what it needs and prints."""

    line: int
    language: str
    program: str
    output: str | None
    needs: tuple[str, ...]
    background: bool


def blocks_of(page: str, *languages: str) -> Iterator[Block]:
    """The blocks of a page in these languages, each with what the comment in front of it states."""
    text = (ROOT / page).read_text()
    whole = ";".join(_WHOLE_PAGE.findall(text))
    for shown in _BLOCK.finditer(text):
        if shown["language"] in languages:
            line = text.count("\n", 0, shown.start("program"))
            stated = f"{whole};{shown['needs'] or ''}".split(";")
            needs = dict.fromkeys(need.strip() for need in stated if need.strip())
            background = _BACKGROUND in needs
            needs.pop(_BACKGROUND, None)
            yield Block(
                line,
                shown["language"],
                _INCLUDED.sub(lambda line: (ROOT / line[1]).read_text(), shown["program"]),
                shown["output"],
                tuple(needs),
                background,
            )


def groups(page: str, *languages: str) -> Iterator[Any]:
    """The blocks of a page by what they need, as parameters: page, blocks, fixtures.

    A comment in front of a block states markers and fixtures, separated by semicolons:
    ``<!-- needs_interface("vcan0"); network_namespace -->``.
    """
    found = dict[tuple[str, ...], list[Block]]()
    for block in blocks_of(page, *languages):
        found.setdefault(block.needs, []).append(block)
    for needs, blocks in found.items():
        calls = [need.rstrip(")").partition("(") for need in needs]
        marks = [
            getattr(pytest.mark, name)(*ast.literal_eval(f"({arguments},)"))
            for name, _, arguments in calls
            if name.startswith("needs_")
        ]
        fixtures = [name for name, *_ in calls if not name.startswith("needs_")]
        if any(block.language == "sh" for block in blocks):
            marks.append(pytest.mark.slow)  # a command takes half a second to start
        words = "+".join(re.findall(r"[\w.]+", " ".join(needs))) or "nothing"
        path = Path(page)
        is_of_plugin = path.parts[0] == "plugins"
        name = f"{path.parent.name}-{path.stem}" if is_of_plugin else path.stem
        name = f"{name}:{words}"
        yield pytest.param(ROOT / page, blocks, fixtures, marks=marks, id=name)


def run(page: Path, blocks: list[Block], folder: Path) -> list[str]:
    """Return what each of some blocks prints, run one after the other in a folder."""
    for block in blocks_of(str(page.relative_to(ROOT)), "python"):
        if named := NAME.match(block.program):
            (folder / f"{named[1]}.py").write_text(block.program)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    described = [
        {
            "page": str(page.relative_to(ROOT)),
            "line": block.line,
            "language": block.language,
            "program": block.program,
            "background": block.background,
            "lines": (block.output or "").count("\n"),
        }
        for block in blocks
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "tests" / "blocks.py"],
        input=json.dumps(described),
        env={**os.environ, "PATH": programs},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=folder,
    )
    if done.returncode or done.stderr:
        pytest.fail(f"exit status {done.returncode}\n{done.stderr}")
    printed: list[str] = json.loads(done.stdout)
    return printed


def is_shown(printed: str, output: str | None) -> bool:
    """Return whether a page shows what a block printed."""
    pattern = "".join(
        "(?:.*\n)*?"
        if line == f"{ANYTHING}\n"
        else ".+?".join(map(re.escape, line.split(ANYTHING)))
        for line in (output or "").splitlines(keepends=True)
    )
    return re.fullmatch(pattern, printed) is not None


def fences(page: str) -> Iterator[str]:
    """The words behind the three backquotes that begin each block of a page.

    What a longer fence holds is text of that block.
    """
    end = ""
    for line in (ROOT / page).read_text().splitlines():
        fence = re.match(r"(`{3,})(.*)", line)
        if fence and not end:
            end = fence[1]
            yield fence[2]
        elif end and line == end:
            end = ""


def check(page: Path, blocks: list[Block], folder: Path) -> None:
    """Fail unless each of some blocks prints what its page shows."""
    for block, printed in zip(blocks, run(page, blocks, folder), strict=True):
        if not is_shown(printed, block.output):
            pytest.fail(f"line {block.line} shows\n{block.output or ''}but prints\n{printed}")
