"""Families that cannot be registered."""

from __future__ import annotations

from typing import Any

import pytest

from famsock._errors import PluginError
from famsock._registry import Registry
from famsock._registry.hookspecs import hookimpl
from famsock.family import Family, Protocol

PROTOCOL = Protocol("p", None, (1,), "nowhere:Nothing")


def test_hook_that_gives_one_family_and_no_tuple() -> None:
    class Plugin:
        @hookimpl
        def famsock_families(self) -> Any:
            return Family("AF_NEW", 99, (PROTOCOL,))

    with pytest.raises(PluginError, match="must return a tuple of Family objects, not Family"):
        Registry().register(Plugin())


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (Family("AF_NEW", 0, (PROTOCOL,)), "AF_NEW: number must be 1-65535, not 0"),
        (Family("AF_NEW", 70000, (PROTOCOL,)), "AF_NEW: number must be 1-65535, not 70000"),
        (Family("newfamily", 99, (PROTOCOL,)), "name must be that of its constant"),
        (Family("AF_UNIX", 2, (PROTOCOL,)), "AF_UNIX: number is 1 here, not 2"),
        (Family("AF_NEW", 99, ()), "AF_NEW: protocols must be a tuple of at least one Protocol"),
        (
            Family("AF_NEW", 99, PROTOCOL),  # type: ignore[arg-type]
            "AF_NEW: protocols must be Protocol objects, not 'p'",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL._replace(types=()),)),
            r"p: types must be a tuple of at least one socket type, not \(\)",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL._replace(types=2),)),  # type: ignore[arg-type]
            "p: types must be a tuple of at least one socket type, not 2",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL, PROTOCOL._replace(name="q"))),
            "protocols p and q are both number None of socket type 1",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL, PROTOCOL)),
            "protocols p and p are both number None of socket type 1",
        ),
        (
            Family("AF_NEW", 99, (PROTOCOL,), api_version=7),
            "written for version 7 of famsock's plugin interface, this famsock has version 1",
        ),
    ],
)
def test_invalid_families_are_refused(family: Family, message: str) -> None:
    registry = Registry()
    with pytest.raises(PluginError, match=message):
        registry.register(family)
    assert family.name not in registry.names() or family.name == "AF_UNIX"
