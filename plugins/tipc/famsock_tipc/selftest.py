"""Self-tests between two sockets of AF_TIPC, within this node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from os import getpid
from socket import SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import selftest
from famsock_tipc.addresses import ServiceAddress
from famsock_tipc.constants import AF_TIPC, TIPC_NODE_SCOPE
from famsock_tipc.sockets import TipcRdmSocket, TipcSeqpacketSocket

__all__ = [
    "rdm",
    "seqpacket",
    "stream",
    "topology",
]

_SERVICE = 0xFA505


@contextmanager
def rdm() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of datagrams to a name and back to the sender."""
    name = _name(SOCK_RDM)
    with selftest.sockets(AF_TIPC, SOCK_RDM) as (client, server):
        server.bind(name)
        yield selftest.echo_to_sender(client, server, name)


@contextmanager
def _connection(kind: int) -> Iterator[selftest.RoundTrip]:
    """Yield a round trip over a connection to a name."""
    name = _name(kind)
    with selftest.sockets(AF_TIPC, kind) as (client, listener):
        listener.bind(name)
        listener.listen(1)
        client.setblocking(False)
        client.connect_ex(name)  # a connection is made by accept: to wait here would be for ever
        client.settimeout(selftest.TIMEOUT_S)
        with selftest.accepted(listener) as server:
            yield selftest.echo(client, server)


seqpacket: selftest.Exchange = partial(_connection, SOCK_SEQPACKET)
stream: selftest.Exchange = partial(_connection, SOCK_STREAM)


@contextmanager
def topology() -> Iterator[selftest.RoundTrip]:
    """Yield a check that the topology service reports a name that comes and goes."""
    name = _name(0)
    with (
        TipcSeqpacketSocket() as watcher,
        TipcRdmSocket() as server,
    ):
        watcher.settimeout(selftest.TIMEOUT_S)
        watcher.subscribe(name)

        def round_trip() -> None:
            server.bind(name)
            came = watcher.recv_event()
            selftest.expect((came.published, came.service.lower), (True, name.instance))
            selftest.expect(came.socket_address, server.local_address)
            server.withdraw(name)
            selftest.expect(watcher.recv_event().withdrawn, True)

        yield round_trip


def _name(instance: int) -> ServiceAddress:
    """Return a name that no other process uses."""
    return ServiceAddress(_SERVICE + getpid(), instance, scope=TIPC_NODE_SCOPE)
