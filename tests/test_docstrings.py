"""Docstrings open with a verb or name the thing, in every Python file of the repository."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ["benchmarks", "examples", "famsock", "plugins", "tests", "tools"]
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
