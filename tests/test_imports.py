"""The core's modules import one another in one direction only, type checkers' imports included."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import famsock

pytestmark = pytest.mark.asks_no_kernel

ROOT = Path(famsock.__file__).parent


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports() -> dict[str, set[str]]:
    """Return the core's modules with the modules of the core that each one names in an import.

    ``famsock`` itself is left out: it only re-exports. So is what a package imports of itself.
    """
    paths = {_module(path): path for path in ROOT.rglob("*.py") if "testing" not in path.parts}
    del paths["famsock"]
    found: dict[str, set[str]] = {}
    for module, path in paths.items():
        named = found[module] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= inner & paths.keys() or {node.module} & paths.keys()
            elif isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names} & paths.keys()
    return found


def test_there_are_no_circles() -> None:
    graph = {
        module: {
            name
            for name in named
            if not f"{name}.".startswith(f"{module}.") and not module.startswith(f"{name}.")
        }
        for module, named in imports().items()
    }
    assert graph["famsock._sockets"] > {"famsock.address", "famsock._registry"}
    TopologicalSorter(graph).prepare()  # which raises CycleError and names the modules
