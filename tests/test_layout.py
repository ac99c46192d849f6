"""Each module of the core has its tests in a file of its name."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

import famsock

pytestmark = pytest.mark.asks_no_kernel

CORE = Path(famsock.__file__).parent
TESTS = Path(__file__).parent
FOLDERS = {"_calls": "calls", "http": "over_http", "relay": "relay", "testing": "testing"}
"""Packages of the core whose tests are a folder, by subject."""


def place_of_tests(module: Path) -> Path:
    """Return the file or folder with the tests of a module, a path below ``famsock``.

    ``_hints.py`` has ``test_hints.py``, and ``_registry/discovery.py`` has ``test_discovery.py``.
    The command line's names say little by themselves: ``_cli/run.py`` has ``test_cli_run.py``.
    """
    package, name = module.parts[0], module.stem.strip("_")
    if package in FOLDERS:
        return TESTS / FOLDERS[package]
    if len(module.parts) > 1 and name == "init":
        name = module.parent.name.strip("_")
    elif package == "_cli":
        name = f"cli_{name}"
    return TESTS / f"test_{name}.py"


def has_tests(place: Path) -> bool:
    if place.is_dir():
        return any(has_tests(path) for path in place.glob("test_*.py"))
    return place.is_file() and any(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for node in ast.walk(ast.parse(place.read_text()))
    )


def without_tests(modules: Iterable[Path]) -> list[str]:
    return [str(module) for module in modules if not has_tests(place_of_tests(module))]


def test_every_module_has_a_file_of_tests() -> None:
    modules = [path.relative_to(CORE) for path in sorted(CORE.rglob("*.py"))]
    assert Path("_registry/discovery.py") in modules
    assert without_tests(modules) == []


def test_a_module_without_tests_is_found() -> None:
    new = [Path("_new.py"), Path("_new/__init__.py"), Path("_cli/new.py"), Path("_new/part.py")]
    assert without_tests([Path("_hints.py"), *new]) == [str(path) for path in new]


def test_a_file_without_a_test_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "test_new.py").write_text("def make() -> None: ...\n")
    assert not has_tests(tmp_path)
    (tmp_path / "test_newer.py").write_text("def test_it() -> None: ...\n")
    assert has_tests(tmp_path)
