"""``from module import *`` gives what a public module is for, and nothing that it imports."""

from __future__ import annotations

import ast
import inspect
import socket
import types
from importlib import import_module
from typing import Any

import pytest

from tools.interface import PACKAGES, defined, public_modules

DROP_IN = ("famsock",)
"""Has the names of the stdlib's module."""
MODULES = [name for package in PACKAGES for name in public_modules(package)]


def imported_by_star(name: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(f"from {name} import *", namespace)
    return {key: value for key, value in namespace.items() if key != "__builtins__"}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_lists_its_public_names(name: str) -> None:
    module = import_module(name)
    tree = ast.parse(inspect.getsource(module))
    if hasattr(module, "__all__"):
        assert set(imported_by_star(name)) == set(module.__all__)
    else:  # a package that has only modules
        assert not [n for n in defined(tree) if n[0] != "_"]
        assert not [n for n in tree.body if isinstance(n, ast.Import)]


@pytest.mark.parametrize("name", [name for name in MODULES if name not in DROP_IN])
def test_a_star_import_brings_nothing_of_another_package(name: str) -> None:
    package = name.partition(".")[0]
    for key, value in imported_by_star(name).items():
        if isinstance(value, types.ModuleType):
            assert value.__name__.startswith(package), key
        elif isinstance(value, type | types.FunctionType):
            assert value.__module__.startswith(package), f"{key} is of {value.__module__}"


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_a_package_lists_what_it_exports(package: str) -> None:
    """The classes that it loads on first use stand in its block for type checkers."""
    module = import_module(package)
    blocks = [n for n in ast.parse(inspect.getsource(module)).body if isinstance(n, ast.If)]
    imports = [n for block in blocks for n in block.body if isinstance(n, ast.ImportFrom)]
    exported = {a.name for n in imports for a in n.names if a.asname == a.name}
    assert exported
    assert exported < set(module.__all__)


def test_the_stdlib_s_module_keeps_its_name() -> None:
    namespace: dict[str, Any] = {"socket": socket}
    exec("from famsock_bluetooth.mgmt import *", namespace)
    assert namespace["socket"] is socket
