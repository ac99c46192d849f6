"""Hooks of mkdocs: they add the generated pages, and find public names that no page has.

``hooks`` of mkdocs.yml names this file. A folder in the navigation there ("reference/") stands for
the generated pages below it.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_LOG = logging.getLogger("mkdocs.hooks")  # `mkdocs build --strict` fails on its warnings
_MEMBERS = re.compile(r"^::: (\S+)$.*?^      members: \[(.*?)\]$", re.MULTILINE | re.DOTALL)
_SEARCH_BOOSTS = {
    "cookbook/": 5,
    "installing.md": 5,
    "writing-a-family.md": 5,
    "troubleshooting.md": 5,
    "reference/constants/": 4,
    "reference/options.md": 4,
}
"""The factor by which a hit counts in the site's search, on pages whose path begins so.

A newcomer's words shall lead to recipes, an errno to its causes, and a name to its row.
"""
_EMPTY_HEADER = re.compile(r"<th([^>]*)></th>")


def on_startup(**_given: Any) -> None:
    """Let warnings through with ``--quiet``, which else keeps them from ``--strict`` too."""
    mkdocs = logging.getLogger("mkdocs")
    mkdocs.setLevel(min(mkdocs.getEffectiveLevel(), logging.WARNING))


def on_config(config: MkDocsConfig) -> None:
    """Replace each folder in the navigation by the generated pages below it; state the version."""
    import famsock
    from tools import site_pages

    config.nav = [
        {title: site_pages.navigation(target) if _is_folder(target) else target}
        for entry in config.nav or ()
        for title, target in entry.items()
    ]
    config.copyright = f"famsock {famsock.__version__}"


def _is_folder(target: Any) -> bool:
    return isinstance(target, str) and target.endswith("/")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the generated pages and figures to those of the folder ``docs``."""
    from mkdocs.structure.files import File

    from tools import addressing, interface, site_figures, site_pages

    for line in interface.all_differences():
        _LOG.warning("docs/interface.md: %s", line)
    generated = (*site_pages.pages(), *site_figures.figures(), *addressing.figures())
    for path, text in generated:
        files.append(File.generated(config, path, content=text))


def on_page_markdown(markdown: str, page: Page, **_given: Any) -> None:
    """State how much a page counts in the search."""
    for beginning, boost in _SEARCH_BOOSTS.items():
        if page.file.src_uri.startswith(beginning):
            page.meta["search"] = {"boost": boost}


def on_page_content(html: str, page: Page, files: Files, **_given: Any) -> str:
    """Warn of a public name that has no description; link terms; make an empty corner no header.

    A header of a table without text tells a screen reader's user nothing.
    """
    from tools import glossary

    for module, members in _MEMBERS.findall(page.markdown or ""):
        for name in members.split(", "):
            if f'id="{module}.{name}"' not in html:
                _LOG.warning("%s does not describe %s.%s", page.file.src_uri, module, name)
    html = _EMPTY_HEADER.sub(r"<td\1></td>", html)
    entries = files.get_file_from_path(glossary.PAGE)
    if page.file.generated_by or entries is None:
        return html
    if page.file is entries:
        return glossary.with_anchors(html)
    return glossary.linked(html, page.file.src_uri, entries.url_relative_to(page.file))


def on_post_page(output: str, **_given: Any) -> str:
    """Name the dialog of the search, which the theme leaves without a name."""
    return output.replace(
        'data-md-component="search" role="dialog"',
        'data-md-component="search" role="dialog" aria-label="Search"',
    )
