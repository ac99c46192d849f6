"""Typed control messages: the rows of SOL_SOCKET, what is packed, what stays raw."""

from __future__ import annotations

import struct

import pytest

from famsock import codecs, constants, control
from famsock.control import (
    ControlMessage,
    ControlType,
    Message,
    RawControl,
    TimestampedPacket,
    Timestamps,
)

pytestmark = pytest.mark.asks_no_kernel

ROWS = control.collect(vars(control))
KIT: ControlType[int] = ControlType("SCM_KIT", 7, 4, codecs.BE16)
KINDS = {(7, 4): KIT}


def test_rows_have_their_constants_numbers() -> None:
    assert len(ROWS) > 5
    for row in ROWS:
        assert row.level == constants.SOL_SOCKET, row.name
        assert row.number == getattr(constants, row.name), row.name


def test_only_rows_are_collected() -> None:
    namespace = {"KIT": KIT, "number": 4, "message": KIT(1), "type": ControlType}
    assert control.collect(namespace) == (KIT,)
    assert control.collect({}) == ()


def test_rows_of_one_name_and_number_are_equal() -> None:
    assert ControlType("SCM_KIT", 7, 4, codecs.INT) == KIT
    assert ControlType("SCM_KIT", 7, 5, codecs.BE16) != KIT


def test_a_message_to_send() -> None:
    message = KIT(80)
    assert message == ControlMessage(KIT, 80)
    assert message.pack() == control._packed_item(message) == (7, 4, b"\0\x50")
    assert repr(message) == "ControlMessage(kind=SCM_KIT, value=80)"


def test_a_message_in_any_form_is_packed() -> None:
    item = (7, 4, b"\0\x50")
    assert control._packed_item(item) is item
    assert control._packed_item(RawControl(*item)) == item


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (65536, OverflowError, r"^SCM_KIT must be 0-65535, not 65536$"),
        ("80", TypeError, r"^SCM_KIT must be an integer 0-65535, not str$"),
    ],
)
def test_a_value_that_does_not_fit(value: object, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        KIT(value).pack()  # type: ignore[arg-type]


def test_an_item_that_fits_no_row_stays_raw() -> None:
    items = [(7, 4, b"\0\x50"), (7, 5, b"?"), (7, 4, b"")]
    assert control._typed_items(items, KINDS) == (
        KIT(80),
        RawControl(7, 5, b"?"),
        RawControl(7, 4, b""),
    )
    assert control._typed_items([], KINDS) == ()


def test_values_of_a_received_message() -> None:
    items = [(7, 5, b"?"), (7, 4, b"\0\1"), (7, 4, b"\0\2")]
    message = Message.received(KINDS, b"data", None, items, 8)
    assert (message.data, message.address, message.flags) == (b"data", None, 8)
    assert message.get(KIT) == message.get("SCM_KIT") == 1
    assert message.get(ControlType("SCM_KIT", 7, 4, codecs.INT)) == 1
    assert message.get("SCM_OTHER") is None
    assert message.get(ControlType("SCM_KIT", 7, 5, codecs.INT)) is None
    with pytest.raises(TypeError, match="a kind is a row or its name, not 4"):
        message.get(4)  # type: ignore[call-overload]


def test_timestamps() -> None:
    times = Timestamps(software_ns=2_000_000_003, transformed_ns=0, hardware_ns=5_000_000_007)
    item = control.SCM_TIMESTAMPING(times).pack()
    assert item[2] == struct.pack("=6q", 2, 3, 0, 0, 5, 7)
    kinds = {item[:2]: control.SCM_TIMESTAMPING}
    assert control._typed_items([item], kinds) == (control.SCM_TIMESTAMPING(times),)
    short = (*item[:2], item[2][:-1])
    assert control._typed_items([short], kinds) == (RawControl(*short),)


def test_the_number_of_timestamping_is_read_as_three_times() -> None:
    sent, received = control.SO_TIMESTAMPING, control.SCM_TIMESTAMPING
    assert (sent.level, sent.number) == (received.level, received.number)
    shown = {(row.level, row.number): row for row in ROWS}
    assert shown[sent.level, sent.number] is received


def test_a_timestamped_packet() -> None:
    row = control.SCM_TIMESTAMPING_PKTINFO
    packet = TimestampedPacket(if_index=3, pkt_length_bytes=60)
    assert row(packet).pack()[2] == struct.pack("=II", 3, 60) + bytes(8)
    assert row.codec.decode(struct.pack("=IIII", 3, 60, 0, 0)) == packet
    with pytest.raises(ValueError, match="needs 16 bytes, not 8"):
        row.codec.decode(bytes(8))
