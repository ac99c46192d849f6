"""Comparisons that need a process for each side, or one with another environment."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from benchmarks.cases import BY_KEY, Case
from benchmarks.measure import Pairs, alternate, work_ns
from famsock._run import environment as started_by_famsock_run

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
BELOW_FAMSOCK_RUN = started_by_famsock_run(ENVIRONMENT)
SOCKETS = 10_000
DESCRIPTORS = SOCKETS + 100


class Program(NamedTuple):
    """Code for ``python -c``, the options before it, and the environment if it is not this one."""

    code: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = ENVIRONMENT

    def spent_ns(self) -> float:
        """Nanoseconds of CPU of the whole process, with byte code as if installed."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, *self.options, "-c", self.code]
        subprocess.run(command, check=True, env=self.environment, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return spent_s * 1e9


def run(*arguments: str, **environment: str) -> str:
    """Return what a Python with these arguments prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        check=True,
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def whole_process(theirs: Program, ours: Program, rounds: int) -> Pairs:
    """Pairs of nanoseconds of CPU for whole interpreters."""
    return alternate(theirs.spent_ns, ours.spent_ns, rounds)


def on_ctypes(case: Case, rounds: int) -> Pairs:
    """A case's pairs, measured by a process whose system calls go through ctypes."""
    printed = run(
        "-m", "benchmarks.processes", "pairs", case.key, str(rounds), FAMSOCK_SYSCALLS="ctypes"
    )
    return [(theirs, ours) for theirs, ours in json.loads(printed)]


def in_process(case: Case, rounds: int) -> Pairs:
    """Pairs of nanoseconds per piece of work, both sides in this process."""
    with case.work(case.other) as theirs, case.work(case.ours) as ours:
        theirs(100)
        ours(100)
        return alternate(
            partial(work_ns, theirs, case.repeat), partial(work_ns, ours, case.repeat), rounds
        )


def instructions(case: Case, rounds: int) -> Pairs:
    """Pairs of instructions per piece of work, a process for each side, counted by valgrind.

    What a process does before and after its work is counted in one with less work, and subtracted.
    The count hardly varies, so there are two rounds of any number. PermissionError without
    valgrind.
    """

    def each(side: str) -> float:
        less, more = 256, 4 * case.repeat
        run("-m", "benchmarks.processes", "work", case.key, side, "1")  # which writes byte code
        return (counted(case, side, more) - counted(case, side, less)) / (more - less)

    return alternate(partial(each, "other"), partial(each, "ours"), min(rounds, 2))


def counted(case: Case, side: str, repeat: int) -> int:
    """Instructions in user space of a process that does one side's work so many times."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise PermissionError("valgrind is not installed")
    command = [
        valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-m",
        "benchmarks.processes", "work", case.key, side, str(repeat),
    ]  # fmt: skip
    environment = ENVIRONMENT | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None
    return int(found[1])


def memory(figure: str, rounds: int) -> Pairs:
    """Pairs of bytes for each of many open sockets, a process for each side and round.

    ``figure`` is "traced" (what Python's allocators gave) or "resident" (what the process got).
    PermissionError where a process may not open so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = max(soft, DESCRIPTORS), max(hard, DESCRIPTORS)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, enough)
    except ValueError as error:
        raise PermissionError(f"{DESCRIPTORS} open files: {error}") from None

    def spent_bytes(module: str) -> float:
        return float(run("-m", "benchmarks.processes", "memory", module, figure))

    return alternate(partial(spent_bytes, "socket"), partial(spent_bytes, "famsock"), rounds)


def _open_many(module: Any, count: int) -> list[Any]:
    families = module.AF_INET, module.AF_INET6, module.AF_UNIX, module.AF_NETLINK
    kinds = module.SOCK_DGRAM, module.SOCK_STREAM, module.SOCK_DGRAM, module.SOCK_RAW
    return [module.socket(families[n % 4], kinds[n % 4]) for n in range(count)]


def _bytes_per_socket(name: str, figure: str) -> float:
    """Open the sockets and say what each of them cost, without the family's first."""
    import gc
    import importlib
    import tracemalloc

    module = importlib.import_module(name)
    _open_many(module, 8)
    gc.collect()
    if figure == "traced":
        tracemalloc.start()
        opened = _open_many(module, SOCKETS)
        spent = tracemalloc.get_traced_memory()[0]
    else:
        before = _resident_bytes()
        opened = _open_many(module, SOCKETS)
        spent = _resident_bytes() - before
    assert len({sock.fileno() for sock in opened}) == SOCKETS
    return spent / SOCKETS


def _resident_bytes() -> int:
    with open("/proc/self/smaps_rollup") as rollup:
        return next(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Rss:"))


def main(action: str, *arguments: str) -> None:
    """Print what a new process has to measure."""
    if action == "pairs":
        key, rounds = arguments
        print(json.dumps(in_process(BY_KEY[key], int(rounds))))
    elif action == "work":
        key, side, repeat = arguments
        case = BY_KEY[key]
        with case.work(getattr(case, side)) as work:
            work(int(repeat))
    else:
        print(_bytes_per_socket(*arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
