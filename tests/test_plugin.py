"""The interface for plugins: each name is what its module has, and costs nothing before."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from famsock import plugin
from famsock._registry.validation import API_VERSION
from famsock.family import Family
from tests.programs import run

pytestmark = pytest.mark.asks_no_kernel


@pytest.mark.parametrize("name", plugin.__all__)
def test_each_name_is_what_its_module_has(name: str) -> None:
    if name in plugin._SUBMODULES:
        found: object = importlib.import_module(f"famsock.{plugin._SUBMODULES[name]}")
    else:
        found = getattr(importlib.import_module(f"famsock.{plugin._MODULES[name]}"), name)
    assert getattr(plugin, name) is found


def test_type_checkers_see_the_same_names() -> None:
    (block,) = [node for node in ast.parse(_source()).body if isinstance(node, ast.If)]
    imported = {
        alias.asname or alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(plugin.__all__) == {*plugin._MODULES, *plugin._SUBMODULES}
    assert len(plugin.__all__) == len(set(plugin.__all__))


def _source() -> str:
    assert plugin.__file__ is not None
    return Path(plugin.__file__).read_text()


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"module 'famsock.plugin' has no attribute 'Sockets'"):
        plugin.Sockets  # noqa: B018


def test_a_family_is_written_for_this_version() -> None:
    assert plugin.OLDEST_API_VERSION <= Family("AF_NEW", 99, ()).api_version <= plugin.API_VERSION
    assert plugin.API_VERSION == API_VERSION


def test_a_description_imports_neither_attrs_nor_a_plugin() -> None:
    code = (
        "import sys\n"
        "from famsock.plugin import Address, Family, Protocol, socket\n"
        "print([m for m in sys.modules if m in ('attrs', 'pluggy') or m.startswith('famsock_')])"
    )
    assert run(code) == "[]"
