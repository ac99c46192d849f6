"""The query of an endpoint's text: settings of `famsock.endpoints.Endpoint`, and options."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from famsock import _endpoint_text as _text
from famsock._endpoint_text import Part
from famsock._hints import did_you_mean
from famsock._netns import path_of
from famsock._registry import plugins
from famsock.family import Family

if TYPE_CHECKING:
    from famsock._definitions import Definitions


def read_query(
    items: list[tuple[Part, Part]] | None, known: Mapping[str, Callable[[str], Any]]
) -> tuple[dict[str, tuple[Part, Any]], list[tuple[Part, Part]]]:
    """Return the settings of a query by name, with their places, and the items that are others."""
    settings: dict[str, tuple[Part, Any]] = {}
    others = []
    for name, value in items or ():
        read = known.get(str(name))
        if read is None:
            others.append((name, value))
        elif str(name) in settings:
            raise name.mistake(f"{name} is stated twice")
        else:
            written = _text.unquoted(value)
            try:
                settings[str(name)] = name, read(written)
            except ValueError as error:
                raise value.mistake(f"{name}: {error}") from None
    return settings, others


def _read_backlog(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) < 1 << 31):
        raise ValueError(f"must be 0-2147483647, not {text!r}")
    return int(text)


def _read_mode(text: str) -> int:
    digits = text.removeprefix("0o")
    if (
        not digits
        or len(digits) > 4
        or not set(digits) <= set("01234567")
        or int(digits, 8) > 0o777
    ):
        raise ValueError(f"must be octal, 0-777, not {text!r}")
    return int(digits, 8)


def _read_unlink(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"must be 0 or 1, not {text!r}")
    return text == "1"


def _read_netns(text: str) -> str:
    path_of(text)
    return text


def _read_interface(text: str) -> str:
    if not text or len(os.fsencode(text)) > 15 or "\0" in text:
        raise ValueError(f"must be the name of an interface, 1-15 bytes, not {text!r}")
    return text


def _read_family(text: str) -> Family:
    name = text.upper()
    family = plugins.family(name)
    if family is None:
        near = did_you_mean(name, plugins.names())
        raise ValueError(f"no plugin is of a family {text!r}{near}")
    return family


SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "backlog": _read_backlog,
    "family": _read_family,
    "interface": _read_interface,
    "mode": _read_mode,
    "netns": _read_netns,
    "unlink": _read_unlink,
}
"""The settings of a query, and the functions that read their values."""


def read_option(definitions: Definitions, name: Part, value: Part) -> tuple[str, Any]:
    """Return the name and the typed value of an option that a query states."""
    try:
        row = definitions.option(name.upper())
    except LookupError as error:
        known = [*SETTINGS, *definitions.options]
        near = did_you_mean(str(name), known) or did_you_mean(name.upper(), known)
        message = str(error.args[0]).partition(";")[0].replace(name.upper(), str(name))
        raise name.mistake(f"{message}{near}") from None
    try:
        return row.name, _text.read_value(row, _text.unquoted(value))
    except ValueError as error:
        raise value.mistake_at_end(error) from None
