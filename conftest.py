"""What a run of pytest chooses when nobody chose: the processes, and whether slow tests run."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# An example may take any time on a busy machine, in emulation or under a sanitizer.
hypothesis.settings.register_profile("famsock", deadline=None)
hypothesis.settings.load_profile("famsock")

_IN_LAB = bool(os.environ.get("FAMSOCK_LAB"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return the workers for ``-n auto``: one more than processors, as tests wait half their time.

    0 where workers cost more than they bring: on one processor, and for a few tests, which are
    over before the workers have started.
    """
    of_few = config.option.keyword or config.option.collectonly or _names_files(config)
    processors = len(os.sched_getaffinity(0))
    return 0 if _IN_LAB or of_few or processors < 2 else processors + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out, unless ``-m`` selects tests or their files are named."""
    if not _leaves_slow_out(config):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is left out: the controller of xdist's workers counts no deselected tests."""
    return "slow tests are left out: -m slow runs them" if _leaves_slow_out(config) else None


def _leaves_slow_out(config: pytest.Config) -> bool:
    return not (_IN_LAB or config.option.markexpr or _names_files(config))


def _names_files(config: pytest.Config) -> bool:
    """Whether the command line names files, or tests in them, and no folder."""
    folder = config.invocation_params.dir
    named = [Path(folder, argument.partition("::")[0]) for argument in config.args]
    return all(path.is_file() for path in named)
