"""Tables for the terminal, and for a file that a table is written to."""

from __future__ import annotations

import pytest

from famsock._cli import tables
from famsock._cli.tables import WIDE, show_table

pytestmark = pytest.mark.asks_no_kernel


def test_columns_are_as_wide_as_their_longest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("family", "state"), [("AF_CAN", "loaded"), ("AF_BLUETOOTH", "")])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["family        state", "AF_CAN        loaded", "AF_BLUETOOTH"]


def test_a_table_without_rows_has_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("family", "state"), [])
    assert capsys.readouterr().out.split() == ["family", "state"]


def test_a_file_has_whole_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    cell = "x" * (WIDE - 10)
    show_table(("family", "trouble"), [("AF_CAN", cell)])
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["family", "trouble"]
    assert line.split() == ["AF_CAN", cell]
    assert "\x1b" not in header


def test_a_terminal_is_as_wide_as_it_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    show_table(("family", "trouble"), [("AF_CAN", "word " * 20)])
    out = capsys.readouterr().out
    assert "\x1b[1m" in out
    assert len(out.splitlines()) > 3


def test_a_cell_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    cells = ("[bold]red[/]", ":smile:", "http://localhost:80/ 1.5 'x'")
    show_table(("one", "two", "three"), [cells])
    assert capsys.readouterr().out.splitlines()[1].split(maxsplit=2) == [*cells]


@pytest.mark.parametrize(
    ("available", "widths"),
    [
        (60, [5, 11, 3]),
        (23, [5, 11, 3]),
        (22, [5, 10, 3]),  # "two words!!" goes on in the next line
        (18, [5, 6, 3]),
        (17, [5, 5, 3]),  # from here on words are broken, the longest first
        (14, [3, 4, 3]),
        (3, [1, 1, 1]),
    ],
)
def test_words_are_broken_only_where_they_must_be(available: int, widths: list[int]) -> None:
    columns = [("AF_X1", "b"), ("two words!!", "c"), ("", "yes")]
    assert tables._widths(columns, available) == widths
