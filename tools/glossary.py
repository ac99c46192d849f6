"""Links from the first use of a term on a page to its entry in docs/glossary.md.

`tools.mkdocs_hooks` applies them to the pages that are written by hand. A new entry of the glossary
is linked without another line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from tools.interface import ROOT

PAGE = "glossary.md"
_ENTRY = re.compile(r"^(?P<terms>\S[^\n]*)\n:   (?P<text>.*?)(?=\n\n)", re.MULTILINE | re.DOTALL)
_MARKS = re.compile(r"[`*]|\]\([^)]*\)|\[")
_TAG = re.compile(r"(<!--.*?-->|<[^>]+>)", re.DOTALL)
_NAME = re.compile(r"</?([\w-]+)")
_NO_TEXT = frozenset(
    ("a", "button", "code", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "svg", "th")
)
"""Elements whose text gets no link: code, headings, and what is a link already."""
_EMPTY = frozenset(("br", "hr", "img", "input", "link", "meta", "path", "source"))
PLAIN_WORDS = frozenset(
    (
        *("Address", "Codec", "Distribution", "Hint", "Operation", "Option", "Plugin"),
        *("Protocol", "Ring", "Stream", "Type", "ISO"),
    )
)
"""Entries that are no links: everyone knows the words, or ISO is the organisation too."""
_OTHER_MEANING: Mapping[str, tuple[str, ...]] = {"CID": ("bluetooth", "pybluez")}
"""Terms that mean something else on pages with such a word in their names."""


class Term(NamedTuple):
    """A term, the anchor of its entry, and the first sentence of that."""

    name: str
    anchor: str
    summary: str


def terms(markdown: str | None = None) -> Iterator[Term]:
    """Yield the terms of the glossary; an entry may have several, separated by commas."""
    text = (ROOT / "docs" / PAGE).read_text() if markdown is None else markdown
    for entry in _ENTRY.finditer(f"{text}\n\n"):
        plain = " ".join(_MARKS.sub("", entry["text"]).split())
        summary = re.split(r"(?<=\.) (?=[A-Z])", plain)[0]
        anchor = _anchor(entry["terms"])
        for name in entry["terms"].split(", "):
            yield Term(name, anchor, summary)


def _anchor(words: str) -> str:
    return "term-" + re.sub(r"\W+", "-", words.lower()).strip("-")


def with_anchors(html: str) -> str:
    """Return the glossary's page with an anchor for each entry."""
    return re.sub(
        r"<dt>(.*?)</dt>", lambda entry: f'<dt id="{_anchor(entry[1])}">{entry[1]}</dt>', html
    )


def linked(html: str, page: str, glossary: str) -> str:
    """Return a page in which the first use of a term of each entry is a link.

    :param page: its path below ``docs``.
    :param glossary: the address of the glossary from there.
    """
    wanted = {
        _key(term.name): term
        for term in terms()
        if term.name not in PLAIN_WORDS
        and not any(word in page for word in _OTHER_MEANING.get(term.name, ()))
    }
    longest_first = sorted(wanted, key=len, reverse=True)
    any_term = re.compile(
        rf"(?<![\w/-])(?:{'|'.join(map(re.escape, longest_first))})s?(?![\w/-])", re.I
    )

    def link(found: re.Match[str]) -> str:
        key = _key(found[0]) if _key(found[0]) in wanted else _key(found[0].removesuffix("s"))
        term = wanted.get(key)
        if term is None or not _is_written_so(found[0], term.name):
            return found[0]
        for name in [name for name, other in wanted.items() if other.anchor == term.anchor]:
            del wanted[name]
        target = f'href="{glossary}#{term.anchor}" title="{escape(term.summary)}"'
        return f'<a class="term" {target}>{found[0]}</a>'

    parts, inside = [], 0
    for part in _TAG.split(html):
        if not part.startswith("<"):
            parts.append(part if inside else any_term.sub(link, part))
            continue
        name = _NAME.match(part)
        if name and name[1] in _NO_TEXT - _EMPTY and not part.endswith("/>"):
            inside += -1 if part.startswith("</") else 1
        parts.append(part)
    return "".join(parts)


def _key(name: str) -> str:
    return name.lower()


def _is_written_so(found: str, name: str) -> bool:
    """Whether a word is the term: only the case of the first letter of a word may differ."""
    rest = found.removesuffix("s") if not name.endswith("s") else found
    if name.isupper() or not name[0].isupper():
        return rest == name
    return rest[1:] == name[1:]
