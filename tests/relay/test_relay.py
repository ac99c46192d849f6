"""The settings of a relay: roles, allow-lists, attempts, limits, and how it stops."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock.endpoints import Endpoint
from famsock.relay import End, Options, Relay
from tests.relay.peers import (
    PATIENCE_S,
    Running,
    descriptors,
    echo,
    exchange,
    is_reset,
    receive_all,
    running,
    unix_server,
    until,
)


@pytest.mark.parametrize(
    ("rules", "is_admitted"),
    [
        ((), True),
        (("127.0.0.0/8",), True),
        (("10.0.0.0/8",), False),
        (("10.0.0.0/8", "127.0.0.1"), True),
        (("::1",), False),
        (("port=1",), False),
    ],
)
def test_networks_that_may_come(tmp_path: Path, rules: tuple[str, ...], is_admitted: bool) -> None:
    a = End("tcp://127.0.0.1:0", allow=rules)
    with unix_server(tmp_path / "s", echo), running(a, f"unix://{tmp_path}/s") as run:
        if is_admitted:
            assert exchange(run.a, b"x") == b"x"
        else:
            with socket.create_connection(run.a, PATIENCE_S) as client:
                assert client.recv(1) == b""
            run.wait(lambda: run.counters.refused == 1)
            assert run.events[-1].kind == "refuse"
        assert run.counters.opened == is_admitted


@pytest.mark.parametrize("mine", [True, False])
def test_users_that_may_come(tmp_path: Path, mine: bool) -> None:
    uid = os.getuid() if mine else os.getuid() + 1
    a = End(f"unix://{tmp_path}/a", allow=[f"uid={uid}"])
    with (
        unix_server(tmp_path / "s", echo),
        running(a, f"unix://{tmp_path}/s") as run,
        socket.socket(socket.AF_UNIX) as client,
    ):
        client.settimeout(PATIENCE_S)
        client.connect(f"{tmp_path}/a")
        if mine:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
        else:
            assert client.recv(1) == b""
        run.wait(lambda: run.counters.refused + run.counters.opened == 1)
        assert run.counters.opened == mine


def test_datagrams_of_those_who_may_come(tmp_path: Path) -> None:
    a = End("udp://127.0.0.1:0", allow=["10.0.0.0/8"])
    with (
        running(a, f"unix+dgram://{tmp_path}/s") as run,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.sendto(b"x", run.a)
        run.wait(lambda: run.counters.refused == 1)


def test_attempts_until_the_server_is_there(tmp_path: Path) -> None:
    options = Options(retries=None, retry_delay_ms=10, max_retry_delay_ms=50, drain_ms=2000)
    with running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", options) as run:
        with socket.create_connection(run.a, PATIENCE_S) as client:
            client.sendall(b"early")
            client.shutdown(socket.SHUT_WR)
            with unix_server(tmp_path / "s", echo):
                assert receive_all(client) == b"early"
        assert run.counters.failed == 0


def test_attempts_come_to_an_end(tmp_path: Path) -> None:
    options = Options(retries=3, retry_delay_ms=10, drain_ms=2000)
    with running("tcp://127.0.0.1:0", f"unix://{tmp_path}/none", options) as run:
        start_s = time.monotonic()
        assert is_reset(run.a, b"x")
        assert time.monotonic() - start_s >= 0.07  # 10, 20 and 40 ms
        run.wait(lambda: run.counters.failed == 1)
        assert "No such file" in run.events[-1].reason


def test_a_full_queue_of_a_listener_is_waited_for(tmp_path: Path) -> None:
    """A unix socket says EAGAIN then, and does not begin to connect."""
    with (
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as first,
        socket.socket(socket.AF_UNIX) as second,
    ):
        server.bind(f"{tmp_path}/s")
        server.listen(0)
        first.connect(f"{tmp_path}/s")
        second.setblocking(False)
        assert second.connect_ex(f"{tmp_path}/s") == 11
        with (
            running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s") as run,
            socket.create_connection(run.a, PATIENCE_S) as client,
        ):
            client.sendall(b"x")
            run.wait(lambda: run.relay._pending)
            server.accept()[0].close()
            far, _ = server.accept()
            assert far.recv(1) == b"x"
            far.close()


def test_connecting_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as first:
        server.bind(f"{tmp_path}/s")
        server.listen(0)
        first.connect(f"{tmp_path}/s")
        options = Options(connect_timeout_ms=50, drain_ms=2000)
        with running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", options) as run:
            assert is_reset(run.a)
            assert run.counters.failed == 1


def test_a_name_is_looked_up_beside_the_sessions(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with (
            running(f"unix://{tmp_path}/a", f"tcp://localhost:{port}"),
            socket.socket(socket.AF_UNIX) as client,
        ):
            client.connect(f"{tmp_path}/a")
            client.sendall(b"x")
            far, _ = server.accept()
            assert far.recv(1) == b"x"
            far.close()


def test_a_name_that_is_none_fails_only_its_session(tmp_path: Path) -> None:
    too_long = "a." * 140  # no query is sent
    with running("tcp://127.0.0.1:0", f"tcp://{too_long}:1") as run:
        for _ in range(2):
            assert is_reset(run.a)
        run.wait(lambda: run.counters.failed == 2)


def test_sessions_at_once_are_limited(tmp_path: Path) -> None:
    options = Options(max_sessions=2, drain_ms=2000)
    with (
        unix_server(tmp_path / "s", echo),
        running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", options) as run,
    ):
        clients = [socket.create_connection(run.a, PATIENCE_S) for _ in range(4)]
        for client in clients:
            client.sendall(b"x")
        for client in clients:
            assert client.recv(1) == b"x"
            assert run.counters.active <= 2
            client.close()
        run.wait(lambda: run.counters.opened == 4)


def test_a_number_of_sessions(tmp_path: Path) -> None:
    options = Options(sessions=2, drain_ms=2000)
    with (
        unix_server(tmp_path / "s", echo),
        running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", options) as run,
    ):
        for _ in range(2):
            assert exchange(run.a, b"x") == b"x"
        run.join()
        assert run.counters.opened == 2


def test_idle_sessions_end(tmp_path: Path) -> None:
    options = Options(idle_timeout_ms=100, drain_ms=2000)
    with (
        unix_server(tmp_path / "s", echo),
        running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", options) as run,
        socket.create_connection(run.a, PATIENCE_S) as client,
    ):
        assert receive_all(client) == b""
        run.wait(lambda: run.counters.active == 0)
        assert run.events[-1].reason == "idle"


def test_two_ends_that_listen_are_joined_in_pairs(tmp_path: Path) -> None:
    b = End(f"unix://{tmp_path}/b", "listen")
    with running("tcp://127.0.0.1:0", b) as run, socket.socket(socket.AF_UNIX) as far:
        far.settimeout(PATIENCE_S)
        far.connect(f"{tmp_path}/b")
        with socket.create_connection(run.a, PATIENCE_S) as near:
            near.sendall(b"x")
            assert far.recv(1) == b"x"
            far.sendall(b"y")
            assert near.recv(1) == b"y"


def test_two_ends_that_connect_make_one_session(tmp_path: Path) -> None:
    far = []

    def take(connection: socket.socket) -> None:
        far.append(receive_all(connection))

    def give(connection: socket.socket) -> None:
        connection.sendall(b"given")
        connection.shutdown(socket.SHUT_WR)
        receive_all(connection)

    with unix_server(tmp_path / "a", give), unix_server(tmp_path / "b", take):
        a = End(f"unix://{tmp_path}/a", "connect")
        with running(a, f"unix://{tmp_path}/b") as run:
            run.join()
            assert run.counters.opened == 1
        until(lambda: far)
    assert far == [b"given"]


def test_two_ends_that_connect_again_and_again(tmp_path: Path) -> None:
    options = Options(sessions=3, retry_delay_ms=1)
    with unix_server(tmp_path / "a", lambda c: None), unix_server(tmp_path / "b", lambda c: None):
        a = End(f"unix://{tmp_path}/a", "connect")
        with running(a, f"unix://{tmp_path}/b", options) as run:
            run.join()
            assert run.counters.opened == 3


def test_an_end_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    a = End(f"unix://{tmp_path}/a", "connect")
    with Relay(a, f"unix://{tmp_path}/b") as relay:
        with pytest.raises(FileNotFoundError) as error:
            relay.run()
        assert error.value.__notes__[-1].startswith("end A: unix://")


def test_peers_that_wait_at_the_stop_are_served(tmp_path: Path) -> None:
    """Their connections stand, and what they sent was acknowledged."""
    with unix_server(tmp_path / "s", echo):
        run = Running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", Options(drain_ms=60_000))
        with run.relay:
            clients = [socket.create_connection(run.a, PATIENCE_S) for _ in range(20)]
            for client in clients:
                client.sendall(b"early")
                client.shutdown(socket.SHUT_WR)
            run.relay.stop()  # before it has accepted anybody
            run.thread.start()
            for client in clients:
                assert receive_all(client) == b"early"
                client.close()
            run.join()
            assert run.counters.cut == 0


def test_the_second_stop_ends_all(tmp_path: Path) -> None:
    with unix_server(tmp_path / "s", echo):
        run = Running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", Options(drain_ms=600_000))
        run.thread.start()
        with run.relay, socket.create_connection(run.a, PATIENCE_S) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            run.relay.stop()
            run.relay.stop()
            run.join()
            assert receive_all(client) == b""
            assert run.events[-1].reason == "stopped"


def test_nothing_is_left_open(tmp_path: Path) -> None:
    gc.collect()
    before = descriptors(), threading.active_count()
    with (
        unix_server(tmp_path / "s", echo),
        running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s") as run,
    ):
        exchange(run.a, bytes(100_000))
    until(lambda: descriptors() <= before[0])
    until(lambda: threading.active_count() <= before[1])


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"retries": -1}, ValueError),
        ({"connect_timeout_ms": 0}, ValueError),
        ({"max_sessions": 0}, ValueError),
        ({"backlog": True}, TypeError),
        ({"drain_ms": 1.5}, TypeError),
        ({"idle_timeout_ms": "1"}, TypeError),
    ],
)
def test_settings_are_checked(given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(given))):
        Options(**given)


def test_roles_are_checked() -> None:
    with pytest.raises(ValueError, match="role must be one of listen, connect, bind"):
        End("tcp://127.0.0.1:1", "serve")  # type: ignore[arg-type]


def test_an_address_in_use_is_told_with_its_end(tmp_path: Path) -> None:
    before = descriptors()
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(OSError, match="Address already in use") as error:
            Relay(f"tcp://127.0.0.1:{server.getsockname()[1]}", "tcp://127.0.0.1:1")
        assert error.value.__notes__[-1].startswith("end A: tcp://")
    until(lambda: descriptors() <= before)


def test_the_example_runs() -> None:
    path = Path(__file__).parents[2] / "examples" / "relay.py"
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("b'answer'\nCounters(opened=1,")


@pytest.mark.parametrize("host", ["", "localhost"])
def test_one_end_for_both_versions(tmp_path: Path, host: str) -> None:
    """The socket's own class of addresses is asked, and not that of the text."""
    a = End(f"tcp://{host}:0", allow=["127.0.0.0/8", "::1"])
    with unix_server(tmp_path / "s", echo), running(a, f"unix://{tmp_path}/s") as run:
        for family, near in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with suppress(OSError), socket.socket(family) as client:  # without IPv6
                client.settimeout(PATIENCE_S)
                if not client.connect_ex((near, run.a[1])):
                    client.sendall(b"x")
                    assert client.recv(1) == b"x"
        assert run.counters.opened >= 1


def test_datagrams_of_both_versions() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        for sock in (far, client):
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(PATIENCE_S)
        a = End("udp://:0", allow=["127.0.0.0/8"])
        with running(a, f"udp://127.0.0.1:{far.getsockname()[1]}") as run:
            client.sendto(b"question", ("127.0.0.1", run.a[1]))
            data, address = far.recvfrom(100)
            far.sendto(data + b"!", address)
            assert client.recv(100) == b"question!"


def test_a_name_for_several_addresses_is_tried_by_turns(tmp_path: Path) -> None:
    """A host that is left out stands for the loopback addresses of both versions."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with (
            running(f"unix://{tmp_path}/a", f"tcp://:{port}"),
            socket.socket(socket.AF_UNIX) as client,
        ):
            client.settimeout(PATIENCE_S)
            client.connect(f"{tmp_path}/a")
            client.sendall(b"x")
            far, _ = server.accept()
            with far:
                assert far.recv(1) == b"x"


def test_an_endpoint_s_own_backlog_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    listen = famsock.socket.listen

    def noted(sock: famsock.socket, backlog: int) -> None:
        asked.append(backlog)
        listen(sock, backlog)

    monkeypatch.setattr(famsock.socket, "listen", noted)
    for query in ("", "?backlog=5"):
        Relay(f"unix://{tmp_path}/a{query}", f"unix://{tmp_path}/s").close()
    assert asked == [1024, 5]


def test_a_connection_that_comes_too_late_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread connects while the relay ends."""
    goes_on, begun = threading.Event(), threading.Event()
    made: list[Any] = []
    connect = Endpoint.connect

    def slowly(endpoint: Endpoint, timeout: float | None = None) -> Any:
        begun.set()
        assert goes_on.wait(PATIENCE_S)
        made.append(connect(endpoint, timeout))
        return made[-1]

    monkeypatch.setattr(Endpoint, "connect", slowly)
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = f"tcp://localhost:{server.getsockname()[1]}"
        with running(f"unix://{tmp_path}/a", far), socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{tmp_path}/a")
            assert begun.wait(PATIENCE_S)
        goes_on.set()
        until(lambda: made and made[0].fileno() == -1)


def test_counters_come_after_their_events(tmp_path: Path) -> None:
    """A reader of counters in another thread finds the event of each session that they count."""
    seen: list[tuple[int, int]] = []
    with (
        unix_server(tmp_path / "s", echo),
        running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s") as run,
    ):
        append = run.events.append

        def slowly(event: Any) -> None:
            time.sleep(0.001)
            append(event)

        run.relay._on_event = slowly
        is_over = threading.Event()

        def read() -> None:
            while not is_over.is_set():
                counters = run.counters
                closed = sum(event.kind == "close" for event in [*run.events])
                if counters.opened - counters.active > closed:
                    seen.append((counters.opened - counters.active, closed))

        thread = threading.Thread(target=read)
        thread.start()
        for _ in range(10):
            assert exchange(run.a, b"x") == b"x"
        is_over.set()
        thread.join()
    assert seen == []


def test_descriptors_that_were_passed_are_ends(tmp_path: Path) -> None:
    """As a parent or a service manager passes them: one that listens, one that is connected."""
    ours, theirs = socket.socketpair()
    with socket.socket(socket.AF_UNIX) as listener, ours:
        listener.bind(f"{tmp_path}/a")
        listener.listen()
        b = f"fd://{theirs.detach()}"
        with (
            running(f"fd://{listener.detach()}", b, Options(sessions=1)) as run,
            socket.socket(socket.AF_UNIX) as client,
        ):
            client.settimeout(PATIENCE_S)
            ours.settimeout(PATIENCE_S)
            client.connect(f"{tmp_path}/a")
            client.sendall(b"question")
            assert ours.recv(100) == b"question"
            ours.sendall(b"answer")
            assert client.recv(100) == b"answer"
            client.close()
            ours.close()
            run.join()
