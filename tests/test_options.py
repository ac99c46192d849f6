"""Typed options: the rows of SOL_SOCKET."""

from __future__ import annotations

from famsock import constants, options

ROWS = options.collect(vars(options))


def test_rows_have_their_constants_numbers() -> None:
    assert len(ROWS) > 5
    for row in ROWS:
        assert row.level == constants.SOL_SOCKET, row.name
        assert row.number == getattr(constants, row.name), row.name
