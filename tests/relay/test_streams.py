"""Streams through a relay: every byte, in order, both ways, and what becomes of their ends."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import resource
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from errno import EINPROGRESS
from itertools import accumulate
from pathlib import Path

import pytest

import famsock
from famsock import endpoints
from famsock.relay import End, Options, Relay
from famsock.relay._pipes import Pipes
from famsock.relay._session import Direction
from tests.relay.peers import (
    PATIENCE_S,
    Running,
    descriptors,
    echo,
    exchange,
    outgoing,
    receive_all,
    reset,
    rounds,
    running,
    stdlib_form,
    unix_server,
    until,
)

WAYS = pytest.mark.parametrize("splices", [True, False], ids=["splice", "copy"])
MIB = 1 << 20


@contextmanager
def relayed(path: Path, answer: object = echo, **settings: object) -> Iterator[Running]:
    """A relay from TCP to a unix server at a path."""
    options = Options(**{"drain_ms": 2000, **settings})  # type: ignore[arg-type]
    with (
        unix_server(path / "s", answer),  # type: ignore[arg-type]
        running("tcp://127.0.0.1:0", f"unix://{path}/s", options) as run,
    ):
        yield run


def pieces(count: int) -> Iterator[bytes]:
    """Random data that cost little: a block, turned a little further each time."""
    block = os.urandom(MIB)
    for number in range(count):
        yield block[number * 7 % MIB :] + block[: number * 7 % MIB]


def transfer(address: object, mebibytes: int) -> None:
    """Send to an echo and receive at once; both must have the same checksum."""
    sent, received = hashlib.blake2b(), hashlib.blake2b()
    with socket.create_connection(address, PATIENCE_S) as client:  # type: ignore[arg-type]

        def send() -> None:
            for piece in pieces(mebibytes):
                sent.update(piece)
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=send)
        thread.start()
        while data := client.recv(1 << 18):
            received.update(data)
        thread.join()
    assert sent.digest() == received.digest()


@WAYS
def test_equal_checksums_each_way(tmp_path: Path, splices: bool) -> None:
    with relayed(tmp_path, splices=splices) as run:
        transfer(run.a, 16)
        run.wait(lambda: run.counters.active == 0)
        counters = run.counters
        assert (counters.a_to_b_bytes, counters.b_to_a_bytes) == (16 * MIB, 16 * MIB)
        assert (counters.opened, counters.broken, counters.cut) == (1, 0, 0)
        assert [event.kind for event in run.events] == ["open", "close"]
        assert run.events[1].reason == "end"
        assert run.events[0].a.startswith("tcp://127.0.0.1:")


@pytest.mark.slow
def test_a_gib_each_way(tmp_path: Path) -> None:
    with relayed(tmp_path) as run:
        transfer(run.a, 1024)


@WAYS
def test_half_close_is_passed_on(tmp_path: Path, splices: bool) -> None:
    def sum_up(connection: socket.socket) -> None:
        connection.sendall(b"%d" % len(receive_all(connection)))

    with relayed(tmp_path, sum_up, splices=splices) as run:
        assert exchange(run.a, b"") == b"0"
        assert exchange(run.a, bytes(100_000)) == b"100000"


@WAYS
def test_half_close_of_the_server_is_passed_on(tmp_path: Path, splices: bool) -> None:
    got = []

    def answer_first(connection: socket.socket) -> None:
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        got.append(receive_all(connection))

    with relayed(tmp_path, answer_first, splices=splices) as run:
        with socket.create_connection(run.a, PATIENCE_S) as client:
            assert receive_all(client) == b"hello"
            client.sendall(bytes(300_000))
        until(lambda: got)
        assert got == [bytes(300_000)]


@WAYS
def test_a_slow_side_stops_the_other(tmp_path: Path, splices: bool) -> None:
    """Back-pressure: what is in hand is bounded, whatever the sender has."""
    goes_on = threading.Event()
    got = []

    def slowly(connection: socket.socket) -> None:
        goes_on.wait(PATIENCE_S)
        got.append(len(receive_all(connection)))

    with relayed(tmp_path, slowly, splices=splices) as run:
        with socket.create_connection(run.a, PATIENCE_S) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            client.setblocking(False)
            sent, idle = 0, 0
            while idle < 20:
                try:
                    sent += client.send(bytes(65536))
                    idle = 0
                except BlockingIOError:
                    idle += 1
                    time.sleep(0.005)
            assert sent < 64 * MIB
            assert exchange_beside(run, goes_on)
            goes_on.set()
        until(lambda: got.count(sent))


SO_BUF_LOCK, SNDBUF_LOCK = 72, 1  # asm-generic/socket.h and net/sock.h, since Linux 5.14


@pytest.mark.needs_kernel("5.14")
@pytest.mark.parametrize(
    ("far", "query", "is_locked", "is_enlarged"),
    [
        ("unix://{0}/s", "", True, True),
        ("unix://{0}/s", "?SO_SNDBUF=16384", True, False),
        ("tcp://127.0.0.1:0", "", False, False),
    ],
    ids=["unix", "stated", "tcp"],
)
def test_a_send_buffer_that_does_not_grow_is_enlarged(
    tmp_path: Path, far: str, query: str, is_locked: bool, is_enlarged: bool
) -> None:
    """Once it is full. TCP's grows by itself, unless a program sets its size."""
    with famsock.listen(far.format(tmp_path)) as server:
        address = server.local_address
        assert address is not None
        end = End(str(endpoints.of(server, address)) + query)
        near, client = famsock.socketpair()
        with (
            Relay("tcp://127.0.0.1:0", end) as relay,
            near,
            client,
            end.endpoint.connect() as sink,
            server.accept()[0],
        ):
            before = sink.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            for sock in (near, client, sink):
                sock.setblocking(False)
            pipes = Pipes()
            direction = Direction(relay._channel(0, near), relay._channel(1, sink), pipes, None)
            while not direction.is_blocked:
                with suppress(BlockingIOError):
                    client.send(bytes(MIB))
                direction.run()
            after = sink.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            lock = sink.getsockopt(socket.SOL_SOCKET, SO_BUF_LOCK)
            direction.give_up(None)
            pipes.close()
    assert bool(lock & SNDBUF_LOCK) == is_locked
    assert (after > before) == is_enlarged or not is_locked


def exchange_beside(run: Running, goes_on: threading.Event) -> bool:
    """Whether the relay takes a further connection while one is blocked."""
    with socket.create_connection(run.a, PATIENCE_S) as client:
        client.sendall(b"x")
        run.wait(lambda: run.counters.opened >= 2)
    return True


def test_a_blocked_direction_costs_no_time(tmp_path: Path) -> None:
    """A peer that reset while the other does not read is not asked again and again."""
    goes_on = threading.Event()
    with relayed(tmp_path, lambda _: goes_on.wait(PATIENCE_S)) as run:
        client = socket.create_connection(run.a, PATIENCE_S)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.sendall(bytes(64 * MIB))
        reset(client)
        assert rounds(run, 0.5) < 100  # a loop that does not wait turns ten thousand times
        goes_on.set()
        run.wait(lambda: run.counters.active == 0)


@WAYS
def test_an_idle_connection_costs_two_descriptors(tmp_path: Path, splices: bool) -> None:
    """Its sockets: no pipe is held while nothing moves."""
    with relayed(tmp_path, splices=splices) as run, ExitStack() as clients:
        exchange(run.a, b"x" * 100_000)  # pipes that are spare exist from now on
        before = descriptors()
        for _ in range(50):
            client = clients.enter_context(socket.create_connection(run.a, PATIENCE_S))
            client.sendall(b"ping")
            assert client.recv(10) == b"ping"
        # Each has a socket of the client, two of the relay, one of the server.
        assert descriptors() - before <= 4 * 50 + 4


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000:
        pytest.skip(f"needs 6,000 descriptors, this process may have {hard}: raise ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 6000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def echoes(path: Path) -> Iterator[None]:
    """An echo server of one thread, for many connections of few bytes."""
    selector = selectors.DefaultSelector()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{path}/s")
        server.listen(1024)
        selector.register(server, selectors.EVENT_READ)
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                for key, _ in selector.select(0.1):
                    if key.fileobj is server:
                        selector.register(server.accept()[0], selectors.EVENT_READ)
                        continue
                    connection = key.fileobj
                    assert isinstance(connection, socket.socket)
                    with suppress(OSError):
                        if data := connection.recv(100):
                            connection.send(data)
                            continue
                    selector.unregister(connection)
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
            for key in list(selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket) and key.fileobj is not server:
                    key.fileobj.close()
            selector.close()


@pytest.mark.usefixtures("many_descriptors")
@pytest.mark.parametrize(
    ("splices", "most"),
    [
        pytest.param(True, None, id="splice"),
        pytest.param(False, None, id="copy", marks=pytest.mark.slow),
        pytest.param(True, 50, id="limited", marks=pytest.mark.slow),
    ],
)
def test_a_thousand_connections_at_once(tmp_path: Path, splices: bool, most: int | None) -> None:
    """They open at once, send, and half of them drop without a word; what they had is given back.

    With a limit the others wait their turn, and each of them is served.
    """
    options = Options(drain_ms=2000, splices=splices, max_sessions=most)
    with echoes(tmp_path), running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", options) as run:
        exchange(run.a, b"x")
        run.wait(lambda: run.counters.active == 0)
        before, threads = descriptors(), threading.active_count()
        clients = []
        for _ in range(1000):
            client = socket.socket()
            client.setblocking(False)
            assert client.connect_ex(run.a) in (0, EINPROGRESS)
            clients.append(client)
        for number, client in enumerate(clients):
            client.settimeout(PATIENCE_S)
            client.sendall(b"%d" % number)
        for client in clients[::2]:
            reset(client)
        for number, client in list(enumerate(clients))[1::2]:
            assert client.recv(10) == b"%d" % number
            client.close()
        run.wait(lambda: run.counters.opened == 1001 and run.counters.active == 0)
        until(lambda: descriptors() <= before + 8)  # spare pipes
        until(lambda: threading.active_count() <= threads)
        relay = run.relay
        assert (relay._sessions, relay._pending, relay._loop.kept) == ({}, {}, ())
        assert most is None or highest(run) <= most


def highest(run: Running) -> int:
    """Return the greatest number of sessions that a relay had at a time."""
    active = accumulate({"open": 1, "close": -1}.get(event.kind, 0) for event in run.events)
    return max(active)


@pytest.mark.slow
@pytest.mark.usefixtures("many_descriptors")
@WAYS
def test_a_thousand_connections_carry_data(tmp_path: Path, splices: bool) -> None:
    """All at the same time, each with its own data, whose checksum comes back."""
    size_bytes, count = 96_000, 1000

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def one(number: int, address: tuple[str, int], all_open: asyncio.Barrier) -> None:
        reader, writer = await asyncio.open_connection(*address)
        await all_open.wait()
        data = random.Random(number).randbytes(size_bytes)

        async def send() -> None:
            for at in range(0, size_bytes, 8000):
                writer.write(data[at : at + 8000])
                await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        got = hashlib.sha256()
        while part := await reader.read(1 << 16):
            got.update(part)
        await sending
        assert got.digest() == hashlib.sha256(data).digest(), number
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        server = await asyncio.start_unix_server(answer, f"{tmp_path}/s", backlog=1024)
        options = Options(drain_ms=2000, splices=splices)
        try:
            with running("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", options) as run:
                all_open = asyncio.Barrier(count)
                await asyncio.gather(*(one(n, run.a, all_open) for n in range(count)))
                counters = run.counters
                assert counters.opened == count
                assert counters.a_to_b_bytes == counters.b_to_a_bytes == count * size_bytes
                assert counters.broken == counters.cut == counters.dropped == 0
        finally:
            server.close()

    asyncio.run(main())


@WAYS
def test_a_reset_is_no_clean_end(tmp_path: Path, splices: bool) -> None:
    """Bytes before it arrive; the other peer sees an error where its family can tell one."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        running(
            "tcp://127.0.0.1:0",
            f"tcp://127.0.0.1:{server.getsockname()[1]}",
            Options(drain_ms=2000, splices=splices),
        ) as run,
        socket.create_connection(run.a, PATIENCE_S) as client,
    ):
        far, _ = server.accept()
        far.sendall(b"before")
        assert client.recv(100) == b"before"
        reset(far)
        with pytest.raises(ConnectionResetError):
            client.recv(100)
        run.wait(lambda: run.counters.broken == 1)


@WAYS
@pytest.mark.parametrize("count", [0, 1, 70_000, 3 * MIB])
def test_bytes_before_a_reset_are_delivered(tmp_path: Path, splices: bool, count: int) -> None:
    got: list[int] = []

    def take(connection: socket.socket) -> None:
        total = 0
        try:
            while data := connection.recv(1 << 16):
                total += len(data)
                time.sleep(0.0001)
        except ConnectionResetError:
            pass
        got.append(total)

    with relayed(tmp_path, take, splices=splices) as run:
        client = socket.create_connection(run.a, PATIENCE_S)
        client.sendall(bytes(count))
        until(lambda: not outgoing(client))  # the relay's kernel has acknowledged all
        reset(client)
        until(lambda: got)
        assert got == [count]


@WAYS
def test_churn_leaves_nothing(tmp_path: Path, splices: bool) -> None:
    """Connections of all kinds come and go; descriptors, threads and bytes are as before."""
    with relayed(tmp_path, splices=splices) as run:
        exchange(run.a, b"warm")
        run.wait(lambda: run.counters.active == 0)
        before = descriptors(), threading.active_count()
        total = 4 + churn(run.a, lambda number: number < 40)
        run.wait(lambda: run.counters.active == 0)
        run.wait(lambda: run.counters.a_to_b_bytes == run.counters.b_to_a_bytes == total)
        until(lambda: descriptors() <= before[0] + 16)  # spare pipes
        until(lambda: threading.active_count() <= before[1])


def churn(address: object, goes_on: Callable[[int], bool]) -> int:
    """Connect in four threads, while ``goes_on(number)``; return the bytes that came back."""

    def work(seed: int) -> int:
        total, number = 0, seed
        while goes_on(number):
            number += 4
            data = random.Random(number).randbytes(number * 7919 % 100_000)
            client = socket.create_connection(address, PATIENCE_S)  # type: ignore[arg-type]
            if number % 3 == 0:
                reset(client)
                continue
            with client:
                thread = threading.Thread(target=send_all, args=(client, data))
                thread.start()
                got = receive_all(client)
                thread.join()
            assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), number
            total += len(data)
        return total

    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(work, range(4)))


def send_all(client: socket.socket, data: bytes) -> None:
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)


class RelayProcess:
    """``famsock relay`` from a TCP port: its process, and the lines that it prints."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self.process, self._stdout = process, process.stdout
        self.lines: list[bytes] = []
        self.address = stdlib_form(json.loads(self._stdout.readline())["a"])
        self._reader = threading.Thread(target=self._read)  # so that no line is left out
        self._reader.start()

    def _read(self) -> None:
        self.lines.extend(self._stdout)

    def end(self) -> None:
        """Stop it in order, once."""
        if self._reader.is_alive():
            self.process.terminate()
            assert self.process.wait(PATIENCE_S) == 0
            self._reader.join(PATIENCE_S)


@contextmanager
def relay_process(*arguments: str) -> Iterator[RelayProcess]:
    """Run it."""
    command = [sys.executable, "-m", "famsock", "relay", "tcp://127.0.0.1:0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        relay = RelayProcess(process)
        try:
            yield relay
        finally:
            relay.end()


def resident_bytes(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_churn_for_a_minute_leaves_nothing(tmp_path: Path) -> None:
    """Memory, descriptors and threads of the process are as after a quarter of a minute.

    Each connection compares its checksums; the relay counts as many bytes each way.
    """
    total = 0
    with (
        unix_server(tmp_path / "s", echo),
        relay_process(f"unix://{tmp_path}/s") as relay,
    ):
        process = relay.process
        folder = f"/proc/{process.pid}"

        def for_seconds(seconds: float) -> tuple[int, int, int]:
            nonlocal total
            end_s = time.monotonic() + seconds
            moved = churn(relay.address, lambda _: time.monotonic() < end_s)
            assert moved
            total += moved
            until(lambda: len(os.listdir(f"{folder}/fd")) <= 20)
            return (
                resident_bytes(process.pid),
                len(os.listdir(f"{folder}/fd")),
                len(os.listdir(f"{folder}/task")),
            )

        first, last = for_seconds(15), for_seconds(45)
        assert last[0] - first[0] <= 4 * MIB
        assert last[1] <= first[1] + 8  # spare pipes
        assert last[2] == first[2]
        relay.end()
        counters = json.loads(relay.lines[-1])
        assert counters["a_to_b_bytes"] == counters["b_to_a_bytes"] == total
        assert counters["cut"] == counters["dropped"] == 0


@pytest.mark.slow
@pytest.mark.usefixtures("many_descriptors")
def test_a_thousand_idle_connections_cost_little(tmp_path: Path) -> None:
    """At most 32 KiB each, and three descriptors beside the two sockets; here it is none."""
    with (
        echoes(tmp_path),
        relay_process(f"unix://{tmp_path}/s") as relay,
        ExitStack() as clients,
    ):
        process, address = relay.process, relay.address

        def more(count: int) -> None:
            for _ in range(count):
                client = socket.create_connection(address, PATIENCE_S)
                clients.enter_context(client)
                client.sendall(b"ping")
                assert client.recv(10) == b"ping"

        def figures() -> tuple[int, int]:
            return resident_bytes(process.pid), len(os.listdir(f"/proc/{process.pid}/fd"))

        more(20)
        before = figures()
        more(1000)
        after = figures()
        assert after[0] - before[0] <= 1000 * 32 * 1024
        assert after[1] - before[1] <= 1000 * 2 + 8


@pytest.mark.parametrize("answers", [False, True])
def test_a_peer_that_is_gone_ends_the_session_once_all_is_delivered(
    tmp_path: Path, answers: bool
) -> None:
    """Nobody is there for an answer; the end of a unix socket is of both directions."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        running(f"unix://{tmp_path}/a", f"tcp://127.0.0.1:{server.getsockname()[1]}") as run,
    ):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{tmp_path}/a")
            far, _ = server.accept()
            client.setblocking(False)
            count, is_idle = 0, 0
            while is_idle < 20:  # until the relay has bytes in hand
                try:
                    count += client.send(bytes(65536))
                    is_idle = 0
                except BlockingIOError:
                    is_idle += 1
                    time.sleep(0.005)
        with far:
            far.settimeout(PATIENCE_S)
            if answers:
                (session,) = run.relay._sessions.values()
                far.sendall(b"x")
                run.wait(lambda: session.error)
                time.sleep(1)  # longer than a session without traffic goes on
            while count:
                data = far.recv(1 << 18)
                assert data, run.events
                count -= len(data)
            with suppress(ConnectionResetError):
                assert far.recv(1) == b""
            run.wait(lambda: run.counters.active == 0)  # while this end stays open


def test_descriptors_run_out(tmp_path: Path) -> None:
    """At RLIMIT_NOFILE the rest is served, accept does not spin, and waiting peers come later."""
    code = f"""
import resource
from famsock.relay import Options, Relay
relay = Relay("unix://{tmp_path}/a", "unix://{tmp_path}/s", Options(connect_timeout_ms=60000))
relay._loop.call_later(1, lambda: print("ready", flush=True))
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
relay.run()
"""
    with unix_server(tmp_path / "s", echo):
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            clients = []
            for _ in range(60):
                client = socket.socket(socket.AF_UNIX)
                client.settimeout(PATIENCE_S)
                client.connect(f"{tmp_path}/a")
                client.sendall(b"ping")
                clients.append(client)
            assert clients[0].recv(10) == b"ping"
            clients[0].sendall(bytes(300_000))  # goes on, without a pipe if there is none
            left = 300_000
            while left:
                left -= len(clients[0].recv(left))
            before_s = cpu_s(process.pid)
            time.sleep(0.5)
            assert cpu_s(process.pid) - before_s < 0.25
            for client in clients:  # each one that closes lets the next one in
                if client is not clients[0]:
                    assert client.recv(10) == b"ping"
                client.close()
            assert process.poll() is None
        finally:
            process.kill()
            _, errors = process.communicate()
        assert errors == b""


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
