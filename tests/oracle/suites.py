"""CPython's own tests as an outside oracle: each suite with the stdlib's socket and with famsock's.

A suite is arguments for ``python``; the same with ``-m famsock run`` in front is the other side.
Both write a JUnit file, and `compare` says what famsock lost.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

TIMEOUT_S = 1500 if os.environ.get("FAMSOCK_LAB") else 600

_ASYNCIO = [
    "test_sock_lowlevel",
    "test_selector_events",
    "test_unix_events",
    "test_streams",
    "test_server",
    "test_sendfile",
    "test_buffered_proto",
]

SUITES: dict[str, list[str]] = {
    "test_socket": ["test_socket"],
    "test_timeout": ["-u", "network", "-i", "*TCPTimeoutTestCase*", "test_timeout"],
    "test_socketserver": ["-u", "network", "test_socketserver"],
    "test_selectors": ["test_selectors"],
    "test_ssl": ["test_ssl"],
    "test_httplib": ["test_httplib"],
    "test_smtplib": ["test_smtplib"],
    "test_asyncio": ["test_asyncio", *(w for n in _ASYNCIO for w in ("-m", f"*.{n}.*"))],
}
"""Arguments for ``python -m test``. The resource "network" is what CPython calls a socket on
loopback, too; the class left out of test_timeout asks for hosts on the Internet."""

# The stdlib's own client and server on VSOCK wait for ever for each other where the kernel has
# VSOCK but no loopback for it.
HANGS_WITHOUT_LOOPBACK = "ThreadedVSOCKSocketStreamTest"


class Outcome(NamedTuple):
    """The tests of one run, by name: "passed", "skipped" or "failed"; and its last lines."""

    tests: dict[str, str]
    tail: str

    def count(self, result: str) -> int:
        return sum(found == result for found in self.tests.values())

    def __str__(self) -> str:
        counts = ", ".join(f"{self.count(r)} {r}" for r in ("passed", "skipped", "failed"))
        return f"{len(self.tests)} tests: {counts}"


def exists(python: str, suite: str) -> bool:
    """Whether this Python ships the suite."""
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec('test.{suite}') is None)"
    return subprocess.run([python, "-c", probe], check=False).returncode == 0


def run(suite: str, *, famsock: bool, python: str = sys.executable) -> Outcome:
    """Run a suite with the stdlib's socket, or with famsock's."""
    ignored = ["-i", f"*{HANGS_WITHOUT_LOOPBACK}*"] if not os.environ.get("FAMSOCK_LAB") else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [python, *(["-m", "famsock", "run"] if famsock else [])]
        command += ["-m", "test", "-v", "--junit-xml", str(report), *ignored, *SUITES[suite]]
        done = subprocess.run(
            command,
            cwd=folder,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
        )
        output = done.stdout.decode(errors="replace")
        tail = "\n".join(output.splitlines()[-40:])
        return Outcome(_read(report) if report.exists() else {}, tail)


def _read(report: Path) -> dict[str, str]:
    tests = {}
    for case in ET.parse(report).iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None or case.get("result") == "skipped"
        name = case.get("name", "")
        tests[name] = "failed" if failed else "skipped" if skipped else "passed"
    return tests


def compare(stdlib: Outcome, ours: Outcome) -> list[str]:
    """What famsock's run lost against the stdlib's, a line per test; empty when nothing."""
    return [
        f"{name}: {result} with the stdlib, {ours.tests.get(name, 'not run')} with famsock"
        for name, result in stdlib.tests.items()
        if result == "passed" and ours.tests.get(name) != "passed"
    ]


def eintr_script(python: str = sys.executable) -> Path:
    """CPython's tests of EINTR, a program that its test_eintr runs in a process of its own."""
    code = "import test; print(list(test.__path__)[0])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    folder = Path(found.stdout.strip())
    places = (folder / "_test_eintr.py", folder / "eintrdata" / "eintr_tester.py")
    return next(place for place in places if place.exists())


def run_eintr(*, famsock: bool, python: str = sys.executable) -> str:
    """The last lines of SocketEINTRTest with the stdlib's socket, or with famsock's."""
    command = [python, *(["-m", "famsock", "run"] if famsock else [])]
    command += [str(eintr_script(python)), "-v", "SocketEINTRTest"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    return done.stderr
