"""The cookbook: its recipes print what their pages show, and every page is reached."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import pages
from tests.pages import ROOT, Block

COOKBOOK = ROOT / "docs" / "cookbook"
OPTIONAL = ("aioquic",)
"""Modules that recipes import and that not every Python has: see pyproject.toml."""
RECIPES = sorted(page for page in COOKBOOK.glob("*.md") if page.stem != "index")


def recipes() -> Iterator[Any]:
    """The blocks of each page, by what they need. The lab runs those that need its kernels."""
    for page in RECIPES:
        for group in pages.groups(str(page.relative_to(ROOT)), "python", "sh"):
            needed = {mark.name for mark in group.marks}
            asks = needed & {"needs_family", "needs_interface", "needs_module"}
            if asks or not os.environ.get("FAMSOCK_LAB"):
                yield group


@pytest.mark.parametrize(("page", "blocks", "fixtures"), list(recipes()))
def test_a_recipe_prints_what_its_page_shows(
    page: Path,
    blocks: list[Block],
    fixtures: list[str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    programs = "".join(block.program for block in blocks)
    for module in OPTIONAL:
        if re.search(rf"^from {module}\b", programs, re.MULTILINE):
            pytest.importorskip(module)
    for fixture in fixtures:
        request.getfixturevalue(fixture)
    pages.check(page, blocks, tmp_path)
