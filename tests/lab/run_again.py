"""A pytest plugin of the guests: run a test once more if the Bluetooth emulator crashed meanwhile.

Such a failure says nothing about famsock or the kernel. ``guest.sh`` starts btvirt again, and adds
a line to the file ``FAMSOCK_LAB_BTVIRT_ENDS``.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

CONTROLLERS = Path("/sys/kernel/debug/bluetooth")
STARTED_WITHIN_S = 120


def count_of_ends() -> int:
    """Return how often the emulator has ended."""
    path = Path(os.environ.get("FAMSOCK_LAB_BTVIRT_ENDS", os.devnull))
    return len(path.read_text().splitlines()) if path.exists() else 0


def await_controllers() -> None:
    """Wait until the kernel has set up the controllers of the emulator that was started again."""
    features = [CONTROLLERS / name / "features" for name in ("hci0", "hci1")]
    deadline = time.monotonic() + STARTED_WITHIN_S
    while not all(path.exists() for path in features) and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test and report it; once more if it failed and the emulator ended."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    before = count_of_ends()
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if count_of_ends() > before:
        await_controllers()
        if any(report.failed for report in reports):
            writer = item.config.get_terminal_writer()
            writer.line(f"\n{item.nodeid}: btvirt ended during this test, which is run again")
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
