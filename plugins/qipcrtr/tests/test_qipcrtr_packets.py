"""Control packets of QIPCRTR as bytes."""

from __future__ import annotations

import pytest
from famsock_qipcrtr import constants, packets
from famsock_qipcrtr.addresses import QipcrtrAddress
from famsock_qipcrtr.packets import (
    Bye,
    ControlPacket,
    DelClient,
    DelLookup,
    DelServer,
    Exit,
    Hello,
    NewLookup,
    NewServer,
    Ping,
    ResumeTx,
    UnknownPacket,
    instance_of,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.asks_no_kernel

on_a_busy_machine = settings(deadline=None)

EXAMPLES: dict[str, ControlPacket] = {
    "02000000" + "00" * 16: Hello(),
    "03000000 05000000" + "00" * 12: Bye(5),
    "04000000 42000000 01020000 01000000 00400000": NewServer(0x42, 0x201, 1, 0x4000),
    "05000000 42000000 01020000 01000000 00400000": DelServer(0x42, 0x201, 1, 0x4000),
    "06000000 01000000 00400000" + "00" * 8: DelClient(1, 0x4000),
    "07000000 01000000 00400000" + "00" * 8: ResumeTx(1, 0x4000),
    "08000000" + "00" * 16: Exit(),
    "09000000" + "00" * 16: Ping(),
    "0a000000 42000000 01020000" + "00" * 8: NewLookup(0x42, 0x201),
    "0b000000 42000000 01020000" + "00" * 8: DelLookup(0x42, 0x201),
}


@pytest.mark.parametrize(("raw", "packet"), EXAMPLES.items(), ids=lambda x: type(x).__name__)
def test_bytes_and_packets(raw: str, packet: ControlPacket) -> None:
    data = bytes.fromhex(raw)
    assert len(data) == 20
    assert packet.pack() == data
    assert parse(data) == packet
    assert packet.type == data[0]


def test_every_type_but_data_has_a_class() -> None:
    types = {v for n, v in vars(constants).items() if n.startswith("QRTR_TYPE_")}
    assert {packet.type for packet in EXAMPLES.values()} == types - {constants.QRTR_TYPE_DATA}


@on_a_busy_machine
@given(st.binary(max_size=40))
def test_any_bytes_are_a_packet_or_refused(data: bytes) -> None:
    if len(data) < 4:
        with pytest.raises(ValueError, match="needs 4 bytes"):
            parse(data)
        return
    packet = parse(data)
    if isinstance(packet, UnknownPacket):
        assert packet.data == data
        assert packet.type == int.from_bytes(data[:4], "little")


@on_a_busy_machine
@given(st.sampled_from(range(2, 12)), st.binary(min_size=16, max_size=16))
def test_any_control_packet_keeps_its_fields(number: int, rest: bytes) -> None:
    packet = parse(number.to_bytes(4, "little") + rest)
    assert isinstance(packet, ControlPacket)
    assert packet.type == number
    assert parse(packet.pack()) == packet


@pytest.mark.parametrize("size", range(4, 20))
def test_a_packet_cut_short_comes_back_whole(size: int) -> None:
    data = NewServer(1, 2, 3, 4).pack()[:size]
    assert parse(data) == UnknownPacket(4, data)


def test_a_class_takes_no_other_type() -> None:
    with pytest.raises(ValueError, match="NewServer starts with 04000000"):
        NewServer.unpack(DelServer(1).pack())


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: NewServer(2**32), "NewServer service must be 0-4294967295, not 4294967296"),
        (lambda: NewLookup(1, -1), "NewLookup instance must be 0-4294967295, not -1"),
        (lambda: DelClient(1, 2**32), "DelClient port must be 0-4294967295"),
        (lambda: instance_of(256, 0), "version must be 0-255, not 256"),
        (lambda: instance_of(0, 2**24), "number must be 0-16777215, not 16777216"),
    ],
)
def test_integers_out_of_range(make: object, match: str) -> None:
    with pytest.raises(OverflowError, match=match):
        make()  # type: ignore[operator]


def test_a_servers_instance_is_a_version_and_a_number() -> None:
    server = NewServer(66, instance_of(3, 500), 1, 16384)
    assert (server.version, server.number) == (3, 500)
    assert server.address == QipcrtrAddress(1, 16384)
    assert not server.is_end_of_list
    assert NewServer(0).is_end_of_list


def test_the_wire_is_little_endian_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packets._swapped(0x01020304, None) == 0x04030201
