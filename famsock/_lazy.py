"""Import what a string names on its first use."""

from __future__ import annotations

import importlib
from typing import Any


def load(reference: Any) -> Any:
    """Return the object that ``"module:attribute"`` names (a module, without an attribute).

    An object that is not a string is returned unchanged. Raises ImportError or AttributeError.
    """
    if not isinstance(reference, str):
        return reference
    module, _, attribute = reference.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded
