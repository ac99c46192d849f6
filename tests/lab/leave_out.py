"""A pytest plugin of the guests: leave out the tests that ``left_out.toml`` names for the kernel.

They are deselected, not skipped: a skipped test is a failure in the lab.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pytest

LISTING = Path(__file__).parent / "left_out.toml"


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Tests that are left out for one reason.

    :ivar kernels: names of kernels, as :attr:`tests.lab.store.Kernel.name` gives them.
    :ivar reason: what these kernels lack.
    :ivar tests: the start of each test's node id, with ``*`` for any text.
    :ivar spread: each test runs on one of these kernels all the same, and its name tells on which.
    """

    kernels: Sequence[str]
    reason: str
    tests: Sequence[str]
    spread: bool = False

    def leaves_out(self, node_id: str, kernel: str) -> bool:
        """Return whether a test is left out on a kernel."""
        if kernel not in self.kernels or not self._pattern.match(node_id):
            return False
        place = zlib.crc32(node_id.encode()) % len(self.kernels)
        return not self.spread or self.kernels[place] != kernel

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = [".*".join(map(re.escape, test.split("*"))) for test in self.tests]
        return re.compile("|".join(parts))


def read(listing: str) -> list[LeftOut]:
    """Return the entries of a listing; see ``left_out.toml``."""
    return [LeftOut(**entry) for entry in tomllib.loads(listing)["left_out"]]


class LeaveOut:
    """Deselects tests, and gives the reasons in pytest's header."""

    def __init__(self, entries: Sequence[LeftOut], kernel: str) -> None:
        self.entries = [entry for entry in entries if kernel in entry.kernels]
        self.kernel = kernel

    def pytest_report_header(self) -> list[str]:
        return [f"left out by {LISTING.name}: {entry.reason}" for entry in self.entries]

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        chosen: list[pytest.Item] = []
        found: list[pytest.Item] = []
        for item in items:
            is_left_out = any(entry.leaves_out(item.nodeid, self.kernel) for entry in self.entries)
            (found if is_left_out else chosen).append(item)
        if found:
            config.hook.pytest_deselected(items=found)
            items[:] = chosen


def pytest_configure(config: pytest.Config) -> None:
    # Outside a guest there is no such kernel, and nothing is left out.
    kernel = "-".join(os.environ.get(name, "") for name in ("FAMSOCK_LAB", "FAMSOCK_LAB_KERNEL"))
    config.pluginmanager.register(LeaveOut(read(LISTING.read_text()), kernel))
