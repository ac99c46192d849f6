"""The options and control messages of SOL_SOCKET, which the core gives to every family, live."""

from __future__ import annotations

import errno
import socket as stdlib
from collections.abc import Callable
from socket import AF_INET, SOCK_DGRAM, SOCK_STREAM
from typing import Any

import pytest
from famsock_inet import UdpSocket
from famsock_inet.sockets.udp import AnyUdpSocket

import famsock
from famsock import constants, control, options
from famsock.bpf import INSTRUCTIONS, PROGRAM, Instruction
from famsock.options import Linger, Timestamping, Txtime
from famsock.testing import requirements

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")
Pair = tuple[AnyUdpSocket, AnyUdpSocket]
OpenUdp = Callable[[type[AnyUdpSocket]], AnyUdpSocket]
ROWS = options.collect(vars(options))
BPF_RET, BPF_LEN = 0x06, 0x80
DROP, PASS = (Instruction(BPF_RET, k=0),), (Instruction(BPF_RET, k=0xFFFF),)


def by_name(row: Any) -> str:
    return str(row.name)


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_numbers_are_those_of_the_constants(row: options.Option[Any]) -> None:
    assert row.level == stdlib.SOL_SOCKET
    assert row.number == getattr(constants, row.name)
    assert getattr(options, row.name) is row


@pytest.mark.parametrize("row", control.collect(vars(control)), ids=by_name)
def test_control_numbers(row: control.ControlType[Any]) -> None:
    assert (row.level, row.number) == (stdlib.SOL_SOCKET, getattr(constants, row.name))
    for size in range(64):
        try:
            row.codec.decode(bytes(size))
        except ValueError:
            continue


@pytest.mark.parametrize("row", [row for row in ROWS if row.access == "rw"], ids=by_name)
def test_written_back(row: options.Option[Any]) -> None:
    """Set again what was read, on some kind of socket."""
    refused = []
    for kind in (SOCK_STREAM, SOCK_DGRAM):
        with famsock.socket(AF_INET, kind) as sock:
            try:
                value = sock.get_option(row)
                assert row.decode(row.encode(value)) == value
                sock.set_option(row, value)
                return
            except OSError as error:
                refused.append(error.errno)
    assert set(refused) <= {errno.EOPNOTSUPP, errno.ENOPROTOOPT, errno.EPERM, errno.EINVAL}


def test_facts(udp_pair: Pair, family: int) -> None:
    sock, _ = udp_pair
    names = "SO_DOMAIN", "SO_TYPE", "SO_PROTOCOL", "SO_ACCEPTCONN", "SO_ERROR"
    assert [sock.get_option(name) for name in names] == [family, SOCK_DGRAM, 17, False, 0]
    assert sock.get_option(options.SO_COOKIE) > 0
    assert sock.get_option(options.SO_MEMINFO).rcvbuf == sock.get_option(options.SO_RCVBUF)


def test_linger(udp_pair: Pair) -> None:
    sock, _ = udp_pair
    sock.set_option(options.SO_LINGER, Linger(True, 7))
    assert sock.get_option(options.SO_LINGER) == Linger(True, 7)
    assert sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, 8)[4] == 7
    wrong: Any
    for wrong in ((1, 2), 5, None):
        with pytest.raises(TypeError, match="SO_LINGER must be Linger"):
            sock.set_option(options.SO_LINGER, wrong)
    with pytest.raises(OverflowError, match="seconds must be"):
        Linger(True, 1 << 31)


def test_time_outs_are_nanoseconds(udp_pair: Pair) -> None:
    sock, _ = udp_pair
    for row in (options.SO_RCVTIMEO, options.SO_SNDTIMEO, options.SO_RCVTIMEO_NEW):
        sock.set_option(row, 1_500_000_000)
        assert 1_500_000_000 <= sock.get_option(row) < 1_520_000_000
        with pytest.raises(OverflowError, match=f"{row.name} must be"):
            sock.set_option(row, -1)
    sock.set_option(options.SO_RCVTIMEO, 20_000_000)
    sock.settimeout(None)
    with pytest.raises(BlockingIOError):
        sock.recv(1)


def test_integers_out_of_range(udp_pair: Pair) -> None:
    sock, _ = udp_pair
    for row, wrong in (
        (options.SO_RCVBUF, 1 << 31),
        (options.SO_MARK, -1),
        (options.SO_MARK, 1 << 32),
    ):
        with pytest.raises(OverflowError, match=rf"set_option\(\): {row.name} must be"):
            sock.set_option(row, wrong)
    with pytest.raises(TypeError, match="SO_RCVBUF must be an integer"):
        sock.set_option(options.SO_RCVBUF, "1")  # type: ignore[misc]
    with pytest.raises(AttributeError, match="SO_TYPE is read-only"):
        sock.set_option(options.SO_TYPE, 1)
    with pytest.raises(LookupError):
        sock.get_option("SO_NONE_SUCH")


@pytest.mark.needs_capability("CAP_NET_RAW")
def test_bind_to_device(udp_pair: Pair) -> None:
    sock, _ = udp_pair
    sock.set_option(options.SO_BINDTODEVICE, "lo")
    assert sock.get_option(options.SO_BINDTODEVICE) == "lo"
    assert sock.get_option(options.SO_BINDTOIFINDEX) == famsock.if_nametoindex("lo")
    sock.set_option(options.SO_BINDTODEVICE, "")
    assert sock.get_option(options.SO_BINDTOIFINDEX) == 0
    with pytest.raises(OSError, match="No such device"):
        sock.set_option(options.SO_BINDTODEVICE, "none9")
    with pytest.raises(ValueError, match="SO_BINDTODEVICE too long: at most 15 bytes"):
        sock.set_option(options.SO_BINDTODEVICE, "x" * 16)
    with pytest.raises(ValueError, match="null character"):
        sock.set_option(options.SO_BINDTODEVICE, "l\0o")


def test_structs_are_kept(udp_pair: Pair) -> None:
    sock, _ = udp_pair
    flags = constants.SOF_TIMESTAMPING_SOFTWARE | constants.SOF_TIMESTAMPING_RX_SOFTWARE
    sock.set_option(options.SO_TIMESTAMPING, Timestamping(flags))
    assert sock.get_option(options.SO_TIMESTAMPING) == Timestamping(flags)
    sock.set_option(options.SO_TXTIME, Txtime(1))  # CLOCK_MONOTONIC needs no privilege
    assert sock.get_option(options.SO_TXTIME) == Txtime(1)
    sock.set_option(options.SO_MAX_PACING_RATE, 123_456_789_012)
    assert sock.get_option(options.SO_MAX_PACING_RATE) == 123_456_789_012


def test_filter(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    receiver.set_option(options.SO_ATTACH_FILTER, DROP)
    assert receiver.get_option(options.SO_GET_FILTER) == DROP
    sender.send(b"dropped")
    long_one = (Instruction(BPF_LEN), *PASS) * 300
    receiver.set_option(options.SO_ATTACH_FILTER, long_one)
    assert receiver.get_option(options.SO_GET_FILTER) == long_one
    sender.send(b"passed")
    assert receiver.recv(100) == b"passed"
    receiver.set_option(options.SO_ATTACH_FILTER, DROP)
    receiver.set_option(options.SO_DETACH_FILTER, 0)
    sender.send(b"free")
    assert receiver.recv(100) == b"free"
    receiver.set_option(options.SO_ATTACH_FILTER, PASS)
    receiver.set_option(options.SO_LOCK_FILTER, True)
    with pytest.raises(PermissionError):
        receiver.set_option(options.SO_DETACH_FILTER, 0)


def test_bad_filters(udp_pair: Pair) -> None:
    sock, _ = udp_pair
    with pytest.raises(OSError, match="Invalid argument"):
        sock.set_option(options.SO_ATTACH_FILTER, (Instruction(BPF_LEN),))  # no return at its end
    wrong: Any
    for wrong in ((7,), 7, (b"12345678",)):
        with pytest.raises(TypeError, match="SO_ATTACH_FILTER"):
            sock.set_option(options.SO_ATTACH_FILTER, wrong)
    with pytest.raises(ValueError, match="at most 4096 elements"):
        sock.set_option(options.SO_ATTACH_FILTER, PASS * 4097)
    with pytest.raises(OverflowError, match="jt must be 0-255"):
        Instruction(6, 256)
    with pytest.raises(ValueError, match="SO_GET_FILTER reads"):
        PROGRAM.decode(bytes(16))
    assert INSTRUCTIONS.decode(INSTRUCTIONS.encode(PASS)) == PASS


def test_reuseport_filter_chooses_the_socket(opened: OpenUdp) -> None:
    members = [opened(UdpSocket) for _ in range(2)]
    for sock in members:
        sock.set_option(options.SO_REUSEPORT, True)
        sock.bind(("127.0.0.1", members[0].getsockname()[1]))
    members[0].set_option(options.SO_ATTACH_REUSEPORT_CBPF, (Instruction(BPF_RET, k=1),))
    sender = opened(UdpSocket)
    for _ in range(8):
        sender.sendto(b"x", members[0].getsockname())
        assert members[1].recv(1) == b"x"


def test_new_timestamps(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    receiver.set_option(options.SO_TIMESTAMPNS_NEW, True)
    sender.send(b"x")
    new_ns = receiver.recv_message().get(control.SO_TIMESTAMPNS_NEW)
    receiver.set_option(options.SO_TIMESTAMP_NEW, True)
    sender.send(b"x")
    later_ns = receiver.recv_message().get(control.SO_TIMESTAMP_NEW)
    assert new_ns is not None
    assert later_ns is not None
    assert new_ns // 1000 <= later_ns // 1000


def test_timestamps_asked_for_by_message(udp_pair: Pair) -> None:
    sender, _ = udp_pair
    sender.enable_timestamps(constants.SOF_TIMESTAMPING_SOFTWARE)
    wanted = control.SO_TIMESTAMPING(constants.SOF_TIMESTAMPING_TX_SOFTWARE)
    sender.send_message(b"without")
    assert sender.recv_errors() == []
    sender.send_message(b"with", control=[wanted])
    (entry,) = sender.recv_errors()
    times = entry.message.get(control.SCM_TIMESTAMPING)
    assert times is not None
    assert times.software_ns > 0


def test_the_number_of_a_timestamp(udp_pair: Pair) -> None:
    sender, _ = udp_pair
    numbered = constants.SOF_TIMESTAMPING_OPT_ID | constants.SOF_TIMESTAMPING_TX_SOFTWARE
    sender.enable_timestamps(numbered | constants.SOF_TIMESTAMPING_SOFTWARE)
    number = control.SCM_TS_OPT_ID(0xDEADBEEF)
    if requirements.kernel("6.13"):
        with pytest.raises(OSError, match="Invalid argument"):
            sender.send_message(b"x", control=[number])
        return
    sender.send_message(b"x", control=[number])
    sender.send_message(b"x")
    assert [entry.error.data for entry in sender.recv_errors()] == [0xDEADBEEF, 0]


def test_the_priority_of_a_received_packet(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    if requirements.kernel("6.14"):
        with pytest.raises(OSError, match="Protocol not available"):
            receiver.set_option(options.SO_RCVPRIORITY, True)
        return
    receiver.set_option(options.SO_RCVPRIORITY, True)
    sender.set_option(options.SO_PRIORITY, 5)
    sender.send(b"x")
    assert receiver.recv_message().get(control.SO_PRIORITY) == 5
