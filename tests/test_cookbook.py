"""The cookbook: its recipes print what their pages show, and every page is reached."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from famsock_alg import AlgAddress, AlgSocket
from famsock_can.filters import CanFilter
from famsock_rds import RdsSocket
from famsock_tipc import ServiceAddress, TipcRdmSocket
from famsock_unix import UnixDatagramSocket, UnixStreamSocket
from famsock_unix.control import SCM_CREDENTIALS

import famsock
from tests import pages
from tests.pages import ROOT, Block

COOKBOOK = ROOT / "docs" / "cookbook"
OPTIONAL = ("aioquic",)
"""Modules that recipes import and that not every Python has: see pyproject.toml."""
RECIPES = sorted(page for page in COOKBOOK.glob("*.md") if page.stem != "index")


def recipes() -> Iterator[Any]:
    """The blocks of each page, by what they need. The lab runs those that need its kernels."""
    for page in RECIPES:
        for group in pages.groups(str(page.relative_to(ROOT)), "python", "sh"):
            needed = {mark.name for mark in group.marks}
            asks = needed & {"needs_family", "needs_interface", "needs_module"}
            if asks or not os.environ.get("FAMSOCK_LAB"):
                yield group


@pytest.mark.parametrize(("page", "blocks", "fixtures"), list(recipes()))
def test_a_recipe_prints_what_its_page_shows(
    page: Path,
    blocks: list[Block],
    fixtures: list[str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    programs = "".join(block.program for block in blocks)
    for module in OPTIONAL:
        if re.search(rf"^from {module}\b", programs, re.MULTILINE):
            pytest.importorskip(module)
    for fixture in fixtures:
        request.getfixturevalue(fixture)
    pages.check(page, blocks, tmp_path)


# What can go wrong


def _send_many_descriptors() -> None:
    with UnixDatagramSocket() as sock:
        sock.send_descriptors(b"x", [0] * 254)


def _send_only_descriptors() -> None:
    with UnixStreamSocket() as sock:
        sock.send_descriptors(b"", [0])


def _hash_by_an_unknown_algorithm() -> None:
    with AlgSocket() as sock:
        sock.bind(AlgAddress("hash", "no-such-hash"))


def _ask_nobody() -> None:
    with TipcRdmSocket() as sock:
        sock.sendto(b"x", ServiceAddress(0xFAC00, 1))


def _send_unbound() -> None:
    with RdsSocket() as sock:
        sock.sendto(b"x", ("127.0.0.1", 4000))


needs_vsock = pytest.mark.needs_module("vsock_loopback")
TROUBLES = [
    pytest.param(page, name, call, id=f"{page}:{name}", marks=marks)
    for page, name, call, *marks in (
        ("passing-descriptors", "ValueError", _send_many_descriptors),
        ("passing-descriptors", "ValueError", _send_only_descriptors),
        ("can-filters", "OverflowError", lambda: CanFilter.exact(0x18DAF110)),
        ("systemd-activation", "ValueError", lambda: famsock.listen("systemd://")),
        (
            "routes-of-a-namespace",
            "FileNotFoundError",
            lambda: famsock.open_datagram("netlink-route://0?netns=no-such-namespace"),
        ),
        (
            "kernel-hash",
            "ENOENT",
            _hash_by_an_unknown_algorithm,
            pytest.mark.needs_family("AF_ALG", "alg"),
        ),
        ("tipc-service", "EHOSTUNREACH", _ask_nobody, pytest.mark.needs_family("AF_TIPC")),
        ("rds-datagrams", "ENOTCONN", _send_unbound, pytest.mark.needs_family("AF_RDS")),
        (
            "http-over-vsock",
            "ECONNRESET",
            lambda: famsock.connect("vsock://local:9", timeout=60),
            needs_vsock,
        ),
        (
            "http-over-vsock",
            "ENODEV",
            lambda: famsock.connect("vsock://77:9", timeout=60),
            needs_vsock,
        ),
    )
]


@pytest.mark.parametrize(("page", "name", "call"), TROUBLES)
def test_an_error_is_the_one_that_its_page_names(
    page: str, name: str, call: Callable[[], object]
) -> None:
    _, _, trouble = (COOKBOOK / f"{page}.md").read_text().partition("## What can go wrong")
    assert name in trouble
    with pytest.raises((OSError, OverflowError, ValueError)) as raised:
        call()
    number = getattr(raised.value, "errno", None) or 0
    assert name in {type(raised.value).__name__, errno.errorcode.get(number)}


def test_a_message_sent_before_credentials_were_asked_for_has_no_pid(tmp_path: Path) -> None:
    with UnixDatagramSocket() as receiver, UnixDatagramSocket() as sender:
        receiver.bind(str(tmp_path / "s"))
        sender.sendto(b"x", str(tmp_path / "s"))
        receiver.set_option("SO_PASSCRED", True)
        credentials = receiver.recv_message().get(SCM_CREDENTIALS)
    assert credentials is not None
    assert (credentials.pid, credentials.uid) == (0, 65534)
