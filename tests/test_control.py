"""Typed control messages: the rows of SOL_SOCKET."""

from __future__ import annotations

from famsock import constants, control

ROWS = control.collect(vars(control))


def test_rows_have_their_constants_numbers() -> None:
    assert len(ROWS) > 5
    for row in ROWS:
        assert row.level == constants.SOL_SOCKET, row.name
        assert row.number == getattr(constants, row.name), row.name
