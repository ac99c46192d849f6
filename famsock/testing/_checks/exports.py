"""Lazy names of a package: they load, and type checkers see the same ones."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from importlib.util import find_spec

from famsock.address import Address
from famsock.testing._checks.base import Checks, asks_no_kernel
from famsock.testing._checks.socket_classes import is_exported


class ExportChecks(Checks):
    """The names that the family's package gives ``exports``."""

    @asks_no_kernel
    def test_exports_load(self, package: str) -> None:
        loaded = importlib.import_module(package)
        for name, module in lazy_names(package).items():
            value = getattr(loaded, name)
            assert name in dir(loaded), f"{package} lacks the __dir__ that exports() returns"
            defined = getattr(value, "__module__", module)
            assert defined == module, f"{package}.{name} is defined in {defined}, not in {module}"

    @asks_no_kernel
    def test_type_checkers_see_the_exports(self, package: str) -> None:
        assert typed_names(package) == lazy_names(package), (
            f"under `if TYPE_CHECKING:`, {package} imports each lazy name for type checkers, as "
            "`from package.module import Name as Name`"
        )

    @asks_no_kernel
    def test_package_exports_the_address_class(self, address_class: type[Address]) -> None:
        is_exported(address_class)


def lazy_names(package: str) -> dict[str, str]:
    """Return the names that a package gives ``exports``, with their modules."""
    return {
        keyword.arg: f"{package}.{keyword.value.value!s}"
        for call in ast.walk(_tree(package))
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "exports"
        for keyword in call.keywords
        if keyword.arg and isinstance(keyword.value, ast.Constant)
    }


def typed_names(package: str) -> dict[str, str]:
    """Return the names that a package exports to type checkers only, with their modules."""
    return {
        alias.name: imported.module or ""
        for imported in _for_type_checkers(_tree(package))
        for alias in imported.names
        if alias.asname == alias.name
    }


def _for_type_checkers(tree: ast.Module) -> Iterator[ast.ImportFrom]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from (inner for inner in node.body if isinstance(inner, ast.ImportFrom))


def _tree(package: str) -> ast.Module:
    spec = find_spec(package)
    read = getattr(spec.loader, "get_source", None) if spec else None
    return ast.parse((read(package) if read else None) or "", package)
