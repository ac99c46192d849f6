"""CPython's own tests pass on famsock's sockets wherever they pass on the stdlib's."""

from __future__ import annotations

import os
import re
import sys

import pytest

from tests.oracle import suites

# In emulation the suites that touch no family of their own would take an hour.
CHOSEN = ("test_socket",) if os.environ.get("FAMSOCK_LAB") else tuple(suites.SUITES)


@pytest.mark.parametrize("suite", [n for n in CHOSEN if suites.exists(sys.executable, n)])
def test_suite(suite: str) -> None:
    stdlib = suites.run(suite, famsock=False)
    ours = suites.run(suite, famsock=True)
    assert stdlib.count("passed") > 0, stdlib.tail
    assert suites.compare(stdlib, ours) == [], ours.tail


def test_eintr() -> None:
    ours, theirs = (suites.run_eintr(famsock=side) for side in (True, False))
    ran = re.findall(r"^(test_\w+) .*\.\.\. (.+)$", theirs, re.MULTILINE)
    assert len(ran) >= 6, theirs
    assert re.findall(r"^(test_\w+) .*\.\.\. (.+)$", ours, re.MULTILINE) == ran, ours
    assert ours.rstrip().endswith("OK")
