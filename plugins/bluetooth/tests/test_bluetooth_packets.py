"""HCI packets, management messages and option values: bytes in, bytes out, and cut short."""

from __future__ import annotations

import errno
import pickle
import socket as stdlib
import struct
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from famsock_bluetooth import advertising, control, options, packets
from famsock_bluetooth import constants as c
from famsock_bluetooth._ioctls import HciDevInfo
from famsock_bluetooth._mgmt_error import ManagementError
from famsock_bluetooth.advertising import DeviceFound, LeAdvertisingReport
from famsock_bluetooth.hci import HciSocket
from famsock_bluetooth.mgmt import ControllerInfo, Management, ManagementEvent, Setting
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
from famsock_bluetooth.structs import (
    BtCodec,
    BtIsoIoQos,
    BtIsoQos,
    BtPower,
    BtSecurity,
    HciFilter,
    L2capOptions,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import famsock
from famsock import constants
from famsock.plugin import SockExtendedErr

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


def test_services_and_makers_in_advertising_data() -> None:
    whole = UUID("12345678-1234-5678-1234-567812345678")
    elements = (
        (c.EIR_UUID16_ALL, bytes.fromhex("0d18 0f18 00")),
        (c.EIR_UUID32_SOME, bytes.fromhex("78563412")),
        (c.EIR_UUID128_ALL, whole.bytes[::-1]),
        (c.EIR_SERVICE_DATA, bytes.fromhex("5118 0102")),
        (0x20, bytes.fromhex("78563412")),
        (0x21, whole.bytes[::-1] + b"x"),
        (0x21, b"cut short"),
        (0xFF, bytes.fromhex("9904 05aabb")),
        (0xFF, b"1"),
    )
    data = b"".join(advertising.structure(*element) for element in elements)
    found = DeviceFound("00:00:00:00:00:01", c.BDADDR_LE_PUBLIC, None, data, 0)
    short = [f"0000{n}-0000-1000-8000-00805f9b34fb" for n in ("180d", "180f", "1851")]
    four = UUID("12345678-0000-1000-8000-00805f9b34fb")
    assert found.service_uuids == (UUID(short[0]), UUID(short[1]), four, whole)
    assert found.service_data == {UUID(short[2]): b"\1\2", four: b"", whole: b"x"}
    assert found.manufacturer_data == {0x0499: b"\5\xaa\xbb"}


@PROPERTY
@given(st.binary(max_size=60))
def test_any_advertising_data_is_taken_apart(data: bytes) -> None:
    found = DeviceFound("00:00:00:00:00:01", c.BDADDR_LE_PUBLIC, None, data, 0)
    for told in (found.service_uuids, found.service_data, found.manufacturer_data, found.name):
        assert len(told) <= len(data)
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


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: BtSecurity(5), OverflowError, "BtSecurity level must be 0-4, not 5"),
        (lambda: BtPower(2), OverflowError, "force_active must be 0-1, not 2"),
        (lambda: BtIsoIoQos(interval=254), OverflowError, "interval must be 0 or 255-1048575"),
        (lambda: BtIsoIoQos(interval=1 << 20), OverflowError, "interval must be 0-1048575"),
        (lambda: BtIsoIoQos(latency=4), OverflowError, "latency must be 0 or 5-4000, not 4"),
        (lambda: BtIsoIoQos(phy=8), OverflowError, "phy must be 0-7, not 8"),
        (lambda: BtIsoIoQos(sdu=40, phy=0), ValueError, "sdu 40 needs a phy"),
        (lambda: BtIsoQos(0xF0), OverflowError, "group must be 0-239, or 255 .*, not 240"),
        (lambda: BtIsoQos(stream=0xFE), OverflowError, "stream must be 0-239, or 255"),
        (lambda: BtIsoQos(sca=25), OverflowError, "sca must be 0-24, not 25"),
        (lambda: BtIsoQos(packing=2), OverflowError, "packing must be 0-1"),
        (lambda: BtIsoQos(framing=2), OverflowError, "framing must be 0-1"),
        (lambda: BtIsoQos(encryption=2), OverflowError, "encryption must be 0-1"),
        (lambda: BtIsoQos(options=8), OverflowError, "options must be 0-7"),
        (lambda: BtIsoQos(skip=500), OverflowError, "skip must be 0-499"),
        (lambda: BtIsoQos(sync_timeout=9), OverflowError, "sync_timeout must be 0 or 10-16384"),
        (lambda: BtIsoQos(timeout=16385), OverflowError, "timeout must be 0-16384"),
        (lambda: BtIsoQos.broadcast(sync_factor=0), OverflowError, "sync_factor must be 1-24"),
        (lambda: BtIsoQos.broadcast(timeout_ms=90), OverflowError, "timeout_ms must be 100-163840"),
        (lambda: BtIsoQos.broadcast(sync_timeout_ms=105), ValueError, "whole 10 ms, not 105"),
        (lambda: BtIsoQos.broadcast(bcode=b"short"), ValueError, "bcode must be 16 bytes, not 5"),
        (lambda: options.BT_ISO_BASE.encode(bytes(249)), ValueError, "at most 248 bytes, not 249"),
        (lambda: L2capOptions(48, 48, 0, 5, 0, 0, 1), OverflowError, "mode must be 0-4, not 5"),
        (lambda: L2capOptions(48, 48, 0, 0, 2, 0, 1), OverflowError, "fcs must be 0-1, not 2"),
        (
            lambda: L2capOptions(48, 48, 0, 0, 0, 0, 1 << 14),
            OverflowError,
            "txwin_size must be 0-16383",
        ),
        (lambda: advertising.structure(256, b""), OverflowError, "must be 0-255, not 256"),
        (lambda: advertising.structure(9, "famsock"), TypeError, "must be a bytes-like"),  # type: ignore[arg-type]
    ],
)
def test_values_out_of_range_are_refused(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_qos_of_a_broadcast() -> None:
    qos = BtIsoQos.broadcast(BtIsoIoQos(sdu=40), big=1, bis=2, bcode=b"0123456789abcdef")
    packed = qos.pack()
    assert packed[:5] == b"\1\2\1\0\0"
    assert packed[32:49] == b"\1" + b"0123456789abcdef"
    assert (qos.sync_timeout, qos.timeout) == (c.BT_ISO_SYNC_TIMEOUT, c.BT_ISO_SYNC_TIMEOUT)
    assert BtIsoQos.broadcast(sync_timeout_ms=100).sync_timeout == 10
    assert BtIsoQos.broadcast().encryption == 0


@pytest.fixture
def ends() -> Iterator[tuple[HciSocket, HciSocket]]:
    """Two ends of something that keeps messages apart, in place of the kernel's HCI sockets."""
    pair = stdlib.socketpair(stdlib.AF_UNIX, stdlib.SOCK_SEQPACKET)
    one, other = (
        famsock.socket(c.AF_BLUETOOTH, stdlib.SOCK_RAW, c.BTPROTO_HCI, end.detach()).operations
        for end in pair
    )
    with one, other:
        one.settimeout(0.05)
        yield one, other


@pytest.mark.parametrize("size", [0, 1024])
def test_the_longest_packet_is_received_whole(size: int, ends: tuple[HciSocket, HciSocket]) -> None:
    one, other = ends
    packet = AclData(0x2A, 2, bytes(size))
    other.send_packet(packet)
    other.send_packet(packet)
    assert one.recv_packet() == packet
    assert one.recv_packet_message()[0] == packet


def test_what_is_no_packet_is_not_sent(ends: tuple[HciSocket, HciSocket]) -> None:
    for wrong in (b"abc", HciFilter()):
        with pytest.raises(TypeError, match="HCI packet must be HciCommand"):
            ends[0].send_packet(wrong)  # type: ignore[arg-type]


def test_a_management_command_without_an_answer_is_named(
    ends: tuple[HciSocket, HciSocket],
) -> None:
    one, other = ends
    with pytest.raises(TimeoutError, match=r"management command 0x0001 within 0\.05 s"):
        Management(one).read_version()
    assert other.recv(100) == b"\1\0\xff\xff\0\0"
    other.send(struct.pack("<HHH", c.MGMT_EV_INDEX_ADDED, 0, 0))
    other.send(struct.pack("<HHHHB3s", c.MGMT_EV_CMD_COMPLETE, 0xFFFF, 6, 1, 0, b"\1\x16\0"))
    assert Management(one).read_version() == (1, 22)


def _version_answer(minor: int, opcode_: int = c.MGMT_OP_READ_VERSION) -> bytes:
    head = struct.pack("<HHHHB", c.MGMT_EV_CMD_COMPLETE, 0xFFFF, 6, opcode_, 0)
    return head + struct.pack("<BH", 1, minor)


def test_a_late_answer_is_not_the_next_one_s(ends: tuple[HciSocket, HciSocket]) -> None:
    one, other = ends
    management = Management(one)
    with pytest.raises(TimeoutError, match="no answer to the management command 0x0001"):
        management.read_version()
    with pytest.raises(TimeoutError, match="no answer to an earlier management command 0x0001"):
        management.read_version()
    other.send(_version_answer(7, c.MGMT_OP_READ_INDEX_LIST))  # another command need not wait
    assert management.command(c.MGMT_OP_READ_INDEX_LIST) == b"\1\7\0"
    other.send(_version_answer(21))
    other.send(_version_answer(22))
    assert management.read_version() == (1, 22)
    with pytest.raises(TimeoutError, match="no answer to the"):
        management.read_version()
    other.send(_version_answer(23))
    assert management.recv_event().code == c.MGMT_EV_CMD_COMPLETE
    other.send(_version_answer(24))
    assert management.read_version() == (1, 24)


@pytest.mark.parametrize(
    ("number", "packet"),
    [
        (c.HCI_MON_COMMAND_PKT, HciCommand(3, b"a")),
        (c.HCI_MON_EVENT_PKT, HciEvent(3, b"a")),
        (c.HCI_MON_ACL_TX_PKT, AclData(3, 1, b"a")),
        (c.HCI_MON_ACL_RX_PKT, AclData(3, 1, b"a")),
        (c.HCI_MON_SCO_TX_PKT, ScoData(3, 1, b"a")),
        (c.HCI_MON_SCO_RX_PKT, ScoData(3, 1, b"a")),
        (c.HCI_MON_ISO_TX_PKT, IsoData(3, 1, b"a")),
        (c.HCI_MON_ISO_RX_PKT, IsoData(3, 1, b"a")),
        (c.HCI_MON_VENDOR_DIAG, OtherPacket(c.HCI_DIAG_PKT, b"a")),
        (c.HCI_MON_DRV_TX_PKT, OtherPacket(c.HCI_DRV_PKT, b"a")),
        (c.HCI_MON_DRV_RX_PKT, OtherPacket(c.HCI_DRV_PKT, b"a")),
    ],
)
def test_the_packet_in_a_record_of_the_monitor(
    number: int, packet: Any, ends: tuple[HciSocket, HciSocket]
) -> None:
    one, other = ends
    data = packet.pack()[1:]
    other.send(struct.pack("<HHH", number, 2, len(data)) + data)
    record = one.recv_monitor()
    assert (record.index, record.packet) == (2, packet)
    assert MonitorMessage(c.HCI_MON_NEW_INDEX, 0, b"").packet is None


def test_control_messages_of_newer_kernels() -> None:
    assert control.BT_SCM_PKT_SEQNUM.pack(0xABCD) == (c.SOL_BLUETOOTH, 5, struct.pack("=H", 0xABCD))
    stamp = SockExtendedErr(errno.ENOMSG, constants.SO_EE_ORIGIN_TIMESTAMPING, info=3, data=7)
    level, number, data = control.BT_SCM_ERROR.pack(stamp)
    assert (level, number, len(data)) == (c.SOL_BLUETOOTH, 4, 16)
    decoded = control.BT_SCM_ERROR.codec.decode(data)
    assert (decoded.info, decoded.data) == (constants.SCM_TSTAMP_COMPLETION, 7)
    assert options.BT_PKT_SEQNUM.encode(True) == struct.pack("=i", 1)
    assert options.BT_PHY.encode(c.BT_PHY_LE_MASK) == struct.pack("=I", 0x7E00)


def test_names_that_do_not_fit(ends: tuple[HciSocket, HciSocket]) -> None:
    management = Management(ends[0])
    for wrong in (("x" * 249, ""), ("", "x" * 11)):
        with pytest.raises(ValueError, match=r"AF_BLUETOOTH (short_)?name too long: at most"):
            management.set_local_name(0, *wrong)


def test_device_info() -> None:
    data = bytearray(HciDevInfo.layout.size)
    data[2:6] = b"hci7"
    data[16] = 1
    data[20] = 0x01
    info = HciDevInfo.unpack(data)
    assert (info.name, info.up, info.bus) == ("hci7", True, c.HCI_USB)
    with pytest.raises(ValueError, match="needs 92 bytes"):
        HciDevInfo.unpack(data[:-1])
