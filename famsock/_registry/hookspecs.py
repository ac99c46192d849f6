"""The pluggy hooks that a famsock plugin may implement.

A plugin is any object (usually a package) with functions marked by `hookimpl`. It is found through
an entry point of the group ``famsock`` whose name is the family's name (``AF_CAN``), or registered
by hand with ``famsock.plugins.register``. Hooks run once, when the plugin is loaded; no hook runs
on the send or receive path.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from famsock.family import Family

PROJECT = "famsock"
hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)


@hookspec
def famsock_families() -> Iterable[Family]:  # type: ignore[empty-body]
    """Return the families that this plugin supplies; called once, when it is registered."""


@hookspec(historic=True)
def famsock_family_loaded(family: Family) -> None:
    """Receive every family once it is registered, including those registered earlier."""


class FamilyPlugin:
    """The plugin object for a bare `Family` that was registered by hand."""

    def __init__(self, family: Family) -> None:
        self.family = family

    @hookimpl
    def famsock_families(self) -> Iterable[Family]:
        """Return only that family."""
        return (self.family,)
