"""The choices of a run of pytest: its processes, and whether slow tests and compiled code run."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Generator
from functools import cache
from pathlib import Path

import hypothesis
import pytest

# An example may take any time on a busy machine, in emulation or under a sanitizer. So may drawing
# it: the first draw of a process reads the code for its constants, 48 s in emulation.
hypothesis.settings.register_profile(
    "famsock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("famsock")

_IN_LAB = bool(os.environ.get("FAMSOCK_LAB"))
_IN_EMULATION = os.environ.get("FAMSOCK_LAB") == "qemu"
_ONLY_CTYPES = os.environ.get("FAMSOCK_SYSCALLS") == "ctypes"


def pytest_configure(config: pytest.Config) -> None:
    """Hear Ctrl-C, also where a shell started the tests in the background, which ignores it.

    What a test starts would ignore it too, and a test of what it does then would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return the workers for ``-n auto``: one more than processors, as tests wait half their time.

    0 where workers cost more than they bring: on one processor, and for a few tests, which are
    over before the workers have started.
    """
    of_few = config.option.keyword or config.option.collectonly or _names_files(config)
    processors = len(os.sched_getaffinity(0))
    return 0 if _IN_LAB or of_few or processors < 2 else processors + 1


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file out if none of its tests asks the kernel: its import takes long in emulation."""
    if "asks_no_kernel" in _left_out(config) and collection_path.suffix == ".py":
        return bool(_WHOLE_FILE.search(collection_path.read_text())) or None
    return None


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests out by their markers: the slow ones, and those of the layer nobody asked for."""
    _mark_what_is_not_sampled(items)
    marks = _left_out(config)
    kept = [item for item in items if not any(_has(item, mark) for mark in marks)]
    if len(kept) < len(items):
        remaining = set(kept)
        config.hook.pytest_deselected(items=[item for item in items if item not in remaining])
        items[:] = kept


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is left out: the controller of xdist's workers counts no deselected tests."""
    return list(_left_out(config).values())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Hold a test to its mark that it asks the kernel nothing."""
    if not _has(item, "asks_no_kernel"):
        return (yield)
    _opened().clear()
    result = yield
    if families := _opened():
        pytest.fail(f"marked asks_no_kernel, but opens sockets of the families {families}")
    return result


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests of the compiled layer where it cannot be had."""
    if item.get_closest_marker("compiled_layer"):
        from famsock import _calls

        if _calls.native is None:
            pytest.skip(f"the compiled layer is not in use: {_calls.why_ctypes}")


def _mark_what_is_not_sampled(items: list[pytest.Item]) -> None:
    """Mark cases as slow, all but every n-th of a test with the marker ``sampled(n)``."""
    seen: Counter[str] = Counter()
    for item in items:
        if marker := item.get_closest_marker("sampled"):
            test = item.nodeid.partition("[")[0]
            if seen[test] % marker.args[0]:
                item.add_marker("slow")
            seen[test] += 1


_WHOLE_FILE = re.compile(r"^pytestmark = .*\basks_no_kernel\b", re.MULTILINE)


def _has(item: pytest.Item, mark: str) -> bool:
    """Return whether a test has a mark; none that needs something of the kernel asks it nothing."""
    if mark == "asks_no_kernel" and any(m.name.startswith("needs_") for m in item.iter_markers()):
        return False
    return item.get_closest_marker(mark) is not None


@cache
def _opened() -> list[object]:
    """Return the list of the families of all sockets that are opened from now on."""
    found: list[object] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.__new__":
            found.append(arguments[1])

    sys.addaudithook(note)
    return found


def _left_out(config: pytest.Config) -> dict[str, str]:
    """Return the markers of tests that are left out, with what the header says of them."""
    found = {}
    if _leaves_slow_out(config):
        found["slow"] = "slow tests are left out: -m slow runs them"
    if _IN_EMULATION and not config.option.markexpr and not _names_files(config):
        found["asks_no_kernel"] = "tests that ask no kernel are left out: the host runs them"
    if _ONLY_CTYPES:
        found["compiled_layer"] = "the compiled layer's tests are left out: FAMSOCK_SYSCALLS=ctypes"
    return found


def _leaves_slow_out(config: pytest.Config) -> bool:
    return not (_IN_LAB or config.option.markexpr or _names_files(config))


def _names_files(config: pytest.Config) -> bool:
    """Whether the command line names files, or tests in them, and no folder."""
    folder = config.invocation_params.dir
    named = [Path(folder, argument.partition("::")[0]) for argument in config.args]
    return all(path.is_file() for path in named)
