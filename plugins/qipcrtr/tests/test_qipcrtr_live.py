"""AF_QIPCRTR on a kernel that has it, with the kernel's own name service."""

from __future__ import annotations

import errno
import os
import socket as stdlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from famsock_qipcrtr import QipcrtrSocket, sockets
from famsock_qipcrtr.addresses import QipcrtrAddress
from famsock_qipcrtr.constants import QRTR_NODE_BCAST, QRTR_PORT_CTRL
from famsock_qipcrtr.packets import (
    Datagram,
    DelClient,
    DelServer,
    NewServer,
    Ping,
    instance_of,
)

from famsock.options import SO_MEMINFO

pytestmark = [pytest.mark.needs_family("AF_QIPCRTR"), pytest.mark.usefixtures("descriptors")]

SERVICE = 0x51000
END_OF_LIST = NewServer(0)
EXAMPLE = Path(__file__).parents[3] / "examples" / "qipcrtr.py"
Opener = Callable[[], QipcrtrSocket]


@pytest.fixture
def qipcrtr() -> Iterator[Opener]:
    """Opens sockets that are closed at the end."""
    with ExitStack() as stack:

        def make() -> QipcrtrSocket:
            sock = stack.enter_context(QipcrtrSocket())
            sock.settimeout(20)
            return sock

        yield make


def test_an_unbound_socket_names_its_node(qipcrtr: Opener) -> None:
    sock = qipcrtr()
    node, port = sock.getsockname()
    assert port == 0
    assert sock.local_address == QipcrtrAddress(node, 0)
    assert sock.local_node() == node
    sock.bind((node, 0))
    assert 16384 <= sock.getsockname()[1] <= 32767


def test_refusals_of_the_kernel(qipcrtr: Opener) -> None:
    sock = qipcrtr()
    node, _ = sock.getsockname()
    with pytest.raises(OSError, match="Invalid argument"):
        sock.bind((node + 1, 0))
    port = 0x10000 + 2 * os.getpid()  # the ports of a node are for all of its processes
    sock.bind((node, port))
    with pytest.raises(OSError, match=r"in use|Invalid argument"):
        qipcrtr().bind((node, port))
    with pytest.raises(OSError, match="No such device") as caught:
        sock.sendto(b"x", (node, port + 1))
    assert any("no other socket has this port" in note for note in caught.value.__notes__)
    with pytest.raises(ConnectionResetError) as caught_too:
        sock.sendto(b"x", (node + 1, port + 1))
    assert any("no node has this number" in note for note in caught_too.value.__notes__)
    with pytest.raises(OSError, match="Message too long"):
        sock.sendto(b"x" * (sockets.MAX_MESSAGE_BYTES + 1), (node, port + 1))


def test_the_longest_message_arrives_whole(qipcrtr: Opener) -> None:
    sock, other = qipcrtr(), qipcrtr()
    sock.bind((sock.getsockname()[0], 0))
    other.sendto(b"z" * sockets.MAX_MESSAGE_BYTES, sock.local_address)
    address = other.local_address
    assert address is not None
    assert sock.recv_packet() == Datagram(b"z" * sockets.MAX_MESSAGE_BYTES, address)


def test_servers_come_and_go(qipcrtr: Opener) -> None:
    server, watcher = qipcrtr(), qipcrtr()
    server.publish(SERVICE, instance_of(1, 7))
    node, port = server.getsockname()
    there = NewServer(SERVICE, instance_of(1, 7), node, port)
    watcher.new_lookup(SERVICE)
    assert watcher.recv_packet() == there
    assert watcher.recv_packet() == END_OF_LIST
    server.withdraw(SERVICE, instance_of(1, 7))
    gone = watcher.recv_packet()
    assert isinstance(gone, DelServer)
    assert gone == DelServer(SERVICE, instance_of(1, 7), node, port)
    assert gone.address == server.local_address
    server.publish(SERVICE)
    assert watcher.recv_packet() == NewServer(SERVICE, 0, node, port)
    server.close()
    assert watcher.recv_packet() == DelServer(SERVICE, 0, node, port)


def test_a_lookup_that_ended_is_silent(qipcrtr: Opener) -> None:
    server, watcher, after = qipcrtr(), qipcrtr(), qipcrtr()
    watcher.new_lookup(SERVICE + 1)
    assert watcher.recv_packet() == END_OF_LIST
    watcher.del_lookup(SERVICE + 1)
    after.new_lookup(SERVICE + 1)
    assert after.recv_packet() == END_OF_LIST
    server.publish(SERVICE + 1)
    assert after.recv_packet() == NewServer(SERVICE + 1, 0, *server.getsockname())
    watcher.setblocking(False)
    with pytest.raises(BlockingIOError):
        watcher.recv_packet()


def test_a_snapshot_asks_through_another_socket(qipcrtr: Opener) -> None:
    servers = [qipcrtr() for _ in range(3)]
    for number, server in enumerate(servers):
        server.publish(SERVICE + 2, number + 1)
    asking = qipcrtr()
    found = asking.lookup(SERVICE + 2)
    assert {(s.instance, s.address) for s in found} == {
        (number + 1, server.local_address) for number, server in enumerate(servers)
    }
    assert [s.instance for s in sockets.lookup(SERVICE + 2, 2)] == [2]
    assert sockets.lookup(SERVICE + 3) == ()
    assert asking.getsockname()[1] == 0


def test_a_server_learns_of_closed_clients(qipcrtr: Opener) -> None:
    server, client = qipcrtr(), qipcrtr()
    server.publish(SERVICE + 4)
    client.sendto(b"hello", server.local_address)
    address = client.local_address
    assert address is not None
    assert server.recv_packet() == Datagram(b"hello", address)
    client.close()
    gone = server.recv_packet()
    assert isinstance(gone, DelClient)
    assert gone == DelClient(address.node, address.port)
    assert gone.address == address


def test_what_publish_refuses(qipcrtr: Opener) -> None:
    sock = qipcrtr()
    with pytest.raises(OverflowError, match="service must be 1-4294967295, not 0"):
        sock.publish(0)
    with pytest.raises(OverflowError, match="instance must be 0-4294967295, not -1"):
        sock.publish(1, -1)
    sock.send_control(Ping())
    with pytest.raises(ConnectionResetError):
        sock.send_control(Ping(), sock.getsockname()[0] + 1)


def test_a_broadcast_reaches_the_name_service_of_this_node_too(qipcrtr: Opener) -> None:
    server, watcher = qipcrtr(), qipcrtr()
    watcher.new_lookup(SERVICE + 6)
    assert watcher.recv_packet() == END_OF_LIST
    server.send_control(NewServer(SERVICE + 6, 3), QRTR_NODE_BCAST)
    node, port = server.getsockname()
    there = watcher.recv_packet()
    assert there == NewServer(SERVICE + 6, 3, node, port)
    goes = DelServer(SERVICE + 6, 3).pack()
    assert server.sendto(goes, (QRTR_NODE_BCAST, QRTR_PORT_CTRL)) == len(goes)
    assert watcher.recv_packet() == DelServer(SERVICE + 6, 3, node, port)


def test_a_broadcast_goes_to_name_services_alone(qipcrtr: Opener) -> None:
    sock, other = qipcrtr(), qipcrtr()
    other.bind((other.getsockname()[0], 0))
    with pytest.raises(OSError, match="not connected") as caught:
        sock.sendto(b"to all", (QRTR_NODE_BCAST, other.getsockname()[1]))
    assert any("QRTR_PORT_CTRL" in note for note in caught.value.__notes__)
    other.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.recv(8)


def test_addresses_are_those_of_the_stdlib(qipcrtr: Opener) -> None:
    ours = qipcrtr()
    with stdlib.socket(42, stdlib.SOCK_DGRAM) as other:
        assert other.getsockname() == ours.getsockname()
        ours.bind((ours.getsockname()[0], 0))
        other.sendto(b"x", ours.getsockname())
        assert ours.recvfrom(8) == (b"x", other.getsockname())
        ours.sendto(b"y", other.getsockname())
        assert other.recvfrom(8) == (b"y", ours.getsockname())
        ours.connect((123, 123))
        assert ours.getpeername() == (123, 123)


@pytest.mark.needs_command("qrtr-lookup", package="qrtr-tools")
def test_qrtr_lookup_shows_what_we_publish(qipcrtr: Opener) -> None:
    server = qipcrtr()
    server.publish(SERVICE + 5, instance_of(3, 9))
    node, port = server.getsockname()
    done = subprocess.run(
        ["qrtr-lookup", str(SERVICE + 5)], capture_output=True, text=True, timeout=100
    )
    rows = [line.split()[:5] for line in done.stdout.splitlines()]
    assert [str(SERVICE + 5), "3", "9", str(node), str(port)] in rows


def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True, timeout=200
    )
    assert "NewServer(service=4660, instance=1" in done.stdout
    assert "DelServer(service=4660, instance=1" in done.stdout


def published(server: QipcrtrSocket, service: int, instance: int) -> bool:
    """Publish a service; False if the name service's queue is full."""
    try:
        server.publish(service, instance)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


@pytest.fixture
def many(qipcrtr: Opener) -> Callable[[int, int], set[int]]:
    """Publishes servers of a service, until the name service knows them; their instances."""

    def publish(service: int, count: int) -> set[int]:
        deadline = time.monotonic() + 60
        wanted = set(range(1, count + 1))
        for instance in wanted:
            server = qipcrtr()
            while not published(server, service, instance):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        while len(sockets.lookup(service)) < count:
            assert time.monotonic() < deadline, "the name service does not know all"
            time.sleep(0.01)
        return wanted

    return publish


@pytest.mark.needs_capability("CAP_NET_ADMIN")
def test_a_lookup_of_many_servers_is_whole(many: Callable[[int, int], set[int]]) -> None:
    """The usual receive buffer takes some 235 of them. Linux 6.12 knows 256 of a node at most."""
    instances = many(SERVICE + 7, 250)
    assert {server.instance for server in sockets.lookup(SERVICE + 7)} == instances


def test_a_lookup_that_cannot_be_whole_says_so(
    many: Callable[[int, int], set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    many(SERVICE + 8, 40)
    monkeypatch.setattr(sockets, "_LOOKUP_BUFFER_BYTES", 1)  # the kernel's least, some 2 KB
    with pytest.raises(OSError, match=r"buffer was full, and .* dropped") as caught:
        sockets.lookup(SERVICE + 8)
    assert caught.value.errno == errno.ENOBUFS


def test_a_watcher_is_told_of_packets_that_were_dropped(
    qipcrtr: Opener, many: Callable[[int, int], set[int]]
) -> None:
    many(SERVICE + 9, 40)
    watcher = qipcrtr()
    watcher.settimeout(2)
    watcher.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVBUF, 1)
    watcher.new_lookup(SERVICE + 9)
    received = []
    told: list[OSError] = []
    while True:  # on a slow machine more are dropped while the first are received
        try:
            received.append(watcher.recv_packet())
        except TimeoutError:
            break
        except OSError as error:
            told.append(error)
    assert told
    assert {error.errno for error in told} == {errno.ENOBUFS}
    assert "messages were dropped" in str(told[0])
    assert received
    if NewServer(0) in received:  # the end of the list fits if one was received in time
        assert received.pop() == NewServer(0)
    assert len(received) == len(set(received)) < 40
    assert all(isinstance(p, NewServer) and p.service == SERVICE + 9 for p in received)


def test_dropped_packets_are_told_where_none_follows(qipcrtr: Opener) -> None:
    watcher, server = qipcrtr(), qipcrtr()
    watcher.bind((watcher.local_node(), 0))
    watcher.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVBUF, 1)
    server.sendto(bytes(4000), watcher.local_address)  # a datagram, after which nothing fits
    watcher.new_lookup(SERVICE + 10)
    deadline = time.monotonic() + 20
    while not watcher.get_option(SO_MEMINFO).drops:
        assert time.monotonic() < deadline
    assert isinstance(watcher.recv_packet(), Datagram)
    watcher.settimeout(0.2)
    with pytest.raises(OSError, match="1 messages were dropped"):
        watcher.recv_packet()
    with pytest.raises(TimeoutError):
        watcher.recv_packet()
