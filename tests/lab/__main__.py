"""``python -m tests.lab``: see the package's docstring, or ``--help``."""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from . import guest, store
from .store import KERNELS, Kernel, LabError, say

REPOSITORY = Path(__file__).parents[2]
CONSOLE_LINES_SHOWN = 60
EXIT_TIMEOUT = 124
EXIT_GUEST_DIED = 125


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = top.add_subparsers(dest="action", required=True)
    commands.add_parser("install", help="apt packages and kernels; quick when they are there")
    commands.add_parser("headers", help="include directories by kernel: SERIES<TAB>DIR:DIR")
    run = commands.add_parser("run", help="run pytest in a guest for each kernel")
    run.add_argument("--kernel", action="append", choices=KERNELS, help="default: all")
    run.add_argument("--parallel", action="store_true", help="boot the guests at once")
    run.add_argument("--allow-skips", action="store_true", help="skipped tests are no failures")
    run.add_argument("--results", type=Path, help="where JUnit XML and consoles go, by kernel")
    run.add_argument("rest", nargs="*", metavar="PYTEST-ARG", help="after --")
    execute = commands.add_parser("exec", help="run any command in a guest")
    execute.add_argument("--kernel", default="6.12", choices=KERNELS)
    execute.add_argument("rest", nargs="+", metavar="COMMAND", help="after --")
    for command in (run, execute):
        command.add_argument("--timeout-s", type=float, default=3600, help="for each guest")
        command.add_argument("--console", action="store_true", help="show the guest's console too")
    return top


def pytest_command(arguments: Sequence[str], *, allow_skips: bool) -> list[str]:
    own = ["-p", "no:cacheprovider", f"--junitxml={guest.SHARE}/junit.xml"]
    strict = [] if allow_skips else ["--fail-on-skip"]
    return [sys.executable, "-m", "pytest", *own, *strict, *arguments]


def run_in_guest(
    kernel: Kernel,
    command: Sequence[str],
    cwd: Path,
    timeout_s: float,
    prefix: str = "",
    results: Path | None = None,
    show_console: bool = False,
) -> int:
    """Boot, run, keep the results; the exit status to end with."""
    started = time.monotonic()
    with guest.boot(kernel, command, cwd, timeout_s, prefix) as outcome:
        if results:
            keep_results(outcome, results)
    if show_console:
        print(outcome.console, file=sys.stderr)
    took = f"{time.monotonic() - started:.0f} s"
    if outcome.failure:
        tail = "\n".join(outcome.console.splitlines()[-CONSOLE_LINES_SHOWN:])
        say(f"kernel {kernel.series}: {outcome.failure}; its console ends:\n{tail}")
        return EXIT_TIMEOUT if "killed" in outcome.failure else EXIT_GUEST_DIED
    status = EXIT_GUEST_DIED if outcome.status is None else outcome.status
    say(f"kernel {kernel.release}: exit status {status}, {took}")
    return status


def keep_results(outcome: guest.Outcome, results: Path) -> None:
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    (results / "console.log").write_text(outcome.console)
    report = outcome.share / "junit.xml"
    if report.exists():
        shutil.copy(report, results)


def run(options: argparse.Namespace) -> int:
    command = pytest_command(options.rest, allow_skips=options.allow_skips)
    kernels = [KERNELS[series] for series in options.kernel or KERNELS]
    results = options.results or store.cache_dir() / "results"
    statuses: dict[str, int] = {}

    def one(kernel: Kernel) -> None:
        prefix = f"[{kernel.series}] " if options.parallel else ""
        place = results / kernel.series
        statuses[kernel.series] = EXIT_GUEST_DIED
        statuses[kernel.series] = run_in_guest(
            kernel, command, REPOSITORY, options.timeout_s, prefix, place, options.console
        )
        say(f"kernel {kernel.series}: results in {place}")

    if options.parallel:
        threads = [threading.Thread(target=one, args=(kernel,)) for kernel in kernels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for kernel in kernels:
            one(kernel)
    failed = [f"{series} ({status})" for series, status in statuses.items() if status]
    if failed:
        say(f"FAILED on kernel {', '.join(failed)}")
    return max(statuses.values())


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        if options.action == "install":
            store.install()
            return 0
        if options.action == "headers":
            for kernel in KERNELS.values():
                print(kernel.series, ":".join(map(str, kernel.include_dirs)), sep="\t")
            return 0
        if options.action == "run":
            return run(options)
        return run_in_guest(
            KERNELS[options.kernel],
            options.rest,
            Path.cwd(),
            options.timeout_s,
            show_console=options.console,
        )
    except LabError as error:
        say(str(error))
        return EXIT_GUEST_DIED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
