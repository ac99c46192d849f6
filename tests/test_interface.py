"""docs/interface.md lists every public module and every public name, and nothing else."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from types import ModuleType

import pytest

import famsock
from tools.interface import (
    PACKAGES,
    PAGE,
    ROOT,
    ROW,
    defined,
    differences,
    documented,
    public_modules,
    public_names,
)


@pytest.mark.parametrize("package", PACKAGES)
def test_page_lists_the_package(package: str) -> None:
    modules = {name: import_module(name) for name in public_modules(package)}
    lines = [
        line
        for line in PAGE.read_text().splitlines()
        if (row := ROW.match(line)) and row[1].partition(".")[0] == package
    ]
    assert differences("\n".join(lines), modules) == []


def test_page_lists_no_other_package() -> None:
    assert {module.partition(".")[0] for module in documented(PAGE.read_text())} == set(PACKAGES)


def test_public_names_exist() -> None:
    for package in PACKAGES:
        for name in public_modules(package):
            module = import_module(name)
            missing = [n for n in public_names(module) if not hasattr(module, n)]
            assert missing == [], name


def test_modules_of_the_core_are_attributes_of_it() -> None:
    for name in public_modules("famsock"):
        if name.count(".") == 1:
            assert getattr(famsock, name.rpartition(".")[2]) is import_module(name)


def test_documents_import_no_private_name() -> None:
    """Only architecture.md, for developers, and performance.md name private modules."""
    imported = re.compile(r"^\s*(?:from famsock\S* import [^#\n]*\b_\w|.*\bfamsock\w*[.\w]*\._\w)")
    for page in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.py")):
        if page.name not in ("architecture.md", "performance.md"):
            lines = page.read_text().splitlines()
            assert [line for line in lines if imported.match(line)] == [], page.name


MODULE = ModuleType("famsock_new.control")
MODULE.__dict__.update(__all__=["New", "LIMIT", "LEVEL"], New=object, LIMIT=5, LEVEL=None)
NEW = {MODULE.__name__: MODULE}


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("| `famsock_new.control` | `New`, `LIMIT`, `LEVEL` |", []),
        ("| `famsock_new.control` | constants, `New`, `LEVEL` |", []),
        ("", ["famsock_new.control has no row"]),
        (
            "| `famsock_new.control` | `New`, `LIMIT` |",
            ["famsock_new.control.LEVEL is public, and is not documented"],
        ),
        (
            "| `famsock_new.control` | constants, `New` |",
            ["famsock_new.control.LEVEL is public, and is not documented"],
        ),
        (
            "| `famsock_new.control` | `New`, `LIMIT`, `LEVEL`, `Old` |",
            ["famsock_new.control.Old is documented, and is not public"],
        ),
        (
            "| `famsock_new.control` | options, `New`, `LIMIT`, `LEVEL` |",
            ["famsock_new.control has no options"],
        ),
        (
            "| `famsock_new.control` | `New`, `LIMIT`, `LEVEL`, `New` |",
            ["famsock_new.control: New stands twice"],
        ),
        (
            "| `famsock_new.control` | others, `New`, `LIMIT`, `LEVEL` |",
            ["famsock_new.control: unknown words 'others'"],
        ),
        (
            "| `famsock_new.control` | `New`, `LIMIT`, `LEVEL` |\n| `famsock_new.old` | `A` |",
            ["famsock_new.old is documented, and is not public"],
        ),
    ],
)
def test_differences_are_found(page: str, expected: list[str]) -> None:
    assert differences(page, NEW) == expected


def test_names_of_a_module_without_a_list() -> None:
    source = "import os\nfrom os import path\nA, (_b, c) = 1, (2, 3)\nd: int = 4\n\ndef e(): ...\n"
    assert set(defined(ast.parse(source))) == {"A", "_b", "c", "d", "e"}
