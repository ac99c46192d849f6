"""sockaddr_ll in its lengths, interfaces in their forms, and the stdlib's order of checks."""

from __future__ import annotations

import socket as stdlib
import struct
from errno import ENODEV
from typing import Any

import pytest
from famsock_packet import constants as c
from famsock_packet.addresses import PacketAddress
from famsock_packet.bpf import parse_program
from famsock_packet.structs import AuxiliaryData, Fanout, Membership, Statistics, VlanTag, vlan_tag
from hypothesis import given, settings
from hypothesis import strategies as st

import famsock
from famsock.plugin import Lookup, RawAddress, bpf

few = settings(max_examples=80, deadline=None, database=None)
ADDRESSES = st.builds(
    PacketAddress,
    st.integers(0, 2**31 - 1),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFF),
    st.integers(0, 0xFFFF),
    st.binary(max_size=32),
)


@few
@given(ADDRESSES)
def test_a_hardware_address_of_any_length_is_whole(address: PacketAddress) -> None:
    packed = address.pack()
    assert len(packed) == max(20, 12 + len(address.addr))
    assert PacketAddress.unpack(packed) == address
    assert PacketAddress.parse(str(address)) == address
    form = address.to_stdlib(Lookup("decode"))
    assert form[4] == address.addr


@few
@given(ADDRESSES, st.integers(0, 44))
def test_a_cut_sockaddr(address: PacketAddress, size: int) -> None:
    cut = address.pack()[:size]
    if size < 12 + len(address.addr):
        with pytest.raises(ValueError, match=r"AF_PACKET needs \d+ bytes of struct sockaddr_ll"):
            PacketAddress.unpack(cut)
    else:
        assert PacketAddress.unpack(cut) == address


@pytest.mark.parametrize("interface", ["", 0])
def test_every_interface(interface: str | int) -> None:
    address = PacketAddress(interface, 3)
    assert (address.interface, str(address)) == ("", ":0x0003")
    assert address.pack()[4:8] == bytes(4)


@pytest.mark.parametrize(
    ("interface", "error", "match"),
    [
        ("n" * 16, OSError, "at most 15 bytes"),
        ("ä" * 8, OSError, "at most 15 bytes"),
        ("a\0", ValueError, "AF_PACKET interface must not contain a null"),
        (-1, OverflowError, "AF_PACKET interface must be 0-2147483647, not -1"),
        (2**31, OverflowError, "AF_PACKET interface must be 0-2147483647"),
        (b"lo", TypeError, "AF_PACKET interface must be an interface's name or index, not bytes"),
    ],
)
def test_bad_interfaces(interface: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match) as caught:
        PacketAddress(interface, 3)
    if error is OSError:
        assert getattr(caught.value, "errno", None) == ENODEV


def test_a_long_hardware_address_is_refused() -> None:
    with pytest.raises(ValueError, match="AF_PACKET addr must be at most 32 bytes, not 33"):
        PacketAddress("lo", 3, addr=bytes(33))


FORMS: tuple[Any, ...] = (
    ("lo", 0),
    ("lo", 0, 0),
    ("lo", 3, 4, 772, b"\0" * 6),
    ("lo", True),
    ("lo", 3, 0, 0, bytearray(8)),
    ("lo", 3, 0, 0, bytes(9)),
    ("lo", 70000, 0, 0, bytes(9)),
    ("lo", -1),
    ("lo", 65536),
    ("lo", 2**31),
    ("lo", 2**64),
    ("none0", 2**31),
    ("none0", 65536, 0, 0, bytes(9)),
    ("none0", 3, 0, 0, "x"),
    ("none0", 0),
    ("", 3),
    ("l\0", 3),
    ("lo",),
    (),
    ["lo", 3],
    "lo",
    None,
    (b"lo", 3),
    (1, 3),
    ("lo", "3"),
    ("lo", 3.0),
    ("lo", 3, 0, 0, "x"),
    ("lo", 3, 0, 0, None),
    pytest.param(("lo", 3, 0, 0, memoryview(b"12345678")[::2]), id="every other byte"),
    ("lo", 3, 0, 0, b"", 1),
    ("lo", 3, "0"),
    ("lo", 3, 2**31),
    ("lo", 3, 0, -(2**31) - 1),
)


@pytest.mark.needs_capability("CAP_NET_RAW")
@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_bind_ends_as_the_stdlibs(form: Any) -> None:
    outcomes: list[tuple[Any, Any]] = []
    for module in (famsock, stdlib):
        with module.socket(17, stdlib.SOCK_RAW, 0) as sock:
            try:
                sock.bind(form)
                outcomes.append((None, sock.getsockname()))
            except (BufferError, OSError, TypeError, ValueError, OverflowError) as error:
                outcomes.append((type(error), getattr(error, "errno", None)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.needs_capability("CAP_NET_RAW")
@pytest.mark.parametrize("form", [("lo", 3, 256), ("lo", 3, -1), ("lo", 3, 0, 65536)])
def test_what_the_stdlib_masks(form: Any) -> None:
    with (
        famsock.socket(17, stdlib.SOCK_RAW, 0) as sock,
        pytest.raises(OverflowError, match=r"bind\(\): AF_PACKET (pkttype|hatype) must be 0-"),
    ):
        sock.bind(form)


@pytest.mark.needs_capability("CAP_NET_RAW")
def test_a_raw_address_and_a_typed_one() -> None:
    with famsock.socket(17, stdlib.SOCK_RAW, 0) as sock:
        index = stdlib.if_nametoindex("lo")
        sock.bind(RawAddress(17, struct.pack("=HiHBB8x", 0, index, 0, 0, 0)))
        assert sock.getsockname()[0] == "lo"
        sock.bind(PacketAddress(index, 0))
        assert sock.local_address == PacketAddress("lo", 0, 0, 772, bytes(6))
        sock.bind(PacketAddress("", 0))
        assert sock.local_address == PacketAddress("")
        assert sock.getsockname() == ("", 0, 0, 0, b"")


def test_structs_of_the_kernels_shorter_answers() -> None:
    assert Statistics.unpack(struct.pack("=II", 5, 2)) == Statistics(5, 2, 0)
    assert Statistics.unpack(struct.pack("=III", 5, 2, 1)) == Statistics(5, 2, 1)
    assert Fanout.unpack(struct.pack("=I", 0x1001_0007)) == Fanout(7, 0x1001)
    for short in (b"", bytes(3), bytes(7)):
        with pytest.raises(ValueError, match=r"needs \d+ bytes"):
            Statistics.unpack(short)
    with pytest.raises(ValueError, match="Fanout needs 8 bytes"):
        Fanout.unpack(bytes(5))


def test_a_membership_with_a_long_address() -> None:
    packed = Membership(3, 0, bytes(range(20))).pack()
    assert packed == struct.pack("=iHH", 3, 0, 20) + bytes(range(20))
    assert Membership(3, 1).pack() == struct.pack("=iHH8x", 3, 1, 0)


def test_vlan_tags() -> None:
    assert vlan_tag(0, 5, 0x8100) is None
    assert vlan_tag(0x10, 0xA005, 0) == VlanTag(0xA005, 0x8100)
    tag = vlan_tag(0x50, 0xA005, 0x88A8)
    assert tag is not None
    assert (tag.vlan, tag.priority, tag.tpid) == (5, 5, 0x88A8)


def test_what_a_packet_s_status_says() -> None:
    def told(status: int) -> AuxiliaryData:
        return AuxiliaryData(status, 60, 60, 0, 14, 0, 0)

    plain = told(c.TP_STATUS_USER)
    said = plain.is_losing, plain.checksum_is_valid, plain.checksum_is_missing
    assert said == (False, False, False)
    assert told(c.TP_STATUS_LOSING).is_losing
    assert told(c.TP_STATUS_CSUM_VALID).checksum_is_valid
    assert told(c.TP_STATUS_CSUMNOTREADY).checksum_is_missing


def test_programs_as_text() -> None:
    program = parse_program("2\n40 0 0 12\n6 0 0 262144\n")
    assert program == (bpf.Instruction(40, 0, 0, 12), bpf.Instruction(6, 0, 0, 262144))
    for text in ("", "x", "1", "2\n6 0 0 0", "1\n6 0 0", "1\n6 0 0 x", "1\n6 0 0 0\n6 0 0 0"):
        with pytest.raises(ValueError, match="as tcpdump -ddd prints it"):
            parse_program(text)
    with pytest.raises(OverflowError, match="Instruction jt must be 0-255"):
        parse_program("1\n6 256 0 0")
