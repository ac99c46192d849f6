"""CPython's test_socket without files and imports.

``python -m tests.upstream.unreachable MODULE``: MODULE is ``socket`` (the stdlib's) or ``famsock``
(installed in its place). The first socket of each family is opened. Then each class of tests runs
in a child of fork, in which ``open`` and every import that reads a file fail. A class has
`CLASS_TIMEOUT_S`. Prints JSON: the result of each test that ended, "passed", "skipped" or "failed".
The names of classes may follow: only these run.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import unittest
from contextlib import suppress

from tests.out_of_reach import KINDS, without

CLASS_TIMEOUT_S = 25
IMPORTED_BY_TESTS = ("gc", "encodings.idna")
"""Modules that the tests, and the stdlib's own look-ups, import in their middle."""


class _Result(unittest.TestResult):
    """Writes each result to a pipe as soon as it is known."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self.pipe = pipe

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802, as unittest has it
        super().stopTest(test)
        bad = any(failed is test for failed, _ in (*self.failures, *self.errors))
        bad = bad or any(getattr(failed, "test_case", None) is test for failed, _ in self.failures)
        skipped = any(left is test for left, _ in self.skipped)
        word = "failed" if bad else "skipped" if skipped else "passed"
        os.write(self.pipe, f"{test.id()} {word}\n".encode())


def _child(suite: unittest.TestSuite, pipe: int) -> None:
    os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    with without("imports"):
        suite.run(_Result(pipe))
        os._exit(0)


def _results(suite: unittest.TestSuite) -> dict[str, str]:
    """Run a class in a child, and kill that at the deadline."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            _child(suite, writing)
        finally:
            os._exit(1)
    os.close(writing)
    deadline, told = time.monotonic() + CLASS_TIMEOUT_S, b""
    while (left := deadline - time.monotonic()) > 0 and select.select([reading], [], [], left)[0]:
        got = os.read(reading, 1 << 16)
        if not got:
            break
        told += got
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    return dict(line.split() for line in told.decode().splitlines() if line.count(" ") == 1)


def _open_each_family() -> None:
    for kind in KINDS.values():
        with suppress(OSError), socket.socket(*kind):
            pass


def main(module: str, *names: str) -> None:
    if module == "famsock":
        importlib.import_module("famsock").install()
    tests = importlib.import_module("test.test_socket")
    for imported in IMPORTED_BY_TESTS:
        importlib.import_module(imported)
    _open_each_family()
    found: dict[str, str] = {}
    for name, cls in vars(tests).items():
        if isinstance(cls, type) and issubclass(cls, unittest.TestCase):
            if names and name not in names:
                continue
            found |= _results(unittest.defaultTestLoader.loadTestsFromTestCase(cls))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
