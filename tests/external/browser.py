"""The built documentation site in chromium: accessibility, widths, palettes, links and search.

``python -m tests.external.browser FOLDER`` opens the pages of a site that mkdocs has built, and
prints what is wrong, as JSON. It needs chromium, and the packages of the group ``browser``.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
WIDTHS = (420, 800, 1400)
PALETTES = ("light", "dark")
_IN_TURN = {"light": (WIDTHS[0], WIDTHS[-1]), "dark": (WIDTHS[1],)}
_HEIGHT = 900
_PATIENCE_MS = 90_000
_VIOLATIONS = {"resultTypes": ["violations"]}

_QUERY = re.compile(r"\?h=[^#]*")
_FOUND = """() => [...document.querySelectorAll(".md-search-result__item")].map(
    item => [...item.querySelectorAll(":scope > a")].map(link => link.href)
)"""
_STILL = "*, *::before, *::after { transition: none !important; animation: none !important }"
"""No colour is looked at on its way to another."""
_WIDER = """() => {
    const root = document.scrollingElement
    if (root.scrollWidth <= root.clientWidth) return []
    const wide = [...document.querySelectorAll("main *")].filter(
        each => each.getBoundingClientRect().right > root.clientWidth
    )
    const widest = wide.slice(-2).map(each => each.outerHTML.slice(0, 150))
    return ["the page scrolls sideways", ...widest]
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback, and yield the address of its first page."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@contextmanager
def browser() -> Iterator[Any]:
    """Start chromium without a window and with a new profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def faults(
    chromium: Any, root: str, pages: list[str], whole: int, screenshots: Path | None
) -> Iterator[str]:
    """Yield what axe finds on each page in each palette and width, and which page is too wide.

    :param whole: the number of pages that are looked at in every width of each palette; the others
        in every width, of one palette each.
    """
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    for palette in PALETTES:
        context = chromium.new_context(color_scheme=palette)
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        errors: list[str] = []
        page.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        for place, path in enumerate(pages):
            page.goto(root + path)
            page.add_style_tag(content=_STILL)
            for width in WIDTHS if place < whole else _IN_TURN[palette]:
                page.set_viewport_size({"width": width, "height": _HEIGHT})
                where = f"{path or 'index'} {width} {palette}"
                yield from (f"{where}: {each}" for each in page.evaluate(_WIDER))
                for found in axe.run(page, options=_VIOLATIONS).response["violations"]:
                    for node in found["nodes"][:3]:
                        summary = f"{node['html'][:200]} {node['failureSummary']}"
                        yield f"{where}: {found['id']}: {summary}"
                if screenshots:
                    name = path.strip("/").replace("/", "-") or "index"
                    page.screenshot(path=str(screenshots / f"{name}-{width}-{palette}.png"))
        yield from errors
        context.close()


def searched(chromium: Any, root: str, queries: list[str]) -> dict[str, list[list[str]]]:
    """Type each query into the site's search, and return what is found.

    :return: of each query the pages found, the best first, each as the links that are seen: of the
        page and of its best sections, below ``root``.
    """
    page = chromium.new_page(viewport={"width": WIDTHS[-1], "height": _HEIGHT})
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(root)
    box = page.get_by_role("textbox", name="Search")
    told = page.locator(".md-search-result__meta")
    found = {}
    for query in queries:
        box.fill("")
        box.press("Backspace")
        told.filter(has_text="Type to start searching").wait_for(state="attached")
        box.fill(query[:-1])
        box.press(query[-1])
        told.filter(has_text="matching document").wait_for(state="attached")
        links = page.evaluate(_FOUND)
        found[query] = [[_QUERY.sub("", link).removeprefix(root) for link in of] for of in links]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("pages", nargs="*", help="paths; default: every page")
    parser.add_argument("--screenshots", type=Path, help="a folder for a picture of each")
    parser.add_argument("--whole", type=int, help="so many pages in all palettes")
    parser.add_argument("--search", action="store_true", help="instead search for the words")
    options = parser.parse_intermixed_args()
    if options.search:
        with served(options.folder) as root, browser() as chromium:
            json.dump(searched(chromium, root, options.pages), sys.stdout)
        return
    pages = options.pages or sorted(
        str(path.parent.relative_to(options.folder)).strip(".") + "/"
        for path in options.folder.rglob("index.html")
    )
    with served(options.folder) as root, browser() as chromium:
        whole = len(pages) if options.whole is None else options.whole
        paths = [each.lstrip("/") for each in pages]
        found = list(faults(chromium, root, paths, whole, options.screenshots))
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
