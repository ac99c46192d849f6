"""Interrupt the first socket of a process at a line of famsock, in a forked child for each line.

``python tests/first_use.py COUNT PART PARTS [MODULE]`` imports famsock, lists the lines that the
first socket, address, option and message run, and takes COUNT of them, spread evenly (0: all). Of
the lines that are no function's, one in BODY_STEP is listed: most define a constant each. At the
first execution of the line the child raises, forks, or opens another socket, by turns. The next
socket must be served by its plugin. PART of PARTS runs here. With MODULE only lines of modules
whose name starts so are taken. Prints JSON: how many lines were listed and tried, and what was
wrong.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import famsock

TIMEOUT_S = 60
BODY_STEP = 8


class InterruptError(KeyboardInterrupt):
    """The exception of a Ctrl-C."""


class ExpiredError(TimeoutError):
    """The exception of an alarm's handler: an Exception, as a broken plugin's would be."""


def use() -> None:
    """Open a socket and use an address, an option and a message of its family."""
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        assert sock._served is not None, "the stdlib serves the socket"
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(TIMEOUT_S)
        sock.set_option("SO_TIMESTAMPNS", True)
        assert sock.get_option("SO_TIMESTAMPNS")
        assert type(sock.local_address).__name__ == "InetAddress", sock.local_address
        sock.sendto(b"x", sock.getsockname())
        message = sock.recv_message()
        assert (message.data, len(message.control)) == (b"x", 1), message
        assert message.address == sock.local_address, message


def open_another() -> None:
    """Open a socket in the middle of the first one, as a signal's handler may do."""
    famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM).close()


def interrupt() -> None:
    raise InterruptError


def expire() -> None:
    raise ExpiredError


def fork() -> None:
    """Fork, and go on in the child only, as the two share the socket."""
    if child := os.fork():
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)


ACTIONS: tuple[Callable[[], None], ...] = (interrupt, expire, fork, open_another)


def traced(at_line: Callable[[str, str], None], only_module: str = "") -> None:
    """Call `use` and, at each line of famsock or a plugin, ``at_line``.

    It is given the line's name, and its function's or "<module>".

    With ``only_module`` at those of one module: the others cost less time then.
    """

    def trace(frame: Any, event: str, _: Any) -> Any:
        module = frame.f_globals.get("__name__", "")
        if module != only_module if only_module else not module.startswith("famsock"):
            return None
        if event == "line":
            at_line(f"{module}:{frame.f_lineno}", frame.f_code.co_name)
        return trace

    sys.settrace(trace)
    try:
        use()
    finally:
        sys.settrace(None)


def in_child(work: Callable[[], str]) -> str:
    """Return what ``work`` returns or raises in a forked child, which may take `TIMEOUT_S`."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(TIMEOUT_S)
        os.close(reader)
        status = 1
        try:
            said = work()
            status = 0
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        with open(writer, "w") as file:
            file.write(said)
        os._exit(status)
    os.close(writer)
    with open(reader) as file:
        said = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return said if status in (0, 1) else f"{said} (exit status {status})"


def lines() -> list[str]:
    """The lines to choose from, in the order of their first execution."""

    def run() -> str:
        seen: dict[str, bool] = {}
        in_bodies: Counter[str] = Counter()

        def at_line(line: str, function: str) -> None:
            if line in seen:
                return
            seen[line] = True
            if function == "<module>":
                module = line.partition(":")[0]
                seen[line] = in_bodies[module] % BODY_STEP == 0
                in_bodies[module] += 1

        traced(at_line)
        return "\n".join(line for line, is_listed in seen.items() if is_listed)

    return in_child(run).splitlines()


def disturbed(wanted: str, action: Callable[[], None]) -> str:
    """Return what is wrong with a socket after an action at a line of the first; "" if fine."""

    def run() -> str:
        reached = False

        def at_line(line: str, _: str) -> None:
            nonlocal reached
            if line == wanted and not reached:
                reached = True
                sys.settrace(None)
                action()

        try:
            traced(at_line, wanted.partition(":")[0])
        except (InterruptError, ExpiredError):
            pass
        except Exception as error:
            if action is not expire or not isinstance(error.__cause__, ExpiredError):
                return f"the first: {type(error).__name__}: {error}"
        if not reached:
            return "the line was not reached"
        use()
        return ""

    return in_child(run)


def main(count: int, part: int, parts: int, modules: str) -> None:
    warnings.simplefilter("ignore")
    for module in ("attrs", "pluggy", "ctypes", "inspect"):  # each child would import them
        importlib.import_module(module)
    found = [line for line in lines() if line.startswith(modules)]
    count = count or len(found)
    numbers = range(count)[part::parts]
    wrong = []
    for number in numbers:
        line, action = found[number * len(found) // count], ACTIONS[number // parts % len(ACTIONS)]
        if said := disturbed(line, action):
            wrong.append(f"{line} {action.__name__}: {said}")
    print(json.dumps({"lines": len(found), "tried": len(numbers), "wrong": wrong}))


if __name__ == "__main__":
    count, part, parts = map(int, sys.argv[1:4])
    main(count, part, parts, "".join(sys.argv[4:]))
