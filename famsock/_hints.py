"""Hints: what may help after a failed call, from the plugin's data about its family."""

from __future__ import annotations

from errno import EACCES, EAFNOSUPPORT, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

UNSUPPORTED = (EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT)
_DENIED = (EPERM, EACCES)


def hint(
    label: str,
    operation: str,
    number: int,
    *,
    hints: Mapping[Any, str],
    modules: tuple[str, ...] = (),
    capability: str = "",
) -> str | None:
    """Return what may help after an errno of ``operation`` ("bind"); None if nothing is known.

    ``label`` names the protocol. The hint is the plugin's advice in ``hints``, the kernel
    ``modules``, or the ``capability`` that opening needs.
    """
    advice = hints.get((operation, number)) or hints.get(number)
    if advice:
        return f"{label}: {advice}"
    if number in UNSUPPORTED and modules:
        return f"{label} needs the kernel module {modules[-1]}: {modprobe(modules)}"
    if number in _DENIED and capability:
        return f"{label} needs {capability}"
    return None


def modprobe(modules: tuple[str, ...]) -> str:
    """Return the command that loads kernel modules."""
    return " ".join(("modprobe", *(("-a",) if len(modules) > 1 else ()), *modules))
