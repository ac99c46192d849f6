"""Annotations of public classes can be read at run time: typing.get_type_hints, attrs."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, get_type_hints

import attrs
import pytest

from tools.interface import PACKAGES, public_modules, public_names

ANNOTATED_FOR_CHECKERS = ("requests.", "urllib3.")
"""Libraries whose classes have annotations that only type checkers can read."""


def public_classes() -> list[type[Any]]:
    """Return every public class of famsock and of its plugins."""
    found: dict[type[Any], None] = {}
    for package in PACKAGES:
        for name in public_modules(package):
            module = import_module(name)
            for attribute in sorted(public_names(module)):
                value = getattr(module, attribute, None)
                if inspect.isclass(value) and value.__module__.startswith("famsock"):
                    found[value] = None
    return list(found)


@pytest.mark.parametrize(
    "cls", public_classes(), ids=lambda cls: f"{cls.__module__}.{cls.__name__}"
)
def test_hints_can_be_read(cls: type[Any]) -> None:
    if any(each.__module__.startswith(ANNOTATED_FOR_CHECKERS) for each in cls.__mro__):
        for each in cls.__mro__:
            if each.__module__.startswith("famsock"):
                inspect.get_annotations(each, eval_str=True)
        return
    get_type_hints(cls)
    if attrs.has(cls):
        attrs.resolve_types(cls)
