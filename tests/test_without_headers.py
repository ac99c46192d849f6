"""On a Python built without headers the same families talk: see `tests.platforms`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.asks_no_kernel

ROOT = Path(__file__).parents[1]


def test_a_python_without_headers_has_the_same_selftests() -> None:
    def round_trips(*how: str) -> dict[tuple[str, str], bool]:
        command = [sys.executable, "-m", *how, "doctor", "--json"]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=600)
        rows = json.loads(told.stdout)["protocols"]
        return {(r["family"], r["protocol"]): r["round_trip_ns"] is not None for r in rows}

    here = round_trips("famsock")
    assert round_trips("tests.platforms", "headers", "famsock") == here
    assert here["AF_NETLINK", "route"]
    assert here["AF_UNIX", "unix"]
