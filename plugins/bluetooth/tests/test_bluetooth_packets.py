"""HCI packets, management messages and option values: bytes in, bytes out, and cut short."""

from __future__ import annotations

import errno
import pickle
import struct
from typing import Any

import pytest
from famsock_bluetooth import advertising, options, packets
from famsock_bluetooth import constants as c
from famsock_bluetooth.advertising import DeviceFound, LeAdvertisingReport
from famsock_bluetooth.ioctls import HciDevInfo
from famsock_bluetooth.mgmt import ControllerInfo, ManagementEvent, Setting
from famsock_bluetooth.mgmt_error import ManagementError
from famsock_bluetooth.packets import (
    AclData,
    CommandComplete,
    CommandStatus,
    HciCommand,
    HciEvent,
    IsoData,
    MonitorMessage,
    OtherPacket,
    ScoData,
)
from famsock_bluetooth.structs import BtCodec, BtIsoIoQos, BtIsoQos, HciFilter
from hypothesis import given, settings
from hypothesis import strategies as st

PROPERTY = settings(deadline=None, max_examples=30)
OCTETS = st.binary(max_size=255)
PACKETS: Any = st.one_of(
    st.builds(HciCommand, st.integers(0, 0xFFFF), OCTETS),
    st.builds(HciEvent, st.integers(0, 0xFF), OCTETS),
    *(
        st.builds(kind, st.integers(0, 0xFFF), st.integers(0, 0xF), OCTETS)
        for kind in (AclData, ScoData, IsoData)
    ),
    st.builds(OtherPacket, st.sampled_from([0, 6, 0xF0, 0xFF]), OCTETS),
)


@PROPERTY
@given(PACKETS)
def test_packet_survives_its_bytes(packet: Any) -> None:
    assert packets.unpack(packet.pack()) == packet


@PROPERTY
@given(PACKETS)
def test_packet_cut_short_is_a_value_error(packet: Any) -> None:
    packed = packet.pack()
    whole = isinstance(packet, OtherPacket)
    for size in range(1 if whole else 0, 1 if whole else len(packed)):
        with pytest.raises(ValueError, match=r"needs (at least )?\d+ byte"):
            packets.unpack(packed[:size])


@pytest.mark.parametrize(
    ("packet", "packed"),
    [
        (HciCommand(0x1001), "01 0110 00"),
        (HciCommand(0x0406, b"\x2a\x00\x13"), "01 0604 03 2a0013"),
        (HciEvent(0x0E, b"\x01\x01\x10\x00"), "04 0e 04 01 0110 00"),
        (AclData(0x02A, 2, b"ab"), "02 2a20 0200 6162"),
        (ScoData(0x101, 0, b"a"), "03 0101 01 61"),
        (IsoData(0x02B, 2, b"a"), "05 2b20 0100 61"),
    ],
)
def test_packet_layouts(packet: Any, packed: str) -> None:
    assert packet.pack() == bytes.fromhex(packed)


def test_empty_packet() -> None:
    with pytest.raises(ValueError, match="needs at least 1 byte"):
        packets.unpack(b"")


@pytest.mark.parametrize(
    ("packet", "match"),
    [
        (HciCommand(0x10000), "opcode must be 0-65535"),
        (HciCommand(-1), "opcode must be 0-65535"),
        (HciCommand(0, bytes(256)), "length of parameters must be 0-255"),
        (HciEvent(256), "event code must be 0-255"),
        (AclData(0x1000), "handle must be 0-4095"),
        (AclData(0, 16), "flags must be 0-15"),
        (ScoData(0, 0, bytes(256)), "length of data must be 0-255"),
        (IsoData(0, 0, bytes(0x4000)), "length of data must be 0-16383"),
        (OtherPacket(256, b""), "packet type must be 0-255"),
    ],
)
def test_packet_fields_out_of_range(packet: Any, match: str) -> None:
    with pytest.raises(OverflowError, match=match):
        packet.pack()


def test_opcode() -> None:
    assert packets.opcode(0x04, 0x001) == c.HCI_OP_READ_LOCAL_VERSION
    for ogf, ocf in ((64, 0), (-1, 0), (0, 1024), (0, -1)):
        with pytest.raises(OverflowError):
            packets.opcode(ogf, ocf)


def test_command_answers() -> None:
    event = HciEvent(c.HCI_EV_CMD_COMPLETE, bytes.fromhex("01 0110 00 abcd"))
    assert CommandComplete.of(event) == CommandComplete(0x1001, 1, 0, b"\xab\xcd")
    event = HciEvent(c.HCI_EV_CMD_STATUS, bytes.fromhex("0c 01 0504"))
    assert CommandStatus.of(event) == CommandStatus(0x0405, 1, 0x0C)
    for kind in (CommandComplete, CommandStatus):
        with pytest.raises(ValueError, match="needs"):
            kind.of(HciEvent(0, b"\0"))


NAMED = b"\x02\x01\x06" + advertising.structure(c.EIR_NAME_COMPLETE, b"famsock")


def test_advertising_data() -> None:
    assert advertising.structures(NAMED) == (
        (c.EIR_FLAGS, b"\6"),
        (c.EIR_NAME_COMPLETE, b"famsock"),
    )
    assert advertising.structures(NAMED + bytes(10)) == advertising.structures(NAMED)
    assert advertising.structures(NAMED[:-1]) == ((c.EIR_FLAGS, b"\6"),)
    assert advertising.structures(b"\1\x0a") == ((0x0A, b""),)
    with pytest.raises(ValueError, match="up to 254 bytes, not 255"):
        advertising.structure(1, bytes(255))


@PROPERTY
@given(st.binary(max_size=60))
def test_any_advertising_data_is_taken_apart(data: bytes) -> None:
    for kind, value in advertising.structures(data):
        assert bytes((len(value) + 1, kind)) + value in data


def test_advertising_reports() -> None:
    one = bytes.fromhex("00 00 0100000001aa") + bytes((len(NAMED),)) + NAMED + b"\xc4"
    other = bytes.fromhex("04 01 0200000001aa 00 7f")
    event = HciEvent(c.HCI_EV_LE_META, b"\x02\x02" + one + other)
    first, second = LeAdvertisingReport.all_of(event)
    assert (first.bdaddr, first.bdaddr_type) == ("AA:01:00:00:00:01", c.BDADDR_LE_PUBLIC)
    assert (first.name, first.rssi_dbm) == ("famsock", -60)
    assert (first.is_connectable, first.is_scan_response) == (True, False)
    assert (second.bdaddr_type, second.rssi_dbm) == (c.BDADDR_LE_RANDOM, None)
    assert (second.is_connectable, second.is_scan_response, second.name) == (False, True, "")
    for size in range(2, len(event.parameters)):
        with pytest.raises(ValueError, match="advertising report needs"):
            LeAdvertisingReport.all_of(HciEvent(event.code, event.parameters[:size]))
    for none in (HciEvent(0x0E, event.parameters), HciEvent(0x3E, b"\x03\x01"), HciEvent(0x3E)):
        assert LeAdvertisingReport.all_of(none) == ()


def test_extended_advertising_reports() -> None:
    fields = (0x0019, 1, bytes(range(6)), 1, 0, 0xFF, 127, -70, 0, 0, bytes(6), len(NAMED))
    one = struct.pack("<HB6sBBBbbHB6sB", *fields) + NAMED
    event = HciEvent(c.HCI_EV_LE_META, b"\x0d\x01" + one)
    (report,) = LeAdvertisingReport.all_of(event)
    assert (report.bdaddr, report.bdaddr_type) == ("05:04:03:02:01:00", c.BDADDR_LE_RANDOM)
    assert (report.name, report.rssi_dbm, report.event_type) == ("famsock", -70, 0x19)
    assert (report.is_extended, report.is_connectable, report.is_scan_response) == (
        True,
        True,
        True,
    )
    for size in range(2, len(event.parameters)):
        with pytest.raises(ValueError, match="advertising report needs"):
            LeAdvertisingReport.all_of(HciEvent(event.code, event.parameters[:size]))


def test_device_found() -> None:
    head = struct.pack(
        "<6sBbIH", bytes(range(6)), 1, -50, c.MGMT_DEV_FOUND_CONFIRM_NAME, len(NAMED)
    )
    found = DeviceFound.unpack(head + NAMED)
    assert (found.bdaddr, found.bdaddr_type) == ("05:04:03:02:01:00", c.BDADDR_LE_PUBLIC)
    assert (found.rssi_dbm, found.flags, found.name) == (-50, 1, "famsock")
    for size in range(len(head + NAMED)):
        with pytest.raises(ValueError, match="needs"):
            DeviceFound.unpack((head + NAMED)[:size])


@PROPERTY
@given(OCTETS)
def test_monitor_message(data: bytes) -> None:
    packed = (2).to_bytes(2, "little") + b"\1\0" + len(data).to_bytes(2, "little") + data
    assert MonitorMessage.unpack(packed) == MonitorMessage(2, 1, data)
    for size in range(len(packed)):
        with pytest.raises(ValueError, match="needs"):
            MonitorMessage.unpack(packed[:size])


@PROPERTY
@given(OCTETS)
def test_management_event(data: bytes) -> None:
    packed = b"\1\0\2\0" + len(data).to_bytes(2, "little") + data
    assert ManagementEvent.unpack(packed) == ManagementEvent(1, 2, data)
    for size in range(len(packed)):
        with pytest.raises(ValueError, match="management event"):
            ManagementEvent.unpack(packed[:size])


def test_management_error() -> None:
    error = ManagementError(c.MGMT_OP_SET_POWERED, 1, c.MGMT_STATUS_PERMISSION_DENIED)
    assert error.errno == errno.EPERM
    assert "0x0005 for hci1: status 0x14 (PERMISSION_DENIED)" in str(error)
    assert error.__notes__ == ["changing a controller needs CAP_NET_ADMIN"]
    again = pickle.loads(pickle.dumps(error))
    assert (again.opcode, again.index, again.status) == (5, 1, 0x14)
    assert ManagementError(5, c.MGMT_INDEX_NONE, 0x77).errno == errno.EIO


def test_controller_info() -> None:
    info = ControllerInfo(
        "00:AA:01:00:00:00", 9, 0x05F1, 0x0DBEFF, 0x81, b"\1\2\3", "famsock", "fs"
    )
    packed = info.pack()
    assert len(packed) == 280
    assert packed[:17].hex() == "00000001aa0009f105ffbe0d0081000000"
    assert ControllerInfo.unpack(packed) == info
    assert info.current == Setting.POWERED | Setting.BREDR
    assert Setting.CIS_CENTRAL in info.supported


def test_setting_names_are_the_headers() -> None:
    named = {n: v for n, v in vars(c).items() if n.startswith("MGMT_SETTING_")}
    named.pop("MGMT_SETTING_SIZE", None)
    assert {f"MGMT_SETTING_{s.name}": s.value for s in Setting} == named


def test_filter_bits() -> None:
    made = HciFilter.of((c.HCI_EVENT_PKT, c.HCI_VENDOR_PKT), (0x0E, 0x3E), 0x1001)
    assert made.pack() == bytes.fromhex("11000000 00400000 00000040 0110 0000")
    for types, events in (((32,), ()), ((-1,), ()), ((), (64,))):
        with pytest.raises(OverflowError, match="HciFilter"):
            HciFilter.of(types, events)


@PROPERTY
@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 2**64 - 1), st.integers(0, 0xFFFF))
def test_filter_survives_its_bytes(types: int, events: int, opcode: int) -> None:
    made = HciFilter(types, events, opcode)
    assert HciFilter.unpack(made.pack()) == made


CODECS = st.lists(
    st.builds(
        BtCodec,
        st.integers(0, 255),
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFF),
        st.integers(0, 255),
        st.lists(st.binary(max_size=20), max_size=4).map(tuple),
    ),
    max_size=5,
).map(tuple)


@PROPERTY
@given(CODECS)
def test_codecs_survive_their_bytes(codecs: tuple[BtCodec, ...]) -> None:
    packed = options.BT_CODEC.encode(codecs)
    assert options.BT_CODEC.decode(packed) == codecs
    for size in range(1, len(packed)):
        with pytest.raises(ValueError, match="BT_CODEC needs"):
            options.BT_CODEC.decode(packed[:size])


def test_codec_layout() -> None:
    packed = options.BT_CODEC.encode((BtCodec(5, 1, 2, 3, (b"ab",)),))
    assert packed == bytes.fromhex("01 05 0100 0200 03 01 02 6162")
    with pytest.raises(OverflowError, match="BT_CODEC AF_BLUETOOTH cid must be 0-65535"):
        options.BT_CODEC.encode((BtCodec(5, 65536),))
    with pytest.raises(TypeError):
        options.BT_CODEC.encode((BtCodec(5.0),))  # type: ignore[arg-type]


def test_iso_qos_of_earlier_kernels_is_the_first_half() -> None:
    qos = BtIsoQos(input=BtIsoIoQos(sdu=40), output=BtIsoIoQos(sdu=80))
    packed = options.BT_ISO_QOS.encode(qos)
    assert len(packed) == 60
    assert options.BT_ISO_QOS.decode(packed[:32]) == qos
    with pytest.raises(ValueError, match="BT_ISO_QOS needs 32 bytes"):
        options.BT_ISO_QOS.decode(packed[:31])


def test_device_info() -> None:
    data = bytearray(HciDevInfo.layout.size)
    data[2:6] = b"hci7"
    data[16] = 1
    data[20] = 0x01
    info = HciDevInfo.unpack(data)
    assert (info.name, info.up, info.bus) == ("hci7", True, c.HCI_USB)
    with pytest.raises(ValueError, match="needs 92 bytes"):
        HciDevInfo.unpack(data[:-1])
