"""Snapshots of the registry: one follows another, and none changes."""

from __future__ import annotations

import pytest

from famsock._registry.snapshot import Snapshot
from tests.test_first_use import run

pytestmark = pytest.mark.asks_no_kernel


def test_changes_from_many_threads_are_all_kept() -> None:
    code = """
    import sys, threading
    from famsock._registry import Registry
    sys.setswitchinterval(1e-6)
    registry, barrier = Registry(), threading.Barrier(16)

    def go(number):
        barrier.wait()
        for turn in range(50):
            registry.block(f"AF_{number}_{turn}")

    threads = [threading.Thread(target=go, args=(number,)) for number in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(registry._latest().blocked) == 16 * 50
    """
    run(code)


def test_what_a_snapshot_takes_over() -> None:
    old = Snapshot(blocked=frozenset({"AF_CAN"}), checked=True)
    old.resolved[2, 1, 0] = None
    same, other = old.with_(failed={"AF_X": "broken"}), old.changed(blocked=frozenset())
    assert same.resolved is old.resolved
    assert (same.checked, same.failed, old.failed) == (True, {"AF_X": "broken"}, {})
    assert (other.checked, other.resolved, other.blocked) == (False, {}, frozenset())
    assert (old.served, old.successor) == ({(2, 1, 0): None}, {})
