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
from typing import IO

import tests.debian_pythons
from tests.debian_pythons.pythons import BUILT, LAYERS, PYTHONS, Python, files_of
from tests.debian_pythons.report import Result, read_junit, show
from tests.debian_pythons.root import Root, UnavailableError, say
from tests.debian_pythons.tree import ROOT, copy_worktree


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m tests.debian_pythons",
        description=tests.debian_pythons.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [python.name for python in (*PYTHONS, *BUILT)]
    usual = ", ".join(python.name for python in PYTHONS)
    top.add_argument(*("--python", "-p"), action="append", choices=names, help=f"default: {usual}")
    top.add_argument("--syscalls", action="append", choices=LAYERS, help="default: all it has")
    top.add_argument(
        "--brief", action="store_true", help="what differs most, on one layer of each: for CI"
    )
    top.add_argument("--update", action="store_true", help="ask Debian for newer versions")
    top.add_argument("--results", type=Path, help="where JUnit XML and doctor's answers go")
    top.add_argument("--program", action="store_true", help="ARGs are for python, not for pytest")
    top.add_argument("rest", nargs="*", metavar="ARG", help="after --; default: what differs")
    return top


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
        return self.root.command_with_uv(arguments, cwd=self.inside, env=variables)

    def environment(self, python: Python, program: str, version: str) -> str:
        """Bring the environment of a Python up to date; return its folder, as seen inside.

        :raises subprocess.CalledProcessError: uv failed, and has said why.
        """
        folder = f"{self.inside}/.venvs/{python.name}-{version}"
        command = ["uv", "sync", "-q", "--python", program]
        command += [f"--no-install-package={name}" for name in python.without]
        subprocess.run(self.command(command, UV_PROJECT_ENVIRONMENT=folder), check=True)
        return folder

    def run(
        self, venv: str, layer: str, arguments: Sequence[str], stdout: IO[bytes] | None = None
    ) -> int:
        """Run the interpreter of an environment; return its exit status."""
        path = f"{venv}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        variables = {"FAMSOCK_SYSCALLS": layer, "PATH": path, "VIRTUAL_ENV": venv}
        command = self.command([f"{venv}/bin/python", *arguments], **variables)
        return subprocess.run(command, stdout=stdout, check=False).returncode


def run_tests(
    copy: Copy, venv: str, layer: str, arguments: Sequence[str], results: Path | None = None
) -> Result:
    """Run pytest; return what became of the tests, without the Python and the time.

    :param results: a folder for the report and for what doctor says, as `tests.matrix` reads them.
    """
    report = copy.folder / f"report-{os.getpid()}.xml"
    try:
        status = copy.run(
            venv, layer, ["-m", "pytest", "-q", f"--junitxml={report.name}", *arguments]
        )
        passed, failed, skipped, why = read_junit(report) if report.exists() else (0, 0, 0, ())
        if results is not None:
            results.mkdir(parents=True, exist_ok=True)
            if report.exists():
                shutil.copy(report, results / "junit.xml")
            with (results / "doctor.json").open("wb") as file:
                copy.run(venv, layer, ["-m", "famsock", "doctor", "--json"], file)
    finally:
        report.unlink(missing_ok=True)
    return Result("", layer, status, passed, failed, skipped, why=why)


def of_all(python: Python, *, brief: bool) -> list[str]:
    """Return pytest's arguments for the tests that differ: processes as for all tests, and files.

    Tests of C headers are left out, as they ask no Python.
    """
    processors = len(os.sched_getaffinity(0))
    workers = processors + 1 if processors > 1 else 0
    return [f"-n{workers}", "-k", "not headers", *files_of(python.brief if brief else python.tests)]


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
    arguments = options.rest or of_all(python, brief=options.brief)
    for layer in options.syscalls or (python.layers[:1] if options.brief else python.layers):
        started = time.monotonic()
        say(f"Python {python.name} ({version}), {layer}")
        if options.program:
            result = Result("", layer, copy.run(venv, layer, options.rest))
        else:
            run_name = python.name if layer == python.layers[0] else f"{python.name}-{layer}"
            place = options.results and options.results / run_name
            result = run_tests(copy, venv, layer, arguments, place)
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
