"""Two Ethernet interfaces that are joined, for the tests that talk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

import famsock
from famsock.testing import requirements


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, timeout=60)


@pytest.fixture(scope="session", autouse=True)
def stations() -> Iterator[None]:
    """A veth pair that is up, where the kernel has the family; it has it in one namespace only."""
    if requirements.family("AF_LLC") or requirements.capability("CAP_NET_ADMIN"):
        yield  # the markers of the tests that need them say so
        return
    names = f"llca{os.getpid()}", f"llcb{os.getpid()}"
    _ip("link", "add", names[0], "type", "veth", "peer", "name", names[1])
    try:
        for name in names:
            _ip("link", "set", name, "up")
        assert famsock.if_nametoindex(names[0])
        yield
    finally:
        _ip("link", "delete", names[0])
