"""Each question of a newcomer is answered at the third click, and by the search's first hits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest

from .browser import CHROMIUM
from .conftest import NEEDS_UV, mkdocs_python
from .questions import QUESTIONS, Question

pytestmark = [pytest.mark.slow, NEEDS_UV]
CLICKS = 3
FIRST_HITS = 3
_ROOT = "https://example.org/"
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_EMPTY = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr")


class _Page(HTMLParser):
    """The links of a page's navigation and text, and the text of each section.

    :ivar links: their targets, as they stand.
    :ivar sections: the text from a heading to the next one, by the heading's anchor.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.sections: dict[str, str] = {}
        self._open: list[bool] = []  # of each open element: it is one that the reader sees
        self._anchor = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        seen = bool(self._open and self._open[-1])
        if tag == "article" or "md-nav" in given.get("class", "").split():
            seen = True
        if "hidden" in given:
            seen = False
        if tag not in _EMPTY:
            self._open.append(seen)
        if seen and tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in _HEADINGS and "id" in given:
            self._anchor = given["id"]

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag not in _EMPTY:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1]:
            self.sections[self._anchor] = self.sections.get(self._anchor, "") + data


class _Site:
    """The pages of a built site, by their paths below the first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.page = cache(self._page)

    def _page(self, path: str) -> _Page:
        return _Page((self._folder / path / "index.html").read_text())

    def links(self, path: str) -> Iterator[str]:
        """Yield the places below the first page that a page links, with their anchors."""
        for link in self.page(path).links:
            target = urljoin(_ROOT + path, link)
            if target.startswith(_ROOT):
                yield target.removeprefix(_ROOT)

    def clicks(self) -> Mapping[str, int]:
        """Return the number of clicks from the first page to each place, up to `CLICKS`."""
        found = {"": 0}
        newest = [""]
        for number in range(1, CLICKS + 1):
            linked = (each for page in newest for each in self.links(page))
            places = [each for each in dict.fromkeys(linked) if each not in found]
            found |= dict.fromkeys(places, number)
            pages = dict.fromkeys(urldefrag(place)[0] for place in places)
            newest = [each for each in pages if (self._folder / each / "index.html").is_file()]
        return found


@pytest.fixture(scope="module")
def pages(built_site: Path) -> _Site:
    return _Site(built_site)


@pytest.fixture(scope="module")
def clicks(pages: _Site) -> Mapping[str, int]:
    return pages.clicks()


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) == 10
    assert all(question in words for question, (_, _, words) in QUESTIONS.items())
    assert min(len(each.words) for each in QUESTIONS.values()) >= 4


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_at_the_third_click(
    question: str, pages: _Site, clicks: Mapping[str, int]
) -> None:
    place, answer, _ = QUESTIONS[question]
    path, anchor = urldefrag(place)
    assert answer in pages.page(path).sections[anchor]
    assert clicks[place] <= CLICKS


def test_clicks_are_counted_by_links_that_are_seen(tmp_path: Path) -> None:
    for path, text in {
        "": '<nav class="md-nav"><a href="a/">a</a></nav><a href="far/">no</a>',
        "a": '<article><h1 id="x">x<a href="#x">#</a></h1>one<a href="../b/#y">b</a></article>',
        "b": '<article><a href="../c/" hidden>c</a><a href="/d/">d</a></article>',
        "c": "",
        "d": "",
        "far": "",
    }.items():
        (tmp_path / path).mkdir(exist_ok=True)
        (tmp_path / path / "index.html").write_text(text)
    site = _Site(tmp_path)
    assert site.clicks() == {"": 0, "a/": 1, "a/#x": 2, "b/#y": 2, "d/": 3}
    assert site.page("a/").sections == {"x": "x#oneb"}


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_the_search_answers_in_its_first_hits(browser_packages: Path, built_site: Path) -> None:
    queries = [words for question in QUESTIONS.values() for words in question.words]
    run: tuple[str | Path, ...] = ("-m", "tests.external.browser", built_site, "--search", *queries)
    found = json.loads(mkdocs_python(browser_packages, *run))
    late = {
        words: found[words][:FIRST_HITS]
        for question in QUESTIONS.values()
        for words in question.words
        if _rank(question, found[words]) > FIRST_HITS
    }
    assert late == {}


def _rank(question: Question, hits: list[list[str]]) -> int:
    """Return the place of a question's page among the hits, from 1 on; behind all for none."""
    path, _ = urldefrag(question.place)
    pages = [urldefrag(links[0])[0] for links in hits]
    return pages.index(path) + 1 if path in pages else len(pages) + FIRST_HITS + 1
