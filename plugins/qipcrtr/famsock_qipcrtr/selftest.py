"""Self-tests between two sockets of AF_QIPCRTR, within this node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid

from famsock.plugin import selftest
from famsock_qipcrtr.packets import DelServer, NewServer
from famsock_qipcrtr.sockets import QipcrtrSocket

__all__ = [
    "datagrams",
    "lookup",
]


@contextmanager
def datagrams() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of datagrams to a port and back to the sender."""
    with QipcrtrSocket() as client, QipcrtrSocket() as server:
        for sock in (client, server):
            sock.settimeout(selftest.TIMEOUT_S)
            sock.bind((sock.local_node(), 0))
        yield selftest.echo_to_sender(client, server)


@contextmanager
def lookup() -> Iterator[selftest.RoundTrip]:
    """Yield a check that the kernel's name service reports a server that comes and goes."""
    service = 0x7A000000 + getpid()
    with QipcrtrSocket() as server, QipcrtrSocket() as watcher:
        for sock in (server, watcher):
            sock.settimeout(selftest.TIMEOUT_S)
        watcher.new_lookup(service)
        selftest.expect(watcher.recv_packet(), NewServer(0))

        def round_trip() -> None:
            server.publish(service, 1)
            node, port = server.getsockname()
            selftest.expect(watcher.recv_packet(), NewServer(service, 1, node, port))
            server.withdraw(service, 1)
            selftest.expect(watcher.recv_packet(), DelServer(service, 1, node, port))

        yield round_trip
