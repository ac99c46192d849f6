"""The command ``famsock relay``: pass bytes and messages between two endpoints."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TextIO

import click

from famsock._cli.ends import BROKEN, CUT, REFUSED, end_options, make_end
from famsock._cli.reports import Writer, counters_line, event_line, hex_lines, live
from famsock._cli.words import examples

_ROLES = click.Choice(("listen", "connect", "bind"))
_MS = click.IntRange(min=1)


@click.command(
    epilog=examples(
        "relay tcp://127.0.0.1:8080 vsock://3:80",
        "relay unix:///run/app tcp://192.0.2.1:80",
    )
)
@click.argument("a")
@click.argument("b")
@click.option("--role-a", type=_ROLES, help="A: listen unless stated; frames only bind.")
@click.option("--role-b", type=_ROLES, help="B: connect unless stated; frames only bind.")
@click.option(
    "--allow-a", multiple=True, metavar="RULE",
    help="A: admit such peers only: a network, a CID, uid=…, an address, FIELD=VALUE.",
)  # fmt: skip
@click.option("--allow-b", multiple=True, metavar="RULE", help="B: the same, if it listens.")
@click.option("--connect-timeout-ms", type=_MS, default=10_000, show_default=True,
              help="How long connecting may take, and TLS's handshake.")  # fmt: skip
@click.option("--idle-timeout-ms", type=_MS, help="End sessions without traffic.")
@click.option(
    "--retries", type=click.IntRange(min=-1), default=0, show_default=True,
    help="Further attempts to connect; -1 for any number.",
)  # fmt: skip
@click.option("--retry-delay-ms", type=_MS, default=100, show_default=True,
              help="The first delay, which doubles.")  # fmt: skip
@click.option("--max-retry-delay-ms", type=_MS, default=30_000, show_default=True,
              help="The longest delay.")  # fmt: skip
@click.option("--max-sessions", type=_MS, help="Sessions at once; further ones wait.")
@click.option("--sessions", type=click.IntRange(min=0),
              help="End after so many; 0 for never. 1 if no end listens.")  # fmt: skip
@click.option("--drain-ms", type=click.IntRange(min=0), default=5_000, show_default=True,
              help="How long sessions may go on after a signal.")  # fmt: skip
@click.option("--pass-descriptors", is_flag=True, help="Pass on descriptors (SCM_RIGHTS).")
@click.option("--hex", "as_hex", is_flag=True, help="Dump all traffic to standard error.")
@click.option("--json", "as_json", is_flag=True, help="Print lines of JSON on a terminal too.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@end_options("a")
@end_options("b")
def relay(a: str, b: str, **given: Any) -> None:
    """Pass bytes and messages between endpoints A and B.

    An endpoint is scheme://address, as tcp://127.0.0.1:8080, unix:///run/app or vsock://3:80.

    A listens and B is connected to for each of A's peers, unless stated otherwise. Standard output
    is a table on a terminal, otherwise lines of JSON. SIGINT and SIGTERM end the relay when its
    sessions have ended; a second one ends it at once.

    Exit status: 0 after a signal, or the last of --sessions; 1 for an error that this list lacks; 2
    for wrong arguments; 3 if an end cannot be opened; 4 if the only session broke; 6 if bytes were
    lost because the time to drain was over.
    """
    from famsock.relay import Options, Relay

    end_a, end_b = (
        make_end(text, given[f"role_{name}"], given[f"allow_{name}"], name, given)
        for name, text in (("a", a), ("b", b))
    )
    retries = given["retries"]
    try:
        options = Options(
            connect_timeout_ms=given["connect_timeout_ms"],
            idle_timeout_ms=given["idle_timeout_ms"],
            retries=None if retries < 0 else retries,
            retry_delay_ms=given["retry_delay_ms"],
            max_retry_delay_ms=given["max_retry_delay_ms"],
            max_sessions=given["max_sessions"],
            sessions=given["sessions"],
            drain_ms=given["drain_ms"],
            passes_descriptors=given["pass_descriptors"],
        )
        writers = _Writers(given)
        running = Relay(end_a, end_b, options, on_event=writers.on_event, on_data=writers.on_data)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        fail(error)
    with running:
        writers.begin(running)
        try:
            shown = live(running) if writers.has_table else nullcontext()
            with stopped_by_signals(running), shown:
                running.run()
        except OSError as error:
            writers.end(running)
            fail(error)
        counters = running.counters
        writers.end(running)
    if counters.cut:
        click.echo(f"famsock: {counters.cut} sessions lost bytes at the end", err=True)
        sys.exit(CUT)
    if counters.broken and counters.opened == 1 and given["sessions"] in (None, 1):
        click.echo(f"famsock: the session broke: {writers.reason}", err=True)
        sys.exit(BROKEN)


class _Writers:
    """The outputs of the command: lines on standard output, a dump on standard error."""

    def __init__(self, given: Any) -> None:
        quiet, as_hex = given["quiet"], given["as_hex"]
        is_terminal = sys.stdout is not None and sys.stdout.isatty()
        self.has_table = is_terminal and not (quiet or as_hex or given["as_json"])
        self._lines = None if quiet or self.has_table or sys.stdout is None else Writer(sys.stdout)
        self._dump = Writer(_stderr()) if as_hex else None
        self.on_data = None if self._dump is None else self._put_dump
        self.on_event = self._put_event
        self.reason = ""

    def _put_event(self, event: Any) -> None:
        if event.kind == "close":
            self.reason = event.reason
        if self._lines is not None:
            self._lines.put(event_line(event))

    def _put_dump(self, session: int, direction: str, data: Any) -> None:
        assert self._dump is not None
        for line in hex_lines(session, direction, data):
            self._dump.put(line)

    def begin(self, running: Any) -> None:
        """Tell where the relay listens."""
        if self._lines is not None:
            import json

            a, b = running.addresses
            self._lines.put(json.dumps({"event": "ready", "a": a, "b": b}))

    def end(self, running: Any) -> None:
        """Write what is left, and say what was not written."""
        if self._lines is not None:
            self._lines.put(counters_line(running.counters))
        for writer in (self._lines, self._dump):
            if writer is not None:
                writer.close()
                if writer.left_out:
                    why = f": {writer.error}" if writer.error else ""
                    click.echo(f"famsock: {writer.left_out} lines left out{why}", err=True)


def _stderr() -> TextIO:
    assert sys.stderr is not None
    return sys.stderr


@contextmanager
def stopped_by_signals(running: Any) -> Iterator[None]:
    """Let SIGINT and SIGTERM stop a relay while the context lasts."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: running.stop()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def fail(error: OSError) -> Any:
    """End with the status of an end that cannot be opened, and say why."""
    click.echo("\n  ".join([f"famsock: {error}", *getattr(error, "__notes__", [])]), err=True)
    sys.exit(REFUSED)
