"""docs/writing-a-family.md, run from its first line to its last in a clean environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import famsock.plugin
from famsock.plugin import Family, Protocol

from .conftest import NEEDS_UV, REPOSITORY, Environment, run

GUIDE = REPOSITORY / "docs" / "writing-a-family.md"
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code: its language, the file that it is, or "" for one to run."""

    language: str
    title: str
    text: str


def blocks() -> Iterator[Block]:
    for language, title, text in _BLOCK.findall(GUIDE.read_text()):
        yield Block(language, title, text)


@NEEDS_UV
@pytest.mark.slow
def test_guide_runs(empty: Callable[[str], Environment], tmp_path: Path) -> None:
    environment = empty("guide")
    printed = ""
    for block in blocks():
        if block.title:
            file = tmp_path / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text)
        elif block.language == "sh":
            if "uninstall" in block.text:
                for package in sorted(tmp_path.glob("famsock-*")):
                    name = package.name.replace("-", "_")
                    told = environment.mypy("-p", name, cwd=package)
                    assert told.startswith("Success"), told
            printed = environment.shell(block.text, cwd=tmp_path)
        elif block.language == "python":
            printed = run(environment.python, "-W", "error", "-c", block.text, cwd=tmp_path)
        else:
            assert block.language == "text"
            assert _words(block.text) in _words(printed)
    assert not list(environment.packages.rglob("*guide*"))


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    "names",
    [famsock.plugin.__all__, Family._fields, Protocol._fields],
    ids=["plugin", "Family", "Protocol"],
)
def test_guide_names_all_of_the_interface(names: tuple[str, ...]) -> None:
    interface = GUIDE.read_text().partition("## The interface")[2]
    assert [name for name in names if f"`{name}`" not in interface] == []
