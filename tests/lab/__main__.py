"""Run this repository's tests, or any command, on kernels that have every address family."""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import guest, qemu, uml
from .store import Kernel, LabError, cache_dir, install, say

CONSOLE_LINES_SHOWN = 60
# Tests of the test kit (pytest within pytest) and of this lab: they say nothing about a kernel.
INDEPENDENT_OF_THE_KERNEL = (
    "tests/testing",
    "tests/lab",
)
TEST_HANGS_AFTER_S = 1200  # the longest runs CPython's test_socket twice, for some 300
EXIT_TIMED_OUT = 124
EXIT_LAB_FAILED = 125
EXIT_INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    actions = top.add_subparsers(dest="action", required=True)
    bring = actions.add_parser(
        "install",
        help="packages and kernels; quick when they are there. Without --kernel, a newest kernel "
        "that Debian does not have at this moment is no failure, and is named",
    )
    actions.add_parser(
        "headers", help="include directories by installed kernel: SERIES<TAB>DIR:DIR"
    )
    run = actions.add_parser("run", help="run pytest in a guest for each kernel")
    run.add_argument("--parallel", action="store_true", help="boot the guests at once")
    run.add_argument(
        "--spread", action="store_true", help="run each file of tests on one of the kernels only"
    )
    run.add_argument("--allow-skips", action="store_true", help="a skipped test is no failure")
    run.add_argument(
        "--results",
        type=Path,
        help="where JUnit XML, consoles and doctor's answers go, by kernel; without it doctor is "
        "not asked",
    )
    run.add_argument("rest", nargs="*", metavar="PYTEST-ARG", help="after --; default: all tests")
    execute = actions.add_parser("exec", help="run any command in a guest")
    execute.add_argument("rest", nargs="+", metavar="COMMAND", help="after --")
    released = " and ".join(qemu.RELEASED)
    defaults = {bring: "all", run: f"{released}; 6.12 with --uml", execute: "6.12"}
    for action, default in defaults.items():
        action.add_argument(
            "--kernel", action="append", choices=qemu.KERNELS, help=f"default: {default}"
        )
        action.add_argument(
            "--uml",
            action="store_true",
            help="User-mode Linux: 6.12 is built from Debian's source, 6.1 is Debian's package",
        )
    for action in (run, execute):
        action.add_argument("--timeout-s", type=float, default=3600, help="for each guest")
        action.add_argument(
            "--if-installed",
            action="store_true",
            help="a newest kernel that is not installed is no failure, and is named",
        )
        action.add_argument(
            "--syscalls",
            choices=("native", "ctypes"),
            default=os.environ.get("FAMSOCK_SYSCALLS"),
            help="famsock's raw layer in the guest; default: as FAMSOCK_SYSCALLS says, or native",
        )
        action.add_argument("--console", action="store_true", help="show the guest's console too")
    return top


def chosen_kernels(options: argparse.Namespace) -> list[Kernel]:
    """Return the kernels that the command line asks for.

    :raises LabError: there is no such kernel.
    """
    known: Mapping[str, Kernel] = uml.KERNELS if options.uml else qemu.KERNELS
    if options.kernel:
        if lacking := [series for series in options.kernel if series not in known]:
            raise LabError(f"no kernel {', '.join(lacking)} for User-mode Linux")
        return [known[series] for series in options.kernel]
    if options.action == "install":
        return list(known.values())
    if options.action == "exec" or options.uml:
        return [known["6.12"]]
    return [known[series] for series in qemu.RELEASED]


def pytest_command(
    arguments: Sequence[str], *, allow_skips: bool, spread_over: Sequence[str] = ()
) -> list[str]:
    """Return pytest's command line in a guest.

    :param arguments: the user's; none stands for all tests.
    :param allow_skips: a skipped test is no failure.
    :param spread_over: the full names of the kernels that run a part of the tests each.
    """
    own = ["-p", "no:cacheprovider", f"--junitxml={guest.SHARE}/junit.xml"]
    own += ["-p", "tests.lab.report_failures", "-p", "tests.lab.leave_out"]
    own += ["-p", "tests.lab.run_again"]
    own += ["-o", f"faulthandler_timeout={TEST_HANGS_AFTER_S}"]
    own += ["-o", "faulthandler_exit_on_timeout=true"]
    if spread_over:
        own.append(f"--spread-over={','.join(spread_over)}")
    strict = [] if allow_skips else ["--fail-on-skip"]
    chosen = arguments or [f"--ignore={folder}" for folder in INDEPENDENT_OF_THE_KERNEL]
    return [sys.executable, "-m", "pytest", *own, *strict, *chosen]


def after_doctor(command: Sequence[str]) -> list[str]:
    """Return the command line that has doctor's answers kept in the share, then runs a command.

    They are of a guest that nothing has run in yet. A doctor that fails leaves no file.
    """
    doctor = shlex.join([sys.executable, "-m", "famsock", "doctor", "--json"])
    place = f"{guest.SHARE}/doctor.json"
    steps = f"{doctor} >{place}.part && mv {place}.part {place}"
    return ["sh", "-c", f'{steps}; exec "$@"', "sh", *command]


def report(kernel: Kernel, outcome: guest.Outcome, *, show_console: bool) -> int:
    """Say how a guest ended; return the exit status for it."""
    if show_console:
        print(outcome.console, file=sys.stderr)
    if outcome.status is not None and not outcome.timed_out:
        say(f"kernel {kernel.release}: exit status {outcome.status}")
        return outcome.status
    what = "was killed at its time limit" if outcome.timed_out else "died before its command ended"
    tail = "\n".join(outcome.console.splitlines()[-CONSOLE_LINES_SHOWN:])
    say(f"kernel {kernel.release}: the guest's console ends:\n{tail}")
    say(f"kernel {kernel.release}: the guest {what}")
    return EXIT_TIMED_OUT if outcome.timed_out else EXIT_LAB_FAILED


def keep_results(outcome: guest.Outcome, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "console.log").write_text(outcome.console)
    for name in ("junit.xml", "doctor.json"):
        if (outcome.share / name).exists():
            shutil.copy(outcome.share / name, place)


def run_kernel(kernel: Kernel, command: Sequence[str], options: argparse.Namespace) -> int:
    """Run the tests on one kernel; return the exit status."""
    prefix = f"[{kernel.name}] " if options.parallel else ""
    run_name = f"{kernel.name}-ctypes" if options.syscalls == "ctypes" else kernel.name
    place = (options.results or cache_dir() / "results") / run_name
    started = time.monotonic()
    where = guest.REPOSITORY, options.timeout_s, prefix
    with guest.boot(kernel, command, *where, syscalls=options.syscalls) as outcome:
        keep_results(outcome, place)
    say(f"kernel {kernel.release}: {time.monotonic() - started:.0f} s, results in {place}")
    return report(kernel, outcome, show_console=options.console)


def present(kernels: Sequence[Kernel]) -> list[Kernel]:
    """Return the kernels without a newest one that is not installed, which is named."""
    there = [
        kernel
        for kernel in kernels
        if kernel.root.exists() or not isinstance(kernel, qemu.NewestKernel)
    ]
    for kernel in kernels:
        if kernel not in there:
            say(f"kernel {kernel.name}: left out, as it is not installed")
    return there


def run(options: argparse.Namespace) -> int:
    kernels = chosen_kernels(options)
    if options.if_installed and not (kernels := present(kernels)):
        return 0
    spread_over = [kernel.full_name for kernel in kernels] if options.spread else []
    command = pytest_command(options.rest, allow_skips=options.allow_skips, spread_over=spread_over)
    if options.results:
        command = after_doctor(command)
    run_on = functools.partial(run_kernel, command=command, options=options)
    guest.compile_all()
    with concurrent.futures.ThreadPoolExecutor(len(kernels) if options.parallel else 1) as pool:
        try:
            statuses = list(pool.map(run_on, kernels))
        finally:
            guest.kill_all()
    for kernel, status in zip(kernels, statuses, strict=True):
        say(f"kernel {kernel.name}: {f'FAILED ({status})' if status else 'passed'}")
    return max(statuses)


def execute(options: argparse.Namespace) -> int:
    kernel = chosen_kernels(options)[-1]
    if options.if_installed and not present([kernel]):
        return 0
    where = Path.cwd(), options.timeout_s
    with guest.boot(kernel, options.rest, *where, syscalls=options.syscalls) as outcome:
        return report(kernel, outcome, show_console=options.console)


def print_headers() -> int:
    """Print the include directories of each kernel; name the newest if it is not installed.

    :raises LabError: a released kernel is not installed.
    """
    for kernel in qemu.KERNELS.values():
        if kernel.root.exists():
            print(kernel.series, ":".join(map(str, kernel.include_dirs)), sep="\t")
        elif kernel.series in qemu.RELEASED:
            raise LabError(f"not installed: kernel {kernel.name}; run `{kernel.hint}`")
        else:
            say(f"kernel {kernel.name}: no headers, as it is not installed")
    return 0


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what is running is ended
    try:
        match options.action:
            case "install":
                install(chosen_kernels(options), all_or_none=bool(options.kernel))
            case "headers":
                return print_headers()
            case "run":
                return run(options)
            case "exec":
                return execute(options)
    except LabError as error:
        say(str(error))
        return EXIT_LAB_FAILED
    except KeyboardInterrupt:
        say("interrupted")
        return EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
