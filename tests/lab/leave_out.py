"""A pytest plugin of the guests: leave out the tests that ``left_out.toml`` names for the kernel.

They are deselected, not skipped: a skipped test is a failure in the lab. With ``--spread-over``
each file of tests runs on one of several kernels.
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

    :ivar kernels: names of kernels, as :attr:`tests.lab.store.Kernel.full_name` gives them.
    :ivar reason: what these kernels lack.
    :ivar tests: the start of each test's node id, with ``*`` for any text.
    :ivar spread: each test runs on one of these kernels all the same; its file's name tells on
        which.
    """

    kernels: Sequence[str]
    reason: str
    tests: Sequence[str]
    spread: bool = False

    def names(self, node_id: str, kernel: str) -> bool:
        """Return whether a test is among these, and a kernel too."""
        return kernel in self.kernels and self._pattern.match(node_id) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = [".*".join(map(re.escape, test.split("*"))) for test in self.tests]
        return re.compile("|".join(parts))


def read(listing: str) -> list[LeftOut]:
    """Return the entries of a listing; see ``left_out.toml``."""
    return [LeftOut(**entry) for entry in tomllib.loads(listing)["left_out"]]


def is_left_out(node_id: str, kernel: str, entries: Sequence[LeftOut]) -> bool:
    """Return whether a test is left out on a kernel.

    One that is spread runs on one of the kernels on which no other entry leaves it out.
    """
    named = [entry for entry in entries if entry.names(node_id, kernel)]
    fixed = [entry for entry in entries if not entry.spread]
    if any(entry in named for entry in fixed):
        return True
    for entry in (entry for entry in named if entry.spread):
        able = [k for k in entry.kernels if not any(e.names(node_id, k) for e in fixed)]
        if able[_place(node_id) % len(able)] != kernel:
            return True
    return False


def runs_none_of(path: str, kernel: str, entries: Sequence[LeftOut]) -> bool:
    """Return whether no test of a file runs on a kernel, so that the file need not be imported."""
    fixed = [entry for entry in entries if not entry.spread]
    of_some = [test for entry in fixed for test in entry.tests if test.startswith(f"{path}::")]
    return not of_some and is_left_out(path, kernel, entries)


def _place(node_id: str) -> int:
    return zlib.crc32(node_id.partition("::")[0].encode())


def spread_all(entries: Sequence[LeftOut], kernels: Sequence[str]) -> list[LeftOut]:
    """Return entries that spread all tests over some kernels, and leave out what others do."""
    everything = LeftOut(kernels, "of a part each: all tests", ["*"], spread=True)
    return [*(entry for entry in entries if not entry.spread), everything]


class LeaveOut:
    """Deselects tests, and gives the reasons in pytest's header."""

    def __init__(self, entries: Sequence[LeftOut], kernel: str) -> None:
        self.all_entries = entries
        self.entries = [entry for entry in entries if kernel in entry.kernels]
        self.kernel = kernel

    def pytest_report_header(self) -> list[str]:
        return [f"left out by {LISTING.name}: {entry.reason}" for entry in self.entries]

    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> bool | None:
        if collection_path.suffix != ".py" or not collection_path.is_relative_to(config.rootpath):
            return None
        path = collection_path.relative_to(config.rootpath).as_posix()
        return runs_none_of(path, self.kernel, self.all_entries) or None

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        chosen: list[pytest.Item] = []
        found: list[pytest.Item] = []
        for item in items:
            left_out = is_left_out(item.nodeid, self.kernel, self.all_entries)
            (found if left_out else chosen).append(item)
        if found:
            config.hook.pytest_deselected(items=found)
            items[:] = chosen


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--spread-over",
        type=lambda text: text.split(","),
        metavar="KERNEL,...",
        help="run each file of tests on one of these kernels only; its name tells on which",
    )


def pytest_configure(config: pytest.Config) -> None:
    # Outside a guest there is no such kernel, and nothing is left out.
    kernel = "-".join(os.environ.get(name, "") for name in ("FAMSOCK_LAB", "FAMSOCK_LAB_KERNEL"))
    entries = read(LISTING.read_text())
    if spread_over := config.getoption("--spread-over"):
        entries = spread_all(entries, spread_over)
    config.pluginmanager.register(LeaveOut(entries, kernel))
