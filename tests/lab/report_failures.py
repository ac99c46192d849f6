"""A pytest plugin of the guests: a failure is told when it happens, not only at the end.

A guest that hangs or is killed at its time limit never comes to pytest's summary.
"""

from __future__ import annotations

import pytest


class FailuresAtOnce:
    """Writes each failure between the dots."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            writer = self.config.get_terminal_writer()
            writer.line(f"\n{report.nodeid} ({report.when}) failed:\n{report.longreprtext}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FailuresAtOnce(config))
