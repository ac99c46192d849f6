"""Connections of AF_SMC over the loopback interface."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from famsock_inet import control
from famsock_inet.addresses import Inet6Address, InetAddress
from famsock_inet.options import tcp
from famsock_smc import Smc6Socket, SmcSocket
from famsock_smc.constants import AF_SMC, SMCPROTO_SMC6
from famsock_smc.options import SMC_LIMIT_HS

import famsock
from famsock.plugin import RawControl

pytestmark = [
    pytest.mark.needs_family("AF_SMC"),
    pytest.mark.usefixtures("alarm", "descriptors"),
]
Ends = tuple[SmcSocket, SmcSocket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The two ends of a connection."""
    with SmcSocket() as listener, SmcSocket() as client:
        listener.bind(InetAddress("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())
        server, peer = listener.accept()
        with server:
            assert peer == client.getsockname()
            for sock in (client, server):
                sock.settimeout(20)
            yield client, server


def test_addresses_are_those_of_ipv4(ends: Ends) -> None:
    client, server = ends
    assert type(server) is SmcSocket
    peer = client.peer_address
    assert isinstance(peer, InetAddress)
    assert peer == server.local_address
    assert client.getpeername() == ("127.0.0.1", peer.port)
    client.sendall(b"over shared memory, or TCP")
    assert server.recv(100) == b"over shared memory, or TCP"


def test_addresses_are_those_of_ipv6() -> None:
    with Smc6Socket() as listener, famsock.socket(AF_SMC, 1, SMCPROTO_SMC6) as client:
        listener.bind(("::1", 0))
        listener.listen()
        client.connect(listener.getsockname())
        server, peer = listener.accept()
        with server:
            assert type(server) is Smc6Socket
            assert isinstance(server.peer_address, Inet6Address)
            assert peer == client.getsockname()
            assert peer[0] == "::1"


def test_options_are_those_of_tcp_and_ip(ends: Ends) -> None:
    client, _ = ends
    client.set_option(tcp.TCP_NODELAY, True)
    assert client.get_option("TCP_NODELAY") is True
    client.set_option("IP_TTL", 42)
    assert client.get_option("IP_TTL") == 42
    assert client.get_option("SO_KEEPALIVE") is False
    with pytest.raises(LookupError, match="AF_SMC has no option 'TCP_NODELY'"):
        client.get_option("TCP_NODELY")


def test_its_own_option() -> None:
    """Before a connection: one that the kernel left to TCP has only TCP's options."""
    with SmcSocket() as listener:
        listener.set_option(SMC_LIMIT_HS, True)
        assert listener.get_option("SMC_LIMIT_HS") is True


def test_control_messages_are_those_of_tcp(ends: Ends) -> None:
    """TCP tells what is left to read; shared memory does not, so this is for TCP's connections."""
    client, server = ends
    server.set_option(tcp.TCP_INQ, True)
    client.sendall(b"0123456789")
    message = server.recv_message(4)
    if message.get(control.TCP_CM_INQ) is not None:
        assert message.get(control.TCP_CM_INQ) == 6
    assert not [item for item in message.control if isinstance(item, RawControl)]


def test_an_endpoint_has_the_text_of_ipv4() -> None:
    endpoint = famsock.endpoints.parse("smc://127.0.0.1:7000")
    assert (endpoint.family, endpoint.address) == (AF_SMC, InetAddress("127.0.0.1", 7000))
    assert str(endpoint) == "smc://127.0.0.1:7000"
