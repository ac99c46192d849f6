"""Interfaces of the tests' own: what they send, no other program hears."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from famsock.testing import requirements
from famsock.testing.namespaces import NetworkNamespace

_SET_UP = (
    "link add vcan0 type vcan",
    "link set vcan0 mtu 72 up",
    "link add vcan1 type vcan",
    "link set vcan1 mtu 2060 up",
)


@pytest.fixture(scope="session")
def _network_with_vcan() -> Iterator[NetworkNamespace | None]:
    """A network namespace with vcan0 (CAN FD) and vcan1 (CAN XL); None where it cannot be made."""
    if requirements.capability("CAP_SYS_ADMIN") or requirements.command("ip"):
        yield None
        return
    with ExitStack() as stack:
        namespace = NetworkNamespace()
        stack.callback(namespace.close)
        with namespace.entered():
            made = all(_is_done(command) for command in _SET_UP)
        yield namespace if made else None


def _is_done(command: str) -> bool:
    words = ["ip", *command.split()]
    return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.fixture(autouse=True)
def _own_interfaces(_network_with_vcan: NetworkNamespace | None) -> Iterator[None]:
    """Move the test to new interfaces; it runs on the machine's where that cannot be."""
    if _network_with_vcan is None:
        yield
        return
    with _network_with_vcan.entered():
        yield


@pytest.fixture
def spare() -> Iterator[Callable[..., None]]:
    """A virtual interface of the test's own, vcan9, and what changes it."""

    def link(*arguments: str) -> None:
        subprocess.run(["ip", "link", *arguments], check=True, timeout=60)

    link("add", "vcan9", "type", "vcan")
    link("set", "vcan9", "up")
    try:
        yield link
    finally:
        subprocess.run(["ip", "link", "del", "vcan9"], check=False, timeout=60, capture_output=True)
