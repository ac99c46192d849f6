"""Words that several commands read or show."""

from __future__ import annotations

import pytest

from famsock._cli.words import examples, family_named


@pytest.mark.parametrize("word", ["can", "Can", "CAN", "af_can", "AF_CAN", "af-can"])
def test_a_family_has_several_names(word: str) -> None:
    assert family_named(word) == "AF_CAN"


def test_examples_are_lines_that_click_does_not_break() -> None:
    assert examples("doctor", "run a.py").splitlines() == [
        "\b",
        "Examples:",
        "  famsock doctor",
        "  famsock run a.py",
    ]
