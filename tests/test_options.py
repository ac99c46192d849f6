"""Typed options: the rows of SOL_SOCKET, their refusals, and what the kernel keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import famsock
from famsock import codecs, constants, options
from famsock.options import Linger, Meminfo, Option, Timestamping

ROWS = options.collect(vars(options))
KIT: Option[int] = Option("SO_KIT", 7, 4, codecs.BE16)
MS = 1_000_000


@pytest.fixture
def sock() -> Iterator[famsock.socket]:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        yield sock


def test_rows_have_their_constants_numbers() -> None:
    assert len(ROWS) > 5
    for row in ROWS:
        assert row.level == constants.SOL_SOCKET, row.name
        assert row.number == getattr(constants, row.name), row.name


def test_only_rows_are_collected() -> None:
    assert options.collect({"KIT": KIT, "number": 4, "type": Option}) == (KIT,)
    assert options.collect({}) == ()


def test_rows_of_one_name_and_number_are_equal() -> None:
    assert Option("SO_KIT", 7, 4, codecs.INT) == KIT
    assert Option("SO_KIT", 7, 5, codecs.BE16) != KIT
    assert Option("SO_KIT", 7, 4, codecs.BE16, "r") != KIT


def test_values_and_their_bytes() -> None:
    assert KIT.encode(80) == b"\0\x50"
    assert KIT.decode(b"\0\x50") == 80


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (65536, OverflowError, r"^set_option\(\): SO_KIT must be 0-65535, not 65536$"),
        ("80", TypeError, r"^set_option\(\): SO_KIT must be an integer 0-65535, not str$"),
    ],
)
def test_a_value_that_does_not_fit(value: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        KIT.encode(value)


def test_an_option_that_is_only_read(sock: famsock.socket) -> None:
    with pytest.raises(AttributeError, match=r"^option SO_TYPE is read-only$"):
        sock.set_option(options.SO_TYPE, 1)


def test_requests() -> None:
    asking: Option[int] = Option("SO_KIT", 7, 4, codecs.U32, "r", codecs.BE16)
    assert asking.encode_request(None) == KIT.encode_request(None) == b""
    assert asking.encode_request(80) == b"\0\x50"
    with pytest.raises(TypeError, match=r"^option SO_KIT takes no request$"):
        KIT.encode_request(80)


def test_options_that_the_kernel_keeps(sock: famsock.socket) -> None:
    values: dict[Option[Any], Any] = {
        options.SO_BROADCAST: True,
        options.SO_LINGER: Linger(True, 7),
        options.SO_PRIORITY: 5,
        options.SO_RCVTIMEO: 2_500 * MS,
        options.SO_TIMESTAMPING: Timestamping(constants.SOF_TIMESTAMPING_RX_SOFTWARE),
    }
    for row, value in values.items():
        sock.set_option(row, value)
    assert {row: sock.get_option(row) for row in values} == values
    assert sock.get_option("SO_LINGER") == Linger(True, 7)
    assert sock.getsockopt(famsock.SOL_SOCKET, famsock.SO_LINGER, 8) == Linger(True, 7).pack()


def test_options_that_only_the_kernel_sets(sock: famsock.socket) -> None:
    assert sock.get_option(options.SO_TYPE) == famsock.SOCK_DGRAM
    assert sock.get_option(options.SO_DOMAIN) == famsock.AF_INET
    assert sock.get_option(options.SO_PROTOCOL) == famsock.IPPROTO_UDP
    assert sock.get_option(options.SO_ACCEPTCONN) is False
    assert sock.get_option(options.SO_COOKIE) == sock.get_option(options.SO_COOKIE) > 0
    memory = sock.get_option(options.SO_MEMINFO)
    assert isinstance(memory, Meminfo)
    assert memory.rcvbuf == sock.get_option(options.SO_RCVBUF)
    assert (memory.rmem_alloc, memory.drops) == (0, 0)


def test_fields_of_linger_have_ranges() -> None:
    with pytest.raises(OverflowError, match="Linger seconds must be -2147483648-2147483647"):
        Linger(True, 1 << 31)
