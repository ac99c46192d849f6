"""The text of endpoints: parts and carets, and the values of options."""

from __future__ import annotations

import re
import sys
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import famsock
from famsock import bpf, codecs, cstruct, options
from famsock._endpoint_text import Part, joined, query_items, read_value, write_value
from famsock.family import Served
from famsock.options import Option

REFUSALS = (*codecs.REFUSALS, AttributeError, LookupError, BufferError)


def rows() -> dict[str, Option[Any]]:
    """Every option that can be set, of every installed family, by family and name."""
    found: dict[str, Option[Any]] = {}
    for family in famsock.plugins.families():
        for protocol in family.protocols:
            definitions = Served(family, protocol, lambda _: None).definitions
            for name, row in definitions.options.items():
                if "w" in row.access:
                    found[f"{family.name} {name}"] = row
    return found


ROWS = rows()
SOCKADDRS = [
    bytes(offset) + family.to_bytes(2, sys.byteorder) + bytes(160)
    for family in (2, 10)
    for offset in (0, 4, 8, 12, 16)
]
"""Zeros with the number of an IP family where a struct may have a sockaddr."""
COMMON = {id(row) for row in options.collect(vars(options))}
OWN = sorted(name for name, row in ROWS.items() if id(row) not in COMMON or "AF_UNIX" in name)


def test_there_are_rows() -> None:
    assert len(OWN) > 400
    assert {"AF_UNIX SO_MARK", "AF_INET TCP_NODELAY"} <= set(OWN)


def values(row: Option[Any], data: bytes) -> Any:
    """The value of bytes that the kernel might give; None if it is none that can be set."""
    try:
        value = row.codec.decode(data)
        row.encode(value)
    except REFUSALS:
        return None
    return value


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", OWN)
def test_every_option_s_value_has_a_text(name: str) -> None:
    row = ROWS[name]
    seen = 0

    @settings(max_examples=12, deadline=None, database=None)
    @given(st.binary(max_size=96) | st.integers(1, 96).map(bytes) | st.sampled_from(SOCKADDRS))
    def check_each(data: bytes) -> None:
        check(data)

    def check(data: bytes) -> None:
        nonlocal seen
        value = values(row, data[: max(row.codec.size_bytes, 1)])
        if value is None:
            value = values(row, data.ljust(row.codec.size_bytes, b"\0"))
        if value is None and row.codec.c != "void":
            return
        if value is not None and values(row, row.encode(value)) != value:
            return  # bytes that the kernel does not give
        seen += 1
        text = write_value(row, value)
        assert row.encode(read_value(row, text)) == row.encode(value), text
        pair = Part(f"?{joined('', [(row.name, text)])[1:]}").pieces("?")[1]
        ((_, written),) = query_items(pair)
        assert read_value(row, famsock._endpoint_text.unquoted(written)) is not None or not text

    try:
        for sockaddr in SOCKADDRS:  # each, as random bytes are seldom an address
            check(sockaddr)
        check_each()
    except REFUSALS:
        pytest.fail(f"{name}: a value that is decoded has no text")
    assert seen or name.partition(" ")[2] in UNREADABLE, f"{name}: no value was tried"


UNREADABLE = {
    "SO_ATTACH_FILTER",
    "SO_ATTACH_REUSEPORT_CBPF",
    "PACKET_FANOUT_DATA",
    "SCTP_AUTH_KEY",
    "SCTP_RESET_STREAMS",
}
"""Options whose values cannot be read from bytes; their texts have their own tests."""


@pytest.mark.parametrize(
    ("name", "text", "canonical"),
    [
        ("AF_INET SCTP_AUTH_KEY", "0,0x5,00ff", "0,5,00ff"),
        ("AF_INET SCTP_RESET_STREAMS", "0,1,7,8", "0,1,7,8"),
        ("AF_INET IP_LOCAL_PORT_RANGE", "1000,2000", "1000,2000"),
        ("AF_INET IP_MULTICAST_IF", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_values_of_a_plugin_s_own_codecs(name: str, text: str, canonical: str) -> None:
    value = read_value(ROWS[name], text)
    assert write_value(ROWS[name], value) == canonical
    with pytest.raises(ValueError, match=f"option {name.partition(' ')[2]}: "):
        read_value(ROWS[name], "1,2,x,y")


@pytest.mark.parametrize("name", ["AF_UNIX SO_ATTACH_FILTER", "AF_PACKET PACKET_FANOUT_DATA"])
def test_a_program_has_a_text(name: str) -> None:
    row = ROWS[name]
    program = (bpf.Instruction(0x28, 0, 0, 12), bpf.Instruction(6, 0, 0, 0x40000))
    assert write_value(row, program) == "40,0,0,12;6,0,0,262144"
    assert read_value(row, "0x28,0,0,12;6,0,0,0x40000") == program
    with pytest.raises(ValueError, match="holds a pointer"):
        read_value(row, "hex:" + "00" * 16)


MANY = ",".join(map(str, range(40)))
INTERNAL = re.compile(
    r"__|argument|literal|fromhex|unpack|objects?\b|NoneType|attribute|iterable|len\(\)"
    r"|can't encode|not (str|int|tuple)\b|\[Errno"
)
"""Words of Python's own errors: they tell of code, not of the text."""


WRONG = [
    "", "x", "1", "1,", "1,2", ",", MANY, "hex:", "hex:0", "hex:x", "-", "9" * 20, "\0", "1;",
    "\ud800", "1.5", "[1]", '{"a":1}', "true", "None", "127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=ascii)
def test_a_text_of_the_wrong_type(text: str) -> None:
    refused = 0
    for name in OWN:
        row = ROWS[name]
        value = refusal = None
        try:
            value = read_value(row, text)
        except ValueError as error:
            refusal = str(error)
        if refusal is None:
            row.encode(value)
        else:
            refused += 1
            assert refusal.startswith(f"option {row.name}: ")
            assert not INTERNAL.search(refusal.replace(repr(text), "").replace(row.name, ""))
    assert refused > 30


STRUCTS = [name for name in OWN if ROWS[name].codec.struct_class is not None]


@pytest.mark.parametrize("name", STRUCTS)
def test_a_refusal_of_a_struct_names_its_fields_and_an_example(name: str) -> None:
    """By too few, too many and wrong fields; the example is a value."""
    row = ROWS[name]
    made: Any = row.codec.struct_class
    size = made.layout.size
    form = f"option {row.name}: is {','.join(field.name for field in attrs.fields(made))}, "
    refused = 0
    for text in ("", "x", "1", MANY, f"{MANY},x", "1,x", ",,"):
        refusal = form
        try:
            read_value(row, text)
        except ValueError as error:
            refused += 1
            refusal = str(error)
        assert refusal.startswith(form)
        rest = refusal.removeprefix(form)
        if example := re.match(r"such as ([^ ]*?)(: |, not )", rest):
            assert row.encode(read_value(row, example[1]))
        elif rest:
            assert rest.startswith(f"or hex: and the {size} bytes of {made.layout.c_name}")
    assert refused >= 2


def test_there_are_structs() -> None:
    assert len(STRUCTS) > 40
    assert "AF_UNIX SO_LINGER" in STRUCTS


@pytest.mark.parametrize(
    ("row", "text", "value"),
    [
        (options.SO_MARK, "7", 7),
        (options.SO_MARK, "0xff", 255),
        (options.SO_KEEPALIVE, "1", True),
        (options.SO_KEEPALIVE, "0", False),
        (options.SO_BINDTODEVICE, "1", "1"),
        (options.SO_RCVTIMEO, "1500000000", 1_500_000_000),
        (options.SO_LINGER, "1,5", options.Linger(True, 5)),
        (options.SO_TXTIME, "1", options.Txtime(1)),
        (options.SO_LINGER, "hex:0100000005000000", options.Linger(True, 5)),
    ],
    ids=lambda value: value.name if isinstance(value, Option) else str(value),
)
def test_values(row: Option[Any], text: str, value: Any) -> None:
    found = read_value(row, text)
    assert (found, type(found)) == (value, type(value))
    assert read_value(row, write_value(row, value)) == value


def test_values_of_other_codecs() -> None:
    number = codecs.array(codecs.U16, 3)
    row: Option[Any] = Option("NUMBERS", 1, 1, number)
    assert read_value(row, "1;0x2;3") == (1, 2, 3)
    assert write_value(row, (1, 2, 3)) == "1;2;3"
    assert read_value(row, "") == ()
    with pytest.raises(ValueError, match="option NUMBERS: must be at most 3 elements, not 4"):
        read_value(row, "1;2;3;4")
    row = Option("NOTHING", 1, 1, codecs.EMPTY)
    assert read_value(row, "") is None
    assert write_value(row, None) == ""
    with pytest.raises(ValueError, match="has no value, not 'x'"):
        read_value(row, "x")
    row = Option("OCTETS", 1, 1, codecs.raw(4))
    assert read_value(row, "00ff") == b"\x00\xff"
    row = Option("OWN", 1, 1, codecs.Codec("int", 4, cstruct.check_bytes, bytes))
    assert read_value(row, "00ff") == b"\x00\xff"
    with pytest.raises(ValueError, match="option OWN: "):
        read_value(row, "no hexadecimal")


def test_a_value_that_the_codec_refuses_has_no_text() -> None:
    with pytest.raises(ValueError, match="SO_MARK must be 0-4294967295, not -1"):
        write_value(options.SO_MARK, -1)
    with pytest.raises(ValueError, match="option SO_TYPE is read-only"):
        read_value(options.SO_TYPE, "1")


def test_parts_know_their_place() -> None:
    text = Part("a://b?c=[d&e]&f=\\&g")
    scheme, rest = text.divided("://")
    assert rest is not None
    address, query = rest.pieces("?")
    assert (str(scheme), str(address), str(query)) == ("a", "b", "c=[d&e]&f=\\&g")
    pairs = [(str(name), str(value)) for name, value in query_items(query)]
    assert pairs == [("c", "[d&e]"), ("f", "\\&g")]
    for part in (scheme, address, query, *query.pieces("&")):
        assert text[part.start : part.start + len(part)] == part


@settings(deadline=None)
@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_an_error_has_three_lines(text: str, a: int, b: int) -> None:
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    error = Part(text, start, end).mistake("wrong")
    first, shown, carets = str(error).split("\n")
    assert first == "wrong"
    assert shown.isprintable()
    assert set(carets.strip()) == {"^"}
    assert len(carets) <= max(len(shown), 3) + 1
