"""AF_RDS on a kernel that has it, on the loopback address."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest
from famsock_rds import RdsSocket, options
from famsock_rds.addresses import RdsInet6Address, RdsInetAddress
from famsock_rds.control import RDS_CMSG_RDMA_DEST, RDS_CMSG_RXPATH_LATENCY
from famsock_rds.info import SocketInfo
from famsock_rds.structs import GetMemoryRegion, IoVector

import famsock
from famsock.plugin import RawAddress, codecs

pytestmark = [pytest.mark.needs_family("AF_RDS"), pytest.mark.usefixtures("descriptors")]

LOCAL = "127.0.0.1"
EXAMPLE = Path(__file__).parents[3] / "examples" / "rds.py"
Opener = Callable[..., RdsSocket]


@pytest.fixture
def rds() -> Iterator[Opener]:
    """Opens sockets, bound unless told otherwise, that are closed at the end."""
    with ExitStack() as stack:

        def make(address: object = (LOCAL, 0)) -> RdsSocket:
            sock = stack.enter_context(RdsSocket())
            sock.settimeout(20)
            if address is not None:
                sock.bind(address)
            return sock

        yield make


def port_of(sock: RdsSocket) -> int:
    return int(sock.getsockname()[1])


def test_addresses_are_ours_and_not_those_of_inet(rds: Opener) -> None:
    one, two = rds(), rds()
    assert one.local_address == RdsInetAddress(LOCAL, port_of(one))
    two.sendto(b"x", one.local_address)
    message = one.recv_message()
    assert (message.data, message.address) == (b"x", two.local_address)
    assert type(message.address) is RdsInetAddress
    two.connect(one.getsockname())
    assert two.peer_address == one.local_address
    assert two.getpeername() == one.getsockname()
    two.send(b"y")
    assert one.recvfrom(8) == (b"y", two.getsockname())


def test_ipv6(rds: Opener) -> None:
    one, two = rds(("::1", 0, 0)), rds(RdsInet6Address("::1", 0))
    assert one.local_address == RdsInet6Address("::1", port_of(one))
    two.sendto(b"x", one.getsockname())
    assert one.recvfrom(8) == (b"x", two.getsockname())
    assert two.getsockname() == ("::1", port_of(two), 0, 0)


def test_an_unbound_socket_has_no_address_yet(rds: Opener) -> None:
    sock = rds(None)
    assert sock.local_address == RawAddress(0, bytes(14))


def test_names_are_resolved(rds: Opener) -> None:
    sock = rds(("localhost", 0))
    assert sock.getsockname()[0] == LOCAL


def test_refusals_of_the_kernel_with_remedies(rds: Opener) -> None:
    sock = rds(None)
    with pytest.raises(OSError, match="not connected") as caught:
        sock.sendto(b"x", (LOCAL, 4000))
    assert any("bind to an address" in note for note in caught.value.__notes__)
    with pytest.raises(OSError, match="Cannot assign requested address") as caught:
        sock.bind(("203.0.113.7", 0))
    assert any("rds_tcp" in note for note in caught.value.__notes__)
    with pytest.raises(OSError, match="not connected"):
        sock.cancel_sent_to((LOCAL, 4000))
    with pytest.raises(OverflowError, match="port must be 0-65535"):
        sock.cancel_sent_to((LOCAL, 70000))


def test_options(rds: Opener) -> None:
    sock = rds(None)
    assert sock.get_option("SO_RDS_TRANSPORT") == famsock.RDS_TRANS_NONE
    sock.set_option("SO_RDS_TRANSPORT", famsock.RDS_TRANS_TCP)
    assert sock.get_option("SO_RDS_TRANSPORT") == famsock.RDS_TRANS_TCP
    assert sock.get_option("RDS_RECVERR") is False
    sock.set_option("RDS_RECVERR", True)
    assert sock.get_option("RDS_RECVERR") is True
    assert sock.getsockopt(famsock.SOL_RDS, famsock.RDS_RECVERR) == 1
    with pytest.raises(TypeError, match="RDS_CANCEL_SENT_TO must be RdsAddress, not tuple"):
        sock.set_option("RDS_CANCEL_SENT_TO", (LOCAL, 1))


def test_rdma_needs_a_device(rds: Opener) -> None:
    one, two = rds(), rds()
    with pytest.raises(OSError, match="Operation not supported"):
        one.set_option(options.RDS_GET_MR, GetMemoryRegion(IoVector(0, 4096), 0))
    with pytest.raises(OSError, match="Invalid argument"):
        one.send_message(b"x", two.getsockname(), [RDS_CMSG_RDMA_DEST(5)])


def test_type_of_service(rds: Opener) -> None:
    sock = rds()
    assert sock.tos() == 0
    with pytest.raises(OverflowError, match="tos must be 0-255, not 256"):
        sock.set_tos(256)
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        sock.set_tos(3)  # the loopback transport has none


def test_latencies(rds: Opener) -> None:
    one, two = rds(), rds()
    one.trace_latency(famsock.RDS_MSG_RX_DGRAM_DELIVERED)
    two.sendto(b"x", one.getsockname())
    latency = one.recv_message().get(RDS_CMSG_RXPATH_LATENCY)
    assert latency is not None
    assert list(latency.latencies_ns) == [famsock.RDS_MSG_RX_DGRAM_DELIVERED]
    assert 0 < latency.latencies_ns[2] < 10**12
    one.trace_latency()
    two.sendto(b"x", one.getsockname())
    assert one.recv_message().control == ()
    with pytest.raises(ValueError, match="takes 3 positions, not 4"):
        one.trace_latency(0, 1, 2, 0)
    with pytest.raises(OverflowError, match="position must be 0-2, not 3"):
        one.trace_latency(3)


def test_snapshots(rds: Opener) -> None:
    one, two = rds(), rds()
    before = one.counters()["recv_queued"]
    two.sendto(b"waiting", one.getsockname())
    assert one.counters()["recv_queued"] == before + 1
    (queued,) = one.queued_to_receive()
    assert queued.data_bytes == 7
    assert (queued.local_host, queued.local_port) == (f"::ffff:{LOCAL}", port_of(one))
    assert (queued.peer_host, queued.peer_port) == (f"::ffff:{LOCAL}", port_of(two))
    (same,) = one.snapshot(options.RDS_INFO_RECV_MESSAGES)
    assert (same.local_host, same.peer_port) == (LOCAL, port_of(two))
    assert one.recv(16) == b"waiting"
    assert one.queued_to_receive() == ()
    assert one.queued_to_send() == ()
    connections = [c for c in one.connections() if c.peer_host == LOCAL]
    assert [c.transport for c in connections] == ["loopback"]
    assert connections[0].connected
    sockets = {s.local_port: s for s in one.sockets()}
    assert sockets[port_of(one)].local_host == LOCAL
    assert sockets[port_of(one)].receive_buffer_bytes > 0
    six = one.snapshot(options.RDS6_INFO_SOCKETS)
    assert (f"::ffff:{LOCAL}", port_of(two)) in {(s.local_host, s.local_port) for s in six}
    assert one.tcp_sockets() == ()
    assert one.queued_for_acknowledgement() == ()


def test_a_snapshot_grows_as_it_must(rds: Opener) -> None:
    several = [rds() for _ in range(3)]
    small = attrs.evolve(options.RDS_INFO_SOCKETS, codec=codecs.array(codecs.struct(SocketInfo), 1))
    with pytest.raises(OSError, match="No space") as caught:
        several[0].get_option(small)
    assert caught.value.errno == errno.ENOSPC
    ports = {s.local_port for s in several[0].snapshot(small)}
    assert ports >= {port_of(sock) for sock in several}


_PEER = """
import socket, sys
with socket.socket(socket.AF_RDS, socket.SOCK_SEQPACKET) as peer:
    peer.bind(("127.0.0.1", 0))
    peer.sendto(b"question", ("127.0.0.1", int(sys.argv[1])))
    print(peer.getsockname(), peer.recvfrom(16))
"""


def test_the_stdlib_in_another_process_talks_to_us(rds: Opener) -> None:
    sock = rds()
    with subprocess.Popen(
        [sys.executable, "-c", _PEER, str(port_of(sock))], stdout=subprocess.PIPE, text=True
    ) as peer:
        sock.settimeout(100)
        question, sender = sock.recvfrom(16)
        sock.sendto(question + b"!", sender)
        shown, _ = peer.communicate(timeout=100)
    assert shown.strip() == f"{sender} {(b'question!', sock.getsockname())}"
    assert peer.returncode == 0


def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True, timeout=200
    )
    assert "what is the answer? 42" in done.stdout
    assert "127.0.0.1 - 127.0.0.1 over loopback" in done.stdout
