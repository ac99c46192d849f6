"""CAN frames: bytes, text and ranges; no kernel needed."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from famsock_can import constants as c
from famsock_can.addresses import IsotpAddress, J1939Address
from famsock_can.bcm import BcmMessage
from famsock_can.errors import (
    ControllerStatus,
    ErrorClass,
    ProtocolLocation,
    ProtocolViolation,
    TransceiverStatus,
)
from famsock_can.filters import EVERY_FRAME, CanFilter
from famsock_can.frames import (
    CanFdFrame,
    CanFrame,
    CanXlFrame,
    Frame,
    parse_addressed,
    parse_frame,
    unpack_frame,
)
from famsock_can.j1939 import J1939Id
from famsock_can.sockets.arrival import ARRIVAL, Arrival
from hypothesis import given
from hypothesis import strategies as st

from famsock.plugin import constants as system
from famsock.testing._probe import compiler

pytestmark = pytest.mark.asks_no_kernel

IDENTIFIERS = st.integers(0, c.CAN_SFF_MASK) | st.integers(0, c.CAN_EFF_MASK).map(
    lambda number: number | c.CAN_EFF_FLAG
)
DATA_FRAMES = st.builds(CanFrame, IDENTIFIERS, st.binary(max_size=8))
REMOTE_FRAMES = st.builds(
    lambda can_id, dlc: CanFrame(can_id | c.CAN_RTR_FLAG, b"", dlc), IDENTIFIERS, st.integers(0, 15)
)
LONG_DLC_FRAMES = st.builds(
    CanFrame, IDENTIFIERS, st.binary(min_size=8, max_size=8), st.integers(9, 15)
)
ERROR_FRAMES = st.builds(
    lambda classes, data: CanFrame(classes | c.CAN_ERR_FLAG, data),
    st.integers(0, c.CAN_ERR_MASK),
    st.binary(min_size=8, max_size=8),
)
FD_FRAMES = st.builds(CanFdFrame, IDENTIFIERS, st.binary(max_size=64), st.integers(0, 15))
XL_FRAMES = st.builds(
    CanXlFrame,
    st.integers(0, 0x7FF),
    st.binary(min_size=1, max_size=300),
    st.integers(0, 0xFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFF),
    st.sampled_from((0, c.CANXL_SEC, c.CANXL_XLF)),
)
FRAMES = DATA_FRAMES | REMOTE_FRAMES | LONG_DLC_FRAMES | ERROR_FRAMES | FD_FRAMES | XL_FRAMES


@given(FRAMES)
def test_a_frame_survives_its_bytes(frame: Frame) -> None:
    again = unpack_frame(frame.pack())
    assert again == frame
    assert again.pack() == frame.pack()


@given(FRAMES)
def test_a_frame_survives_its_text(frame: Frame) -> None:
    assert parse_frame(str(frame)) == frame
    assert parse_frame(str(frame)).pack() == frame.pack()
    assert parse_frame(str(frame).lower()) == frame


@given(st.sampled_from(("can0", "vcan0.1", "")), FRAMES)
def test_an_interface_in_front_of_a_frame_s_text(interface: str, frame: Frame) -> None:
    assert parse_addressed(f"{interface}:{frame}") == (interface, frame)


@pytest.mark.parametrize("text", ["", "can0", "123#00", "00123#81:00:12345678#11", "can0:"])
def test_a_text_without_an_interface_or_a_frame_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="CAN frame"):
        parse_addressed(text)
    with pytest.raises(TypeError, match="must be str, not bytes"):
        parse_addressed(text.encode())  # type: ignore[arg-type]


def test_what_comes_beside_a_frame() -> None:
    stamps = struct.pack("@6l", 0, 0, 0, 0, 7, 8)
    items = [
        (system.SOL_SOCKET, system.SO_TIMESTAMPNS, struct.pack("@2l", 5, 6)),
        (system.SOL_SOCKET, system.SO_TIMESTAMPING, stamps),
        (system.SOL_SOCKET, system.SO_RXQ_OVFL, struct.pack("=I", 9)),
        (c.SOL_CAN_RAW, system.SO_RXQ_OVFL, struct.pack("=I", 1)),
    ]
    message = (b"", items, int(system.MSG_DONTROUTE), ("can0",))
    assert ARRIVAL.read(message) == Arrival("can0", 5_000_000_006, 7_000_000_008, True, False, 9)
    no_times = [(system.SOL_SOCKET, system.SO_TIMESTAMPING, bytes(48))]
    unstamped = ARRIVAL.read((b"", no_times, 0, ("can0",)))
    assert unstamped == Arrival("can0", None, None, False, False, 0)


def test_what_the_kernel_adds_to_fd_frames_tells_them_not_apart() -> None:
    sent, received = CanFdFrame(1, b"x", c.CANFD_BRS), CanFdFrame(1, b"x", 5)
    assert (sent, hash(sent)) == (received, hash(received))
    assert received.flags == c.CANFD_BRS | c.CANFD_FDF
    assert sent != CanFdFrame(1, b"x", c.CANFD_ESI)


def test_the_identifier_of_a_request_has_11_bits() -> None:
    stray = CanFrame.unpack(CanFrame(c.CAN_RTR_FLAG | c.CAN_EFF_FLAG | 0x923).pack())
    assert stray.identifier == 0x923
    narrow = (c.CAN_RTR_FLAG | 0x923).to_bytes(4, sys.byteorder) + bytes(12)
    assert CanFrame.unpack(narrow).identifier == 0x123


@given(st.binary(max_size=100) | st.binary(min_size=16, max_size=16))
def test_any_bytes_are_a_frame_or_a_value_error(data: bytes) -> None:
    try:
        frame = unpack_frame(data)
    except ValueError:
        return
    str(frame)
    if isinstance(frame, CanFrame) and frame.error is not None:
        repr(frame.error)


@given(st.text(max_size=30) | st.from_regex(r"[0-9A-F]{3,8}#[#R0-9A-F._]*", fullmatch=True))
def test_any_text_is_a_frame_or_a_value_error(text: str) -> None:
    try:
        frame = parse_frame(text)
    except ValueError:
        return
    assert parse_frame(str(frame)) == frame


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("5A1#11.2233.44556677.88", CanFrame(0x5A1, bytes.fromhex("1122334455667788"))),
        ("123#DEADBEEF", CanFrame(0x123, b"\xde\xad\xbe\xef")),
        ("5AA#", CanFrame(0x5AA)),
        ("123##1", CanFdFrame(0x123, b"", c.CANFD_BRS)),
        ("213##311223344", CanFdFrame(0x213, bytes.fromhex("11223344"), 3)),
        (
            "1F334455#1122334455667788",
            CanFrame(0x1F334455 | c.CAN_EFF_FLAG, bytes.fromhex("1122334455667788")),
        ),
        ("123#R", CanFrame(0x123 | c.CAN_RTR_FLAG)),
        ("00000123#R3", CanFrame(0x123 | c.CAN_EFF_FLAG | c.CAN_RTR_FLAG, b"", 3)),
        ("123#R8_E", CanFrame(0x123 | c.CAN_RTR_FLAG, b"", 14)),
        ("20000004#0001000000000000", CanFrame(c.CAN_ERR_FLAG | 4, b"\0\1" + bytes(6))),
        (
            "45123#81:00:12345678#11223344.556677",
            CanXlFrame(0x123, bytes.fromhex("11223344556677"), 0, 0x12345678, 0x45, c.CANXL_SEC),
        ),
    ],
)
def test_text_as_in_can_utils(text: str, frame: Frame) -> None:
    assert parse_frame(text) == frame


NO_FRAMES = (
    " # 123 12#00 123#0 123#GG 123#1.1 123#.. 123#R9 123#R88 123#112233445566778899 123#00_9"
    " 123#1122334455667788_8 FFF#00 123#-1 123## 123##G 40000000#00 123#80:00:1234#00 123#_F 123#+1"
    " 123#00:00:12345678#00 123#80:00:12345678# FF123#1:00:12345678#00 123#R8_8 1_3#00 123##1"
) + "00" * 65


@pytest.mark.parametrize(
    "text",
    NO_FRAMES.split(" "),
)
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="CAN"):
        parse_frame(text)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: CanFrame(0x800), OverflowError, "can_id must be 0-0x7ff, or CAN_EFF_FLAG"),
        (lambda: CanFrame(-1), OverflowError, "can_id must be 0-0xffffffff, not -0x1"),
        (lambda: CanFrame(1 << 32), OverflowError, "can_id"),
        (
            lambda: CanFrame("1"),  # type: ignore[arg-type]
            TypeError,
            "can_id must be an integer",
        ),
        (
            lambda: CanFrame(1.0),  # type: ignore[arg-type]
            TypeError,
            "not float",
        ),
        (lambda: CanFrame(1, bytes(9)), ValueError, "0-8 bytes, not 9"),
        (lambda: CanFrame(1, "ab"), TypeError, "bytes-like"),
        (lambda: CanFrame(1, b"ab", 3), ValueError, "dlc 3 does not go with 2 bytes"),
        (lambda: CanFrame(1, b"ab", 9), ValueError, "dlc 9"),
        (lambda: CanFrame(1, bytes(8), 16), OverflowError, "dlc must be 0-0xf"),
        (lambda: CanFrame(c.CAN_RTR_FLAG | 1, b"a"), ValueError, "carries no data"),
        (lambda: CanFdFrame(1, bytes(65)), ValueError, "0-64 bytes, not 65"),
        (lambda: CanFdFrame(c.CAN_RTR_FLAG | 1), ValueError, "no remote frames"),
        (lambda: CanFdFrame(1, b"", 16), OverflowError, "flags"),
        (lambda: CanXlFrame(0x800, b"a"), OverflowError, "priority must be 0-0x7ff"),
        (lambda: CanXlFrame(1, b""), ValueError, "1-2048 bytes, not 0"),
        (lambda: CanXlFrame(1, bytes(2049)), ValueError, "not 2049"),
        (lambda: CanXlFrame(1, b"a", vcid=256), OverflowError, "vcid"),
        (lambda: CanXlFrame(1, b"a", 256), OverflowError, "sdt"),
        (lambda: CanXlFrame(1, b"a", 0, 1 << 32), OverflowError, "af"),
    ],
)
def test_values_out_of_range_are_refused(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("frame", [CanFrame(1, b"abc"), CanFdFrame(1, b"abc")])
def test_a_frame_cut_short_is_refused(frame: CanFrame | CanFdFrame) -> None:
    packed = frame.pack()
    for size in range(len(packed)):
        with pytest.raises(ValueError, match="bytes"):
            type(frame).unpack(packed[:size])
    too_long = packed[:4] + b"\xff" + packed[5:]
    with pytest.raises(ValueError, match="at most"):
        type(frame).unpack(too_long)


def test_an_xl_frame_cut_short_is_refused() -> None:
    packed = CanXlFrame(1, b"abc").pack()
    for size in range(len(packed)):
        with pytest.raises(ValueError, match="frame"):
            CanXlFrame.unpack(packed[:size])


def test_identifier_and_flags_are_split() -> None:
    frame = CanFrame(c.CAN_EFF_FLAG | c.CAN_RTR_FLAG | 0x12345678, b"", 4)
    assert frame.identifier == 0x12345678
    assert (frame.is_extended, frame.is_remote, frame.is_error) == (True, True, False)
    assert (frame.error, frame.dlc, frame.data) == (None, 4, b"")
    fd = CanFdFrame(0x123, b"", c.CANFD_BRS | c.CANFD_ESI)
    assert (fd.identifier, fd.bit_rate_switch, fd.error_state_indicator) == (0x123, True, True)
    assert CanXlFrame(1, b"a", flags=c.CANXL_SEC).simple_extended_content


def test_an_error_message_is_decoded() -> None:
    classes = c.CAN_ERR_LOSTARB | c.CAN_ERR_CRTL | c.CAN_ERR_PROT | c.CAN_ERR_TRX | c.CAN_ERR_CNT
    data = bytes((7, 0x21, 0x84, 0x19, 0x74, 0, 96, 128))
    error = CanFrame(c.CAN_ERR_FLAG | classes, data).error
    assert error is not None
    assert error.classes == ErrorClass(classes)
    assert error.lost_arbitration_bit == 7
    assert error.controller == ControllerStatus.RX_OVERFLOW | ControllerStatus.TX_PASSIVE
    assert error.violation == ProtocolViolation.STUFF | ProtocolViolation.TX
    assert error.location is ProtocolLocation.ACK
    assert error.canh is TransceiverStatus.CANH_NO_WIRE
    assert error.canl is TransceiverStatus.CANL_SHORT_TO_GND
    assert (error.tx_errors, error.rx_errors) == (96, 128)


def test_details_of_other_classes_are_none() -> None:
    error = CanFrame(c.CAN_ERR_FLAG | c.CAN_ERR_BUSOFF, b"\xff").error
    assert error is not None
    assert error.classes == ErrorClass.BUSOFF
    details = (error.lost_arbitration_bit, error.controller, error.violation, error.location)
    assert details == (None, None, None, None)
    assert (error.canh, error.canl, error.tx_errors, error.rx_errors) == (None, None, None, None)
    strange = CanFrame(c.CAN_ERR_FLAG | 0x1FFFFFFF, b"\xff" * 8).error
    assert strange is not None
    assert strange.location == 0xFF


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_filter_survives_its_text(can_id: int, mask: int) -> None:
    made = CanFilter(can_id, mask)
    assert CanFilter.parse(str(made)) == made
    assert made.inverted().inverted() == made


def test_filters_as_candump_writes_them() -> None:
    assert CanFilter.exact(0x123) == CanFilter(0x123, 0xC00007FF)
    assert CanFilter.exact(0x123 | c.CAN_EFF_FLAG) == CanFilter(0x80000123, 0xDFFFFFFF)
    assert str(EVERY_FRAME) == "000:0"
    assert str(CanFilter(0x123, 0x7FF)) == "123:7FF"
    assert CanFilter.parse("123~7F0") == CanFilter(0x123 | c.CAN_INV_FILTER, 0x7F0)
    assert CanFilter.parse("0:0") == EVERY_FRAME
    assert CanFilter.parse("12345678:1FFFFFFF") == CanFilter(0x92345678, 0x1FFFFFFF)
    wrong = "12345:7FF 1234:7FF 1234567:7FF 123456: 800:7FF FFF:7FF +12:7FF 0x1:7FF 0000000123:7FF"
    for text in ("", "123", "xyz:7FF", "123:", "123:1FFFFFFFF", "123:-1", *wrong.split()):
        with pytest.raises(ValueError, match="CAN filter must be 3 hex digits"):
            CanFilter.parse(text)


def test_a_mask_as_candump_reads_it() -> None:
    """candump removes CAN_ERR_FLAG, which would make a filter of error messages of it."""
    assert CanFilter.parse("123:FFFFFFFF") == CanFilter(0x123, 0xDFFFFFFF)
    assert CanFilter.parse("12345678~FFFFFFFF") == CanFilter(0xB2345678, 0xDFFFFFFF)
    assert CanFilter.parse("123:20000000") == CanFilter(0x123, 0)
    assert CanFilter.parse("123:020000000") == CanFilter(0x123, c.CAN_ERR_FLAG)
    assert str(CanFilter(0x123, 0xFFFFFFFF)) == "123:0FFFFFFFF"


def test_data_and_frames_are_changed_by_evolve() -> None:
    frame = CanFrame(1, b"a")
    assert attrs.evolve(frame, data=b"bb") == CanFrame(1, b"bb")
    assert attrs.evolve(frame, data=bytes(8), dlc=12) == CanFrame(1, bytes(8), 12)
    assert attrs.evolve(CanFrame(1, bytes(8), 12), can_id=2) == CanFrame(2, bytes(8), 12)
    with pytest.raises(ValueError, match="dlc 12 does not go with 2 bytes"):
        attrs.evolve(CanFrame(1, bytes(8), 12), data=b"bb")
    message = BcmMessage(1, 2, [CanFdFrame(2, b"a")], flags=c.SETTIMER)
    assert message.flags == c.SETTIMER | c.CAN_FD_FRAME
    changed = attrs.evolve(message, frames=(CanFrame(2, b"a"),))
    assert changed == BcmMessage(1, 2, [CanFrame(2, b"a")], flags=c.SETTIMER)


def test_an_exact_filter_takes_the_identifiers_of_frames_alone() -> None:
    for wide in (0x800, 0x18DAF110):
        with pytest.raises(OverflowError, match=r"CAN_EFF_FLAG \| 0-0x1fffffff"):
            CanFilter.exact(wide)
        assert CanFilter(wide, 0x1FFFFFFF).can_id == wide
    with pytest.raises(TypeError, match="CAN can_id must be an integer 0-0xffffffff, not str"):
        CanFilter.exact("123")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"use inverted\(\)"):
        CanFilter.exact(c.CAN_INV_FILTER | 0x123)
    assert CanFilter.exact(0x123 | c.CAN_RTR_FLAG) == CanFilter(0x40000123, 0xC00007FF)


def test_numbers_that_are_bits_show_in_hex() -> None:
    assert repr(CanFrame(0x123, b"a")) == "CanFrame(can_id=0x123, data=b'a', dlc=1)"
    assert repr(CanFdFrame(0x123)) == "CanFdFrame(can_id=0x123, data=b'', flags=0)"
    assert repr(CanXlFrame(0x7FF, b"x", af=255)).startswith("CanXlFrame(priority=0x7ff, data=b'x'")
    assert repr(CanFilter.exact(0x123)) == "CanFilter(can_id=0x123, can_mask=0xc00007ff)"
    address = IsotpAddress("can0", 0x321, 0x322)
    assert repr(address) == "IsotpAddress(interface='can0', rx_id=0x321, tx_id=0x322)"
    assert repr(J1939Address(3, addr=32)) == (
        "J1939Address(interface=3, name=0x0, pgn=0x40000, addr=32)"
    )
    assert repr(BcmMessage(1, 0x42)).startswith(
        "BcmMessage(opcode=<BcmOpcode.TX_SETUP: 1>, can_id=0x42"
    )
    assert "pgn=0xf004," in repr(J1939Id(3, 0xF004, 0))


def test_text_that_is_no_text() -> None:
    with pytest.raises(TypeError, match="CAN frame must be str, not bytes"):
        parse_frame(b"123#00")  # type: ignore[arg-type]


C_PROGRAM = """
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <linux/can.h>
static void show(const void *p, size_t n)
{ for (size_t i = 0; i < n; i++) printf("%02x", ((const unsigned char *)p)[i]); printf("\\n"); }
int main(void) {
  struct can_frame f; memset(&f, 0, sizeof f);
  f.can_id = 0x12345678 | CAN_EFF_FLAG; f.len = 8; f.len8_dlc = 13; memcpy(f.data, "famsockC", 8);
  show(&f, CAN_MTU);
  struct canfd_frame d; memset(&d, 0, sizeof d);
  d.can_id = 0x123; d.len = 12; d.flags = CANFD_BRS; memcpy(d.data, "famsock on C", 12);
  show(&d, CANFD_MTU);
  struct canxl_frame x; memset(&x, 0, sizeof x);
  x.prio = 0x321 | 0x450000; x.flags = CANXL_XLF | CANXL_SEC; x.sdt = 3; x.len = 7;
  x.af = 0x12345678;
  memcpy(x.data, "famsock", 7);
  show(&x, CANXL_HDR_SIZE + x.len);
}
"""


@pytest.mark.skipif(compiler() is None, reason="needs a C compiler: apt-get install gcc")
def test_frames_are_what_c_makes_of_the_headers(tmp_path: Path) -> None:
    source, program = tmp_path / "frames.c", tmp_path / "frames"
    source.write_text(C_PROGRAM)
    compiled = shutil.which(compiler() or "cc")
    subprocess.run([str(compiled), "-o", str(program), str(source)], check=True, timeout=120)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True, timeout=60)
    frames = (
        CanFrame(0x12345678 | c.CAN_EFF_FLAG, b"famsockC", 13),
        CanFdFrame(0x123, b"famsock on C", c.CANFD_BRS),
        CanXlFrame(0x321, b"famsock", 3, 0x12345678, 0x45, c.CANXL_SEC),
    )
    assert done.stdout.split() == [frame.pack().hex() for frame in frames]
