"""``famsock cat``: standard input and output at one end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from famsock._cli import main
from tests.relay.peers import PATIENCE_S, echo, receive_all, unix_server, until

COMMAND = [sys.executable, "-m", "famsock", "cat"]


def cat(*arguments: str, given: bytes = b"", **more: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*COMMAND, *arguments],
        **{"input": given, "stdout": subprocess.PIPE, **more},
        stderr=subprocess.PIPE,
        timeout=PATIENCE_S,
        check=False,
    )


def test_pipes(tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    with unix_server(tmp_path / "s", echo):
        done = cat(f"unix://{tmp_path}/s", given=data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == data


@pytest.mark.slow
def test_files(tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    (tmp_path / "in").write_bytes(data)
    with (
        unix_server(tmp_path / "s", echo),
        open(tmp_path / "in", "rb") as source,
        open(tmp_path / "out", "wb") as sink,
    ):
        done = subprocess.run(
            [*COMMAND, f"unix://{tmp_path}/s"],
            stdin=source,
            stdout=sink,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out").read_bytes() == data


def test_one_peer_of_a_listener(tmp_path: Path) -> None:
    path = f"{tmp_path}/a"
    with subprocess.Popen(
        [*COMMAND, "-l", f"unix://{path}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        until(lambda: os.path.exists(path))
        assert process.stdin is not None
        assert process.stdout is not None
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            until(lambda: client.connect_ex(path) == 0)
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            assert process.stdout.read(8) == b"question"
            process.stdin.write(b"answer")
            process.stdin.close()
            assert receive_all(client) == b"answer"
        assert process.wait(PATIENCE_S) == 0


def test_each_piece_is_a_message(tmp_path: Path) -> None:
    got = []

    def take(connection: socket.socket) -> None:
        while data := connection.recv(100):
            got.append(data)
            connection.send(data)

    with unix_server(tmp_path / "s", take, socket.SOCK_SEQPACKET):
        done = cat(f"unix+seqpacket://{tmp_path}/s", given=b"one message")
    assert (done.returncode, done.stdout, got) == (0, b"one message", [b"one message"])


def test_the_end_of_the_peer_is_the_end(tmp_path: Path) -> None:
    """Also while the input goes on, as on a terminal."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(
            [*COMMAND, f"tcp://127.0.0.1:{server.getsockname()[1]}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process,
    ):
        connection, _ = server.accept()
        connection.sendall(b"bye")
        connection.close()
        assert process.stdout is not None
        assert process.stdout.read() == b"bye"
        assert process.wait(PATIENCE_S) == 0


def test_status_of_an_endpoint_that_cannot_be_opened(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["cat", f"unix://{tmp_path}/none"])
    assert done.exit_code == 3
    assert "No such file" in done.output
    assert CliRunner().invoke(main, ["cat", "nothing"]).exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_status_of_an_input_or_output_that_is_closed(tmp_path: Path, number: int) -> None:
    """Its number must not become one of the relay's own descriptors."""
    shell = f"exec {sys.executable} -m famsock cat unix://{tmp_path}/s {number}>&-"
    with unix_server(tmp_path / "s", echo):
        done = subprocess.run(
            shell, shell=True, capture_output=True, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 3
    assert b"is closed" in done.stderr


def test_status_of_a_connection_that_broke() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset() -> None:
            connection, _ = server.accept()
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        with open(os.devnull, "rb") as nothing:
            done = cat(f"tcp://127.0.0.1:{server.getsockname()[1]}", input=None, stdin=nothing)
        thread.join()
    assert done.returncode == 4, done.stderr
    assert b"reset" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_status_of_a_full_disk(tmp_path: Path) -> None:
    with unix_server(tmp_path / "s", echo), open("/dev/full", "wb") as full:
        done = cat(f"unix://{tmp_path}/s", given=b"x" * 100_000, stdout=full)
    assert done.returncode == 5
    assert b"No space left on device" in done.stderr


@pytest.mark.slow
def test_status_of_a_reader_that_is_gone(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with unix_server(tmp_path / "s", echo):
        done = cat(f"unix://{tmp_path}/s", given=b"x" * 100_000, stdout=write_end)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (5, b"")
