"""Docstrings open with a verb or name the thing, in every Python file of the repository."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ["benchmarks", "examples", "famsock", "plugins", "tests", "tools"]
_CODE = re.compile("``.*?``|`[^`]*`", re.DOTALL)
_EMPHASIS = re.compile(r"(?<![\w*])\*\w[^*]*\w\*(?!\w)")
_JOINED = re.compile(r"\w\*[^*]+\*")
QUESTIONS = {"how", "what", "when", "where", "which", "who", "why"}


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each docstring, those below assignments too."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            for statement in node.body:
                match statement:
                    case ast.Expr(value=ast.Constant(value=str(text)), lineno=line):
                        yield line, text


def opens_with_a_question(source: str) -> list[int]:
    """Return the lines of docstrings whose first word is one of `QUESTIONS`."""
    found = docstrings(ast.parse(source))
    return [
        line for line, text in found if text.split(maxsplit=1)[0].lower().strip(".:") in QUESTIONS
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_opens_with_a_question(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*.py") if ".venv" not in path.parts]
    assert files
    assert {
        str(path.relative_to(ROOT)): lines
        for path in files
        if (lines := opens_with_a_question(path.read_text(encoding="utf-8")))
    } == {}


def test_each_place_of_a_docstring_is_seen() -> None:
    source = '"""What."""\nX = 1\n"""How many."""\nclass C:\n    """Who"""\n    def f(self):\n'
    assert opens_with_a_question(source + '        """Where."""\n') == [1, 3, 5, 7]
    assert opens_with_a_question('"""Return what is there."""') == []


def has_joined_stars(text: str) -> bool:
    """Return whether Markdown makes italics of what is between the stars of two names."""
    paragraphs = re.split(r"\n\s*\n", text)
    return any(_JOINED.search(_EMPHASIS.sub("", _CODE.sub("", each))) for each in paragraphs)


def test_no_star_of_a_name_is_lost_in_the_reference() -> None:
    """``IFA_F_*`` and other names with a star stand in backquotes, where there are two of them."""
    files = [*(ROOT / "famsock").rglob("*.py"), *ROOT.glob("plugins/*/famsock_*/**/*.py")]
    assert len(files) > 200
    assert [
        f"{path.relative_to(ROOT)}:{line}"
        for path in files
        for line, text in docstrings(ast.parse(path.read_text(encoding="utf-8")))
        if has_joined_stars(text)
    ] == []


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("``flags`` are IFA_F_*, ``scope`` RT_SCOPE_*.", True),
        ("``flags`` are ``IFA_F_*``, `scope` ``RT_SCOPE_*``.", False),
        ("Flags are IFA_F_*.\n\nThe scope is RT_SCOPE_*.", False),
        ("Forms:\n\n* the *typed* form,\n* the *text*; up to 2**64 - 1", False),
        ("A NAME_* in the *typed* form of OTHER_*", True),
    ],
)
def test_stars_that_are_joined(text: str, lost: bool) -> None:
    assert has_joined_stars(text) == lost
