"""Calls that block: timeouts, signals (PEP 475), descriptors that go away, connect's SO_ERROR."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from famsock._calls import TIMED_OUT
from tests.calls.arguments import RECEIVING, SENDING, drain, fill, sockaddr_of
from tests.calls.conftest import MORE_PATIENT_S, AfterSignals, Storm, WhenWaiting

Pair = tuple[socket.socket, socket.socket]
TIMEOUTS = pytest.mark.parametrize("timeout", [None, 60.0])


@TIMEOUTS
@pytest.mark.parametrize("name", RECEIVING)
def test_a_signal_storm_does_not_end_a_receiving_call(
    raw: Any,
    pair: Pair,
    storm: Storm,
    after_signals: AfterSignals,
    name: str,
    timeout: float | None,
) -> None:
    a, b = pair
    if timeout is not None:
        b.setblocking(False)
    with storm() as seen:
        after_signals(seen, lambda: a.send(b"data"))
        assert RECEIVING[name](raw, b.fileno(), timeout) == b"data"
    assert len(seen) > 3


@TIMEOUTS
@pytest.mark.parametrize("name", SENDING)
def test_a_signal_storm_does_not_end_a_sending_call(
    raw: Any,
    pair: Pair,
    storm: Storm,
    after_signals: AfterSignals,
    name: str,
    timeout: float | None,
) -> None:
    a, b = pair
    fill(a)
    if timeout is not None:
        a.setblocking(False)
    with storm() as seen:
        after_signals(seen, lambda: drain(b))
        assert SENDING[name](raw, a.fileno(), timeout) == 1000
    assert len(seen) > 3


@pytest.mark.parametrize("name", [*RECEIVING, *SENDING])
def test_time_runs_out_though_signals_storm(raw: Any, pair: Pair, storm: Storm, name: str) -> None:
    a, b = pair
    fill(a)
    if name in RECEIVING:
        drain(b)
    sock = b if name in RECEIVING else a
    sock.setblocking(False)
    for timeout_s in MORE_PATIENT_S:
        start = time.monotonic()
        with storm() as seen, pytest.raises(TimeoutError, match="timed out"):
            {**RECEIVING, **SENDING}[name](raw, sock.fileno(), timeout_s)
        assert timeout_s <= time.monotonic() - start < timeout_s + 30
        if len(seen) > 3:
            return
    pytest.fail("no signals came")


class Astray(socket.socket):
    """A class that says something else of its sockets; the stdlib's own calls do not ask it."""

    def fileno(self) -> int:
        return -1


@TIMEOUTS
def test_a_class_that_overrides_fileno_changes_nothing(
    raw: Any, descriptors: None, timeout: float | None
) -> None:
    for name, call in {**RECEIVING, **SENDING}.items():
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with a, Astray(socket.AF_UNIX, socket.SOCK_DGRAM, 0, fileno=b.detach()) as astray:
            a.send(b"data")
            astray.settimeout(timeout)
            assert call(raw, astray, timeout) == (b"data" if name in RECEIVING else 1000)


@pytest.mark.parametrize("name", ["recvmsg", "recvmsg_into", "recvmmsg", "recvmmsg_into"])
def test_time_runs_out_though_the_socket_is_ready(raw: Any, udp: Pair, name: str) -> None:
    """There is data, but what is asked for is the error queue: poll(2) says ready for ever."""
    a, b = udp
    a.sendto(b"data", b.getsockname())
    b.setblocking(False)
    errors = socket.MSG_ERRQUEUE
    calls: dict[str, Callable[[], object]] = {
        "recvmsg": lambda: raw.recvmsg(b, 0.05, 64, 64, errors),
        "recvmsg_into": lambda: raw.recvmsg_into(b, 0.05, [bytearray(64)], 64, errors),
        "recvmmsg": lambda: raw.recvmmsg(b, 0.05, 2, 64, 64, errors),
        "recvmmsg_into": lambda: raw.recvmmsg_into(b, 0.05, [bytearray(64)], 64, errors),
    }
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="timed out"):
        calls[name]()
    assert 0.05 <= time.monotonic() - start < 30
    b.settimeout(0.05)
    with pytest.raises(TimeoutError, match="timed out"):
        b.recvmsg(64, 64, errors)


Flagged = Callable[[Any, Any, float, int], object]
WITH_FLAGS: dict[str, Flagged] = {
    "recvfrom": lambda raw, sock, timeout, flags: raw.recvfrom(sock, timeout, 64, flags),
    "recvfrom_into": lambda raw, sock, timeout, flags: raw.recvfrom_into(
        sock, timeout, bytearray(64), 64, flags
    ),
    "recvmsg": lambda raw, sock, timeout, flags: raw.recvmsg(sock, timeout, 64, 64, flags),
    "recvmsg_into": lambda raw, sock, timeout, flags: raw.recvmsg_into(
        sock, timeout, [bytearray(64)], 64, flags
    ),
    "recvmmsg": lambda raw, sock, timeout, flags: raw.recvmmsg(sock, timeout, 2, 64, 64, flags),
    "recvmmsg_into": lambda raw, sock, timeout, flags: raw.recvmmsg_into(
        sock, timeout, [bytearray(64)], 64, flags
    ),
    "the stdlib's": lambda raw, sock, timeout, flags: sock.recv(64, flags),
}


def _datagrams() -> Pair:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


def _packets() -> Pair:
    """One that sends to lo, and one that receives nothing before it is bound."""
    a, b = (socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) for _ in range(2))
    a.bind(("lo", 0))
    return a, b


def _send_packet(a: socket.socket, b: socket.socket) -> None:
    b.bind(("lo", 0x88B6))
    a.send(bytes(12) + b"\x88\xb6data")


@pytest.mark.parametrize("name", WITH_FLAGS)
@pytest.mark.parametrize(
    ("made", "send", "flags", "number"),
    [
        pytest.param(
            _datagrams, lambda a, b: a.send(b"data"), socket.MSG_OOB, errno.EOPNOTSUPP, id="unix"
        ),
        pytest.param(
            _packets, _send_packet, socket.MSG_WAITALL, errno.EINVAL, id="packet",
            marks=pytest.mark.needs_capability("CAP_NET_RAW"),
        ),
    ],
)  # fmt: skip
def test_a_call_that_can_only_fail_waits_first(
    raw: Any,
    made: Callable[[], Pair],
    send: Callable[[socket.socket, socket.socket], object],
    flags: int,
    number: int,
    name: str,
) -> None:
    """The stdlib calls only a ready socket, so that the time may run out before the error."""
    call = WITH_FLAGS[name]
    a, b = made()
    with a, b:
        raw.closed_like(b)  # the compiled layer then finds the type of a socket in place
        b.settimeout(0.05)
        with pytest.raises(TimeoutError, match="timed out"):
            call(raw, b, 0.05, flags)
        send(a, b)
        b.settimeout(20)
        with pytest.raises(OSError) as caught:  # noqa: PT011
            call(raw, b, 20.0, flags)
        assert caught.value.errno == number


@pytest.mark.parametrize("name", [name for name in RECEIVING if "mmsg" not in name])
def test_less_than_is_wanted_of_a_stream_is_waited_for(raw: Any, name: str) -> None:
    """SO_RCVLOWAT counts only while a call waits: the first attempt must come after poll(2)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        a = socket.create_connection(listener.getsockname())
        b, _ = listener.accept()
    with a, b:
        b.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 4)
        b.settimeout(0.2)
        a.send(b"12")
        with pytest.raises(TimeoutError, match="timed out"):
            RECEIVING[name](raw, b, 0.2)
        a.send(b"34")
        assert RECEIVING[name](raw, b, 20.0) == b"1234"


@pytest.mark.parametrize("name", RECEIVING)
def test_timeout_zero_fails_at_once(raw: Any, pair: Pair, name: str) -> None:
    pair[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        RECEIVING[name](raw, pair[1].fileno(), 0.0)


def _patient(call: Callable[[Any, int, float | None], object]) -> Callable[[Any, int], object]:
    return lambda raw, fd: call(raw, fd, None)


CALLS: dict[str, Callable[[Any, int], object]] = {
    **{name: _patient(call) for name, call in RECEIVING.items()},
    **{name: _patient(call) for name, call in SENDING.items()},
    "accept": lambda raw, fd: raw.accept(fd, None, True),
    "bind": lambda raw, fd: raw.bind(fd, bytes(16)),
    "getpeername": lambda raw, fd: raw.getpeername(fd),
    "getsockname": lambda raw, fd: raw.getsockname(fd),
    "getsockopt": lambda raw, fd: raw.getsockopt(fd, 1, 3, 4),
    "setsockopt": lambda raw, fd: raw.setsockopt(fd, 1, 2, bytes(4)),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_such_descriptor(raw: Any, name: str) -> None:
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        CALLS[name](raw, -1)
    assert caught.value.errno == errno.EBADF


def test_connect_says_no_such_descriptor_by_its_number(raw: Any) -> None:
    assert raw.connect(-1, None, bytes(16)) == errno.EBADF


@pytest.fixture
def full(descriptors: None) -> Iterator[socket.socket]:
    """A TCP server that lets nobody else in."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        socket.create_connection(server.getsockname()),
    ):
        select.select([server], [], [])  # until the connection has arrived there too
        yield server


def test_connect_runs_out_of_time(raw: Any, full: socket.socket, storm: Storm) -> None:
    for timeout_s in MORE_PATIENT_S:
        with socket.socket() as client, storm() as seen:
            client.settimeout(timeout_s)
            assert raw.connect(client.fileno(), timeout_s, sockaddr_of(full)) == TIMED_OUT
        if len(seen) > 3:
            return
    pytest.fail("no signals came")


@TIMEOUTS
def test_connect_outlasts_signals(
    raw: Any, full: socket.socket, storm: Storm, after_signals: AfterSignals, timeout: float | None
) -> None:
    with socket.socket() as client:
        client.settimeout(timeout)
        with storm() as seen:
            after_signals(seen, lambda: full.accept()[0].close())
            assert raw.connect(client.fileno(), timeout, sockaddr_of(full)) == 0
        assert client.getpeername() == full.getsockname()
    assert len(seen) > 3


def test_connect_does_not_wait_without_a_timeout(raw: Any, full: socket.socket) -> None:
    with socket.socket() as client:
        client.setblocking(False)
        assert raw.connect(client.fileno(), 0.0, sockaddr_of(full)) == errno.EINPROGRESS
        assert raw.connect(client.fileno(), 0.0, sockaddr_of(full)) == errno.EALREADY


def test_connect_says_that_its_socket_was_closed_meanwhile(
    raw: Any, full: socket.socket, when_waiting: WhenWaiting
) -> None:
    """By its number, which connect_ex gives, as the stdlib's does."""
    calls: tuple[Callable[[socket.socket, float], int], ...] = (
        lambda client, timeout_s: raw.connect(client, timeout_s, sockaddr_of(full)),
        lambda client, timeout_s: client.connect_ex(full.getsockname()),
    )
    for call in calls:
        for timeout_s in MORE_PATIENT_S:
            closed_at: list[float] = []

            def close(client: socket.socket, closed_at: list[float]) -> None:
                client.close()
                closed_at.append(time.monotonic())

            with socket.socket() as client:
                client.settimeout(timeout_s)
                end = time.monotonic() + timeout_s
                when_waiting(partial(close, client, closed_at))
                found = call(client, timeout_s)
            if closed_at and closed_at[0] < end:
                assert found == errno.EBADF
                break
        else:
            pytest.fail("it was not closed while the call waited")


@TIMEOUTS
def test_connect_refused(raw: Any, descriptors: None, timeout: float | None) -> None:
    with socket.socket() as bound, socket.socket() as client:
        bound.bind(("127.0.0.1", 0))
        client.settimeout(timeout)
        assert raw.connect(client.fileno(), timeout, sockaddr_of(bound)) == errno.ECONNREFUSED


@TIMEOUTS
def test_accept(
    raw: Any, descriptors: None, storm: Storm, after_signals: AfterSignals, timeout: float | None
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        server.settimeout(timeout)
        with storm() as seen:
            connecting = after_signals(seen, lambda: client.connect(server.getsockname()))
            number, sockaddr = raw.accept(server.fileno(), timeout, True)
            connecting.join()  # a signal may find it in the middle, with work left to do
        with socket.socket(fileno=number) as accepted:
            assert not os.get_inheritable(number)
            assert sockaddr == sockaddr_of(client)
            assert accepted.getpeername() == client.getsockname()
    assert len(seen) > 3


def test_accept_without_an_address(raw: Any, descriptors: None) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
    ):
        number, sockaddr = raw.accept(server.fileno(), None, False)
        os.close(number)
    assert sockaddr == b""


def test_accept_runs_out_of_time(raw: Any, descriptors: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        with pytest.raises(TimeoutError):
            raw.accept(server.fileno(), 0.05, True)
        with pytest.raises(BlockingIOError):
            raw.accept(server.fileno(), 0.0, True)
