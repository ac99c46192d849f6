"""The glossary's terms are links where a page first uses them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from tools import glossary, mkdocs_hooks
from tools.interface import ROOT

TERMS = [*glossary.terms()]


def linked(html: str, page: str = "a.md") -> str:
    """Return a page whose links are shown as [words](anchor)."""
    found = glossary.linked(html, page, "../glossary/")
    return re.sub(
        r'<a class="term" href="\.\./glossary/#term-([\w-]+)" title="[^"]+">(.*?)</a>',
        r"[\2](\1)",
        found,
    )


def test_every_entry_is_read() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text()
    assert len({term.anchor for term in TERMS}) == len(re.findall("^:   ", text, re.MULTILINE))
    assert len({term.name for term in TERMS}) == len(TERMS) > 50
    assert {term.name for term in TERMS} > glossary.PLAIN_WORDS
    assert all(term.summary.endswith(".") and "[" not in term.summary for term in TERMS)


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>pidfd or pidfd</p>", "<p>[pidfd](pidfd) or pidfd</p>"),
        ("<p>Datagrams come</p>", "<p>[Datagrams](datagram) come</p>"),
        ("<p>an error queue</p>", "<p>an [error queue](error-queue)</p>"),
        ("<td>GRO</td>", "<td>[GRO](gso-gro)</td>"),
        ("<p>gro</p>", "<p>gro</p>"),
        ("<p>GSO and GRO</p>", "<p>[GSO](gso-gro) and GRO</p>"),
        ("<p>SO_PIDFD, pidfd_open</p>", "<p>SO_PIDFD, pidfd_open</p>"),
        ("<p>an option of ISO 15765</p>", "<p>an option of ISO 15765</p>"),
        ("<h2>pidfd</h2><p>pidfd</p>", "<h2>pidfd</h2><p>[pidfd](pidfd)</p>"),
        ("<a href='x'>pidfd</a>", "<a href='x'>pidfd</a>"),
        ("<pre><code>a pidfd</code> pidfd</pre>", "<pre><code>a pidfd</code> pidfd</pre>"),
        ("<!-- pidfd --><img alt='pidfd'>", "<!-- pidfd --><img alt='pidfd'>"),
        ("<p>CAN filter</p>", "<p>[CAN filter](can-filter)</p>"),
    ],
)
def test_the_first_use_of_a_term_is_a_link(html: str, shown: str) -> None:
    assert linked(html) == shown


def test_a_term_with_two_meanings_is_linked_where_it_has_the_glossary_s() -> None:
    assert linked("<p>CID 2</p>", "families/vsock.md") == "<p>[CID](cid) 2</p>"
    assert linked("<p>CID 4</p>", "families/bluetooth.md") == "<p>CID 4</p>"


def test_only_pages_that_are_written_by_hand_have_links() -> None:
    entries = SimpleNamespace(generated_by=None, src_uri="glossary.md")
    entries.url_relative_to = lambda other: "../glossary/"
    files: Any = SimpleNamespace(get_file_from_path={"glossary.md": entries}.get)

    def content(html: str, file: object) -> str:
        page: Any = SimpleNamespace(markdown="", file=file)
        return mkdocs_hooks.on_page_content(html, page=page, files=files)

    html = "<p>pidfd</p>"
    assert 'href="../glossary/#term-pidfd"' in content(
        html, SimpleNamespace(generated_by=None, src_uri="http.md")
    )
    assert content(html, SimpleNamespace(generated_by="mkdocs", src_uri="b.md")) == html
    assert content("<dt>GSO, GRO</dt>", entries) == '<dt id="term-gso-gro">GSO, GRO</dt>'
