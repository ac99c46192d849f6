"""Sockaddr layouts: which are refused, and their conversion, alike in C and in Python."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from famsock import _calls
from famsock._calls.converter import Converter
from famsock._calls.layout import INTEGERS, WIDTHS, SockaddrLayout, integer_field

HEAD = b"\x2e\x00"
NATIVE = _calls.native
CONVERTERS = [Converter] if NATIVE is None else [Converter, NATIVE.Converter]
LO = 1
GONE = (1 << 31) - 1  # the index of no interface


@pytest.fixture(params=CONVERTERS, ids=lambda cls: cls.__module__.rpartition(".")[2])
def converter(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def sock() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield sock


def field(kind: str, offset: int = 2) -> tuple[str, str, int, int]:
    if kind in INTEGERS:
        return integer_field(kind, kind, offset)
    return kind, kind, offset, 0


def layout_of(*kinds: str, required: int | None = None) -> SockaddrLayout:
    """The fields one after the other, with a byte in front of each for those that are counted."""
    fields, offset = [], 2
    for kind in kinds:
        offset += kind == "counted8"
        fields.append(field(kind, offset))
        offset += WIDTHS[kind]
    return SockaddrLayout(HEAD, offset, tuple(fields), required)


# Layouts


U8 = field("u8")


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((b"\1", 8, (U8,)), "2 bytes in front"),
        ((b"\1\2\3", 8, (U8,)), "2 bytes in front"),
        ((HEAD, 1, (U8,)), "2-128 bytes"),
        ((HEAD, 129, (U8,)), "2-128 bytes"),
        ((HEAD, 8, ()), "1-8 fields"),
        ((HEAD, 64, (U8,) * 9), "1-8 fields"),
        ((HEAD, 8, (("f", "i32", 2, 0),)), "field 'f' is of no kind that there is: 'i32'"),
        ((HEAD, 8, (field("u8", 1),)), "field 'u8' lies outside of 8 bytes"),
        ((HEAD, 8, (field("u8", -1),)), "outside of 8"),
        ((HEAD, 8, (field("u8", 8),)), "outside of 8"),
        ((HEAD, 8, (field("u64", 2),)), "outside of 8"),
        ((HEAD, 64, (field("counted8", 2),)), "outside of 64"),
        ((HEAD, 109, (field("path", 2),)), "outside of 109"),
        ((HEAD, 128, (field("path", 4),)), "field 'path': a path is the only field, at offset 2"),
        ((HEAD, 128, (field("path"), U8)), "the only field"),
        ((HEAD, 128, (U8, field("path"))), "the only field"),
        ((HEAD, 8, (U8, field("u16", 2))), "field 'u16' lies over another one"),
        ((HEAD, 8, (field("u16", 5), field("u32"))), "field 'u16' lies over another one"),
        ((HEAD, 64, (U8, field("counted8", 3))), "field 'counted8' lies over another one"),
        ((HEAD, 8, (("f", "u8", 2, 256),)), "field 'f': no u8 is as high as 256"),
        ((HEAD, 8, (("f", "be16", 2, -1),)), "no be16 is as high as -1"),
        ((HEAD, 8, (U8,), 0), "1-1 fields are required, not 0"),
        ((HEAD, 8, (U8,), 2), "1-1 fields are required, not 2"),
        ((HEAD, 8, (U8,), 1, 1), "at least 2-8 bytes are read, not 1"),
        ((HEAD, 8, (U8,), 1, 9), "at least 2-8 bytes are read, not 9"),
    ],
)
def test_a_layout_that_contradicts_itself(arguments: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        SockaddrLayout(*arguments)


@pytest.mark.asks_no_kernel
def test_a_field_that_is_no_integer() -> None:
    with pytest.raises(ValueError, match="field 'host': 'ipv4' is no kind of integer"):
        integer_field("host", "ipv4", 4)


@pytest.mark.asks_no_kernel
def test_an_integer_holds_what_fits_or_less() -> None:
    assert integer_field("port", "be16", 2) == ("port", "be16", 2, 65535)
    assert integer_field("name", "u64", 8) == ("name", "u64", 8, (1 << 64) - 1)
    assert integer_field("flow", "be32", 4, 0xFFFFF) == ("flow", "be32", 4, 0xFFFFF)


@pytest.mark.asks_no_kernel
def test_a_layout_says_what_it_is() -> None:
    made = SockaddrLayout(HEAD, 8, (field("be16"), field("u32", 4)), required=1, least_bytes=4)
    assert (made.names, made.is_path) == (("be16", "u32"), False)
    assert (made.head, made.size_bytes, made.required, made.least_bytes) == (HEAD, 8, 1, 4)
    plain = SockaddrLayout(HEAD, 8, (field("be16"), field("u32", 4)))
    assert (plain.required, plain.least_bytes) == (2, 8)
    assert SockaddrLayout(HEAD, 110, (field("path"),)).is_path


@pytest.mark.asks_no_kernel
@pytest.mark.compiled_layer
def test_a_layout_that_was_changed_writes_nowhere_else() -> None:
    assert NATIVE is not None
    made = SockaddrLayout(HEAD, 8, (field("u8"),))
    for offset in (-1, 1, 8, 1000):
        made.fields = (("f", "u8", offset, 255),)
        with pytest.raises(ValueError, match=f"no offset in 8 bytes: {offset}"):
            NATIVE.Converter(made)


# Conversion of each kind

IPV6 = "2001:db8::1", socket.inet_pton(socket.AF_INET6, "2001:db8::1")
LO_INDEX = LO.to_bytes(4, sys.byteorder)
BIG = sys.byteorder == "big"
CONVERTED: list[tuple[str, Any, bytes]] = [
    ("u8", 0xFE, b"\xfe"),
    ("u16", 0x0102, b"\1\2" if BIG else b"\2\1"),
    ("u32", 0x01020304, b"\1\2\3\4" if BIG else b"\4\3\2\1"),
    ("u64", (1 << 64) - 2, b"\xff" * 7 + b"\xfe" if BIG else b"\xfe" + b"\xff" * 7),
    ("u64", 1 << 63, b"\x80" + bytes(7) if BIG else bytes(7) + b"\x80"),
    ("be16", 0x0102, b"\1\2"),
    ("be32", 0xFFFFFFFE, b"\xff\xff\xff\xfe"),
    ("ipv4", "255.0.10.109", bytes((255, 0, 10, 109))),
    ("ipv6", *IPV6),
    ("ifname", "lo", LO_INDEX),
    ("ifname", "", bytes(4)),
    ("ifname_given", "lo", LO_INDEX),
    ("ifname_known", "lo", LO_INDEX),
]


@pytest.mark.asks_no_kernel
def test_every_kind_is_tried() -> None:
    assert {kind for kind, *_ in CONVERTED} | {"counted8", "path"} == WIDTHS.keys()


@pytest.mark.parametrize(("kind", "item", "packed"), CONVERTED)
def test_a_kind_both_ways(
    converter: Any, sock: socket.socket, kind: str, item: Any, packed: bytes
) -> None:
    made = converter(layout_of("u8", kind))
    assert made.encode(sock, (7, item)) == HEAD + b"\7" + packed
    assert made.decode(sock, HEAD + b"\7" + packed) == (7, item)
    assert made.is_kept is not kind.startswith("ifname")
    assert made.is_path is False


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("length", range(9))
def test_bytes_that_are_counted(converter: Any, length: int) -> None:
    made = converter(layout_of("counted8"))
    item = bytes(range(1, length + 1))
    sockaddr = HEAD + bytes((length,)) + item.ljust(8, b"\0")
    assert made.encode(None, (item,)) == sockaddr
    assert made.decode(None, sockaddr) == (item,)
    assert made.encode(None, (bytes(9),)) is None
    assert made.decode(None, HEAD + b"\x09" + bytes(8)) is None


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(
    ("form", "rest", "given"),
    [
        ("", b"", ""),
        ("a", b"a\0", "a"),
        (b"a", b"a\0", "a"),
        ("a" * 107, b"a" * 107 + b"\0", "a" * 107),
        (b"\xff\xfe", b"\xff\xfe\0", "\udcff\udcfe"),
        (b"\0a\0", b"\0a\0", b"\0a\0"),
        ("\0a", b"\0a", b"\0a"),
        (b"\0" + b"b" * 107, b"\0" + b"b" * 107, b"\0" + b"b" * 107),
        ("\xe9", b"\xc3\xa9\0", "\xe9"),
    ],
)
def test_a_path(converter: Any, form: Any, rest: bytes, given: Any) -> None:
    made = converter(SockaddrLayout(HEAD, 110, (field("path"),)))
    assert made.is_path
    assert made.encode(None, form) == HEAD + rest
    assert made.decode(None, HEAD + rest) == given


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(
    "form",
    ["a" * 108, b"a" * 108, "\0" * 109, "a\0b", b"a\0", "\ud800", ("a",), 5, None, bytearray(1)],
)
def test_a_path_for_the_class(converter: Any, form: Any) -> None:
    made = converter(SockaddrLayout(HEAD, 110, (field("path"),)))
    assert made.encode(None, form) is None


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(
    ("kind", "item"),
    [
        *((kind, -1) for kind in INTEGERS if kind != "u32"),
        *((kind, item) for kind in INTEGERS for item in (-2, 1 << 64, True, 1.0, "1", None)),
        *((kind, 1 << 8 * WIDTHS[kind]) for kind in INTEGERS),
        *(
            ("ipv4", item)
            for item in ("", "1.2.3", "host", "1.2.3.4\0", b"1.2.3.4", "\xb2.1.1.1", 1)
        ),
        *(("ipv6", item) for item in ("", "::1%lo", "1.2.3.4", "::\0", b"::1", None)),
        *(("ifname", item) for item in ("nosuch0", "a" * 16, "lo\0", b"lo", "\xe9", 1)),
        ("ifname_given", ""),
        *(("counted8", item) for item in ("a", bytearray(1), None)),
    ],
)
def test_an_item_for_the_class(converter: Any, sock: socket.socket, kind: str, item: Any) -> None:
    assert converter(layout_of(kind)).encode(sock, (item,)) is None


@pytest.mark.asks_no_kernel
def test_minus_one_is_all_ones_in_32_bits(converter: Any, sock: socket.socket) -> None:
    assert converter(layout_of("u32")).encode(sock, (-1,)) == HEAD + b"\xff" * 4
    lower = SockaddrLayout(HEAD, 6, (integer_field("u32", "u32", 2, 0x40000),))
    assert converter(lower).encode(sock, (-1,)) is None
    for item in (-1.0, True, -2):
        assert converter(layout_of("u32")).encode(sock, (item,)) is None


@pytest.mark.asks_no_kernel
def test_subclasses_are_for_the_class(converter: Any) -> None:
    class Text(str):
        __slots__ = ()

    class Pair(tuple[Any, ...]):
        __slots__ = ()

    made = converter(layout_of("ipv4", "be16"))
    assert made.encode(None, ("127.0.0.1", 9))
    assert made.encode(None, (Text("127.0.0.1"), 9)) is None
    assert made.encode(None, Pair(("127.0.0.1", 9))) is None
    assert made.encode(None, ["127.0.0.1", 9]) is None


@pytest.mark.asks_no_kernel
def test_fields_that_may_be_left_out_are_zero(converter: Any) -> None:
    made = converter(layout_of("u8", "u8", "u8", required=2))
    assert made.encode(None, (1, 2)) == HEAD + b"\1\2\0"
    assert made.encode(None, (1, 2, 3)) == HEAD + b"\1\2\3"
    assert made.encode(None, (1,)) is made.encode(None, (1, 2, 3, 4)) is None


@pytest.mark.asks_no_kernel
def test_a_sockaddr_for_the_class(converter: Any, sock: socket.socket) -> None:
    made = converter(SockaddrLayout(HEAD, 6, (field("u32"),), least_bytes=4))
    assert made.decode(sock, HEAD + b"\1\1") == (int.from_bytes(b"\1\1\0\0", sys.byteorder),)
    assert made.decode(sock, HEAD + b"\0\0\0\0more") == (0,)
    for sockaddr in (b"", HEAD, HEAD + b"\1", b"\2\0\1\1\1\1"):
        assert made.decode(sock, sockaddr) is None
    known = converter(layout_of("ifname_known"))
    assert known.decode(sock, HEAD + bytes(4)) is None
    assert known.decode(None, HEAD + LO_INDEX) is None


@pytest.mark.asks_no_kernel
def test_an_interface_that_is_gone_has_no_name(converter: Any, sock: socket.socket) -> None:
    made = converter(layout_of("ifname"))
    assert made.decode(sock, HEAD + GONE.to_bytes(4, sys.byteorder)) == ("",)
    assert made.decode(sock, HEAD + b"\xff" * 4) == ("",)


def test_a_closed_socket_knows_no_interface(converter: Any) -> None:
    closed = socket.socket()
    closed.close()
    made = converter(layout_of("ifname"))
    assert made.encode(closed, ("lo",)) is None
    assert made.decode(closed, HEAD + LO_INDEX) == ("",)


# Both converters agree

ITEMS = st.one_of(
    st.integers(-1, 1 << 65),
    st.sampled_from((0, 1, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, 1 << 63, (1 << 64) - 1)),
    st.binary(max_size=9),
    st.ip_addresses().map(str),
    st.sampled_from(("lo", "", "nosuch0", "1.2.3", "::%1", True, 1.0, None)),
    st.text(max_size=20),
)
KINDS = sorted(WIDTHS.keys() - {"path"})


@st.composite
def any_layout(draw: st.DrawFn) -> SockaddrLayout:
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=7))
    made = layout_of(*kinds, required=draw(st.integers(1, len(kinds))))
    made.least_bytes = draw(st.integers(2, made.size_bytes))
    return made


PATHS = st.just(SockaddrLayout(HEAD, 110, (field("path"),)))


@pytest.mark.asks_no_kernel
@pytest.mark.compiled_layer
@given(
    layout=st.one_of(any_layout(), PATHS),
    form=st.one_of(
        st.lists(ITEMS, max_size=8).map(tuple), ITEMS, st.text(), st.binary(max_size=120)
    ),
    body=st.binary(max_size=126),
    has_socket=st.booleans(),
)
def test_both_converters_agree(
    sock: socket.socket, layout: SockaddrLayout, form: Any, body: bytes, has_socket: bool
) -> None:
    assert NATIVE is not None
    asked = sock if has_socket else None
    mine, other = Converter(layout), NATIVE.Converter(layout)
    assert (mine.is_kept, mine.is_path) == (other.is_kept, other.is_path)
    encoded = mine.encode(asked, form)
    assert encoded == other.encode(asked, form)
    for sockaddr in (HEAD + body, body, encoded or b""):
        assert mine.decode(asked, sockaddr) == other.decode(asked, sockaddr)


@pytest.mark.asks_no_kernel
@pytest.mark.compiled_layer
@given(layout=any_layout(), data=st.data())
def test_both_converters_agree_on_what_fits(
    sock: socket.socket, layout: SockaddrLayout, data: st.DataObject
) -> None:
    assert NATIVE is not None
    items: dict[str, st.SearchStrategy[Any]] = {
        "ipv4": st.ip_addresses(v=4).map(str),
        "ipv6": st.ip_addresses(v=6).map(str),
        "counted8": st.binary(max_size=8),
    }
    form = tuple(
        data.draw(
            st.integers(0, highest) if kind in INTEGERS else items.get(kind, st.just("lo")), kind
        )
        for _, kind, _, highest in layout.fields
    )
    mine, other = Converter(layout), NATIVE.Converter(layout)
    sockaddr = mine.encode(sock, form)
    assert sockaddr is not None
    assert other.encode(sock, form) == sockaddr
    assert mine.decode(sock, sockaddr) == other.decode(sock, sockaddr) is not None
