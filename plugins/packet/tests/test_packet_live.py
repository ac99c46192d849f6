"""Frames between the ends of a veth pair, in a network namespace of the test's own."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket as stdlib
import struct
import subprocess
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from famsock_packet import PacketSocket
from famsock_packet import constants as c
from famsock_packet.addresses import PacketAddress
from famsock_packet.bpf import REJECT_ALL
from famsock_packet.control import PACKET_TX_TIMESTAMP
from famsock_packet.structs import VirtioHeader, VlanTag

from famsock.plugin import bpf, constants, control, options

Opened = Callable[..., PacketSocket]
Ip = Callable[[str], str]
MAC0, MAC1 = bytes.fromhex("020000000010"), bytes.fromhex("020000000011")
TYPE = c.ETH_P_802_EX1
ACCEPT = bpf.Instruction(c.BPF_RET | c.BPF_K, 0, 0, 0xFFFF)
pytestmark = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_capability("CAP_NET_RAW"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors"),
]


def frame(payload: bytes = b"", to: bytes = MAC1, proto: int = TYPE) -> bytes:
    return to + MAC0 + proto.to_bytes(2, "big") + payload.ljust(46, b"\0")


@pytest.fixture
def last(network: None, opened: Opened) -> PacketSocket:
    """A socket bound to v1 before any other, to which the kernel gives each frame after all others.

    What it has received has come everywhere: frames may come some time after they were sent.
    """
    sock = opened()
    sock.bind(("v1", TYPE))
    return sock


def test_frames_and_where_they_come_from(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    sock.bind(("v1", TYPE))
    assert sock.getsockname() == ("v1", TYPE, 0, 1, MAC1)
    assert sock.local_address == PacketAddress("v1", TYPE, 0, constants.ARPHRD_ETHER, MAC1)
    for to, pkttype in (
        (MAC1, c.PACKET_HOST),
        (b"\xff" * 6, c.PACKET_BROADCAST),
        (b"\x01" + bytes(5), c.PACKET_MULTICAST),
        (b"\x02" + bytes(5), c.PACKET_OTHERHOST),
    ):
        wire.send(frame(b"x", to))
        assert sock.recvfrom(2048) == (frame(b"x", to), ("v1", TYPE, pkttype, 1, MAC0))
    wire.send(frame(b"y"))
    assert sock.recv_message().address == PacketAddress("v1", TYPE, 0, 1, MAC0)


def test_the_kernel_makes_the_header(network: None, opened: Opened) -> None:
    sender, sock = opened(stdlib.SOCK_DGRAM), opened(stdlib.SOCK_DGRAM)
    sock.bind(PacketAddress("v1", TYPE))
    for to in (PacketAddress("v0", TYPE, addr=MAC1), ("v0", TYPE, 0, 0, MAC1)):
        sender.sendto(b"x" * 46, to)
        assert sock.recvfrom(2048) == (b"x" * 46, ("v1", TYPE, 0, 1, MAC0))
        sender.sendmsg([b"x" * 23, b"y" * 23], [], 0, to)
        assert sock.recvfrom(2048)[0] == b"x" * 23 + b"y" * 23


def test_the_name_that_an_interface_has_now(
    wire: PacketSocket, opened: Opened, ip: Ip, wait_for_the_cable: Callable[[], None]
) -> None:
    sock = opened()
    sock.bind(PacketAddress("", TYPE))
    names: list[str] = []
    for name in ("renamed0", "renamed1"):
        previous = names[-1] if names else "v1"
        ip(f"link set {previous} down")
        ip(f"link set {previous} name {name}")
        ip(f"link set {name} up")
        wait_for_the_cable()
        for _ in range(2):
            wire.send(frame())
            names.append(sock.recvfrom(2048)[1][0])
            wire.send(frame())
            source = sock.recv_message().address
            assert source is not None
            assert source.interface == name
    assert names == ["renamed0", "renamed0", "renamed1", "renamed1"]


def test_the_interface_that_has_a_name_now(
    network: None, opened: Opened, ip: Ip, wait_for_the_cable: Callable[[], None]
) -> None:
    """An address is looked up again when its name has passed to another interface."""
    sender, sock = opened(stdlib.SOCK_DGRAM), opened(stdlib.SOCK_DGRAM)
    sock.bind(PacketAddress("", TYPE))
    for name, other in (("v0", "v1"), ("v1", "v0")):
        for to in ((name, TYPE, 0, 0, b"\xff" * 6), PacketAddress(name, TYPE, addr=b"\xff" * 6)):
            for _ in range(2):
                sender.sendto(b"x" * 46, to)
                assert sock.recvfrom(2048)[1][0] == other
    for before, after in (("v0", "spare"), ("v1", "v0"), ("spare", "v1")):
        ip(f"link set {before} down")
        ip(f"link set {before} name {after}")
        ip(f"link set {after} up")
    wait_for_the_cable()
    for to in (("v0", TYPE, 0, 0, b"\xff" * 6), PacketAddress("v0", TYPE, addr=b"\xff" * 6)):
        sender.sendto(b"x" * 46, to)
        source = sock.recvfrom(2048)[1]
        assert (source[0], source[4]) == ("v1", MAC1)


def test_an_interface_that_is_gone(
    wire: PacketSocket, opened: Opened, ip: Ip, last: PacketSocket
) -> None:
    sock = opened()
    sock.bind(PacketAddress("", TYPE))
    index = stdlib.if_nametoindex("v1")
    for _ in range(2):
        wire.send(frame())
    assert [last.recv(100) for _ in range(2)] == [frame()] * 2
    ip("link delete v1")
    assert sock.recvfrom(2048)[1] == ("", TYPE, 0, 1, MAC0)
    assert sock.recv_message().address == PacketAddress(index, TYPE, 0, 1, MAC0)


def promiscuity(ip: Ip) -> int:
    return int(json.loads(ip("-j -d link show v1"))[0]["promiscuity"])


def test_promiscuous_until_closed(network: None, opened: Opened, ip: Ip) -> None:
    sock = opened()
    sock.set_promiscuous("v1")
    assert promiscuity(ip) == 1
    sock.set_promiscuous("v1", False)
    assert promiscuity(ip) == 0
    sock.set_promiscuous("v1", False)
    sock.set_promiscuous(stdlib.if_nametoindex("v1"))
    sock.close()
    assert promiscuity(ip) == 0


def test_other_memberships(network: None, opened: Opened, ip: Ip) -> None:
    sock = opened()
    group = bytes.fromhex("0180c200000e")
    sock.join_multicast("v1", group)
    assert group.hex(":") in ip("maddress show dev v1")
    sock.leave_multicast("v1", group)
    assert group.hex(":") not in ip("maddress show dev v1")
    sock.set_all_multicast("v1")
    sock.set_all_multicast("v1", False)
    sock.add_unicast("v1", b"\x02" + bytes(5))
    sock.remove_unicast("v1", b"\x02" + bytes(5))
    with pytest.raises(OSError, match="No such device"):
        sock.join_multicast("none0", group)
    with pytest.raises(OSError, match="Invalid argument"):
        sock.join_multicast("v1", b"\x01" * 5)
    with pytest.raises(ValueError, match="address must be at most 32 bytes, not 33"):
        sock.join_multicast("v1", bytes(33))
    with pytest.raises(OverflowError, match="Membership interface must be"):
        sock.set_promiscuous(2**31)


def test_a_filter_before_bind(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    first_payload_byte_is_7 = (
        bpf.Instruction(c.BPF_LD | c.BPF_B | c.BPF_ABS, 0, 0, 14),
        bpf.Instruction(c.BPF_JMP | c.BPF_JEQ | c.BPF_K, 0, 1, 7),
        bpf.Instruction(c.BPF_RET | c.BPF_K, 0, 0, 20),
        bpf.Instruction(c.BPF_RET | c.BPF_K, 0, 0, 0),
    )
    sock.capture("v1", TYPE, first_payload_byte_is_7)
    assert sock.filter() == first_payload_byte_is_7
    for octet in (6, 7, 8):
        wire.send(frame(bytes([octet])))
    got = sock.recv_frame()
    assert (got.data, got.length_bytes) == (frame(b"\7")[:20], 60)
    assert sock.statistics().packets == 1


def test_a_filter_put_on_and_off(wire: PacketSocket, opened: Opened, last: PacketSocket) -> None:
    sock = opened()
    sock.bind(("v1", TYPE))
    sock.setblocking(False)
    assert sock.filter() == ()
    sock.set_filter(REJECT_ALL)
    wire.send(frame())
    assert last.recv(100) == frame()
    with pytest.raises(BlockingIOError):
        sock.recv(100)
    sock.remove_filter()
    wire.send(frame(b"1"))
    sock.settimeout(20)
    assert sock.recv(100) == frame(b"1")
    with pytest.raises(FileNotFoundError):
        sock.remove_filter()
    sock.set_filter([ACCEPT])
    sock.lock_filter()
    with pytest.raises(PermissionError):
        sock.remove_filter()
    with pytest.raises(PermissionError):
        sock.set_filter(REJECT_ALL)


def test_programs_that_are_not_valid(opened: Opened) -> None:
    sock = opened()
    for program in ((), [bpf.Instruction(0xFFFF)], [bpf.Instruction(5, 0, 0, 9)]):
        with pytest.raises(OSError, match="Invalid argument"):
            sock.set_filter(program)
    with pytest.raises(ValueError, match="at most 4096 elements, not 4097"):
        sock.set_filter([ACCEPT] * 4097)
    with pytest.raises(TypeError, match="must be Instruction, not int"):
        sock.set_filter([6])  # type: ignore[list-item]


def test_a_copy_has_state_of_its_own(wire: PacketSocket, opened: Opened) -> None:
    """A copy asks for a frame's information itself: it does not know what its socket has asked."""
    sock = opened()
    sock.capture("v1", TYPE)
    with sock.dup() as copy:
        assert type(copy) is PacketSocket
        copy.set_option("PACKET_AUXDATA", False)
        wire.send(frame())
        assert copy.recv_frame().data == frame()
        assert sock.get_option("PACKET_AUXDATA") is True


def test_capture_wants_protocol_0(opened: Opened) -> None:
    sock = opened(stdlib.SOCK_RAW, stdlib.htons(c.ETH_P_ALL))
    with pytest.raises(ValueError, match="must be opened with protocol 0"):
        sock.capture("lo")


def test_what_was_switched_off_is_asked_for_again(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    sock.capture("v1", c.ETH_P_ALL)
    sock.set_option("PACKET_AUXDATA", False)
    sock.setsockopt(stdlib.SOL_SOCKET, 35, 0)  # SO_TIMESTAMPNS
    for _ in range(3):
        wire.send(frame())
    stamps = [sock.recv_frame().timestamp_ns for _ in range(3)]
    assert stamps[0] is None
    assert stamps[1:].count(None) == 0
    assert sock.get_option("PACKET_AUXDATA") is True


def test_an_address_class_that_was_replaced_reads_the_source(
    wire: PacketSocket, opened: Opened
) -> None:
    sock = opened()
    sock.bind(("v1", TYPE))
    other = PacketAddress(7)
    for _ in range(2):
        wire.send(frame())
        plain = sock.recv_frame().address
        assert plain == PacketAddress("v1", TYPE, c.PACKET_HOST, 1, MAC0)
        wire.send(frame())
        with mock.patch.object(PacketAddress, "unpack", return_value=other):
            assert sock.recv_frame().address is other


def test_what_the_kernel_tells_of_a_frame(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    sock.capture("v1", c.ETH_P_ALL)
    before = time.time_ns()
    tagged = frame(b"\xa0\x05" + TYPE.to_bytes(2, "big") + b"x", proto=c.ETH_P_8021Q)
    wire.send(tagged)
    got = sock.recv_frame(20)
    assert got.data == (tagged[:12] + tagged[16:])[:20]
    assert got.length_bytes == len(tagged) - 4
    assert got.vlan == VlanTag(0xA005, c.ETH_P_8021Q)
    assert got.timestamp_ns is not None
    assert before <= got.timestamp_ns <= time.time_ns()
    assert got.address is not None
    assert got.address.pkttype in (c.PACKET_HOST, c.PACKET_OTHERHOST)
    wire.send(frame())
    assert sock.recv_frame().vlan is None


def test_statistics_reset_when_read(wire: PacketSocket, opened: Opened, last: PacketSocket) -> None:
    sock = opened()
    sock.set_option("SO_RCVBUF", 1)
    sock.bind(("v1", TYPE))
    for _ in range(30):
        wire.send(frame())
    assert [last.recv(100) for _ in range(30)] == [frame()] * 30
    first = sock.statistics()
    assert first.packets == 30
    assert 0 < first.drops < 30
    assert sock.recv_frame().data == frame()
    assert sock.statistics().packets == 0


def test_outgoing_frames(network: None, opened: Opened) -> None:
    sock, sender = opened(), opened()
    sock.capture("v0", c.ETH_P_ALL)
    sender.sendto(frame(b"1"), ("v0", 0))
    source = sock.recv_frame().address
    assert source is not None
    assert source.pkttype == c.PACKET_OUTGOING
    sock.set_ignore_outgoing()
    assert sock.get_option("PACKET_IGNORE_OUTGOING") is True
    sender.sendto(frame(b"2"), ("v0", 0))
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv_frame()
    sock.set_ignore_outgoing(False)
    sender.set_qdisc_bypass()
    assert sender.get_option("PACKET_QDISC_BYPASS") is True
    sender.sendto(frame(b"3"), ("v0", 0))


def members(opened: Opened, group: int, mode: int, count: int = 2) -> list[PacketSocket]:
    found = [opened() for _ in range(count)]
    for sock in found:
        sock.bind(("v1", TYPE))
        sock.join_fanout(group, mode)
    return found


def shares(group: list[PacketSocket], count: int) -> list[int]:
    """Return how many frames each socket of a group got, once all ``count`` of them have come.

    Frames may come some time after they were sent: the kernel passes them on when it can.
    """
    found = [0] * len(group)
    deadline = time.monotonic() + 20
    while sum(found) < count and time.monotonic() < deadline:
        found = [n + sock.statistics().packets for n, sock in zip(found, group, strict=True)]
    return found


def test_a_group_shares_the_frames(wire: PacketSocket, opened: Opened) -> None:
    group = members(opened, 7, c.PACKET_FANOUT_LB)
    assert (group[0].fanout().group, group[0].fanout().mode) == (7, c.PACKET_FANOUT_LB)
    for _ in range(20):
        wire.send(frame())
    assert shares(group, 20) == [10, 10]
    with pytest.raises(OSError, match="Operation already in progress"):
        group[0].join_fanout(7, c.PACKET_FANOUT_LB)
    with pytest.raises(OSError, match="Invalid argument"):
        opened().join_fanout(7, c.PACKET_FANOUT_LB)


@pytest.mark.parametrize("mode", [c.PACKET_FANOUT_HASH, c.PACKET_FANOUT_CPU, c.PACKET_FANOUT_RND])
def test_every_frame_goes_to_one_of_a_group(wire: PacketSocket, opened: Opened, mode: int) -> None:
    group = members(opened, 9, mode)
    assert [sock.fanout().mode for sock in group] == [mode, mode]
    for _ in range(20):
        wire.send(frame())
    found = shares(group, 20)
    assert sum(found) == 20
    if mode == c.PACKET_FANOUT_HASH:
        assert sorted(found) == [0, 20]


def test_a_group_whose_number_the_kernel_chooses(wire: PacketSocket, opened: Opened) -> None:
    mode = c.PACKET_FANOUT_ROLLOVER | c.PACKET_FANOUT_FLAG_UNIQUEID
    (first,) = members(opened, 0, mode, 1)
    (second,) = members(opened, first.fanout().group, c.PACKET_FANOUT_ROLLOVER, 1)
    for _ in range(5):
        wire.send(frame())
    assert shares([first, second], 5) == [5, 0]
    assert first.rollover_statistics().failed == 0
    assert opened().fanout().mode == 0


def test_a_program_shares_the_frames(wire: PacketSocket, opened: Opened) -> None:
    group = members(opened, 8, c.PACKET_FANOUT_CBPF)
    by_first_byte = [
        bpf.Instruction(c.BPF_LD | c.BPF_B | c.BPF_ABS, 0, 0, 0),
        bpf.Instruction(c.BPF_RET | c.BPF_A),
    ]
    group[0].set_fanout_program(by_first_byte)
    for octet in (1, 1, 1, 0):
        wire.send(frame(bytes([octet])))
    assert shares(group, 4) == [1, 3]
    with pytest.raises(OSError, match=r"Invalid argument|Bad file"):
        group[0].set_fanout_program(12345)
    wrong: Any
    for wrong in (1.5, "x", [1]):
        with pytest.raises(TypeError, match="PACKET_FANOUT_DATA"):
            group[0].set_fanout_program(wrong)


def loaded_program(place: int) -> int:
    """The descriptor of an eBPF socket filter that returns ``place``."""
    number = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine)
    if number is None:
        pytest.skip(f"the test does not know bpf(2) of {os.uname().machine}")
    instructions = struct.pack("=BBhi", 0xB7, 0, 0, place) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    code = ctypes.create_string_buffer(instructions, len(instructions))
    license = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("=IIQQ", 1, 2, ctypes.addressof(code), ctypes.addressof(license))
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    loaded = ctypes.CDLL(None, use_errno=True).syscall(number, 5, buffer, len(buffer))
    assert loaded >= 0, os.strerror(ctypes.get_errno())
    return int(loaded)


@pytest.mark.needs_capability("CAP_BPF")
def test_an_ebpf_program_shares_the_frames(wire: PacketSocket, opened: Opened) -> None:
    group = members(opened, 11, c.PACKET_FANOUT_EBPF, 3)
    for place, expected in ((2, [0, 0, 4]), (1, [0, 4, 0])):
        program = loaded_program(place)
        try:
            group[0].set_fanout_program(program)
        finally:
            os.close(program)
        for _ in range(4):
            wire.send(frame())
        assert shares(group, 4) == expected


def test_when_a_frame_was_sent(wire: PacketSocket) -> None:
    flags = (
        constants.SOF_TIMESTAMPING_TX_SOFTWARE
        | constants.SOF_TIMESTAMPING_SOFTWARE
        | constants.SOF_TIMESTAMPING_OPT_ID
    )
    wire.set_option(options.SO_TIMESTAMPING, options.Timestamping(flags))
    before = time.time_ns()
    wire.send(frame(b"1"))
    told = wire.recv_message(flags=stdlib.MSG_ERRQUEUE)
    assert told.data == frame(b"1")
    stamp, stamps = told.get(PACKET_TX_TIMESTAMP), told.get(control.SCM_TIMESTAMPING)
    assert stamp is not None
    assert stamps is not None
    assert (stamp.errno, stamp.origin, stamp.data) == (errno.ENOMSG, 4, 0)
    assert before <= stamps.software_ns <= time.time_ns()


HEADERS_BYTES = 14 + 20 + 20
TCP_CHECKSUM_AT = 16


def test_headers_for_offloads(wire: PacketSocket, opened: Opened) -> None:
    """TCP segments in one, the checksum left to do: so they go out, and so they come in."""
    sock = opened()
    for one in (wire, sock):
        one.set_option("PACKET_VNET_HDR", True)
        assert one.get_option("PACKET_VNET_HDR") is True
    sock.bind(("v1", c.ETH_P_IP))
    payload = os.urandom(3000)
    addresses = stdlib.inet_aton("192.0.2.1") + stdlib.inet_aton("192.0.2.2")
    ipv4 = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0, 64, 6, 0) + addresses
    tcp = struct.pack(">HHIIBBHHH", 7, 7, 1, 1, 5 << 4, 0x10, 1000, 0, 0)
    packet = MAC1 + MAC0 + c.ETH_P_IP.to_bytes(2, "big") + ipv4 + tcp + payload
    head = VirtioHeader(
        flags=c.VIRTIO_NET_HDR_F_NEEDS_CSUM,
        gso_type=c.VIRTIO_NET_HDR_GSO_TCPV4,
        hdr_len=HEADERS_BYTES,
        gso_size=1000,
        csum_start=34,
        csum_offset=TCP_CHECKSUM_AT,
    )
    wire.send(head.pack() + packet)
    before = VirtioHeader.layout.size
    joined = b""
    while len(joined) < len(payload):
        got = sock.recv(5000)
        told = VirtioHeader.unpack(got[:before])
        segments = got[before + HEADERS_BYTES :]
        if len(segments) > 1000:
            assert (told.gso_type, told.gso_size) == (c.VIRTIO_NET_HDR_GSO_TCPV4, 1000)
        joined += segments
    assert joined == payload


def test_options_that_are_asked_something(opened: Opened) -> None:
    sock = opened()
    sizes = [sock.get_option("PACKET_HDRLEN", version) for version in range(3)]
    assert sizes[1:] == [32, 48]
    with pytest.raises(OSError, match="Invalid argument"):
        sock.get_option("PACKET_HDRLEN", 3)
    with pytest.raises(OSError, match="Invalid argument"):
        sock.rollover_statistics()


def test_a_longer_hardware_address(opened: Opened, network: None, ip: Ip) -> None:
    try:
        ip("link add g0 type ip6gre local 2001:db8::1 remote 2001:db8::2")
    except subprocess.CalledProcessError:
        pytest.skip("this kernel has no interface with a long address: modprobe ip6_gre")
    ip("link set g0 up")
    sock = opened()
    sock.bind(("g0", 0))
    own = stdlib.inet_pton(stdlib.AF_INET6, "2001:db8::1")
    assert sock.getsockname() == ("g0", 0, 0, constants.ARPHRD_IP6GRE, own)
    address = sock.local_address
    assert address is not None
    assert address.addr == own


def test_bytes_that_no_buffer_holds(wire: PacketSocket, opened: Opened) -> None:
    sock = opened()
    sock.bind(("v1", TYPE))
    payload = os.urandom(1400)
    wire.send(frame(payload))
    buffer = bytearray(2000)
    size, address = sock.recvfrom_into(buffer)
    assert (bytes(buffer[:size]), address[0]) == (frame(payload), "v1")
    with pytest.raises(OSError, match="Message too long"):
        wire.send(frame(bytes(1501)))
