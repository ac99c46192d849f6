"""Hints: what may help after a failed call, from the plugin's data about its family.

A hint is true: it holds for every cause of the errno in that call, or it looks at what the cause
would have left behind, or it says that it is one possible cause.
"""

from __future__ import annotations

import os
from errno import EACCES, EAFNOSUPPORT, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Hint = str | Callable[[Any, Any], str | None]

UNSUPPORTED = (EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT)
_DENIED = (EPERM, EACCES)
_MODULES = "/sys/module"


def did_you_mean(word: str, known: Iterable[str], shown: Callable[[str], str] = str) -> str:
    """Return the end of a message about an unknown word: the known one that is like it, or "".

    ``shown`` returns the form in which a known word is shown.
    """
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), n=1)
    return f"; did you mean {shown(found[0])!r}?" if found else ""


def find_hint(
    operation: str,
    number: int,
    *,
    hints: Mapping[Any, Hint],
    modules: tuple[str, ...] = (),
    family_modules: tuple[str, ...] = (),
    capability: str = "",
) -> Hint | None:
    """Return the hint for an errno of ``operation`` ("bind"); None if nothing is known.

    It is the plugin's in ``hints``. For a creation ("socket") without one, it is about the kernel
    ``modules`` of the protocol, or of the family if that is what the kernel lacks, or about the
    ``capability`` that opening needs.
    """
    found = hints.get((operation, number)) or hints.get(number)
    if found:
        return found
    if operation != "socket":
        return None
    if number in UNSUPPORTED:
        needed = (modules or family_modules) if number == EAFNOSUPPORT else modules
        return (lambda _sock, _address: _missing_modules(needed)) if needed else None
    if number in _DENIED and capability:
        return f"One possible cause: this process lacks {capability}"
    return None


def _missing_modules(modules: tuple[str, ...]) -> str | None:
    """Return how to load kernel modules, unless the kernel has them all."""
    if all(os.path.isdir(f"{_MODULES}/{name.replace('-', '_')}") for name in modules):
        return None
    return f"One possible cause: the kernel lacks the module {modules[-1]}: {modprobe(modules)}"


def modprobe(modules: tuple[str, ...]) -> str:
    """Return the command that loads kernel modules."""
    return " ".join(("modprobe", *(("-a",) if len(modules) > 1 else ()), *modules))


def explain(sock: Any, error: OSError, operation: str, address: Any = None) -> None:
    """Add the hint for a failed operation to its error, if the plugin of ``sock`` has one.

    For methods of a protocol's class that fail in a call without an address; the calls that carry
    one do so themselves. ``operation`` and ``address`` are what the hints of the `Protocol` are
    told. Whatever fails here leaves the error as it is.
    """
    sock._explain(error, operation, address)
