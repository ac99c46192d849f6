"""Reports of a relay: lines that no output can hold up, dumps, sizes."""

from __future__ import annotations

import io
import json
import os
import threading

import pytest

from famsock._cli.reports import (
    Writer,
    counters_line,
    counters_table,
    event_line,
    hex_lines,
    size_text,
)
from famsock.relay import Counters, Event
from tests.relay.peers import PATIENCE_S, until


def test_lines_are_written() -> None:
    output = io.StringIO()
    writer = Writer(output, PATIENCE_S)
    for number in range(100):
        writer.put(str(number))
    writer.close()
    assert output.getvalue().split() == [str(number) for number in range(100)]
    assert writer.left_out == 0


def test_an_output_that_is_not_read_holds_nobody_up() -> None:
    goes_on = threading.Event()

    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            assert goes_on.wait(PATIENCE_S)
            return super().write(text)

    output = Slow()
    writer = Writer(output, PATIENCE_S)
    for _ in range(10_000):
        writer.put("x")  # more than may wait
    assert writer.left_out > 5000
    goes_on.set()
    writer.close()
    assert writer.left_out + len(output.getvalue().split()) == 10_000


def test_an_output_that_fails_is_told() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, os.strerror(28))

    writer = Writer(Full(), PATIENCE_S)
    writer.put("one")
    until(lambda: writer.error is not None)
    writer.put("two")
    writer.close()
    assert (writer.left_out, str(writer.error)) == (2, "[Errno 28] No space left on device")


def test_lines_are_json() -> None:
    assert json.loads(event_line(Event("close", 3, "a", "b", "end", 1, 2, 4))) == {
        "event": "close", "session": 3, "a": "a", "b": "b", "reason": "end",
        "a_to_b_bytes": 1, "b_to_a_bytes": 2, "duration_ns": 4,
    }  # fmt: skip
    line = json.loads(counters_line(Counters(opened=4)))
    assert line.pop("event") == "counters"
    assert line.pop("opened") == 4
    assert set(line.values()) == {0}


def test_a_dump_has_sixteen_bytes_a_line() -> None:
    assert list(hex_lines(1, "b_to_a", bytes(range(0x3E, 0x50)))) == [
        "< session 1, 18 bytes",
        "< 00000000  3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d  >?@ABCDEFGHIJKLM",
        f"< 00000010  4e 4f{' ' * 42}  NO",
    ]
    assert list(hex_lines(2, "a_to_b", b"")) == ["> session 2, 0 bytes"]


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1 << 30, "1.0 GiB"),
        (1 << 52, "4096.0 TiB"),
    ],
)
def test_sizes(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


def test_the_table_has_all_counters_of_sessions() -> None:
    table = counters_table(("tcp://x:1", "unix:///y"), Counters(refused=7))
    first = list(table.columns[0].cells)
    assert first == [
        "from", "bytes", "messages", "active", "opened", "refused", "failed", "broken", "dropped",
    ]  # fmt: skip
    assert list(table.columns[1].cells)[5] == "7"
