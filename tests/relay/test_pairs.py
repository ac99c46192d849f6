"""Pairs of families that few kernels have: the relay joins them as it joins any others."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import endpoints
from famsock.address import Address
from famsock.relay import End
from tests.relay.peers import PATIENCE_S, receive_all, running, until

SEQPACKET = socket.SOCK_SEQPACKET


@contextmanager
def served(endpoint: str, address: Address | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """An echo of one connection at an endpoint: what to connect to, and what came."""
    made = endpoints.parse(endpoint)
    got: list[bytes] = []
    with made.listen() as listener:
        listener.settimeout(PATIENCE_S)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionResetError):  # the end, as RFCOMM tells it
                connection.settimeout(PATIENCE_S)
                while data := connection.recv(1 << 16):
                    got.append(data)
                    connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        bound = address or listener.local_address
        assert bound is not None
        yield str(endpoints.of(listener, bound)), got
        thread.join(PATIENCE_S)


def both_ways(address: Any, data: bytes) -> bytes:
    """Send to a TCP echo and receive as much, then end."""
    with socket.create_connection(address, PATIENCE_S) as client:
        thread = threading.Thread(target=client.sendall, args=(data,))
        thread.start()
        got = b""
        while len(got) < len(data):
            piece = client.recv(1 << 16)
            assert piece, f"{len(got)} of {len(data)} bytes"
            got += piece
        thread.join()
    return got


def test_tcp_and_unix(tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    with served(f"unix://{tmp_path}/s") as (far, _), running("tcp://127.0.0.1:0", far) as run:
        assert hashlib.sha256(both_ways(run.a, data)).digest() == hashlib.sha256(data).digest()


@pytest.mark.needs_family("AF_VSOCK", type=socket.SOCK_STREAM)
@pytest.mark.needs_module("vsock_loopback")
def test_tcp_and_vsock() -> None:
    data = os.urandom(1_000_000)
    with served("vsock://local:any") as (far, _), running("tcp://127.0.0.1:0", far) as run:
        assert hashlib.sha256(both_ways(run.a, data)).digest() == hashlib.sha256(data).digest()


@pytest.mark.needs_family("AF_VSOCK", type=socket.SOCK_STREAM)
@pytest.mark.needs_module("vsock_loopback")
@pytest.mark.parametrize(("rule", "is_admitted"), [("local", True), ("3", False)])
def test_a_cid_that_may_come(tmp_path: Path, rule: str, is_admitted: bool) -> None:
    a = End("vsock://local:any", allow=[rule])
    with served(f"unix://{tmp_path}/s") as (far, _), running(a, far) as run:
        with (
            endpoints.parse(run.addresses[0]).connect(PATIENCE_S) as client,
            suppress(ConnectionResetError, BrokenPipeError),
        ):
            client.sendall(b"x")
            assert client.recv(1) == (b"x" if is_admitted else b"")
        run.wait(lambda: run.counters.refused + run.counters.opened == 1)
        assert run.counters.opened == is_admitted
        if not is_admitted:
            endpoints.parse(far).connect(PATIENCE_S).close()  # so that the echo ends


@contextmanager
def controllers() -> Iterator[tuple[str, str]]:
    selftest = pytest.importorskip("famsock_bluetooth.selftest")
    with selftest.emulated_pair() as (first, second, _):
        yield first.bdaddr, second.bdaddr


@pytest.mark.needs_family("AF_BLUETOOTH", "rfcomm")
@pytest.mark.needs_interface("hci1")
def test_tcp_and_rfcomm() -> None:
    data = os.urandom(5_000)
    with (
        controllers() as (first, _),
        served(f"rfcomm://[{first}]:12") as (far, _),
        running("tcp://127.0.0.1:0", far) as run,
    ):
        assert both_ways(run.a, data) == data


@pytest.mark.needs_family("AF_BLUETOOTH", "l2cap")
@pytest.mark.needs_family("AF_INET", "sctp", socket.SOCK_STREAM)
@pytest.mark.needs_interface("hci1")
def test_sctp_and_l2cap() -> None:
    """Messages of both keep their boundaries."""
    with controllers() as (first, _):
        with (
            served(f"l2cap://[{first}]:0x1013") as (far, got),
            running("sctp://127.0.0.1:0", far) as run,
            endpoints.parse(run.addresses[0]).connect(PATIENCE_S) as client,
        ):
            client.settimeout(PATIENCE_S)
            for data in (b"one", b"two" * 100, b"3"):
                client.send(data)
            for data in (b"one", b"two" * 100, b"3"):
                assert client.recv(2000) == data
        assert got == [b"one", b"two" * 100, b"3"]


@pytest.mark.needs_family("AF_TIPC")
def test_unix_packets_and_tipc(tmp_path: Path) -> None:
    service = 0xFA700 + os.getpid() % 0x10000
    with (
        served(f"tipc+seqpacket://service:{service}:1") as (far, got),
        running(f"unix+seqpacket://{tmp_path}/a", f"tipc+seqpacket://service:{service}:1") as run,
        socket.socket(socket.AF_UNIX, SEQPACKET) as client,
    ):
        client.settimeout(PATIENCE_S)
        client.connect(f"{tmp_path}/a")
        for data in (b"one", b"two" * 1000, b"3"):
            client.send(data)
        for data in (b"one", b"two" * 1000, b"3"):
            assert client.recv(9000) == data
        client.close()
        run.wait(lambda: run.counters.active == 0)
    assert got == [b"one", b"two" * 1000, b"3"]
    assert far.startswith("tipc")


@pytest.mark.needs_interface("vcan0")
@pytest.mark.needs_family("AF_CAN")
def test_udp_and_can() -> None:
    frame = struct.pack("=IB3x8s", 0x123, 3, b"abc")
    with (
        running("udp://127.0.0.1:0", "can://vcan0") as run,
        famsock.socket(famsock.AF_CAN, socket.SOCK_RAW, 1) as bus,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        for sock in (bus, client):
            sock.settimeout(PATIENCE_S)
        bus.bind(("vcan0",))
        client.connect(run.a)
        client.send(frame)
        assert bus.recv(100) == frame
        client.send(b"no frame")
        bus.send(frame)
        assert client.recv(100) == frame
        run.wait(lambda: run.counters.dropped == 1)


@pytest.mark.needs_family("AF_TIPC")
def test_tcp_and_tipc_without_half_close() -> None:
    """TIPC cannot end one direction; the answer still arrives."""
    service = 0xFB700 + os.getpid() % 0x10000
    with (
        served(f"tipc+stream://service:{service}:1"),
        running("tcp://127.0.0.1:0", f"tipc+stream://service:{service}:1") as run,
        socket.create_connection(run.a, PATIENCE_S) as client,
    ):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert receive_all(client) == b"question"


@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.usefixtures("new_network_namespace")
def test_frames_between_two_interfaces() -> None:
    for one, other in (("a0", "a1"), ("b0", "b1")):
        for command in (
            ["link", "add", one, "type", "veth", "peer", "name", other],
            ["link", "set", one, "up"],
            ["link", "set", other, "up"],
        ):
            subprocess.run(["ip", *command], check=True)
    kind = 0x88B5  # ETH_P_802_EX1, for experiments
    ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in range(2)]
    for sock, interface in zip(ends, ("a0", "b1"), strict=True):
        sock.settimeout(PATIENCE_S)
        sock.bind((interface, kind))
    protocol = f"0x{kind:04x}"
    with running(f"packet://a1:{protocol}", f"packet://b0:{protocol}") as run:
        run.wait(lambda: run.counters.opened == 1)
        head = b"\xff" * 6 + b"\2\0\0\0\0\1" + kind.to_bytes(2, "big")
        for (near, far), text in zip((ends, ends[::-1]), (b"there", b"back"), strict=True):
            near.send(head + text.ljust(50))
            while (frame := far.recvfrom(2000))[1][2] == socket.PACKET_OUTGOING:
                pass
            assert frame[0] == head + text.ljust(50)
        until(lambda: run.counters.b_to_a_messages == 1)
    for sock in ends:
        sock.close()
