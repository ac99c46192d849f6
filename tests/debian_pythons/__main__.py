"""The command line: see the package's docstring."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tests.debian_pythons
from tests.debian_pythons.report import Result, read_junit, show
from tests.debian_pythons.root import SUITE, Root, UnavailableError, say, settings
from tests.debian_pythons.sources import built
from tests.debian_pythons.tree import ROOT, copy_worktree

LAYERS = ("native", "ctypes")


@dataclass(frozen=True)
class Python:
    """A Python that Debian has, and what runs there.

    :ivar packages: its packages, the interpreter's first; for a build the source package.
    :ivar program: the interpreter's path in the root folder; "" for a build.
    :ivar tests: patterns of the folders and files of tests.
    :ivar suite: the suite with the source package, for a build.
    :ivar without: packages of the environment that have no wheel for it and need other compilers.
    """

    name: str
    packages: tuple[str, ...]
    program: str
    layers: tuple[str, ...]
    tests: tuple[str, ...]
    suite: str = ""
    without: tuple[str, ...] = ()

    def bring(self, root: Root, *, update: bool) -> tuple[str, str]:
        """Have the interpreter installed; return its path in the root folder and its version."""
        if self.suite:
            return built(root, self.name, self.packages[0], self.suite, update=update)
        root.install(self.packages, update=update)
        return self.program, root.version(self.packages[0])


# What differs by Python: calls, arguments and their errors, buffers, classes, the start and the end
# of processes. The others look at the repository, its documents, types and C headers.
_DIFFERS = ("tests/calls", "tests/test_*.py", "plugins/inet", "plugins/unix")
_ALIKE = (
    *("benchmarks", "benchmarks_lab", "cli_*", "collection", "core_headers", "dependencies"),
    *("documentation", "layout", "platforms", "public_names", "pythons", "reference_examples"),
    *("references", "rows", "type_hints", "typed_errors", "validation"),
)


def files_of(forms: Sequence[str], top: Path = ROOT) -> list[str]:
    """Return the folders and files of tests that patterns name, without those that are alike."""
    alike = {path for name in _ALIKE for path in top.glob(f"tests/test_{name}.py")}
    paths = (path for form in forms for path in sorted(top.glob(form)) if path not in alike)
    return [str(path.relative_to(top)) for path in paths]


def _cpython(version: str) -> Python:
    name = f"python{version}"
    packages = (name, f"{name}-venv", f"{name}-dev", f"lib{name}-testsuite")
    return Python(version, packages, f"/usr/bin/{name}", LAYERS, _DIFFERS)


# PyPy has only ctypes' layer: import, surface, registry, calls, INET and UNIX.
_ON_PYPY = (
    *("tests/test_init.py", "tests/test_dropin.py", "tests/test_interface.py"),
    *("tests/test_registry.py", "tests/test_discovery.py", "tests/test_sockets.py"),
    *("tests/test_socket_classes.py", "tests/calls/test_calls.py", "tests/calls/test_batches.py"),
    *("tests/calls/test_connections_and_datagrams.py", "tests/calls/test_buffers.py"),
    *("tests/calls/test_descriptors.py", "plugins/inet", "plugins/unix"),
)
_WITHOUT_WHEELS = (
    *("aioquic", "can-isotp", "cryptography", "mypy", "msgpack", "pylsqpack", "python-can"),
    "wrapt",
)
PYTHONS = (
    _cpython("3.14"),
    _cpython("3.15"),
    Python("pypy3.11", ("pypy3",), "/usr/bin/pypy3.11", ("ctypes",), _ON_PYPY),
)
BUILT = (
    Python("3.13t", ("python3.13",), "", LAYERS, _DIFFERS, "trixie", _WITHOUT_WHEELS),
    Python("3.14t", ("python3.14",), "", LAYERS, _DIFFERS, SUITE, _WITHOUT_WHEELS),
)
"""Free-threaded ones, which only run when they are asked for."""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m tests.debian_pythons",
        description=tests.debian_pythons.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [python.name for python in (*PYTHONS, *BUILT)]
    usual = ", ".join(python.name for python in PYTHONS)
    top.add_argument(*("--python", "-p"), action="append", choices=names, help=f"default: {usual}")
    top.add_argument("--syscalls", action="append", choices=LAYERS, help="default: both")
    top.add_argument("--update", action="store_true", help="ask Debian for newer versions")
    top.add_argument("--program", action="store_true", help="ARGs are for python, not for pytest")
    top.add_argument("rest", nargs="*", metavar="ARG", help="after --; default: what differs")
    return top


def uv() -> str:
    """Return the path of uv's program on the machine."""
    if program := os.environ.get("UV") or shutil.which("uv"):
        return program
    code = "import uv; print(uv.find_uv_bin())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if found.returncode:
        raise UnavailableError("uv is not installed: python3 -m pip install uv")
    return found.stdout.strip()


@dataclass(frozen=True)
class Copy:
    """The copy of this worktree in a root folder, with an environment for each Python."""

    root: Root

    @property
    def inside(self) -> str:
        """The path of the copy in the root folder."""
        return f"/srv/famsock-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"

    @property
    def folder(self) -> Path:
        """The path of the copy on the machine."""
        return Path(f"{self.root.folder}{self.inside}")

    def command(self, arguments: Sequence[str], **variables: str) -> list[str]:
        """Return the command line that runs a program in the copy."""
        env, seen = settings()
        seen["/usr/local/bin/uv"] = uv()
        return self.root.command(arguments, cwd=self.inside, env={**env, **variables}, seen=seen)

    def environment(self, python: Python, program: str, version: str) -> str:
        """Bring the environment of a Python up to date; return its folder, as seen inside.

        :raises subprocess.CalledProcessError: uv failed, and has said why.
        """
        folder = f"{self.inside}/.venvs/{python.name}-{version}"
        command = ["uv", "sync", "-q", "--python", program]
        command += [f"--no-install-package={name}" for name in python.without]
        subprocess.run(self.command(command, UV_PROJECT_ENVIRONMENT=folder), check=True)
        return folder

    def run(self, venv: str, layer: str, arguments: Sequence[str]) -> int:
        """Run the interpreter of an environment; return its exit status."""
        path = f"{venv}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        variables = {"FAMSOCK_SYSCALLS": layer, "PATH": path, "VIRTUAL_ENV": venv}
        command = self.command([f"{venv}/bin/python", *arguments], **variables)
        return subprocess.run(command, check=False).returncode


def run_tests(copy: Copy, venv: str, layer: str, tests: Sequence[str]) -> Result:
    """Run pytest; return what became of the tests, without the Python and the time."""
    report = copy.folder / f"report-{os.getpid()}.xml"
    try:
        status = copy.run(venv, layer, ["-m", "pytest", "-q", f"--junitxml={report.name}", *tests])
        passed, failed, skipped, why = read_junit(report) if report.exists() else (0, 0, 0, ())
    finally:
        report.unlink(missing_ok=True)
    return Result("", layer, status, passed, failed, skipped, why=why)


def run_python(python: Python, root: Root, options: argparse.Namespace) -> Iterator[Result]:
    """Run what differs, or what the options say, on one Python; give the result of each layer."""
    copy = Copy(root)
    try:
        root.make()
        program, version = python.bring(root, update=options.update)
        with root.lock(copy.inside.rpartition("/")[2]):
            copy_worktree(copy.folder)
            venv = copy.environment(python, program, version)
    except UnavailableError as reason:
        yield Result(python.name, why=(str(reason),))
        return
    except subprocess.CalledProcessError as error:
        yield Result(python.name, "", error.returncode, why=("uv sync failed",))
        return
    tests = files_of(python.tests)
    for layer in options.syscalls or python.layers:
        started = time.monotonic()
        say(f"Python {python.name} ({version}), {layer}")
        if options.program:
            result = Result("", layer, copy.run(venv, layer, options.rest))
        else:
            result = run_tests(copy, venv, layer, options.rest or ["-k", "not headers", *tests])
        yield replace(
            result, python=f"{python.name} ({version})", seconds=time.monotonic() - started
        )


def main(arguments: Sequence[str]) -> int:
    """Run; return 1 if a test failed on some Python, else 0."""
    options = parser().parse_args(arguments)
    asked = options.python or [python.name for python in PYTHONS]
    chosen = [python for python in (*PYTHONS, *BUILT) if python.name in asked]
    results: list[Result] = []
    try:
        for python in chosen:
            results += run_python(python, Root.default(), options)
    finally:  # after Ctrl-C too
        show(results)
    return int(any(result.status for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
