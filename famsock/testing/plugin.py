"""The pytest plugin: markers for what a test needs, and an option that forbids skips.

pytest loads it only where it is asked to, by ``-p famsock.testing.plugin`` (in ``addopts``, say) or
``pytest_plugins = ["famsock.testing.plugin"]`` in the conftest.py of the root folder.

Each of these markers skips the test with a reason and a hint, unless:

* ``needs_family("AF_CAN", protocol=1, type=SOCK_RAW)``: the kernel opens such a socket;
* ``needs_capability("CAP_NET_RAW")``: the process has the capability;
* ``needs_kernel("5.19")``: the running kernel is at least that;
* ``needs_command("cansend", package="can-utils")``: the program is installed;
* ``needs_interface("vcan0")``: the network interface (or other device class's device) is there;
* ``needs_module("vsock_loopback")``: the kernel module is loaded or built in.

``asks_no_kernel`` skips nothing. It states that a test opens no socket, so that its result on one
kernel is its result on all: ``-m "not asks_no_kernel"`` leaves such tests out on the second one.
Many checks of the conformance suite have it.

The fixture ``network_namespace`` moves a test into a network namespace without other programs.
``new_network_namespace`` moves it into a new one, which no other test has used.

A test with one of the markers, or with the fixture ``alarm``, fails after ``--alarm-s`` seconds and
does not hang. ``--fail-on-skip`` makes every skipped test a failure. The fixture ``descriptors``
fails a test that leaks a file descriptor. Importing this module imports no more than pytest.

PYTEST_DONT_REWRITE: a module that was imported before pytest loads it is no warning.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from famsock.testing.namespaces import NetworkNamespace

__all__ = [
    "alarm",
    "descriptors",
    "network_namespace",
    "new_network_namespace",
    "open_descriptors",
]

_CHECKS = "famsock.testing._checks"
if _CHECKS not in sys.modules:  # pytest warns of a module that it is too late for
    pytest.register_assert_rewrite(_CHECKS)

MARKERS = {
    "needs_family(name, protocol=None, type=None)": "skip unless the kernel opens such a socket",
    "needs_capability(name)": "skip unless the process has the capability",
    "needs_kernel(version)": "skip unless the kernel is at least of that version",
    "needs_command(name, package=None)": "skip unless the program is installed",
    "needs_interface(name)": "skip unless there is such an interface",
    "needs_module(name)": "skip unless the kernel has the module, loaded or built in",
    "asks_no_kernel": "the test opens no socket: on all kernels it has one result",
    "nothing_to_check": "set by the conformance suite where a family has nothing to be tested",
}
_PREFIX = "needs_"
_LAB_IS_SLOWER = 3


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("famsock")
    group.addoption("--fail-on-skip", action="store_true", help="make every skipped test a failure")
    group.addoption(
        "--alarm-s",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="end tests that need a kernel's help after so long (60; three times that in the lab)",
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}")


# Markers


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if item.get_closest_marker("nothing_to_check") is None]
    for item in items:
        if getattr(getattr(item, "function", None), "asks_no_kernel", False):
            item.add_marker("asks_no_kernel")
        if reason := _excepted(item):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def _excepted(item: pytest.Item) -> str:
    """Return the reason why a check of a family cannot pass, as its author states it, or ""."""
    base = sys.modules.get(f"{_CHECKS}.base")
    cls = getattr(item, "cls", None)
    if base is None or cls is None or not issubclass(cls, base.Checks):
        return ""
    stated: Mapping[str, str] = cls.exceptions
    return stated.get(item.name) or stated.get(item.name.partition("[")[0], "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    for marker in item.iter_markers():
        if marker.name.startswith(_PREFIX) and (reason := _unmet(marker)):
            pytest.skip(reason)
    with _alarmed(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    with _alarmed(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    with _alarmed(item):
        return (yield)


def _unmet(marker: pytest.Mark) -> str:
    """Return why the requirement of a marker is not met, with its hint; "" if it is."""
    from famsock.testing import requirements

    check = getattr(requirements, marker.name.removeprefix(_PREFIX), None)
    if check is None:
        return ""
    reason: str = check(*marker.args, **marker.kwargs)
    return reason


# Time limits


@contextmanager
def _alarmed(item: pytest.Item) -> Iterator[None]:
    if not _may_hang(item):
        yield
        return
    seconds = _patience_s(item.config)

    def ring(*_: Any) -> None:
        pytest.fail(f"no end within {seconds:g} s (--alarm-s)")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _may_hang(item: pytest.Item) -> bool:
    return "alarm" in getattr(item, "fixturenames", ()) or any(
        marker.name.startswith(_PREFIX) for marker in item.iter_markers()
    )


def _patience_s(config: pytest.Config) -> float:
    seconds: float = config.getoption("--alarm-s")
    return seconds * (_LAB_IS_SLOWER if os.environ.get("FAMSOCK_LAB") else 1)


@pytest.fixture
def alarm(request: pytest.FixtureRequest) -> float:
    """Return the seconds after which this test, including its fixtures, fails."""
    return _patience_s(request.config)


# Network namespaces


@pytest.fixture(scope="session")
def _network_of_the_session() -> Iterator[NetworkNamespace]:
    from famsock.testing.namespaces import NetworkNamespace

    _skip_without_privilege()
    namespace = NetworkNamespace()
    yield namespace
    namespace.close()


@pytest.fixture
def network_namespace(_network_of_the_session: NetworkNamespace) -> Iterator[None]:
    """Move the test into a network namespace of this test session, and back after it.

    Only lo is there, and it is up. Skip the test without CAP_SYS_ADMIN.
    """
    with _network_of_the_session.entered():
        yield


@pytest.fixture
def new_network_namespace() -> Iterator[None]:
    """Move the test into a new network namespace, and back after it: for tests that change it.

    Only lo is there, and it is up. Skip the test without CAP_SYS_ADMIN.
    """
    from famsock.testing.namespaces import new_network

    _skip_without_privilege()
    with new_network():
        yield


def _skip_without_privilege() -> None:
    from famsock.testing import requirements

    if reason := requirements.capability("CAP_SYS_ADMIN"):
        pytest.skip(reason)


# Skips


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    return _without_skip((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    return _without_skip((yield), collector.config)


def _without_skip(report: Any, config: pytest.Config) -> Any:
    if report.skipped and not hasattr(report, "wasxfail") and config.getoption("--fail-on-skip"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"--fail-on-skip allows no skipped test: {reason}"
    return report


# Leaks of file descriptors


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Fail a test that leaves more file descriptors open than it found."""
    before = open_descriptors()
    yield
    if open_descriptors().items() - before.items():
        gc.collect()
    leaked = dict(open_descriptors().items() - before.items())
    assert not leaked, f"file descriptors leaked: {leaked}"


def open_descriptors() -> dict[int, str]:
    """Return the open file descriptors of this process, and what each refers to."""
    if sys.implementation.name == "pypy":
        for _ in range(3):  # a finalizer may free what another one waits for
            gc.collect()
    found = {}
    for name in os.listdir("/dev/fd"):
        try:
            found[int(name)] = os.readlink(f"/dev/fd/{name}")
        except OSError:  # the directory's own descriptor, closed by now
            continue
    return found
