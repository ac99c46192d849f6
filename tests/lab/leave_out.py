"""A pytest plugin of the guests: leave out the tests that ``left_out.toml`` names for the kernel.

They are deselected, not skipped: a skipped test is a failure in the lab.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

LISTING = Path(__file__).parent / "left_out.toml"


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Tests that are left out for one reason.

    :ivar kernels: names of kernels, as :attr:`tests.lab.store.Kernel.name` gives them.
    :ivar reason: what these kernels lack.
    :ivar tests: the start of each test's node id, with ``*`` for any text.
    """

    kernels: Sequence[str]
    reason: str
    tests: Sequence[str]

    def matches(self, node_id: str) -> bool:
        """Return whether a test is one of these."""
        return any(_pattern(test).match(node_id) for test in self.tests)


def read(listing: str) -> list[LeftOut]:
    """Return the entries of a listing; see ``left_out.toml``."""
    return [LeftOut(**entry) for entry in tomllib.loads(listing)["left_out"]]


def _pattern(test: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in test.split("*")))


class LeaveOut:
    """Deselects tests, and gives the reasons in pytest's header."""

    def __init__(self, entries: Sequence[LeftOut], kernel: str) -> None:
        self.entries = [entry for entry in entries if kernel in entry.kernels]

    def pytest_report_header(self) -> list[str]:
        return [f"left out by {LISTING.name}: {entry.reason}" for entry in self.entries]

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        chosen: list[pytest.Item] = []
        found: list[pytest.Item] = []
        for item in items:
            is_left_out = any(entry.matches(item.nodeid) for entry in self.entries)
            (found if is_left_out else chosen).append(item)
        if found:
            config.hook.pytest_deselected(items=found)
            items[:] = chosen


def pytest_configure(config: pytest.Config) -> None:
    # Outside a guest there is no such kernel, and nothing is left out.
    kernel = "-".join(os.environ.get(name, "") for name in ("FAMSOCK_LAB", "FAMSOCK_LAB_KERNEL"))
    config.pluginmanager.register(LeaveOut(read(LISTING.read_text()), kernel))
