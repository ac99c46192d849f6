"""The figures of addressing: their text fits, and each stands on a page with its words."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from tools import addressing
from tools.addressing import FIGURES, Box
from tools.interface import ROOT

PAGES = [*Path(ROOT).glob("docs/families/*.md")]
_WIDEST_LETTERS = 0.6
"""The mean width of a letter in a sans serif font, as a part of the font's size, and a little."""


def width(text: str, kind: str) -> float:
    return len(text) * addressing._SIZE[kind] * _WIDEST_LETTERS


@pytest.mark.parametrize("name", FIGURES)
def test_a_line_of_text_has_room(name: str) -> None:
    figure = FIGURES[name]
    for box in figure.boxes:
        assert box.x >= addressing.MARGIN
        assert box.x + box.width <= addressing.WIDTH - addressing.MARGIN
        for number, line in enumerate(box.lines):
            assert width(line, "text" if number else "head") < box.width, line
    for label in figure.labels:
        half = width(label.text, "text") / 2
        left, right = label.x - half, label.x + half
        assert left > 0, label
        assert right < addressing.WIDTH, label
        assert not any(left < x1 < right for x1, y1, _, y2 in figure.arrows), label
        for box in figure.boxes:
            assert not box.y < label.y < box.y + box.height, label


@pytest.mark.parametrize("name", FIGURES)
def test_boxes_do_not_meet_and_arrows_join_them(name: str) -> None:
    def is_at(box: Box, x: int, y: int) -> bool:
        return box.x < x < box.x + box.width and y in (box.y, box.y + box.height)

    figure = FIGURES[name]
    for one, other in combinations(figure.boxes, 2):
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y
    for x1, y1, x2, y2 in figure.arrows:
        ends = [[box for box in figure.boxes if is_at(box, *end)] for end in ((x1, y1), (x2, y2))]
        assert [len(found) for found in ends] == [1, 1], (x1, y1, x2, y2)
        assert ends[0] != ends[1]


def test_each_figure_stands_on_a_page_with_its_words() -> None:
    shown = {}
    for page in PAGES:
        for words, file in re.findall(
            r"!\[([^\]]+)\]\(\.\./assets/([\w-]+\.svg)\)", page.read_text()
        ):
            shown[f"assets/{file}"] = " ".join(words.split())
    assert set(shown) == {path for path, _ in addressing.figures()}
    assert min(map(len, shown.values())) > 100
    for name, figure in FIGURES.items():
        words = shown[f"assets/addressing-{name}.svg"]
        texts = " ".join(line for box in figure.boxes for line in box.lines)
        for number in re.findall(r"0x[\dA-Fa-f]{4,}|\b\d{4,}\b", texts):
            assert number in words or name in ("bluetooth", "qipcrtr"), (name, number)


def test_a_figure_has_both_palettes_and_its_title() -> None:
    for name, (path, svg) in zip(FIGURES, addressing.figures(), strict=True):
        assert path == f"assets/addressing-{name}.svg"
        assert f"<title>{FIGURES[name].title}</title>" in svg
        light, dark = svg.split("@media (prefers-color-scheme: dark)")
        for kind in {box.kind for box in FIGURES[name].boxes}:
            assert f".{kind} {{" in light
            assert f".{kind} {{" in dark
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
