"""The tests of CPython, trio, Twisted and aioquic pass on our sockets wherever on the stdlib's."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from famsock import _calls
from famsock.testing import requirements
from famsock.testing.namespaces import new_network
from tests.upstream import suites

# The others know only INET and UNIX, and take half an hour in emulation:
# `python -m tests.lab exec -- python -m tests.upstream` runs them there.
OF_EVERY_FAMILY = ("test_socket", "SocketEINTRTest")
CHOSEN = [name for name in suites.shipped() if not suites.IN_LAB or name in OF_EVERY_FAMILY]

ROOT = Path(__file__).parents[2]
LAYERS = ["ctypes", *(["native"] if _calls.native else [])]

run = functools.cache(suites.run)


def outcome(*tests: str, result: str) -> suites.Outcome:
    return suites.Outcome(dict.fromkeys(tests, result), "", 0, "")


@pytest.mark.slow
@pytest.mark.parametrize("suite", [name for name in CHOSEN if name != "aioquic"])
def test_suite(suite: str) -> None:
    stdlib, ours = run(suite, famsock=False), run(suite, famsock=True)
    assert stdlib.count("passed") > 0, stdlib.tail
    assert suites.lost(stdlib, ours) == [], ours.tail


@pytest.mark.slow
@pytest.mark.skipif("aioquic" not in CHOSEN, reason="needs aioquic: uv sync")
def test_aioquic_over_the_datagram_endpoint() -> None:
    """Its tests wait more than they work, so all three runs go at once.

    The endpoint serves the stdlib's sockets, and with ``famsock run`` our own. Each run has its own
    network: one of the tests binds a port of a fixed number.
    """

    def in_own_network(famsock: bool, installed: bool) -> suites.Outcome:
        with new_network():
            return suites.run("aioquic", famsock=famsock, installed=installed)

    if reason := requirements.capability("CAP_SYS_ADMIN"):
        pytest.skip(reason)
    suites.aioquic_tests(sys.executable)  # fetches them once for all
    sides = (False, False), (True, False), (True, True)
    with ThreadPoolExecutor(len(sides)) as at_once:
        runs = [at_once.submit(in_own_network, famsock, installed) for famsock, installed in sides]
    stdlib, *both = (each.result() for each in runs)
    assert stdlib.count("passed") > 20, stdlib.tail
    for ours in both:
        assert suites.lost(stdlib, ours) == [], ours.tail


@pytest.mark.slow
def test_bluetooth_of_a_python_without_it() -> None:
    """CPython's tests of Bluetooth are skipped where it was built without BlueZ's header."""
    reason = requirements.family("AF_BLUETOOTH", protocol=1) or requirements.interface("hci0")
    if reason:
        pytest.skip(reason)
    ours = run("test_socket", famsock=True)
    bluetooth = {name: now for name, now in ours.tests.items() if "BluetoothTest" in name}
    assert len(bluetooth) >= 5
    assert set(bluetooth.values()) == {"passed"}, ours.tail


@pytest.mark.parametrize("was", ["passed", "failed"])
def test_a_test_that_famsock_skips_or_leaves_out_is_lost(was: str) -> None:
    stdlib = outcome("a", "b", result=was)
    assert len(suites.lost(stdlib, outcome("a", result="skipped"))) == 2
    assert suites.lost(stdlib, stdlib) == []


def test_what_the_stdlib_skips_can_only_be_gained() -> None:
    stdlib, ours = outcome("a", result="skipped"), outcome("a", result="passed")
    assert suites.lost(stdlib, ours) == []
    assert suites.gained(stdlib, ours) == ["a"]
    assert suites.lost(ours, stdlib) == ["a: passed with the stdlib, skipped with famsock"]


def unreachable(module: str, layer: str, *classes: str) -> dict[str, str]:
    """The results of test_socket in which no file can be opened, by the names of the tests."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.upstream.unreachable", module, *classes]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "FAMSOCK_SYSCALLS": layer},
        capture_output=True,
        text=True,
        check=True,
        timeout=suites.TIMEOUT_S,
    )
    results: dict[str, str] = json.loads(done.stdout)
    return results


@pytest.mark.slow
@pytest.mark.skipif("test_socket" not in CHOSEN, reason="this Python has no test_socket")
@pytest.mark.parametrize("layer", LAYERS)
def test_suite_without_files_and_imports(layer: str) -> None:
    """Expect famsock to pass what the stdlib's socket passes while nothing can be opened.

    A test that loses is tried again with its class: on a busy machine those with timeouts may fail.
    """
    with ThreadPoolExecutor(2) as both:
        stdlib, ours = both.map(unreachable, ("socket", "famsock"), (layer, layer))
    passed = [name for name, result in stdlib.items() if result == "passed"]
    assert len(passed) > 400
    lost = [name for name in passed if ours.get(name) != "passed"]
    for cls in {name.split(".")[-2] for name in lost}:
        ours |= unreachable("famsock", layer, cls)
    assert [name for name in lost if ours.get(name) != "passed"] == []
