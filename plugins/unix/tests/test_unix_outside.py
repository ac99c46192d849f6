"""Programs and libraries that are not ours at the other end; the example."""

from __future__ import annotations

import socket as stdlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from famsock_unix import UnixAddress, UnixDatagramSocket, UnixSeqpacketSocket, UnixStreamSocket

from famsock.plugin import socket

EXAMPLE = Path(__file__).parents[3] / "examples" / "unix.py"
CLASSES = [UnixStreamSocket, UnixSeqpacketSocket]

pytestmark = pytest.mark.usefixtures("alarm")


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program with pipes to it, which is ended here at the latest."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.needs_command("socat")
@pytest.mark.parametrize("name", ["path", "abstract"])
@pytest.mark.parametrize("cls", CLASSES)
def test_socat_connects_to_us(
    cls: type[UnixStreamSocket | UnixSeqpacketSocket], name: str, tmp_path: Path
) -> None:
    abstract = name == "abstract"
    text = f"famsock-{tmp_path.name}" if abstract else str(tmp_path / "x.sock")
    with cls() as server:
        server.settimeout(30)
        server.bind(UnixAddress.abstract(text) if abstract else UnixAddress(text))
        server.listen()
        scheme = "ABSTRACT-CONNECT" if abstract else "UNIX-CONNECT"
        with program("socat", "-,ignoreeof", f"{scheme}:{text},type={int(server.type)}") as socat:
            accepted, _ = server.accept()
            with accepted:
                accepted.settimeout(30)
                assert accepted.peer_credentials().pid == socat.pid
                assert socat.stdin is not None
                assert socat.stdout is not None
                socat.stdin.write(b"ping")
                socat.stdin.flush()
                assert accepted.recv(16) == b"ping"
                accepted.sendall(b"pong")
                assert socat.stdout.read(4) == b"pong"


@pytest.mark.needs_command("socat")
def test_we_send_datagrams_to_socat(tmp_path: Path) -> None:
    there, here = tmp_path / "there.sock", tmp_path / "here.sock"
    with (
        program("socat", f"UNIX-RECVFROM:{there}", "EXEC:cat"),
        UnixDatagramSocket() as sock,
    ):
        sock.settimeout(30)
        sock.bind(str(here))
        while sock.connect_ex(UnixAddress(there)):
            time.sleep(0.01)
        sock.send(b"ping")
        assert sock.recvfrom(16) == (b"ping", str(there))


@pytest.mark.parametrize("kind", [stdlib.SOCK_STREAM, stdlib.SOCK_SEQPACKET])
def test_the_stdlib_at_the_other_end(kind: stdlib.SocketKind, tmp_path: Path) -> None:
    path = str(tmp_path / "x.sock")
    with stdlib.socket(stdlib.AF_UNIX, kind) as server, socket(1, kind) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        assert client.getpeername() == path
        accepted, peer = server.accept()
        with accepted:
            assert (peer, client.getsockname()) == ("", "")
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"


def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
