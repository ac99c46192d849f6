"""The stdlib's names that famsock uses are there on this Python, or their lack is provided for.

PyPy lacks some that CPython has on the same system. This runs there, too.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.asks_no_kernel,
    pytest.mark.skipif(sys.platform != "linux", reason="files for Linux use its names"),
]

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("famsock/**/*.py"), *ROOT.glob("plugins/*/famsock_*/**/*.py")])
MODULES = (
    *("array", "ctypes", "errno", "fcntl", "mmap", "os", "resource", "select", "signal"),
    *("socket", "stat", "struct", "sys", "termios", "threading", "time"),
)


def lacking(source: str) -> Iterator[str]:
    """Yield the names of modules of the stdlib that a source uses and this Python lacks.

    A name is provided for if a string of the source has it, as hasattr and getattr are asked for
    it; below a condition on ``sys.implementation``; and where AttributeError is caught.
    """
    tree = ast.parse(source)
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    modules: dict[str, str] = {}
    provided: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.If | ast.IfExp):
            if "sys.implementation" in ast.unparse(node.test):
                provided |= {*ast.walk(node)}
        elif isinstance(node, ast.Try) and any(
            handler.type is not None and "AttributeError" in ast.unparse(handler.type)
            for handler in node.handlers
        ):
            provided |= {inner for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if node in provided or not isinstance(node, ast.Attribute):
            continue
        module = modules.get(node.value.id, "") if isinstance(node.value, ast.Name) else ""
        if module not in MODULES or node.attr in strings:
            continue
        if not hasattr(importlib.import_module(module), node.attr):
            yield f"{node.lineno}: {module}.{node.attr}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os\nos.missing", ["2: os.missing"]),
        ("import os as _os\n_os.missing()", ["2: os.missing"]),
        ("import os\nos.getpid", []),
        ("import os\nif hasattr(os, 'missing'): os.missing", []),
        ("import os\ntry: os.missing\nexcept (AttributeError, OSError): pass", []),
        ("import os\ntry: pass\nexcept AttributeError: os.missing", ["3: os.missing"]),
        ("import os, sys\nos.missing if sys.implementation.name == 'cpython' else 0", []),
    ],
)
def test_a_name_that_is_not_there_is_found(source: str, found: list[str]) -> None:
    assert list(lacking(source)) == found


def test_every_name_is_there_or_provided_for() -> None:
    missing = {
        str(path.relative_to(ROOT)): names
        for path in FILES
        if (names := list(lacking(path.read_text())))
    }
    assert len(FILES) > 200
    assert missing == {}
