"""The built site in chromium: axe finds nothing, no page scrolls sideways, no script fails.

``python -m tests.external.browser FOLDER`` looks at every page of a site.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .browser import CHROMIUM
from .conftest import NEEDS_UV, mkdocs_python

pytestmark = [
    pytest.mark.slow,
    NEEDS_UV,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
]
PAGES = (
    "/",
    "/families/vsock/",
    "/comparison/",
    "/glossary/",
    "/reference/",
    "/reference/modules/famsock_can.sockets.raw/",
    "/reference/options/",
    "/reference/constants/AF_TIPC/",
    "/troubleshooting/",
)
"""A page of each kind that is written by hand, and each kind that is generated.

All are looked at in three widths, the first one in two palettes for each.
"""


def _looked_at(packages: Path, site: Path, *pages: str) -> list[str]:
    found: list[str] = json.loads(
        mkdocs_python(packages, "-m", "tests.external.browser", site, *pages)
    )
    return found


def test_pages_are_accessible_at_each_width_in_each_palette(
    browser_packages: Path, built_site: Path
) -> None:
    assert _looked_at(browser_packages, built_site, *PAGES, "--whole", "1") == []


def test_what_is_wrong_with_a_page_is_found(browser_packages: Path, tmp_path: Path) -> None:
    page = tmp_path / "wrong" / "index.html"
    page.parent.mkdir()
    page.write_text(
        "<!doctype html><html lang=en><title>A</title><main><h1>A</h1>"
        "<img src=data:,><p style='color: #ddd; background: #fff'>pale</p>"
        "<div style='width: 700px'>wide</div><script>nothing()</script></main>"
    )
    found = _looked_at(browser_packages, tmp_path, "wrong/")
    said = "\n".join(found)
    for wanted in ("image-alt", "color-contrast"):
        assert said.count(f": {wanted}: ") == 6
    wide = [line for line in found if line.endswith("the page scrolls sideways")]
    assert wide == [
        f"wrong/ 420 {palette}: the page scrolls sideways" for palette in ("light", "dark")
    ]
    assert [line for line in found if "nothing is not defined" in line] == [
        "nothing is not defined",
        "nothing is not defined",
    ]
