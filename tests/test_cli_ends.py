"""Options of the ends of a relay: what fits together, and what is said if it does not."""

from __future__ import annotations

import ssl
from typing import Any

import click
import pytest

from famsock._cli.ends import make_end

NOTHING: dict[str, Any] = {
    f"{key}_{end}": None
    for key in ("tls", "certificate", "key", "ca", "server_name", "no_verify")
    for end in "ab"
}


def end(name: str = "b", role: Any = None, **given: Any) -> Any:
    values = {**NOTHING, **{f"{key}_{name}": value for key, value in given.items()}}
    return make_end("tcp://127.0.0.1:1", role, (), name, values)


def test_no_tls() -> None:
    made = end()
    assert made.tls is None
    assert str(made.endpoint) == "tcp://127.0.0.1:1"


def test_a_client_checks_the_name() -> None:
    tls = end(tls=True, server_name="example.org").tls
    assert tls.server_hostname == "example.org"
    assert tls.context.check_hostname
    assert tls.context.verify_mode is ssl.CERT_REQUIRED


def test_a_client_that_takes_any_certificate() -> None:
    tls = end(tls=True, no_verify=True).tls
    assert tls.context.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tls": True}, "--server-name"),
        ({"server_name": "x"}, "needs --tls"),
        ({"no_verify": True}, "--no-verify needs --tls"),
        ({"tls": True, "name": "a"}, "--certificate"),
        ({"tls": True, "role": "listen"}, "--certificate"),
        ({"tls": True, "no_verify": True, "certificate": "/dev/null"}, "TLS: "),
        ({"tls": True, "no_verify": True, "ca": "/dev/null"}, "TLS: "),
    ],
)
def test_what_does_not_fit_is_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(click.UsageError, match=words):
        end(**given)


def test_a_text_that_is_no_endpoint() -> None:
    with pytest.raises(click.UsageError):
        make_end("tcp", None, (), "a", NOTHING)
