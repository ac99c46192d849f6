"""AF_RDS over TCP between two hosts: congestion, the type of service, zero copy, snapshots."""

from __future__ import annotations

import errno
import socket as stdlib
import threading
from collections.abc import Callable

import pytest
from famsock_rds import RdsSocket
from famsock_rds.addresses import RdsInetAddress
from famsock_rds.control import (
    RDS_CMSG_CONG_UPDATE,
    RDS_CMSG_ZCOPY_COMPLETION,
    RDS_CMSG_ZCOPY_COOKIE,
)
from famsock_rds.info import QueuedMessage6

import famsock
from famsock.plugin import RawAddress

pytestmark = [
    pytest.mark.needs_family("AF_RDS"),
    pytest.mark.needs_module("rds_tcp"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
]

NOBODY = "10.253.7.5"
SO_ZEROCOPY = 60
MSG_ZEROCOPY = 0x4000000
Hosts = Callable[[str], RdsSocket]


def connected(hosts: Hosts) -> tuple[RdsSocket, RdsSocket]:
    """A sender on one host and a receiver on the other, which have talked."""
    sender, receiver = hosts("a"), hosts("b")
    sender.sendto(b"hello", receiver.getsockname())
    assert receiver.recvfrom(16) == (b"hello", sender.getsockname())
    return sender, receiver


def fill(sender: RdsSocket, receiver: RdsSocket) -> int:
    """Send until the receiver is congested; the number of messages that were taken."""
    for count in range(5000):
        try:
            sender.sendto(b"z" * 4000, receiver.getsockname())
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                return count
            raise
    pytest.fail("5000 messages congest no receiver")


def test_snapshots_of_a_connection(hosts: Hosts) -> None:
    sender, receiver = connected(hosts)
    ours, other = sender.getsockname()[0], receiver.getsockname()[0]
    connections = {(c.local_host, c.peer_host): c for c in sender.connections()}
    assert connections[ours, other].transport == "tcp"
    assert connections[ours, other].connected
    cables = sender.tcp_sockets()
    assert (ours, other) in {(t.local_host, t.peer_host) for t in cables}
    assert sender.get_option("SO_RDS_TRANSPORT") == famsock.RDS_TRANS_TCP
    assert receiver.local_address == RdsInetAddress(*receiver.getsockname())


def test_congestion_is_waited_for(hosts: Hosts) -> None:
    sender, receiver = connected(hosts)
    receiver.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVBUF, 10000)
    count = fill(sender, receiver)
    with pytest.raises(OSError, match="No buffer space") as caught:
        sender.sendto(b"last", receiver.getsockname())
    assert any("sendto_uncongested" in note for note in caught.value.__notes__)
    sender.settimeout(0.2)
    with pytest.raises(TimeoutError, match="congested"):
        sender.sendto_uncongested(b"last", receiver.getsockname())

    def drain() -> None:
        for _ in range(count):
            receiver.recv(8000)

    draining = threading.Thread(target=drain)
    draining.start()
    sender.settimeout(60)
    assert sender.sendto_uncongested(b"last", receiver.getsockname()) == 4
    draining.join()
    assert receiver.recv(16) == b"last"


def test_the_end_of_congestion_is_told(hosts: Hosts) -> None:
    sender, receiver = connected(hosts)
    receiver.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_RCVBUF, 10000)
    sender.monitor_congestion()
    for _ in range(fill(sender, receiver)):
        receiver.recv(8000)
    sender.settimeout(60)
    message = sender.recv_message()
    update = message.get(RDS_CMSG_CONG_UPDATE)
    assert update is not None
    assert (message.data, message.address) == (b"", None)
    port = receiver.getsockname()[1]
    assert update.covers(port)
    assert not update.covers(port + 1 & 0xFFFF)


def test_what_is_queued_for_nobody_is_cancelled(hosts: Hosts) -> None:
    sender = hosts("a")
    sender.sendto(b"for nobody", (NOBODY, 4000))
    assert [(m.peer_port, m.data_bytes) for m in queued(sender)] == [(4000, 10)]
    for other in ((NOBODY, 4001), ("0.0.0.0", 0)):
        sender.cancel_sent_to(other)
        assert len(queued(sender)) == 1
    sender.cancel_sent_to((NOBODY, 4000))
    assert queued(sender) == []
    sender.sendto(b"for nobody", (NOBODY, 4000))
    raw = RawAddress.unpack(RdsInetAddress(NOBODY, 4000).pack())
    sender.cancel_sent_to(raw)
    assert queued(sender) == []


def queued(sender: RdsSocket) -> list[QueuedMessage6]:
    """Return what waits for a host that is not there, but for the kernel's own handshake."""
    messages = sender.queued_to_send()
    return [m for m in messages if m.peer_host == f"::ffff:{NOBODY}" and m.data_bytes]


def test_type_of_service(hosts: Hosts) -> None:
    sock = hosts("a")
    sock.set_tos(3)
    assert sock.tos() == 0


def test_zero_copy(hosts: Hosts) -> None:
    sender, receiver = connected(hosts)
    sender.setsockopt(stdlib.SOL_SOCKET, SO_ZEROCOPY, 1)
    data = b"z" * 20000
    cookie = [RDS_CMSG_ZCOPY_COOKIE(7)]
    sender.send_message(data, receiver.getsockname(), cookie, MSG_ZEROCOPY)
    assert receiver.recv(30000) == data
    completion = sender.recv_message().get(RDS_CMSG_ZCOPY_COMPLETION)
    assert completion is not None
    assert completion.cookies == (7,)
