"""Hooks of mkdocs: they add the generated pages, and their part of the navigation.

``hooks`` of mkdocs.yml names this file. A folder in the navigation there ("reference/") stands for
the generated pages below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


def on_config(config: MkDocsConfig) -> None:
    """Replace each folder in the navigation by the pages that are generated below it."""
    from tools import site_pages

    config.nav = [
        {title: site_pages.navigation(target) if _is_folder(target) else target}
        for entry in config.nav or ()
        for title, target in entry.items()
    ]


def _is_folder(target: Any) -> bool:
    return isinstance(target, str) and target.endswith("/")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the generated pages to those of the folder ``docs``."""
    from mkdocs.structure.files import File

    from tools import site_pages

    for path, text in site_pages.pages():
        files.append(File.generated(config, path, content=text))
