"""The pluggy hooks that a famsock plugin may implement.

Most plugins need none: an entry point of the group ``famsock``, with the family's name
(``AF_CAN``), names a `Family`. It may also name any object (usually a package) with functions
marked by `hookimpl`. Hooks run when a plugin is loaded; no hook runs on the send or receive path.
This module imports no pluggy, so that a plugin with hooks does not either. The module
:mod:`famsock._registry.manager` does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar, overload

    from famsock.family import Family

    F = TypeVar("F", bound=Callable[..., Any])

PROJECT = "famsock"


if TYPE_CHECKING:

    @overload
    def hookimpl(function: F, /) -> F: ...
    @overload
    def hookimpl(**options: Any) -> Callable[[F], F]: ...


def hookimpl(function: Any = None, /, **options: Any) -> Any:
    """Mark a function as the implementation of the hook of its name.

    ``options`` are those of `pluggy.HookimplMarker` (``tryfirst``, ``trylast``, ``wrapper``,
    ``optionalhook``, ``specname``), whose mark this is too.
    """

    def mark(function: Any) -> Any:
        setattr(function, f"{PROJECT}_impl", options)
        return function

    return mark if function is None else mark(function)


def famsock_families() -> Iterable[Family]:  # type: ignore[empty-body]
    """Return the families that this plugin supplies; called when the plugin is loaded."""


def famsock_family_loaded(family: Family) -> None:
    """Receive every family once it is registered, including those registered earlier."""
