"""``famsock relay``: what it prints, how it stops, and its exit statuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from famsock._cli import main
from tests.relay.peers import (
    PATIENCE_S,
    echo,
    exchange,
    receive_all,
    stdlib_form,
    unix_server,
    until,
)

COMMAND = [sys.executable, "-m", "famsock", "relay"]


class Command:
    """The command, while it runs; ``ready`` is its first line."""

    def __init__(self, *arguments: str, **given: Any) -> None:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([*COMMAND, *arguments], **{**pipes, **given})

    def ready(self) -> Any:
        assert self.process.stdout is not None
        line = json.loads(self.process.stdout.readline())
        assert line["event"] == "ready"
        return stdlib_form(line["a"])

    def end(self, number: int = signal.SIGTERM) -> tuple[int, list[Any], str]:
        self.process.send_signal(number)
        return self.over()

    def over(self) -> tuple[int, list[Any], str]:
        output, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, [*map(json.loads, (output or "").splitlines())], errors


@contextmanager
def command(*arguments: str, **given: Any) -> Iterator[Command]:
    started = Command(*arguments, **given)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


def test_lines_of_json(tmp_path: Path) -> None:
    with (
        unix_server(tmp_path / "s", echo),
        command("tcp://127.0.0.1:0", f"unix://{tmp_path}/s") as relay,
    ):
        address = relay.ready()
        assert exchange(address, b"hello") == b"hello"
        assert exchange(address, b"again") == b"again"
        status, lines, errors = relay.end()
        assert (status, errors) == (0, "")
        assert [line["event"] for line in lines] == ["open", "close", "open", "close", "counters"]
        assert lines[1]["session"] == 1
        assert lines[1]["reason"] == "end"
        assert lines[-1]["a_to_b_bytes"] == lines[-1]["b_to_a_bytes"] == 10


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_lets_sessions_end(tmp_path: Path, number: int) -> None:
    with (
        unix_server(tmp_path / "s", echo),
        command("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", "--drain-ms", "60000") as relay,
    ):
        address = relay.ready()
        with socket.create_connection(address, PATIENCE_S) as client:
            client.sendall(b"before")
            assert client.recv(100) == b"before"
            relay.process.send_signal(number)
            until(lambda: refuses(address))  # the listener closes
            client.sendall(b"after")
            assert client.recv(100) == b"after"
        status, lines, errors = relay.over()
        assert (status, errors) == (0, "")
        assert lines[-1]["cut"] == 0


def refuses(address: Any) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    time.sleep(0.05)
    return False


def test_hex(tmp_path: Path) -> None:
    with (
        unix_server(tmp_path / "s", echo),
        command("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", "--hex") as relay,
    ):
        assert exchange(relay.ready(), b"0123456789abcdef\n") == b"0123456789abcdef\n"
        status, _, errors = relay.end()
    assert status == 0
    assert errors.splitlines() == [
        "> session 1, 17 bytes",
        "> 00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef",
        f"> 00000010  0a{' ' * 45}  .",
        "< session 1, 17 bytes",
        "< 00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef",
        f"< 00000010  0a{' ' * 45}  .",
    ]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_stops_no_session(tmp_path: Path) -> None:
    with unix_server(tmp_path / "s", echo), open("/dev/full", "w") as full:
        with command(f"unix://{tmp_path}/a", f"unix://{tmp_path}/s", stdout=full) as relay:
            for _ in range(3):
                assert unix_exchange(f"{tmp_path}/a", b"x" * 100_000) == b"x" * 100_000
            status, _, errors = relay.end()
        assert status == 0
        assert "lines left out: [Errno 28] No space left on device" in errors


@pytest.mark.slow
def test_a_reader_that_is_gone_stops_no_session(tmp_path: Path) -> None:
    with (
        unix_server(tmp_path / "s", echo),
        command(f"unix://{tmp_path}/a", f"unix://{tmp_path}/s") as relay,
    ):
        assert relay.process.stdout is not None
        relay.process.stdout.close()
        relay.process.stdout = None
        for _ in range(3):
            assert unix_exchange(f"{tmp_path}/a", b"x" * 100_000) == b"x" * 100_000
        relay.process.terminate()
        relay.process.wait(PATIENCE_S)
        assert relay.process.returncode == 0


def unix_exchange(path: str, data: bytes) -> bytes:
    until(lambda: os.path.exists(path))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_S)
        while client.connect_ex(path):
            pass
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return receive_all(client)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tcp://127.0.0.1:0",), "Missing argument"),
        (("tcp//x", "tcp://127.0.0.1:1"), "scheme://"),
        (("tcp://127.0.0.1:0", "tcp://127.0.0.1:1", "--allow-a", "10.0.0.1/8"), "host bits"),
        (("tcp://127.0.0.1:0", "tcp://127.0.0.1:1", "--allow-b", "::1"), "that listens"),
        (("tcp://127.0.0.1:0", "udp://127.0.0.1:1", "--tls-b", "--no-verify-b"), "TLS needs"),
        (("tcp://127.0.0.1:0", "tcp://127.0.0.1:1", "--pass-descriptors"), "cannot pass"),
        (("tcp://127.0.0.1:0", "tcp://127.0.0.1:1", "--role-a", "bind"), "must listen or"),
        (("tcp://127.0.0.1:0", "tcp://127.0.0.1:1", "--retries", "-2"), "-2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_status_of_wrong_arguments(arguments: tuple[str, ...], words: str) -> None:
    done = CliRunner().invoke(main, ["relay", *arguments])
    assert done.exit_code == 2, done.output
    assert words in done.output


def test_status_of_an_end_that_cannot_be_opened(tmp_path: Path) -> None:
    here = f"unix://{tmp_path}/none"
    for arguments in (
        (f"unix://{tmp_path}/missing/a", here),
        ("--role-a", "connect", here, here),
    ):
        done = CliRunner().invoke(main, ["relay", *arguments])
        assert done.exit_code == 3, done.output
        assert "No such file or directory" in done.output
        assert "end A" in done.output


def test_status_of_a_session_that_broke(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        unix_server(tmp_path / "s", echo),
        command(
            "--role-a", "connect", f"tcp://127.0.0.1:{server.getsockname()[1]}",
            f"unix://{tmp_path}/s",
        ) as relay,
    ):  # fmt: skip
        connection, _ = server.accept()
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        status, _, errors = relay.over()
    assert status == 4
    assert "reset" in errors


def test_status_of_bytes_that_are_lost(tmp_path: Path) -> None:
    never = threading.Event()

    def wait(_: socket.socket) -> None:
        never.wait(PATIENCE_S)

    with (
        unix_server(tmp_path / "s", wait),
        command("tcp://127.0.0.1:0", f"unix://{tmp_path}/s", "--drain-ms", "100") as relay,
        socket.create_connection(relay.ready()) as client,
    ):
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.sendall(bytes(1 << 26))
        status, lines, errors = relay.end()
        never.set()
    assert status == 6
    assert lines[-1]["cut"] == 1
    assert "lost bytes" in errors


@pytest.mark.slow
def test_a_terminal_shows_a_table(tmp_path: Path) -> None:
    import pty

    main, far = pty.openpty()
    shown = []

    def read() -> None:
        with suppress(OSError):
            while part := os.read(main, 65536):
                shown.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    with unix_server(tmp_path / "s", echo):
        given = {"stdout": far, "env": {**os.environ, "TERM": "xterm", "COLUMNS": "100"}}
        with command(f"unix://{tmp_path}/a", f"unix://{tmp_path}/s", **given) as relay:
            assert unix_exchange(f"{tmp_path}/a", b"x" * 3000) == b"x" * 3000
            status, _, errors = relay.end()
    os.close(far)
    reader.join(PATIENCE_S)
    os.close(main)
    assert (status, errors) == (0, "")
    assert b"A to B" in b"".join(shown)
    assert b"2.9 KiB" in b"".join(shown)


def test_a_service_manager_s_socket(tmp_path: Path) -> None:
    """As systemd passes it: the listener is there before the relay is."""
    code = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True);"
        "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'};"
        "os.execv(sys.executable, [sys.executable, '-m', 'famsock', 'relay', *sys.argv[2:]])"
    )
    with (
        unix_server(tmp_path / "s", echo),
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname(), PATIENCE_S) as client,
    ):
        client.sendall(b"early")
        client.shutdown(socket.SHUT_WR)
        number = listener.fileno()
        done = subprocess.run(
            [
                *(sys.executable, "-c", code, str(number)),
                *("systemd://", f"unix://{tmp_path}/s", "--sessions", "1", "--quiet"),
            ],
            pass_fds=[number],
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert receive_all(client) == b"early"
