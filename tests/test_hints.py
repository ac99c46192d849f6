"""Notes on errors: which advice an error gets, and which gets none."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from famsock import _hints
from famsock._errors import PluginError
from famsock._hints import add_creation_hint, add_hint, modprobe
from famsock._registry import Registry
from famsock.family import Family, Protocol, Served

NUMBER = 200  # no family of this Python, and of no plugin that is installed


def _served(**protocol: Any) -> Served:
    row = Protocol("p", None, (1,), "nowhere:Nothing", **protocol)
    return Served(
        Family("AF_KIT", NUMBER, (row,), modules=("kit_core", "kit")), row, lambda _: None
    )


def _notes(error: OSError) -> list[str]:
    return list(getattr(error, "__notes__", []))


@pytest.mark.parametrize(
    ("number", "operation", "note"),
    [
        (errno.EINVAL, "bind", "AF_KIT p: bind to a node first"),
        (errno.EINVAL, "connect", "AF_KIT p: start the daemon"),
        (errno.EAFNOSUPPORT, "socket", "AF_KIT p: build the kernel with CONFIG_KIT"),
    ],
)
def test_the_plugins_own_advice_comes_first(number: int, operation: str, note: str) -> None:
    served = _served(
        hints={
            errno.EINVAL: "start the daemon",
            ("bind", errno.EINVAL): "bind to a node first",
            errno.EAFNOSUPPORT: "build the kernel with CONFIG_KIT",
        }
    )
    error = OSError(number, "refused")
    add_hint(error, served, operation)
    assert _notes(error) == [note]


@pytest.mark.parametrize("number", _hints.UNSUPPORTED)
def test_a_kernel_module_that_is_not_loaded(number: int) -> None:
    of_the_family, of_the_protocol = OSError(number, ""), OSError(number, "")
    add_hint(of_the_family, _served(), "socket")
    add_hint(of_the_protocol, _served(modules=("kit_p",)), "socket")
    assert _notes(of_the_family) == [
        "AF_KIT p needs the kernel module kit: modprobe -a kit_core kit"
    ]
    assert _notes(of_the_protocol) == ["AF_KIT p needs the kernel module kit_p: modprobe kit_p"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_missing_capability(number: int) -> None:
    error = OSError(number, "")
    add_hint(error, _served(capability="CAP_NET_RAW"), "socket")
    assert _notes(error) == ["AF_KIT p needs CAP_NET_RAW"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ECONNREFUSED, ""), OSError(errno.EPERM, ""), OSError("no number")]
)
def test_an_error_that_no_advice_fits(error: OSError) -> None:
    add_hint(error, _served(), "connect")
    assert _notes(error) == []


def test_modprobe() -> None:
    assert modprobe(("can",)) == "modprobe can"
    assert modprobe(("can", "can-raw")) == "modprobe -a can can-raw"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with AF_KIT, in the place of the one that the hints ask."""
    registry = Registry()
    row = Protocol("p", None, (1, 5), "nowhere:Nothing", capability="CAP_NET_ADMIN")
    registry.register(Family("AF_KIT", NUMBER, (row,)))
    monkeypatch.setattr(_hints, "plugins", registry)
    return registry


def test_creation_with_another_type_names_those_that_there_are(registry: Registry) -> None:
    error = OSError(errno.ESOCKTNOSUPPORT, "")
    add_creation_hint(error, NUMBER, 2, 0)
    assert _notes(error) == ["AF_KIT p is opened with the type SOCK_STREAM, SOCK_SEQPACKET"]


def test_creation_with_flags_in_the_type(registry: Registry) -> None:
    error = OSError(errno.EPERM, "")
    add_creation_hint(error, NUMBER, 1 | 0x80000, -1)
    assert _notes(error) == ["AF_KIT p needs CAP_NET_ADMIN"]


def test_creation_in_a_family_of_a_broken_plugin(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: int) -> None:
        raise PluginError("AF_KIT: the plugin cannot be loaded")

    monkeypatch.setattr(registry, "find", find)
    error = OSError(errno.EAFNOSUPPORT, "")
    add_creation_hint(error, NUMBER, 1, 0)
    assert _notes(error) == ["AF_KIT: the plugin cannot be loaded"]


def test_creation_in_a_family_that_a_broken_plugin_may_serve(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "broken_unknown", lambda: ["AF_NEW: cannot be loaded"])
    unknown, denied = OSError(errno.EAFNOSUPPORT, ""), OSError(errno.EPERM, "")
    for error in (unknown, denied):
        add_creation_hint(error, NUMBER + 1, 1, 0)
    assert _notes(unknown) == ["AF_NEW: cannot be loaded"]
    assert _notes(denied) == []
