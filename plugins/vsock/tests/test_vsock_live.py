"""Over the loopback transport: both socket types, options at work, socat at the other end."""

from __future__ import annotations

import errno
import platform
import select
import socket as stdlib
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from famsock_vsock.addresses import VsockAddress
from famsock_vsock.constants import AF_VSOCK, VMADDR_CID_LOCAL, VMADDR_PORT_ANY
from famsock_vsock.control import VSOCK_RECVERR
from famsock_vsock.sockets import VsockSeqpacketSocket, VsockStreamSocket

import famsock
from famsock import endpoints
from famsock.plugin import constants, options, socket

EXAMPLE = Path(__file__).parents[3] / "examples" / "vsock.py"
SO_RCVTIMEO = 20
TIMEOUT_S = 30

pytestmark = [
    pytest.mark.needs_family("AF_VSOCK"),
    pytest.mark.needs_module("vsock_loopback"),
    pytest.mark.usefixtures("descriptors"),
]


@contextmanager
def listening(kind: int) -> Iterator[socket]:
    """A socket that listens on a free port of CID 1."""
    with socket(AF_VSOCK, kind) as listener:
        listener.settimeout(TIMEOUT_S)
        listener.bind((VMADDR_CID_LOCAL, VMADDR_PORT_ANY))
        listener.listen()
        yield listener


@contextmanager
def connected(kind: int) -> Iterator[tuple[socket, socket]]:
    """Two connected sockets, the accepted one first."""
    with listening(kind) as listener, socket(AF_VSOCK, kind) as client:
        client.settimeout(TIMEOUT_S)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            server.settimeout(TIMEOUT_S)
            yield server, client


@pytest.mark.parametrize("cls", [VsockStreamSocket, VsockSeqpacketSocket])
def test_accepted_socket_is_of_the_listeners_class(
    cls: type[VsockStreamSocket | VsockSeqpacketSocket],
) -> None:
    with cls() as listener, cls() as client:
        for sock in (listener, client):
            sock.settimeout(TIMEOUT_S)
        listener.bind(VsockAddress(VMADDR_CID_LOCAL, VMADDR_PORT_ANY))
        listener.listen()
        address = listener.local_address
        assert address is not None
        client.connect(address)
        server, peer = listener.accept()
        with server:
            assert type(server) is cls
            assert server.has_loopback()
            assert peer[0] == VMADDR_CID_LOCAL
            assert client.peer_address == server.local_address


@pytest.mark.parametrize("kind", [stdlib.SOCK_STREAM, stdlib.SOCK_SEQPACKET])
def test_addresses_of_both_ends(kind: int) -> None:
    with connected(kind) as (server, client):
        assert client.peer_address == server.local_address
        assert client.getpeername() == server.getsockname()
        # A client that was not bound shows VMADDR_CID_ANY as its own CID.
        assert server.getpeername() == (VMADDR_CID_LOCAL, client.getsockname()[1])


def test_a_stream_carries_a_lot() -> None:
    with connected(stdlib.SOCK_STREAM) as (server, client):
        data = bytes(range(256)) * 200
        client.sendall(data)
        client.shutdown(stdlib.SHUT_WR)
        received = b""
        while piece := server.recv(65536):
            received += piece
        assert received == data


def test_seqpacket_keeps_messages_apart() -> None:
    with connected(stdlib.SOCK_SEQPACKET) as (server, client):
        for message in (b"one", b"two", b"three"):
            client.sendall(message)
        first = server.recv_message()
        assert first.data == b"one"
        assert not first.flags & stdlib.MSG_TRUNC
        assert server.recv_message(2).flags & stdlib.MSG_TRUNC
        assert server.recv(65536) == b"three"


def test_a_blocking_send_of_packets_that_find_no_room_sends_them_whole() -> None:
    packets = [bytes([number]) * 60_000 for number in range(12)]
    with connected(stdlib.SOCK_SEQPACKET) as (server, client):
        client.settimeout(None)  # a socket with a timeout is nonblocking for the kernel
        sending = threading.Thread(target=lambda: [client.send(packet) for packet in packets])
        sending.start()
        try:
            received = [server.recv(1 << 20) for _ in packets]
        finally:
            server.shutdown(stdlib.SHUT_RDWR)
            sending.join(TIMEOUT_S)
    assert received == packets


def test_the_text_of_an_endpoint_connects() -> None:
    with listening(stdlib.SOCK_SEQPACKET) as listener:
        text = f"vsock+seqpacket://local:{listener.getsockname()[1]}"
        end = endpoints.parse(text)
        with socket(end.family, end.type, end.protocol) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(end.address)
            assert client.peer_address == end.address


@pytest.mark.parametrize("kind", ["", "+seqpacket"])
def test_a_server_and_a_client_by_text(kind: str) -> None:
    with famsock.listen(f"vsock{kind}://local:any?SO_RCVBUF=65536") as server:
        address = server.local_address
        assert address is not None
        endpoint = endpoints.of(server, address)
        assert endpoints.parse(str(endpoint)) == endpoint
        assert endpoint.scheme == f"vsock{kind}"
        with famsock.connect(str(endpoint), TIMEOUT_S) as client, server.accept()[0] as accepted:
            client.sendall(b"by text")
            assert accepted.recv(16) == b"by text"
            assert endpoints.of(client, endpoint.address) == endpoint


def test_a_receive_timeout_of_the_kernels() -> None:
    with connected(stdlib.SOCK_STREAM) as (server, _):
        server.settimeout(None)
        server.setsockopt(stdlib.SOL_SOCKET, SO_RCVTIMEO, struct.pack("@ll", 0, 50_000))
        with pytest.raises(BlockingIOError):
            server.recv(1)


def test_nobody_listens() -> None:
    nobody = VsockAddress(VMADDR_CID_LOCAL, 4_000_000_000)
    with socket(AF_VSOCK) as sock:
        sock.settimeout(TIMEOUT_S)
        with pytest.raises(ConnectionResetError) as caught:
            sock.connect(nobody)
        assert "nobody listens" in " ".join(caught.value.__notes__)
    assert try_to_connect(nobody) == errno.ECONNRESET


def try_to_connect(address: VsockAddress) -> int:
    """The errno of a new socket's connect; after a failure the kernel takes no second one."""
    with socket(AF_VSOCK) as sock:
        sock.settimeout(TIMEOUT_S)
        return sock.connect_ex(address)


def test_the_flag_goes_to_the_host_that_is_not_there() -> None:
    """With VMADDR_FLAG_TO_HOST the kernel looks only for a way to the host."""
    with socket(AF_VSOCK) as sock:
        sock.settimeout(TIMEOUT_S)
        with pytest.raises(OSError, match="No such device"):
            sock.connect(VsockAddress(77, 1, flags=1))


def is_older_than(major: int, minor: int) -> bool:
    return tuple(map(int, platform.release().split(".")[:2])) < (major, minor)


@pytest.mark.parametrize("kind", [stdlib.SOCK_STREAM, stdlib.SOCK_SEQPACKET])
def test_a_send_without_copying_is_told_when_done(kind: int) -> None:
    with connected(kind) as (server, client):
        if is_older_than(6, 7):
            with pytest.raises(OSError, match=r"not supported|\[Errno 524\]"):
                client.set_option(options.SO_ZEROCOPY, True)
            return
        client.set_option(options.SO_ZEROCOPY, True)
        for number in range(2):
            assert client.send(bytes(20000), constants.MSG_ZEROCOPY) == 20000
            received = 0
            while received < 20000:
                received += len(server.recv(65536))
            poll = select.poll()
            poll.register(client, 0)
            assert poll.poll(TIMEOUT_S * 1000)
            done = client.recv_message(flags=constants.MSG_ERRQUEUE).get(VSOCK_RECVERR)
            assert done is not None
            assert (done.origin, done.errno) == (constants.SO_EE_ORIGIN_ZEROCOPY, 0)
            assert (done.info, done.data) == (number, number)


def test_the_stdlib_at_the_other_end() -> None:
    with listening(stdlib.SOCK_STREAM) as listener, stdlib.socket(AF_VSOCK) as client:
        client.settimeout(TIMEOUT_S)
        client.connect(listener.getsockname())
        server, peer = listener.accept()
        with server:
            assert peer == (VMADDR_CID_LOCAL, client.getsockname()[1])
            client.sendall(b"ping")
            assert server.recv(16) == b"ping"


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program with pipes to it, which is ended here at the latest."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.needs_command("socat")
def test_socat_connects_to_us() -> None:
    with listening(stdlib.SOCK_STREAM) as listener:
        port = listener.getsockname()[1]
        with program("socat", "-,ignoreeof", f"VSOCK-CONNECT:1:{port}") as socat:
            server, _ = listener.accept()
            with server:
                server.settimeout(TIMEOUT_S)
                assert socat.stdin is not None
                assert socat.stdout is not None
                socat.stdin.write(b"ping")
                socat.stdin.flush()
                assert server.recv(16) == b"ping"
                server.sendall(b"pong")
                assert socat.stdout.read(4) == b"pong"


@pytest.mark.needs_command("socat")
def test_we_connect_to_socat() -> None:
    with listening(stdlib.SOCK_STREAM) as listener:
        port = listener.getsockname()[1]
    address = VsockAddress(VMADDR_CID_LOCAL, port)
    with program("socat", f"VSOCK-LISTEN:{port},fork", "EXEC:cat"):
        while try_to_connect(address):
            time.sleep(0.05)
        with socket(AF_VSOCK) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(address)
            client.sendall(b"there and back")
            assert client.recv(64) == b"there and back"


def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "ping" in done.stdout
