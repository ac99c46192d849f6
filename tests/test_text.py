"""The text form of addresses: what is quoted, what is left out, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famsock import cstruct
from famsock._sockaddr import sockaddr
from famsock._text import _pieces, quote, split, unquote, without_scheme
from famsock.address import Address


@sockaddr(
    "struct sockaddr_kit",
    header="",
    family=46,
    family_name="AF_KIT",
    stdlib=("name", "port", "zone"),
)
class KitAddress(Address):
    """A name, a port, a zone that may be left out, and two fields beyond the stdlib's form."""

    name: str = cstruct.char("kit_name", 64)
    port: int = cstruct.be16("kit_port")
    zone: int = cstruct.u8("kit_zone", default=0)
    flags: int = cstruct.u8("kit_flags", default=0)
    key: bytes = cstruct.raw("kit_key", 2, default=bytes(2))


NAMES = st.binary(max_size=63).filter(lambda raw: 0 not in raw)


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", ""),
        ("name", "name"),
        ("a:b", "[a:b]"),
        ("fe80::1%eth0", "[fe80::1%eth0]"),
        ("[x]", r"\[x\]"),
        ("a?b&c=d\\", r"a\?b\&c\=d" + "\\\\"),
        ("a b\n", r"a\x20b\x0a"),
        ("\u00e4", "\u00e4"),
        ("\udcff", r"\xff"),
    ],
)
def test_quoting(value: str, quoted: str) -> None:
    assert quote(value) == quoted
    assert unquote(quoted) == value


@given(NAMES)
def test_every_value_survives_quoting(raw: bytes) -> None:
    value = raw.decode("utf-8", "surrogateescape")
    quoted = quote(value)
    assert unquote(quoted) == value
    assert quoted.isprintable()
    assert split(quoted, "?") == [quoted]
    assert split(f"{quoted}:80", ":") == [quoted, "80"]


@pytest.mark.parametrize("text", ["name\\", r"\xg0", r"\x1"])
def test_a_backslash_that_quotes_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"backslash at the end|non-hexadecimal"):
        unquote(text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", [""]),
        (":", ["", ""]),
        ("a:b:c", ["a", "b", "c"]),
        ("[a:b]:c", ["[a:b]", "c"]),
        (r"a\:b:c", [r"a\:b", "c"]),
        (r"\[a:b", [r"\[a", "b"]),
    ],
)
def test_splitting(text: str, pieces: list[str]) -> None:
    assert split(text, ":") == pieces


@given(st.text(st.sampled_from("[]:?\\ab"), max_size=12), st.sampled_from(":?&"))
def test_splitting_is_the_same_piece_by_piece(text: str, separator: str) -> None:
    assert split(text, separator) == [*_pieces(text, separator)]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("kit://a:1", "a:1"),
        ("kit+dgram://a:1", "a:1"),
        ("can-raw://a", "a"),
        ("a:1", "a:1"),
        ("/run/x://y", "/run/x://y"),
        ("://y", "://y"),
    ],
)
def test_a_scheme_in_front(text: str, rest: str) -> None:
    assert without_scheme(text) == rest


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (KitAddress("a", 80), "a:80"),
        (KitAddress("a", 80, 2), "a:80:2"),
        (KitAddress("a", 0), "a:0"),
        (KitAddress("", 80), ":80"),
        (KitAddress("a:b", 80), "[a:b]:80"),
        (KitAddress("a", 80, flags=1), "a:80?flags=1"),
        (KitAddress("a", 80, 0, 1, b"\1\2"), "a:80?flags=1&key=0102"),
        (KitAddress("a", 80, 2, key=b"\1\2"), "a:80:2?key=0102"),
    ],
)
def test_text_of_addresses(address: KitAddress, text: str) -> None:
    assert str(address) == text
    assert KitAddress.parse(text) == address
    assert KitAddress.parse(f"kit://{text}") == address


@given(
    NAMES,
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(min_size=2, max_size=2),
)
def test_every_address_survives_its_text(
    name: bytes, port: int, zone: int, flags: int, key: bytes
) -> None:
    address = KitAddress(name.decode("utf-8", "surrogateescape"), port, zone, flags, key)
    assert KitAddress.parse(str(address)) == address


def test_fields_of_the_stdlib_form_may_be_named() -> None:
    assert KitAddress.parse("a:0x50?zone=2") == KitAddress("a", 80, 2)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a", "AF_KIT address 'a' has no port: it is name:port:zone"),
        ("", "AF_KIT address '' has no name: it is name:port:zone"),
        ("a:1:2:3", "AF_KIT address is name:port:zone, not 'a:1:2:3'"),
        ("a:1?flags=1?key=0102", "AF_KIT address has more than one '?'"),
        ("a:1?colour=1", "AF_KIT address has no field 'colour' here"),
        ("a:1?port=2", "AF_KIT address has no field 'port' here"),
        ("a:port", "AF_KIT address 'a:port': must be an integer"),
        ("a:65536", "AF_KIT port must be 0-65535, not 65536"),
        ("a:1?key=01", "AF_KIT key must be 2 bytes, not 1"),
        ("a:1?key=xx", "AF_KIT address 'a:1.key=xx': must be hexadecimal digits"),
        ("a\\:1", "AF_KIT address .* has no port"),
    ],
)
def test_text_that_is_no_address(text: str, match: str) -> None:
    with pytest.raises((ValueError, OverflowError), match=match):
        KitAddress.parse(text)
