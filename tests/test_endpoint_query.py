"""The query of endpoints: the values of settings, and the name that was meant by another."""

from __future__ import annotations

from typing import Any

import pytest

from famsock import endpoints
from famsock._endpoint_query import SETTINGS, read_query
from famsock._endpoint_text import Part, query_items


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("backlog", "0", 0),
        ("backlog", "2147483647", 2147483647),
        ("mode", "660", 0o660),
        ("mode", "0o7", 7),
        ("unlink", "0", False),
        ("unlink", "1", True),
        ("netns", "/proc/1/ns/net", "/proc/1/ns/net"),
        ("interface", "123456789012345", "123456789012345"),
    ],
)
def test_values_of_settings(name: str, text: str, value: Any) -> None:
    assert SETTINGS[name](text) == value


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("backlog", ["", "-1", "2147483648", "1" * 5000, "\u0661", "1.0", "0x10", " 1"]),
        ("mode", ["", "8", "1000", "00777", "-7", "0o", "rw"]),
        ("unlink", ["", "2", "yes", "True", "\u0661"]),
        ("netns", ["", "a/b", "..", "\0"]),
        ("interface", ["", "1234567890123456", "a\0b", "\u00e4" * 8]),
        ("family", ["", "AF_NO", "2", "\0"]),
    ],
)
def test_values_that_no_setting_has(name: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(ValueError, match=r"\w"):
            SETTINGS[name](text)


def test_every_setting_is_tried_here() -> None:
    assert set(SETTINGS) == {"backlog", "family", "interface", "mode", "netns", "unlink"}


def test_items_that_are_no_settings_are_left() -> None:
    items = list(query_items(Part("backlog=5&SO_MARK=7")))
    settings, others = read_query(items, SETTINGS)
    assert {name: value for name, (_, value) in settings.items()} == {"backlog": 5}
    assert others == [("SO_MARK", "7")]
    assert read_query(None, SETTINGS) == ({}, [])


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("tcp://h:1?SO_MARKK=7", "SO_MARK"),
        ("tcp://h:1?TCP_NODELY=1", "TCP_NODELAY"),
        ("tcp://h:1?baklog=1", "backlog"),
        ("tcp://h:1?netsn=x", "netns"),
        ("tcp://h:1?so_mrk=7", "SO_MARK"),
        ("udp6://h:1?family=AF_INTE6", "AF_INET6"),
    ],
)
def test_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{meant}'"):
        endpoints.parse(text)
