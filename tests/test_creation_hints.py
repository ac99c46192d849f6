"""Notes on sockets that could not be created."""

from __future__ import annotations

import errno

import pytest

from famsock._lazy import PluginError
from famsock._registry import Registry, creation_hints
from famsock._registry.creation_hints import add_creation_hint
from famsock.family import Family, Protocol

pytestmark = pytest.mark.asks_no_kernel

NUMBER = 200  # no family of this Python, and of no plugin that is installed


def _notes(error: OSError) -> list[str]:
    return list(getattr(error, "__notes__", []))


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with AF_KIT, in the place of the one that the hints ask."""
    registry = Registry()
    row = Protocol("p", None, (1, 5), None, capability="CAP_NET_ADMIN")
    registry.register(Family("AF_KIT", NUMBER, (row,)))
    monkeypatch.setattr(creation_hints, "plugins", registry)
    return registry


@pytest.mark.parametrize("number", [errno.ESOCKTNOSUPPORT, errno.EPROTOTYPE])
def test_creation_with_another_type_names_those_that_there_are(
    registry: Registry, number: int
) -> None:
    error = OSError(number, "")
    add_creation_hint(error, NUMBER, 2, 0)
    assert _notes(error) == ["AF_KIT p is opened with the type SOCK_STREAM, SOCK_SEQPACKET"]


def test_creation_with_flags_in_the_type(registry: Registry) -> None:
    error = OSError(errno.EPERM, "")
    add_creation_hint(error, NUMBER, 1 | 0x80000, -1)
    assert _notes(error) == ["AF_KIT p: One possible cause: this process lacks CAP_NET_ADMIN"]


def test_creation_in_a_family_of_a_broken_plugin(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: object) -> None:
        raise PluginError("AF_KIT: the plugin cannot be loaded")

    monkeypatch.setattr(Registry, "find", find)
    error = OSError(errno.EAFNOSUPPORT, "")
    add_creation_hint(error, NUMBER, 1, 0)
    assert _notes(error) == ["AF_KIT: the plugin cannot be loaded"]


def test_creation_in_a_family_that_a_broken_plugin_may_serve(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "broken_unknown", lambda _: ["AF_NEW: cannot be loaded"])
    unknown, denied = OSError(errno.EAFNOSUPPORT, ""), OSError(errno.EPERM, "")
    for error in (unknown, denied):
        add_creation_hint(error, NUMBER + 1, 1, 0)
    assert _notes(unknown) == ["AF_NEW: cannot be loaded"]
    assert _notes(denied) == []
