"""Reports of a relay: lines of JSON, a live table, dumps in hexadecimal.

A thread writes, so that an output that is slow, full or gone stops no session.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

import attrs

if TYPE_CHECKING:
    from rich.table import Table

    from famsock.relay import Counters, Event, Relay

_WAITING_LINES = 4096
_BYTES_A_LINE = 16
_PATIENCE_S = 2.0
"""The seconds that the end waits for an output that is slow."""


class Writer:
    """Writes lines in its own thread; those beyond its limit are left out."""

    def __init__(self, output: TextIO, patience_s: float = _PATIENCE_S) -> None:
        self._output = output
        self._patience_s = patience_s
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING_LINES)
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()
        self.left_out = 0
        self.error: OSError | ValueError | None = None

    def put(self, line: str) -> None:
        """Write a line, soon."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.left_out += 1

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            if self.error is not None:
                self.left_out += 1
                continue
            try:
                self._output.write(line + "\n")
                self._output.flush()
            except (OSError, ValueError) as error:
                self.error = error
                self.left_out += 1

    def close(self) -> None:
        """Write what waits, for ``patience_s`` seconds at most."""
        try:
            self._lines.put(None, timeout=self._patience_s)
        except queue.Full:
            return
        self._thread.join(self._patience_s)


def event_line(event: Event) -> str:
    """Return an event as JSON."""
    return json.dumps({"event": event.kind, **{
        key: value for key, value in attrs.asdict(event).items() if key != "kind"
    }})  # fmt: skip


def counters_line(counters: Counters) -> str:
    """Return counters as JSON."""
    return json.dumps({"event": "counters", **attrs.asdict(counters)})


def hex_lines(session: int, direction: str, data: bytes | memoryview) -> Iterator[str]:
    """Yield a dump: the direction, the number of bytes, and sixteen of them a line."""
    arrow = ">" if direction == "a_to_b" else "<"
    yield f"{arrow} session {session}, {len(data)} bytes"
    for start in range(0, len(data), _BYTES_A_LINE):
        part = bytes(data[start : start + _BYTES_A_LINE])
        text = "".join(chr(c) if 0x20 <= c < 0x7F else "." for c in part)
        yield f"{arrow} {start:08x}  {part.hex(' '):<{3 * _BYTES_A_LINE - 1}}  {text}"


_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def size_text(size_bytes: float) -> str:
    """Return a number of bytes for a reader."""
    for unit in _UNITS[:-1]:
        if size_bytes < _STEP:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _STEP
    return f"{size_bytes:.1f} {_UNITS[-1]}"


def counters_table(addresses: tuple[str, str], counters: Counters) -> Table:
    """Return the table that a terminal shows."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "A to B", "B to A"):
        table.add_column(title, overflow="fold")
    table.add_row("from", *addresses)
    table.add_row("bytes", size_text(counters.a_to_b_bytes), size_text(counters.b_to_a_bytes))
    table.add_row("messages", str(counters.a_to_b_messages), str(counters.b_to_a_messages))
    sessions = ("active", "opened", "refused", "failed", "broken", "dropped")
    for name in sessions:
        table.add_row(name, str(getattr(counters, name)), "")
    return table


def live(relay: Relay) -> Any:
    """Return a context that shows the table of a relay on the terminal, each half second."""
    from rich.console import Console
    from rich.live import Live

    addresses = relay.addresses
    render: Callable[[], Table] = lambda: counters_table(addresses, relay.counters)  # noqa: E731
    return Live(get_renderable=render, console=Console(file=sys.stdout), refresh_per_second=2)
