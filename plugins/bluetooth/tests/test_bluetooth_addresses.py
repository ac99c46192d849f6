"""Device addresses in every spelling, and what the conformance suite leaves out."""

from __future__ import annotations

from typing import Any

import pytest
from famsock_bluetooth._fields import (
    AddressFormatError,
    AddressTypeError,
    bdaddr_from_bytes,
    bdaddr_to_bytes,
    check_bdaddr,
)
from famsock_bluetooth.addresses import (
    IsoAddress,
    IsoBroadcastAddress,
    L2capAddress,
    ScoAddress,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from famsock.plugin import AddressRangeError, Lookup

pytestmark = pytest.mark.asks_no_kernel

PROPERTY = settings(deadline=None, max_examples=30)
BDADDRS = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":").upper())
LOOKUP = Lookup("bind")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("00:11:22:aa:bb:cc", "00:11:22:AA:BB:CC"),
        ("0:1:2:a:b:c", "00:01:02:0A:0B:0C"),
        ("0x0:0X1:002:a:b:c", "00:01:02:0A:0B:0C"),
        (" 0:\t1: +2:a:b:-0", "00:01:02:0A:0B:00"),
    ],
)
def test_spellings_that_c_reads(text: str, canonical: str) -> None:
    assert check_bdaddr(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00:11:22:33:44",
        "00:11:22:33:44:55:66",
        "00:11:22:33:44:55 ",
        "00:11:22:33:44:55\0",
        "00-11-22-33-44-55",
        "001122334455",
        "00:11:22:33:44:100",
        "00:11:22:33:44:-1",
        "00:11:22:33:44:g0",
        "00:11 :22:33:44:55",
        "00:11:22:33:44:\u0665\u0665",
        "00:11:22:33:44:0_1",
        "::::::",
    ],
)
def test_spellings_that_are_no_address(text: str) -> None:
    with pytest.raises(AddressFormatError, match="bad bluetooth address") as caught:
        check_bdaddr(text)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, ValueError)


@PROPERTY
@given(BDADDRS)
def test_bytes_are_in_reverse(bdaddr: str) -> None:
    assert bdaddr_from_bytes(bdaddr_to_bytes(bdaddr)) == bdaddr
    assert bdaddr_to_bytes(bdaddr)[5] == int(bdaddr[:2], 16)


@PROPERTY
@given(BDADDRS.map(str.lower), st.integers(0, 0xFFFF))
def test_upper_case_comes_out(bdaddr: str, psm: int) -> None:
    assert L2capAddress(bdaddr, psm).to_stdlib(LOOKUP) == (bdaddr.upper(), psm)


def test_psm_and_cid_are_little_endian() -> None:
    packed = L2capAddress("00:00:00:00:00:00", 0x1234, 0x5678).pack()
    assert packed[2:4] == b"\x34\x12"
    assert packed[10:12] == b"\x78\x56"


def test_errors_are_those_of_cpython_and_of_python() -> None:
    with pytest.raises(AddressTypeError) as wrong_type:
        L2capAddress.from_stdlib(("00:11:22:33:44:55",), LOOKUP)
    with pytest.raises(AddressRangeError) as wrong_range:
        L2capAddress.from_stdlib(("00:11:22:33:44:55", -2), LOOKUP)
    assert isinstance(wrong_type.value, OSError)
    assert isinstance(wrong_type.value, TypeError)
    assert wrong_type.value.errno is None
    assert isinstance(wrong_range.value, OSError)
    assert isinstance(wrong_range.value, OverflowError)


def test_sco_text_that_has_no_utf8() -> None:
    with pytest.raises(UnicodeEncodeError):
        ScoAddress.from_stdlib("\ud812", LOOKUP)


BROADCASTS = st.builds(
    IsoBroadcastAddress,
    BDADDRS,
    st.integers(1, 2),
    bc_bdaddr=BDADDRS,
    bc_bdaddr_type=st.integers(1, 2),
    bc_sid=st.integers(0, 255),
    bc_bis=st.lists(st.integers(1, 31), min_size=1, max_size=31).map(tuple),
)


@PROPERTY
@given(BROADCASTS)
def test_broadcast_address_survives_every_shape(address: IsoBroadcastAddress) -> None:
    packed = address.pack()
    assert len(packed) == 50
    assert IsoAddress.unpack(packed) == address
    assert IsoAddress.parse(str(address)) == address
    assert IsoAddress.from_stdlib(address.to_stdlib(LOOKUP), LOOKUP) == address


def test_broadcast_layout() -> None:
    address = IsoBroadcastAddress(
        "00:00:00:00:00:01", 1, bc_bdaddr="00:00:00:00:00:02", bc_sid=3, bc_bis=(4, 5)
    )
    head = "1f00 010000000000 01  020000000000 01 03 02 04 05"
    assert address.pack() == bytes.fromhex(head).ljust(50, b"\0")


@pytest.mark.parametrize(
    ("bis", "error", "match"),
    [
        ((0,), OverflowError, "bc_bis must hold 1-31, not 0"),
        ((32,), OverflowError, "bc_bis must hold 1-31, not 32"),
        ((256,), OverflowError, "bc_bis must be 0-255, not 256"),
        ((1,) * 32, ValueError, "bc_bis must have at most 31 items, not 32"),
        ((1.0,), TypeError, "bc_bis must be an integer"),
        (7, TypeError, "bc_bis must be a tuple of integers"),
    ],
)
def test_broadcast_streams_out_of_range(bis: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        IsoBroadcastAddress("00:00:00:00:00:01", bc_bis=bis)


def test_unicast_sockaddr_with_more_bytes_is_unicast() -> None:
    address = IsoAddress("00:11:22:33:44:55")
    assert IsoAddress.unpack(address.pack() + bytes(39)) == address
