"""``python -m benchmarks [ROW …]``: ratios to the stdlib, as a table in Markdown and as a plot."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from socket import SOCK_SEQPACKET, SOCK_STREAM
from typing import NamedTuple

from benchmarks import netlink, relay, report
from benchmarks.cases import BY_KEY, CASES, LAB_CASES, Case
from benchmarks.echo import KEEPS_MEMORY, Burst, bursts, round_trips, servers
from benchmarks.measure import CoarseClockError, Pairs, Row
from benchmarks.processes import (
    BELOW_FAMSOCK_RUN,
    SOCKETS,
    Program,
    in_process,
    instructions,
    memory,
    on_ctypes,
    whole_process,
)


class Planned(NamedTuple):
    """A row to be measured, in so many rounds."""

    key: str
    name: str
    target: float | None
    measure: Callable[[int], Pairs]
    unit: str = "ns"

    @property
    def group(self) -> str:
        """The group that the row stands in."""
        return next((name for name, keys in GROUPS.items() if self.key in keys), "typed calls")


GROUPS = {
    "calls": (
        "connected", "udp", "messages", "into", "unix", "packet", "peers", "new-peers",
        "destinations", "packet-peers", "netlink-peers", "unix-peers", "refused-path", "refused",
        "getsockopt", "setsockopt", "creation", "accept",
    ),
    "batches": (
        "recvmmsg", "recvmmsg-into", "into-buffers", "sendmmsg", "segment", "gro", "gro-struct",
        "gro-slices",
    ),
    "typed calls": (),
    "ctypes": (
        "udp-ctypes", "peers-ctypes", "new-peers-ctypes", "destinations-ctypes",
        "recvmmsg-ctypes", "into-buffers-ctypes", "sendmmsg-ctypes",
    ),
    "event loops": (
        "asyncio-echo", "uvloop-echo", "asyncio-malloc", "asyncio-no-malloc", "asyncio-batches",
        "asyncio-streams", "asyncio-endpoint-1", "asyncio-endpoint-10", "asyncio-endpoint-100",
        "asyncio-endpoint-alone", "uvloop-endpoint-1", "uvloop-endpoint-10", "uvloop-endpoint-100",
        "aioquic-bulk", "asyncio-stream", "asyncio-packets", "trio-stream",
    ),
    "relay": ("relay-bulk", "relay-cpu", "relay-default", "relay-short"),
    "start-up and memory": (
        "import", "first", "run", "run-child", "run-child-empty", "doctor", "memory", "resident",
    ),
}  # fmt: skip
"""The groups of the table, in order; a row that stands in none is a typed call."""


def _trios(rounds: int) -> Pairs:
    from benchmarks.trios import round_trips

    return round_trips(rounds)


def _quic(rounds: int) -> Pairs:
    from benchmarks.quic import measured

    return measured(rounds)


def _by_case(case: Case, measure: Callable[[Case, int], Pairs] = in_process) -> Planned:
    return Planned(case.key, case.name, case.target, partial(measure, case))


def _endpoints(loop: str, target: float) -> Iterator[Planned]:
    """The rows of our datagram endpoint against a loop's own, by the number of clients.

    asyncio's is on a socket of famsock; uvloop makes its own.
    """
    theirs = "given" if loop == "asyncio" else "endpoint", loop
    for clients in (1, 10, 100):
        yield Planned(
            f"{loop}-endpoint-{clients}",
            f"UDP echo, {clients} clients: famsock.aio's endpoint on asyncio against {loop}'s, CPU",
            target,
            partial(bursts, theirs, Burst(clients)),
        )


LAB = "lab"
"""The name that stands for all rows of families that few kernels have."""

UNTIL_THE_FIRST_CHECK = """
import os, sys
sys.addaudithook(lambda event, _: event == "socket.__new__" and os._exit(0))
sys.argv = ["famsock", "doctor", "--json"]
from famsock.__main__ import main
main()
"""
PLAN = (
    *(_by_case(case) for case in (*CASES, *LAB_CASES) if case.is_possible),
    _by_case(BY_KEY["udp"], on_ctypes)._replace(
        key="udp-ctypes", name="UDP sendto + recvfrom with FAMSOCK_SYSCALLS=ctypes", target=1.5
    ),
    *(
        _by_case(BY_KEY[key], on_ctypes)._replace(
            key=f"{key}-ctypes", name=f"{BY_KEY[key].name}, on ctypes", target=2.0
        )
        for key in ("peers", "new-peers", "destinations")
    ),
    *(
        _by_case(BY_KEY[key], on_ctypes)._replace(
            key=f"{key}-ctypes", name=f"{BY_KEY[key].name}, on ctypes", target=1.0
        )
        for key in ("recvmmsg", "into-buffers", "sendmmsg")
    ),
    *(
        Planned(f"netlink-{key}", f"NETLINK {name}", target, partial(netlink.measured, key))
        for key, name, target in (
            ("links", "1,000 links against ip -j link as a process", 1.5),
            ("addresses", "10,000 addresses against ip -j address as a process", 2.0),
            ("addresses-read", "10,000 addresses, each field read, against the same", None),
            ("routes", "10,000 routes of a table among 20,000 against ip -j route", 3.0),
            ("routes-read", "10,000 routes of a table, each field read, against the same", None),
        )
    ),
    Planned(
        "asyncio-malloc",
        "UDP echo on asyncio, CPU of a fresh server: endpoint against one on famsock's socket",
        0.75,
        partial(servers, ("endpoint", "given"), {}),
    ),
    Planned(
        "asyncio-no-malloc",
        "the same, both with malloc's thresholds raised",
        1.1,
        partial(servers, ("endpoint", "given"), KEEPS_MEMORY),
    ),
    Planned(
        "asyncio-batches",
        "the same, famsock's socket in both: endpoint against recvmmsg in a reader",
        0.75,
        partial(servers, ("given", "batch"), {}),
    ),
    Planned(
        "asyncio-streams",
        "TCP echo on asyncio, CPU of a fresh server: only the stdlib, after a block was freed",
        0.75,
        partial(servers, ("stream", "freed"), {}),
    ),
    *_endpoints("asyncio", 0.5),
    *(_endpoints("uvloop", 0.65) if find_spec("uvloop") else ()),
    *(
        (
            Planned(
                "aioquic-bulk",
                "a bulk transfer by aioquic: famsock.aio's endpoint against asyncio's, CPU of a MB",
                0.95,
                _quic,
            ),
        )
        if find_spec("aioquic")
        else ()
    ),
    Planned(
        "asyncio-stream",
        "round trip of two tasks, a stream: famsock.aio's connections against loop.sock_*, CPU",
        0.83,
        partial(round_trips, SOCK_STREAM),
    ),
    Planned(
        "asyncio-packets",
        "the same of packets (SOCK_SEQPACKET)",
        0.83,
        partial(round_trips, SOCK_SEQPACKET),
    ),
    Planned(
        "trio-stream",
        "round trip of two tasks, famsock.trio's streams against trio's SocketStream, CPU",
        1.11,
        _trios,
    ),
    Planned(
        "asyncio-endpoint-alone",
        "UDP echo, famsock.aio's endpoint against asyncio's, a datagram at a time, CPU",
        1.0,
        partial(bursts, ("given", "asyncio"), Burst(1, 1)),
    ),
    *(
        Planned(
            f"relay-{key}",
            f"relay from TCP to AF_UNIX against {' '.join(('socat', *options))}, {name}",
            target,
            partial(relay.measured, figure, options),
        )
        for key, figure, options, name, target in (
            ("bulk", "bulk", ("-b", "262144"), "time for a GiB", 1.0),
            ("cpu", "bulk-cpu", ("-b", "262144"), "CPU for a GiB", 0.5),
            ("default", "bulk", (), "time for a GiB", 0.33),
            ("short", "short", ("-b", "262144"), "time for a short connection", 0.77),
        )
    ),
    Planned(
        "doctor",
        "famsock doctor --json until it opens a socket, against python -c pass, CPU",
        5.0,
        partial(whole_process, Program("pass"), Program(UNTIL_THE_FIRST_CHECK)),
    ),
    Planned(
        "import",
        "import, CPU of the whole process",
        1.25,
        partial(whole_process, Program("import socket"), Program("import famsock")),
    ),
    Planned(
        "first",
        "first AF_INET socket and bind, CPU of the whole process",
        1.5,
        partial(
            whole_process,
            Program("import socket; socket.socket(2, 2).bind(('127.0.0.1', 0))"),
            Program("import famsock; famsock.socket(2, 2).bind(('127.0.0.1', 0))"),
        ),
    ),
    Planned(
        "run",
        "famsock run of an empty program, against python -c 'import socket', CPU",
        2.5,
        partial(whole_process, Program("import socket"), Program("pass", ("-m", "famsock", "run"))),
    ),
    *(
        Planned(
            key,
            f"python -c '{code}' below famsock run against the same without it, CPU",
            target,
            partial(whole_process, Program(code), Program(code, (), BELOW_FAMSOCK_RUN)),
        )
        for key, code, target in (
            ("run-child", "import socket", 1.35),
            ("run-child-empty", "pass", 1.15),
        )
    ),
    Planned(
        "memory",
        f"memory of each of {SOCKETS} open sockets of four families, as allocated",
        1.3,
        lambda rounds: memory("traced", min(rounds, 7)),
        "bytes",
    ),
    Planned(
        "resident",
        f"memory of each of {SOCKETS} open sockets of four families, as resident",
        1.3,
        lambda rounds: memory("resident", min(rounds, 7)),
        "bytes",
    ),
)


def main() -> None:
    """Measure the rows, and print the table as it grows."""
    keys = [planned.key for planned in PLAN]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", choices=[*keys, LAB, []], metavar="ROW", help=", ".join(keys)
    )
    parser.add_argument("--rounds", type=int, default=31, help="measured pairs, 2 or more")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it there (SVG, PNG …)")
    parser.add_argument(
        "--instructions",
        action="store_true",
        help="count instructions in the place of time, by valgrind: for rows of one process",
    )
    given = parser.parse_args()
    if given.rounds < 2:
        parser.error("--rounds must be at least 2: a ratio is shown with its spread")
    if LAB in given.rows:
        given.rows += [case.key for case in LAB_CASES]
    print(f"{report.machine(given.rounds)}\n\n{report.HEAD}", end="", flush=True)
    rows: list[Row] = []
    for planned in sorted(PLAN, key=lambda planned: [*GROUPS].index(planned.group)):
        if given.rows and planned.key not in given.rows:
            continue
        if given.instructions:
            if planned.key not in BY_KEY or planned.group == "event loops":
                continue
            counted = partial(instructions, BY_KEY[planned.key])
            planned = planned._replace(measure=counted, unit="instructions")
        try:
            pairs = planned.measure(given.rounds)
        except (PermissionError, CoarseClockError) as error:
            print(f"| {planned.name} | | | {error} | | `{planned.key}` |")
            continue
        *_, group = ("", *(row.group for row in rows))
        rows.append(
            Row(planned.key, planned.name, pairs, planned.target, planned.unit, planned.group)
        )
        *heading, line = report.lines(rows[-1:])
        print("\n".join([*heading, line] if group != planned.group else [line]), flush=True)
    if given.markdown:
        report.write_markdown(given.markdown, report.markdown(rows, given.rounds))
    if given.plot:
        report.write_plot(given.plot, rows)


if __name__ == "__main__":
    main()
