"""Numbers that no program can have."""

from __future__ import annotations

import pytest
from famsock_kcm import length_program


@pytest.mark.parametrize(
    "numbers",
    [(-1, 2, 2), (0x10000, 2, 2), (0, 3, 2), (0, 8, 2), (0, 2, -1), (0, 2, 0x10000)],
)
def test_numbers_out_of_range_are_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="AF_KCM length must have 1, 2 or 4 bytes at 0-65535"):
        length_program(*numbers)
