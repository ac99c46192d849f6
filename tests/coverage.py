"""``python -m tests.coverage``: the lines and branches that the quick suite runs, and their floor.

Usage::

    python -m tests.coverage                   # the quick suite on both raw layers; may fail
    python -m tests.coverage -- tests/calls    # part of it; the floor holds for the whole only

The floor is ``fail_under`` in pyproject.toml. coverage.py measures the Python modules of the core
and of the plugins in pytest and its workers. It does not measure the compiled modules, nor the
programs that tests start: many tests look at what a new interpreter has imported.

It has its own environment, ``.venvs/coverage``. Below ``.venvs`` are its data, too, of which
``coverage html`` makes pages.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests import pythons

DATA = pythons.ROOT / ".venvs" / "coverage.data"
LEFT_OUT = (
    "tests/calls/test_descriptors.py::test_without_memory",
    "tests/calls/test_arguments.py::test_wrong_arguments_on_an_open_socket[AF_INET-sendmsg-4]",
    "tests/calls/test_arguments.py::test_wrong_arguments_on_a_closed_socket[AF_INET-sendmsg-4]",
)
"""Tests that fail under coverage.py's tracer.

Allocation of memory fails in the first ones, and the tracer crashes. The others iterate a released
memoryview, which raises SystemError on CPython 3.11 while it is traced.
"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m tests.coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        *("--python", "-p"), metavar="REQUEST", help="as uv takes it; default: this one"
    )
    top.add_argument("rest", nargs="*", metavar="ARG", help="after --, for pytest")
    return top


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    os.environ["COVERAGE_FILE"] = str(DATA)
    request = options.python or sys.executable
    python = pythons.make(request, pythons.environment(), "--group", "coverage", name="coverage")
    for old in DATA.parent.glob(f"{DATA.name}*"):
        old.unlink()
    started = time.monotonic()
    failed = []
    for layer in pythons.LAYERS:
        print(f"== {layer}", flush=True)
        suite = (
            "-m",
            "coverage",
            "run",
            "-m",
            "pytest",
            "-q",
            "-p",
            __spec__.name,
            *(f"--deselect={name}" for name in LEFT_OUT),
        )
        if pythons.run(python, layer, [*suite, *options.rest]):
            failed.append(f"the tests on {layer}")
    reports = ["combine", "--quiet"], ["report", *(["--fail-under=0"] if options.rest else [])]
    for report in reports:
        if pythons.run(python, "", ["-m", "coverage", *report]):
            failed.append(f"coverage {report[0]}")
    result = f"FAILED: {', '.join(failed)}" if failed else "passed"
    print(f"== coverage: {result}, {time.monotonic() - started:.0f} s")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
elif "PYTEST_XDIST_WORKER" in os.environ:
    # This is a plugin of pytest then, which a worker has loaded: what it starts is not measured.
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
