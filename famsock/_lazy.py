"""Import what a string names on its first use."""

from __future__ import annotations

import sys

from famsock._loading import Load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from functools import cached_property
    from typing import Any

    kept = cached_property
else:

    class kept:  # noqa: N801
        """A property that is computed once; `functools.cached_property` without its lock.

        On Python 3.11 that lock is one for all objects and held while the value is computed, here
        while modules are imported: other threads would wait, and a forked child for ever. Two
        threads may compute the value both; each keeps an equal one.
        """

        def __init__(self, compute) -> None:
            self.compute = compute
            self.name = compute.__name__
            self.__doc__ = compute.__doc__

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            mark = Load()
            try:
                value = self.compute(instance)
            finally:
                mark.end()
            return vars(instance).setdefault(self.name, value)


def exports(package: str, **modules: str) -> tuple[Any, Any]:
    """Return ``__getattr__`` and ``__dir__`` of a package, for names loaded on first use.

    Each name is that of an object; its value is the module of ``package`` that has it.
    """

    def getattribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = load(f"{package}.{modules[name]}:{name}")
        setattr(sys.modules[package], name, value)
        return value

    return getattribute, lambda: sorted({*vars(sys.modules[package]), *modules})


def load(reference: Any) -> Any:
    """Return the object that ``"module:attribute"`` names (a module, without an attribute).

    An object that is not a string is returned unchanged. Raises ImportError or AttributeError.
    """
    if not isinstance(reference, str):
        return reference
    module, _, attribute = reference.partition(":")
    mark = Load()
    try:
        __import__(module)  # importlib's own function would add a tenth to famsock's import
        loaded = sys.modules[module]
        return getattr(loaded, attribute) if attribute else loaded
    finally:
        mark.end()
