"""Run the tests of CPython, trio, Twisted and aioquic, on the stdlib's socket and on ours.

A suite is arguments for ``python``; the same with ``-m famsock run`` in front is the other side.
`run` tells what became of each test, `lost` and `gained` how the two sides differ.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import famsock

IN_LAB = bool(os.environ.get("FAMSOCK_LAB"))
TIMEOUT_S = 800 if IN_LAB else 600
LINES_SHOWN = 80

_ASYNCIO = [
    "test_sock_lowlevel",
    "test_selector_events",
    "test_unix_events",
    "test_streams",
    "test_server",
    "test_sendfile",
    "test_buffered_proto",
]
_EINTR = "SocketEINTRTest"
_TRIO = [
    "_tests.test_socket",
    "_tests.test_fakenet",
    "_tests.test_highlevel_socket",
    "_tests.test_highlevel_open_tcp_listeners",
    "_tests.test_highlevel_open_tcp_stream",
    "_tests.test_highlevel_open_unix_stream",
    "_tests.test_highlevel_serve_listeners",
    "_core._tests.test_io",
]
# Where a suite is that is no module of the package `test`; newest first.
_MODULES = {
    _EINTR: ["test._test_eintr", "test.eintrdata.eintr_tester"],
    "trio": ["trio._tests"],
    "twisted": ["twisted.internet.test"],
    "aioquic": ["aioquic"],  # whose tests only its source distribution has
}
_PYTEST = ("-m", "pytest", "-n0", "-p", "no:cacheprovider")
# What famsock's side has besides.
_ADDED = {"aioquic": ("-p", "tests.upstream.endpoint")}


def _regrtest(*arguments: str) -> list[str]:
    # Where a test hangs, this shows the threads, and then ends the run before we do.
    return ["-m", "test", "-v", "--timeout", str(TIMEOUT_S - 30), *arguments]


SUITES: dict[str, list[str]] = {
    "test_socket": _regrtest("test_socket"),
    "test_timeout": _regrtest("-u", "network", "-i", "*TCPTimeoutTestCase*", "test_timeout"),
    "test_socketserver": _regrtest("-u", "network", "test_socketserver"),
    "test_selectors": _regrtest("test_selectors"),
    "test_ssl": _regrtest("test_ssl"),
    "test_httplib": _regrtest("test_httplib"),
    "test_smtplib": _regrtest("test_smtplib"),
    "test_asyncio": _regrtest("test_asyncio", *(w for n in _ASYNCIO for w in ("-m", f"*.{n}.*"))),
    _EINTR: ["-v", _EINTR],
    "trio": [
        *(*_PYTEST, "-p", "trio._tests.pytest_plugin"),
        *("--pyargs", *(f"trio.{module}" for module in _TRIO)),
    ],
    "twisted": [*_PYTEST, "--pyargs", "twisted.internet.test.test_tcp"],
    "aioquic": [*_PYTEST, "aioquic_tests/test_asyncio.py"],
}
"""Arguments for ``python``. The resource "network" is what CPython calls a socket on loopback, too;
the class left out of test_timeout asks for hosts on the Internet. The tests of EINTR are another
program, whose path comes first. Those of aioquic that are named open sockets, the others
none. Of Twisted's eight fail on both sides: pytest takes the base TestBindAddressBuilder for
tests."""

# The stdlib's own client and server on VSOCK wait for ever for each other where the kernel has
# VSOCK but no loopback for it.
_HANGS_WITHOUT_LOOPBACK = ["-i", "*ThreadedVSOCKSocketStreamTest*"]

_RANK = {"not run": 0, "skipped": 0, "failed": 1, "passed": 2}

# A line of unittest's verbose output, after a test's name: its docstring may come between.
_TEST_LINE = re.compile(
    r"^\w+ \((?:__main__\.)?([\w.]+)\)(?:\n[^\n]*)? \.\.\. (ok|skipped|FAIL|ERROR)\b", re.MULTILINE
)
_RESULT = {"ok": "passed", "skipped": "skipped", "FAIL": "failed", "ERROR": "failed"}


class Outcome(NamedTuple):
    """One run: its tests by name ("passed", "skipped" or "failed"), command, time, last lines."""

    tests: dict[str, str]
    command: str
    seconds: float
    tail: str

    def count(self, result: str) -> int:
        return sum(found == result for found in self.tests.values())

    def __str__(self) -> str:
        counts = ", ".join(f"{self.count(r)} {r}" for r in ("passed", "skipped", "failed"))
        return f"{len(self.tests)} tests: {counts} ({self.seconds:.0f} s)"


def _place(suite: str, python: str) -> Path | None:
    """The file of a suite (a package's first one); None where it is not installed."""
    names = _MODULES.get(suite, [f"test.{suite}"])
    code = "import importlib.util as u, sys; print(u.find_spec(sys.argv[1]).origin)"
    for name in names:
        command = [python, "-c", code, name]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if not found.returncode:
            return Path(found.stdout.strip())
    return None


def shipped(python: str = sys.executable) -> list[str]:
    """The suites that this Python has: Debian's has few of CPython's."""
    return [suite for suite in SUITES if _place(suite, python)]


def _arguments(suite: str, report: Path, python: str) -> list[str]:
    if suite == _EINTR:
        return [str(_place(suite, python)), *SUITES[suite]]
    ignored = _HANGS_WITHOUT_LOOPBACK if suite.startswith("test_") and not IN_LAB else []
    return [*SUITES[suite], *ignored, "--junit-xml", str(report)]


@functools.cache
def aioquic_tests(python: str = sys.executable) -> Path:
    """The tests of the aioquic that is installed, from its source distribution."""
    code = "import importlib.metadata as m; print(m.version('aioquic'))"
    version = subprocess.check_output([python, "-c", code], text=True).strip()
    folder = tempfile.mkdtemp(prefix="aioquic-")
    atexit.register(shutil.rmtree, folder)
    uv = os.environ.get("UV") or "uv"
    command = [uv, "tool", "run", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", "aioquic", "--dest", folder, f"aioquic=={version}"]
    subprocess.run(command, check=True, timeout=TIMEOUT_S)
    (archive,) = Path(folder).glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return Path(folder, archive.name.removesuffix(".tar.gz"), "tests")


def connect_rds() -> None:
    """Let RDS connect this machine with itself, where it can.

    Its first message has to wait for that, and a socket that is closed meanwhile drops what waits,
    as the first test of test_socket's RDSTest does; its other half then waits for ever.
    """
    kind = famsock.AF_RDS, famsock.SOCK_SEQPACKET
    with suppress(OSError), famsock.socket(*kind) as near, famsock.socket(*kind) as far:
        for sock in (near, far):
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(20)
        near.sendto(b"connect", far.getsockname())
        far.recvfrom(10)


def run(
    suite: str, *, famsock: bool, installed: bool = True, python: str = sys.executable
) -> Outcome:
    """Run a suite with the stdlib's socket, or with famsock's.

    ``installed=False`` leaves ``famsock run`` out: only what `_ADDED` has for a suite is famsock's.
    """
    if suite == "test_socket":
        connect_rds()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [python, *(["-m", "famsock", "run"] if famsock and installed else [])]
        command += _arguments(suite, report, python)
        command += _ADDED.get(suite, ()) if famsock else ()
        if suite == "aioquic":
            shutil.copytree(aioquic_tests(python), Path(folder, "aioquic_tests"))
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
        )
        seconds = time.monotonic() - started
        output = done.stdout.decode(errors="replace")
        tests = _read_output(output, everything=suite == _EINTR)
        tests |= _read_report(report) if report.exists() else {}
        return Outcome(tests, shlex.join(command), seconds, _end_of(output))


def _end_of(output: str) -> str:
    return "\n".join(output.splitlines()[-LINES_SHOWN:])


def _read_output(output: str, *, everything: bool) -> dict[str, str]:
    """The tests in the printed lines; without ``everything`` the skipped ones, as 3.12.1's reports
    leave those out."""
    found = {match[1]: _RESULT[match[2]] for match in _TEST_LINE.finditer(output)}
    return {name: result for name, result in found.items() if everything or result == "skipped"}


def _read_report(report: Path) -> dict[str, str]:
    tests = {}
    for case in ET.parse(report).iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None or case.get("result") == "skipped"
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        tests[name] = "failed" if failed else "skipped" if skipped else "passed"
    return tests


def lost(stdlib: Outcome, ours: Outcome) -> list[str]:
    """Tests that did worse with famsock, a line for each: one that the stdlib passed and famsock
    did not, and one that the stdlib ran, be it in vain, and famsock skipped."""
    pairs = ((name, was, ours.tests.get(name, "not run")) for name, was in stdlib.tests.items())
    return [
        f"{name}: {was} with the stdlib, {now} with famsock"
        for name, was, now in pairs
        if _RANK[now] < _RANK[was]
    ]


def gained(stdlib: Outcome, ours: Outcome) -> list[str]:
    """Names of the tests that pass with famsock and are skipped or fail with the stdlib."""
    passed = (name for name, now in ours.tests.items() if now == "passed")
    return [name for name in passed if stdlib.tests.get(name) != "passed"]
