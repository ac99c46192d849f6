"""Codecs whose structs are imported when the first value travels.

The options of INET need some sixty structs; making all of those classes takes 45 ms, which a
program that sets one option must not wait for.
"""

from __future__ import annotations

import importlib
from typing import Any, cast

from famsock.plugin import Codec, values


class _Deferred:
    """Stands for the codec that ``"module:attribute"`` names; a struct class stands for its own."""

    __slots__ = ("_codec", "_reference")

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._codec: Codec[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._codec is None:
            module, _, attribute = self._reference.partition(":")
            found = getattr(importlib.import_module(module), attribute)
            self._codec = values.struct(found) if isinstance(found, type) else found
        return getattr(self._codec, name)

    def __repr__(self) -> str:
        return f"deferred({self._reference!r})"


def deferred(reference: str) -> Codec[Any]:
    """The codec of ``"structs.tcp:TcpInfo"``, a struct class or codec below this package."""
    return cast(Codec[Any], _Deferred(f"{__package__}.{reference}"))
