"""Self-tests between two sockets of AF_QIPCRTR, within this node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from socket import SOCK_DGRAM

from famsock.plugin import selftest
from famsock_qipcrtr.constants import AF_QIPCRTR
from famsock_qipcrtr.packets import DelServer, NewServer


@contextmanager
def datagrams() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of datagrams to a port and back to the sender."""
    with selftest.sockets(AF_QIPCRTR, SOCK_DGRAM) as (client, server):
        for sock in (client, server):
            sock.bind((sock.local_node(), 0))
        yield selftest.echo_to_sender(client, server)


@contextmanager
def lookup() -> Iterator[selftest.RoundTrip]:
    """Yield a check that the kernel's name service reports a server that comes and goes."""
    service = 0x7A000000 + getpid()
    with selftest.sockets(AF_QIPCRTR, SOCK_DGRAM) as (server, watcher):
        watcher.new_lookup(service)
        selftest.expect(watcher.recv_packet(), NewServer(0))

        def round_trip() -> None:
            server.publish(service, 1)
            node, port = server.getsockname()
            selftest.expect(watcher.recv_packet(), NewServer(service, 1, node, port))
            server.withdraw(service, 1)
            selftest.expect(watcher.recv_packet(), DelServer(service, 1, node, port))

        yield round_trip
