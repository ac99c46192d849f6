"""The command ``famsock doctor``: test every protocol of every installed family.

Each has three results: whether the kernel has it (by socket(2)), whether this CPython could use it
without famsock (by its own address codec), and a self-test between two sockets with its round-trip
time. If the self-test does not run, the reason and a hint replace it.
"""

from __future__ import annotations

import json
import platform
import signal
import socket as _stdlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import attrs
import click

from famsock import _calls, _sockets
from famsock._cli.tables import show_table
from famsock._hints import UNSUPPORTED
from famsock._lazy import load
from famsock._registry import plugins
from famsock.family import ANY_PROTOCOL, Family, Protocol

_PATIENCE_S = 60


@attrs.frozen
class Finding:
    """The result of doctor for one protocol."""

    family: str
    protocol: str
    kernel: bool
    cpython: bool
    round_trip_ns: int | None
    trouble: str

    @property
    def round_trip(self) -> str:
        """The round-trip time for a reader."""
        return "" if self.round_trip_ns is None else f"{self.round_trip_ns / 1000:.0f} µs"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("names", nargs=-1, metavar="[FAMILY]...")
def doctor(as_json: bool, names: tuple[str, ...]) -> None:
    """Check every installed family, or those named, on this machine."""
    findings = list(examine(names))
    here = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "syscalls": _calls.implementation(),
        "why_ctypes": _calls.why_ctypes,
    }
    if as_json:
        rows = [attrs.asdict(finding) for finding in findings]
        click.echo(json.dumps({**here, "protocols": rows}, indent=2))
        return
    click.echo("{python} on {kernel}, system calls: {syscalls}".format(**here))
    click.echo(f"Why ctypes: {_calls.why_ctypes}\n" if _calls.why_ctypes else "")
    show_table(
        ("family", "protocol", "kernel", "CPython alone", "round trip", "trouble and hint"),
        [
            (f.family, f.protocol, _mark(f.kernel), _mark(f.cpython), f.round_trip, f.trouble)
            for f in findings
        ],
    )


def _mark(fact: bool) -> str:
    return "yes" if fact else "no"


def examine(names: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Yield a finding for each protocol of the families named, or of all that are installed."""
    for name in names or plugins.names():
        try:
            family = plugins.family(name)
        except ImportError as error:
            yield Finding(name, "", False, False, None, str(error))
            continue
        if family is None:
            yield Finding(name, "", False, False, None, "no such plugin is installed")
        elif not family.here:
            where = ", ".join(family.platforms)
            yield Finding(name, "", False, False, None, f"is for {where}, not {sys.platform}")
        else:
            for protocol in family.protocols:
                for label, selftest in _labelled(protocol):
                    yield _examine(family, protocol, label, selftest)


def _examine(family: Family, protocol: Protocol, label: str, selftest: str | None) -> Finding:
    trouble = _trouble_opening(family, protocol)
    kernel = not trouble
    round_trip_ns = None
    if kernel and selftest is not None:
        try:
            live = load(selftest)
            with _alarm(_PATIENCE_S):
                round_trip_ns = _measure_ns(live)
        except (OSError, RuntimeError, ImportError) as error:
            kernel = getattr(error, "errno", None) not in UNSUPPORTED
            trouble = _reason(error)
    alone = _cpython_alone(family, protocol)
    return Finding(family.name, label, kernel, alone, round_trip_ns, trouble)


def _trouble_opening(family: Family, protocol: Protocol) -> str:
    """Return why the kernel gives no socket of this protocol; "" if self-tests may tell."""
    if protocol.number is ANY_PROTOCOL and protocol.selftest:
        return ""
    try:
        _sockets.socket(family.number, protocol.types[0], protocol.number or 0).close()
    except OSError as error:
        return _reason(error)
    return ""


def _cpython_alone(family: Family, protocol: Protocol) -> bool:
    """Return whether this Python's own socket knows the family's addresses, without the kernel."""
    if not hasattr(_stdlib.AddressFamily, family.name):
        return False
    pair = _stdlib.socketpair()
    with pair[0], pair[1]:
        adopted = _stdlib.socket(
            family.number, protocol.types[0], protocol.number or 0, fileno=pair[0].detach()
        )
        with adopted:
            try:
                adopted.getsockname()
            except OSError as error:
                return error.errno is not None
    return True


def _measure_ns(selftest: Callable[[], AbstractContextManager[Callable[[], None]]]) -> int:
    """Return the time of the second of two verified round trips, in nanoseconds."""
    with selftest() as round_trip:
        round_trip()
        start_ns = time.perf_counter_ns()
        round_trip()
        return time.perf_counter_ns() - start_ns


@contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise TimeoutError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _reason(error: BaseException) -> str:
    notes = getattr(error, "__notes__", [])
    return "; ".join([str(error), *notes])


def _labelled(protocol: Protocol) -> Iterator[tuple[str, str | None]]:
    if protocol.selftest is None:
        yield protocol.name, None
    yield from protocol.selftests.items()
