"""Messages through a relay: their boundaries, their peers, and those that cannot be passed on."""

from __future__ import annotations

import array
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from famsock.relay import End, Options
from tests.relay.peers import PATIENCE_S, Running, descriptors, running, unix_server, until

SEQPACKET = socket.SOCK_SEQPACKET


@contextmanager
def connected(path: Path, **settings: object) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a relay of sequenced packets."""
    options = Options(**{"drain_ms": 2000, **settings})  # type: ignore[arg-type]
    with (
        socket.socket(socket.AF_UNIX, SEQPACKET) as server,
        socket.socket(socket.AF_UNIX, SEQPACKET) as client,
    ):
        server.bind(f"{path}/s")
        server.listen()
        a, b = f"unix+seqpacket://{path}/a", f"unix+seqpacket://{path}/s"
        with running(a, b, options):
            for sock in (client, server):
                sock.settimeout(PATIENCE_S)
            client.connect(f"{path}/a")
            far, _ = server.accept()
            with far:
                far.settimeout(PATIENCE_S)
                yield client, far


def test_sequenced_packets_keep_their_boundaries(tmp_path: Path) -> None:
    with connected(tmp_path) as (client, far):
        sent = [b"a", b"bb" * 500, b"", b"c" * 100_000, b"", b"", b"d"]
        for one, other in ((client, far), (far, client)):
            for data in sent:
                one.send(data)
                assert other.recv(200_000) == data
            for data in sent[:3]:
                one.send(data)
            assert [other.recv(2000) for _ in sent[:3]] == sent[:3]


def test_empty_packets_before_the_end_are_passed_on(tmp_path: Path) -> None:
    """They look like the end; a message behind them tells that they were none."""
    with connected(tmp_path) as (client, far):
        for data in (b"", b"", b"last", b""):
            client.send(data)
        client.close()
        assert [far.recv(100) for _ in range(3)] == [b"", b"", b"last"]
        assert far.recv(100) == b""
        assert far.recv(100) == b""


def test_half_close_of_packets_is_passed_on(tmp_path: Path) -> None:
    with connected(tmp_path) as (client, far):
        client.send(b"question")
        client.shutdown(socket.SHUT_WR)
        assert [far.recv(100), far.recv(100)] == [b"question", b""]
        far.send(b"answer")
        far.close()
        assert [client.recv(100), client.recv(100)] == [b"answer", b""]


def test_packets_wait_for_a_slow_side(tmp_path: Path) -> None:
    with connected(tmp_path) as (client, far):
        client.setblocking(False)
        count = 0
        idle = 0
        while idle < 10:
            try:
                client.send(count.to_bytes(4, "big") * 1000)
                count += 1
                idle = 0
            except BlockingIOError:
                idle += 1
                os.sched_yield()
        client.close()
        got = 0
        while data := far.recv(5000):
            assert data == got.to_bytes(4, "big") * 1000
            got += 1
        assert got == count


@pytest.mark.parametrize("kind", ["stream", "seqpacket"])
def test_descriptors_are_passed_on_request(tmp_path: Path, kind: str) -> None:
    number = {"stream": socket.SOCK_STREAM, "seqpacket": SEQPACKET}[kind]
    got: list[tuple[bytes, bytes]] = []

    def take(connection: socket.socket) -> None:
        for _ in range(2):
            data, found, _, _ = socket.recv_fds(connection, 100, 5)
            for descriptor in found:
                got.append((data, os.read(descriptor, 100)))
                os.close(descriptor)
            connection.send(b"ok")

    options = Options(passes_descriptors=True, drain_ms=2000)
    ends = f"unix+{kind}://{tmp_path}/a", f"unix+{kind}://{tmp_path}/s"
    with unix_server(tmp_path / "s", take, number), running(*ends, options) as run:
        with socket.socket(socket.AF_UNIX, number) as client:
            client.settimeout(PATIENCE_S)
            client.connect(f"{tmp_path}/a")
            before = descriptors()
            for text in (b"one", b"two"):
                read_end, write_end = os.pipe()
                os.write(write_end, text)
                socket.send_fds(client, [b"with " + text], [read_end, read_end][: len(text) - 2])
                os.close(read_end)
                os.close(write_end)
                assert client.recv(2) == b"ok"
            until(lambda: descriptors() <= before)
        run.wait(lambda: run.counters.active == 0)
    assert got == [(b"with one", b"one"), (b"with two", b"two")]


def test_descriptors_that_wait_are_closed_with_the_session(tmp_path: Path) -> None:
    """A message that cannot be sent on has descriptors in hand: the end of the session has none."""
    with connected(tmp_path, passes_descriptors=True, drain_ms=1) as (client, _):
        before = descriptors()
        client.setblocking(False)
        read_end, write_end = os.pipe()
        try:
            for _ in range(10_000):
                client.sendmsg(
                    [bytes(1000)],
                    [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [read_end]))],
                )
        except (BlockingIOError, OSError):
            pass
        os.close(read_end)
        os.close(write_end)
    assert descriptors() <= before


@contextmanager
def udp_echo() -> Iterator[str]:
    """A UDP socket that sends back what comes; its endpoint."""
    import threading

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, address = sock.recvfrom(70_000)
                if data == b"stop":
                    return
                sock.sendto(data, address)

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = sock.getsockname()
        try:
            yield f"udp://{host}:{port}"
        finally:
            sock.sendto(b"stop", sock.getsockname())
            thread.join(PATIENCE_S)


def test_each_udp_peer_has_a_session(tmp_path: Path) -> None:
    with udp_echo() as far, running("udp://127.0.0.1:0", far) as run:
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(5)]
        for number, client in enumerate(clients):
            client.settimeout(PATIENCE_S)
            client.connect(run.a)
            for data in (b"%d" % number, b"", bytes(60_000)):
                client.send(data)
                assert client.recv(70_000) == data
        assert run.counters.opened == 5
        run.wait(lambda: run.counters.a_to_b_messages == run.counters.b_to_a_messages == 15)
        for client in clients:
            client.close()


def test_a_udp_session_ends_when_it_is_idle() -> None:
    options = Options(idle_timeout_ms=300, drain_ms=2000)
    with (
        udp_echo() as far,
        running("udp://127.0.0.1:0", far, options) as run,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.connect(run.a)
        for _ in range(2):
            before = run.counters.opened
            client.send(b"x")  # which a session that ends meanwhile may not answer
            until(lambda before=before: run.counters.opened > before)  # type: ignore[misc]
            run.wait(lambda: run.counters.active == 0)
            assert run.events[-1].reason == "idle"


def test_a_udp_service_that_is_not_there_breaks_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kept:
        # It keeps the port from others, and takes datagrams of nobody but itself.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        kept.connect(kept.getsockname())
        nobody_answers(*kept.getsockname())


def nobody_answers(host: str, port: int) -> None:
    with (
        running("udp://127.0.0.1:0", f"udp://{host}:{port}") as run,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.connect(run.a)
        for _ in range(5):
            client.send(b"x")
        run.wait(lambda: run.counters.a_to_b_messages + run.counters.dropped >= 5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((host, port))
            server.settimeout(PATIENCE_S)
            client.send(b"later")
            while (data := server.recv(10)) == b"x":
                pass  # an error counts as a drop, and its message may still be on its way
            assert data == b"later"


def test_datagrams_of_unix_sockets(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unnamed,
    ):
        server.bind(f"{tmp_path}/s")
        client.bind(f"{tmp_path}/c")
        for sock in (server, client):
            sock.settimeout(PATIENCE_S)
        with running(f"unix+dgram://{tmp_path}/a", f"unix+dgram://{tmp_path}/s"):
            for sock in (client, unnamed):
                sock.connect(f"{tmp_path}/a")
                sock.send(b"hello")
                assert server.recv(100) == b"hello"


def test_a_stream_s_bytes_become_packets_that_fit(tmp_path: Path) -> None:
    """Its boundaries mean nothing, so that it is cut where the other end takes no more."""
    got: list[bytes] = []

    def take(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        while data := connection.recv(1 << 20):
            got.append(data)

    with (
        unix_server(tmp_path / "s", take, SEQPACKET),
        running("tcp://127.0.0.1:0", f"unix+seqpacket://{tmp_path}/s") as run,
    ):
        data = os.urandom(3_000_000)
        with socket.create_connection(run.a, PATIENCE_S) as client:
            client.sendall(data)
        run.wait(lambda: run.counters.active == 0)
        until(lambda: sum(map(len, got)) == len(data))
    assert b"".join(got) == data
    assert len(got) > 1


def test_a_datagram_that_is_too_long_is_dropped_and_counted(tmp_path: Path) -> None:
    with (
        udp_echo() as far,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client,
        running(f"unix+dgram://{tmp_path}/a", far) as run,
    ):
        client.bind(f"{tmp_path}/c")
        client.settimeout(PATIENCE_S)
        client.connect(f"{tmp_path}/a")
        client.send(bytes(100_000))
        client.send(b"short")
        assert client.recv(100) == b"short"
        run.wait(lambda: run.counters.dropped == 1)


def test_a_packet_that_is_too_long_breaks_the_session(tmp_path: Path) -> None:
    """It must not be missing without a word."""
    with udp_echo() as far, running(f"unix+seqpacket://{tmp_path}/a", far) as run:
        with socket.socket(socket.AF_UNIX, SEQPACKET) as client:
            client.settimeout(PATIENCE_S)
            client.connect(f"{tmp_path}/a")
            client.send(b"short")
            assert client.recv(100) == b"short"
            client.send(bytes(100_000))
            assert client.recv(100) == b""
        run.wait(lambda: run.counters.broken == 1)


def test_an_end_that_only_binds(tmp_path: Path) -> None:
    """Datagrams without a peer are for families that need none; a role is checked."""
    with pytest.raises(ValueError, match="must listen or connect"):
        Running(End("tcp://127.0.0.1:0", "bind"), "tcp://127.0.0.1:1", Options())


def test_a_slow_datagram_peer_holds_up_no_other(tmp_path: Path) -> None:
    """Its own datagrams are dropped and counted, once as many wait as may."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/s")
        server.listen()
        server.settimeout(PATIENCE_S)
        with running("udp://127.0.0.1:0", f"unix://{tmp_path}/s") as run:
            first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            with first, second:
                first.sendto(b"first", run.a)
                stuck, _ = server.accept()
                with stuck:
                    while not run.counters.dropped:
                        first.sendto(bytes(50_000), run.a)
                    second.sendto(b"second", run.a)
                    served, _ = server.accept()
                    with served:
                        served.settimeout(PATIENCE_S)
                        assert served.recv(100) == b"second"


def test_reliable_datagrams_wait_for_a_slow_side(tmp_path: Path) -> None:
    """Those of unix sockets are not dropped: their sender waits."""
    with (
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client,
    ):
        server.bind(f"{tmp_path}/s")
        server.listen()
        server.settimeout(PATIENCE_S)
        with running(f"unix+dgram://{tmp_path}/a", f"unix://{tmp_path}/s") as run:
            client.connect(f"{tmp_path}/a")
            client.setblocking(False)
            sent, is_idle = 0, 0
            while is_idle < 20:
                try:
                    sent += client.send(bytes(10_000))
                    is_idle = 0
                except BlockingIOError:
                    is_idle += 1
                    time.sleep(0.005)
            far, _ = server.accept()
            with far:
                far.settimeout(PATIENCE_S)
                while sent:
                    data = far.recv(1 << 18)
                    assert data, run.events
                    sent -= len(data)
            assert run.counters.dropped == 0
