"""Sending without copying and at a given time: over loopback, whose notifications are the same."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from errno import EINVAL
from typing import Any

import pytest
from famsock_inet import IpRawSocket, TcpSocket, UdpSocket
from famsock_inet import control as inet_control
from famsock_inet.sockets import zerocopy
from famsock_inet.sockets._items import packer
from famsock_inet.sockets.tcp import AnyTcpSocket
from famsock_inet.sockets.udp import AnyUdpSocket
from famsock_inet.sockets.zerocopy import ZerocopyCompletion, ZerocopySocket

from famsock import constants, control, options

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")
TcpPair = tuple[AnyTcpSocket, AnyTcpSocket]
Connect = Callable[[type[AnyTcpSocket]], TcpPair]
InNamespace = Callable[[Callable[[], Any]], Any]
Pair = tuple[AnyUdpSocket, AnyUdpSocket]
CLOCK_TAI = 11
TIMEOUT_S = 20.0
MS = 1_000_000


def completed(sock: ZerocopySocket, count: int) -> list[int]:
    """The numbers of the next ``count`` sends that are done."""
    numbers: list[int] = []
    while len(numbers) < count:
        found = sock.zerocopy_completions(TIMEOUT_S)
        assert found, f"{count} sends, of which only these are done: {numbers}"
        numbers += [number for done in found for number in done.numbers]
        # The kernel copies for itself as the receiver.
        assert all(isinstance(done, ZerocopyCompletion) and done.copied for done in found)
    return numbers


def test_stream_without_copying(connect_pair: Connect, tcp_class: type[AnyTcpSocket]) -> None:
    client, server = connect_pair(tcp_class)
    assert client.zerocopy_completions() == []
    assert [client.send_zerocopy(b"%d" % n * 5000) for n in range(3)] == [5000] * 3
    received = b""
    while len(received) < 15000:
        received += server.recv(20000)
    assert received == b"0" * 5000 + b"1" * 5000 + b"2" * 5000
    assert completed(client, 3) == [0, 1, 2]
    assert client.zerocopy_completions(0.05) == []


def test_datagrams_without_copying(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    assert sender.send_zerocopy(b"", receiver.getsockname()) == 0  # which counts as none
    for n in range(4):
        assert sender.send_zerocopy(bytes([n]) * 9000, receiver.getsockname()) == 9000
    assert [receiver.recv(10000) for _ in range(5)] == [b""] + [bytes([n]) * 9000 for n in range(4)]
    assert completed(sender, 4) == [0, 1, 2, 3]


def test_threads_send_without_copying(udp_pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lets its own data go, also if the other interrupts it after its system call."""
    sender, receiver = udp_pair
    to, send = receiver.getsockname(), zerocopy._send
    first, second = bytearray(b"1" * 100), bytearray(b"2" * 100)
    first_is_sent, second_is_kept = threading.Event(), threading.Event()

    def interrupted(sock: Any, view: memoryview, *more: Any) -> int:
        sent = send(sock, view, *more)
        if view == first:
            first_is_sent.set()
            second_is_kept.wait(0.3)  # in vain, as the second waits for the first
        return sent

    def send_second() -> None:
        assert first_is_sent.wait(TIMEOUT_S)
        sender.send_zerocopy(second, to)
        second_is_kept.set()

    monkeypatch.setattr(zerocopy, "_send", interrupted)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(send_second)
        sender.send_zerocopy(first, to)
        other.result(TIMEOUT_S)
    kept = sender.protocol_state(zerocopy._Pending).data
    assert [kept[number].tobytes() for number in (0, 1)] == [first, second]
    assert [receiver.recv(100) for _ in range(2)] == [first, second]
    assert completed(sender, 2) == [0, 1]
    for data in (first, second):
        if sys.implementation.name == "pypy":  # ctypes keeps what the kernel was told of
            gc.collect()
        data.append(0)  # BufferError for one that is still kept


def test_what_is_sent_without_copying_is_kept(connect_pair: Connect) -> None:
    """Until the completion is taken, which a bytearray shows: it cannot be resized."""
    client, server = connect_pair(TcpSocket)
    data = bytearray(5000)
    client.send_zerocopy(data)
    assert len(server.recv(5000)) == 5000
    with pytest.raises(BufferError):
        data.append(1)
    completed(client, 1)
    data.append(1)


def test_a_failed_send_is_not_counted(udp_pair: Pair) -> None:
    sender, receiver = udp_pair
    with pytest.raises(OSError, match="Message too long"):
        sender.send_zerocopy(bytes(70000))
    assert sender.send_zerocopy(bytes(1000)) == 1000
    assert len(receiver.recv(2000)) == 1000
    assert completed(sender, 1) == [0]


def test_zero_copy_notifications_among_other_errors(udp_pair: Pair) -> None:
    """Pass over what the error queue holds of another kind, more than one call gives."""
    sender, receiver = udp_pair
    flags = constants.SOF_TIMESTAMPING_TX_SOFTWARE | constants.SOF_TIMESTAMPING_SOFTWARE
    sender.enable_timestamps(flags)
    for _ in range(12):
        assert sender.send_zerocopy(bytes(9000)) == 9000
        assert len(receiver.recv(10000)) == 9000
    assert completed(sender, 12) == list(range(12))
    assert sender.recv_errors() == []


@pytest.mark.parametrize(
    ("kind", "code", "most"),
    [(control.SCM_TXTIME, "Q", 2**64 - 1), (inet_control.UDP_SEGMENT, "H", 2**16 - 1)],
)
def test_items_are_those_of_their_kind(
    kind: control.ControlType[int], code: str, most: int
) -> None:
    item = packer(kind, code)
    for value in (0, 1, most):
        assert item(value) == kind(value).pack()
    for wrong in (-1, most + 1, 1.5, "1", None):
        with pytest.raises((OverflowError, TypeError)) as expected:
            kind(wrong).pack()  # type: ignore[arg-type]
        with pytest.raises(type(expected.value)) as caught:
            item(wrong)  # type: ignore[arg-type]
        assert str(caught.value) == str(expected.value)
        assert kind.name in str(caught.value)


def test_zero_copy_numbers_begin_anew_at_their_end() -> None:
    done = ZerocopyCompletion(0xFFFFFFFE, 1, False)
    assert done.numbers == [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]


def test_transmit_time_needs_a_clock(udp_pair: Pair) -> None:
    sender, _ = udp_pair
    with pytest.raises(OSError, match="Invalid argument") as caught:
        sender.send_at(b"x", time.monotonic_ns())
    assert caught.value.errno == EINVAL
    with pytest.raises(OverflowError, match=r"must be 0-18446744073709551615, not -1"):
        sender.send_at(b"x", -1)


def test_transmit_time_travels_with_each_message(udp_pair: Pair) -> None:
    """Without a queueing discipline that obeys, all goes at once."""
    sender, receiver = udp_pair
    sender.set_transmit_clock(flags=constants.SOF_TXTIME_REPORT_ERRORS)
    assert sender.get_option(options.SO_TXTIME) == options.Txtime(
        time.CLOCK_MONOTONIC, constants.SOF_TXTIME_REPORT_ERRORS
    )
    now_ns = time.monotonic_ns()
    assert sender.send_at(b"by itself", now_ns, receiver.getsockname()) == 9
    batch = [(b"in a batch", None, [control.SCM_TXTIME(now_ns + n)]) for n in range(3)]
    assert sender.sendmmsg(batch) == 3
    assert [receiver.recv(100) for _ in range(4)] == [b"by itself"] + [b"in a batch"] * 3
    assert sender.recv_errors() == []


@pytest.mark.needs_capability("CAP_NET_RAW")
@pytest.mark.usefixtures("network_namespace")
def test_raw_sockets_have_transmit_times(opened: Callable[..., IpRawSocket]) -> None:
    sender, receiver = opened(IpRawSocket, proto=254), opened(IpRawSocket, proto=254)
    sender.set_transmit_clock()
    sender.send_at(b"raw", time.monotonic_ns(), ("127.0.0.1", 0))
    assert receiver.recv(100).endswith(b"raw")


@contextmanager
def discipline(words: str) -> Iterator[Pair]:
    """A sender and a receiver of datagrams on loopback with a queueing discipline."""
    command = f"tc qdisc replace dev lo root {words}"
    subprocess.run(command.split(), check=True, timeout=TIMEOUT_S)
    with UdpSocket() as sender, UdpSocket() as receiver:
        for sock in (sender, receiver):
            sock.settimeout(TIMEOUT_S)
            sock.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        yield sender, receiver


@pytest.mark.needs_module("sch_fq")
@pytest.mark.needs_capability("CAP_SYS_ADMIN")
@pytest.mark.needs_command("tc", package="iproute2")
def test_datagrams_leave_when_they_shall(in_namespace: InNamespace) -> None:
    def leave() -> list[tuple[bytes, int]]:
        with discipline("fq") as (sender, receiver):
            sender.set_transmit_clock()
            start_ns = time.monotonic_ns()
            for later_ns in (1000 * MS, 1500 * MS):
                sender.send_at(b"%d" % later_ns, start_ns + later_ns)
            receiver.sendto(b"0 at once", receiver.getsockname())
            return [(receiver.recv(100), time.monotonic_ns() - start_ns) for _ in range(3)]

    arrived = in_namespace(leave)
    assert [data.split()[0] for data, _ in arrived] == [b"0", b"1000000000", b"1500000000"]
    for data, arrived_ns in arrived:
        assert arrived_ns >= int(data.split()[0])


@pytest.mark.needs_module("sch_etf")
@pytest.mark.needs_capability("CAP_SYS_ADMIN")
@pytest.mark.needs_command("tc", package="iproute2")
def test_what_misses_its_time_is_told(in_namespace: InNamespace) -> None:
    def miss() -> None:
        # It may leave a second early and be that much late to wake up, in a slow guest.
        with discipline("etf clockid CLOCK_TAI delta 1000000000") as (sender, receiver):
            sender.set_transmit_clock(CLOCK_TAI, constants.SOF_TXTIME_REPORT_ERRORS)
            now_ns = time.clock_gettime_ns(CLOCK_TAI)
            sender.send_at(b"in time", now_ns + 2500 * MS)
            sender.send_at(b"too late", now_ns - 1000 * MS)
            assert receiver.recv(100) == b"in time"
            assert time.clock_gettime_ns(CLOCK_TAI) - now_ns >= 1499 * MS
            (entry,) = sender.recv_errors()
            assert entry.error.origin == constants.SO_EE_ORIGIN_TXTIME
            assert entry.error.code == constants.SO_EE_CODE_TXTIME_INVALID_PARAM
            assert entry.errno == EINVAL
            assert entry.error.data << 32 | entry.error.info == now_ns - 1000 * MS

    in_namespace(miss)
