"""Tables for the terminal, by rich."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from textwrap import wrap

WIDE = 160
"""Columns to assume if the output is no terminal, so that a log keeps complete lines."""
_GAP = 2
"""Spaces between two columns of a table."""


def show_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a header; what is too long for its column goes on in the next line.

    It is plain text, without escape sequences, if the output is no terminal or NO_COLOR is set
    (https://no-color.org).
    """
    from rich.console import Console  # costs more than what most commands do
    from rich.table import Table

    literally = partial(Console, markup=False, emoji=False, highlight=False)
    console = literally(color_system=None if os.environ.get("NO_COLOR") else "auto")
    if not console.is_terminal:
        console = literally(color_system=None, width=WIDE)
    body = [*rows]
    widths = _widths([*zip(header, *body, strict=True)], console.width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in map(_folded, header, widths):
        table.add_column(title, overflow="fold")
    for row in body:
        table.add_row(*map(_folded, row, widths))
    console.print(table)


def _folded(cell: str, width: int) -> str:
    """Return a cell in lines of at most ``width``; rich would break words that need not be."""
    if len(cell) <= width:
        return cell
    return "\n".join(wrap(cell, width, break_on_hyphens=False))


def _widths(columns: Sequence[Sequence[str]], available: int) -> list[int]:
    """Return a width for each column of cells, in which no word is broken if that can be."""
    widths = [max(map(len, cells)) for cells in columns]
    words = [max(len(word) for cell in cells for word in [*cell.split(), ""]) for cells in columns]
    excess = sum(widths) + _GAP * (len(widths) - 1) - available
    for least in words, [1] * len(words):
        while excess > 0:
            spare = [width - kept for width, kept in zip(widths, least, strict=True)]
            if not any(spare):
                break
            widths[spare.index(max(spare))] -= 1
            excess -= 1
    return widths
