"""The typed interface of every socket: addresses, options, messages, endpoints; its refusals."""

from __future__ import annotations

import copy
import socket as stdlib
import sys
from collections.abc import Iterator

import pytest

import famsock
from famsock import control, endpoints, options
from famsock.plugin import Address

Pair = tuple[famsock.socket, famsock.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two UDP sockets, each connected to the other."""
    a, b = (famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) for _ in range(2))
    with a, b:
        for sock in (a, b):
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(20)
        a.connect(b.getsockname())
        b.connect(a.getsockname())
        yield a, b


def test_typed_addresses_make_connections_and_servers() -> None:
    with famsock.create_server(("127.0.0.1", 0)) as first:
        address = first.local_address
    assert isinstance(address, Address)
    with (
        famsock.create_server(address) as server,
        famsock.create_connection(address, 20, source_address=("127.0.0.2", 0)) as client,
    ):
        assert client.peer_address == address == server.local_address
        assert client.getsockname()[0] == "127.0.0.2"
        assert client.gettimeout() == 20
    with pytest.raises(ConnectionRefusedError):
        famsock.create_connection(address)
    assert stdlib.getnameinfo(address.as_stdlib(), stdlib.NI_NUMERICHOST)[0] == "127.0.0.1"


def test_endpoints_open_sockets() -> None:
    with endpoints.parse("tcp://127.0.0.1:0").listen() as server:
        there = endpoints.of(server, server.local_address)  # type: ignore[arg-type]
        with there.connect(timeout=20) as client, server.accept()[0] as accepted:
            assert client.getpeername() == server.getsockname()
            assert client.gettimeout() == 20
            assert accepted.getpeername() == client.getsockname()
    with pytest.raises(ConnectionRefusedError):
        there.connect()
    with endpoints.parse("udp://127.0.0.1:0").bind() as bound:
        assert bound.getsockname()[1] > 0


@pytest.mark.parametrize("text", ["tcp://127.0.0.1", "udp6://[::1]"])
def test_text_that_lacks_a_field(text: str) -> None:
    with pytest.raises(ValueError, match="has no port: it is host:port"):
        endpoints.parse(text)


def test_options_that_are_none(pair: Pair) -> None:
    sock, _ = pair
    with pytest.raises(LookupError, match="AF_INET has no option 'SO_BRODCAST'; did you mean SO_B"):
        sock.get_option("SO_BRODCAST")
    with pytest.raises(TypeError, match="a row or its name, not 6: setsockopt takes numbers"):
        sock.set_option(6, True)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="SO_BROADCAST must be True or False, not 'no'"):
        sock.set_option("SO_BROADCAST", "no")
    with pytest.raises(TypeError, match="on must be True or False, not 'no'"):
        options.Linger("no", 1)  # type: ignore[arg-type]


def test_control_messages_by_row_and_name(pair: Pair) -> None:
    a, b = pair
    b.set_option(options.SO_TIMESTAMPNS, True)
    a.send_message(b"x")
    message = b.recv_message()
    stamp_ns = message.get(control.SCM_TIMESTAMPNS)
    assert stamp_ns == message.get("SCM_TIMESTAMPNS") == copy.deepcopy(message).control[0].value  # type: ignore[union-attr]
    assert copy.deepcopy(message).get(control.SCM_TIMESTAMPNS) == stamp_ns
    assert message.get("SCM_RIGHTS") is None
    with pytest.raises(TypeError, match="a row or its name, not 35"):
        message.get(35)  # type: ignore[call-overload]


def test_control_messages_as_tuples(pair: Pair) -> None:
    a, b = pair
    tos = (stdlib.IPPROTO_IP, stdlib.IP_TOS, (8).to_bytes(4, sys.byteorder))
    b.setsockopt(stdlib.IPPROTO_IP, 13, 1)  # IP_RECVTOS
    a.send_message(b"x", control=[tos])
    assert a.sendmmsg([(b"y", None, [tos])]) == 1
    for _ in range(2):
        assert b.recv_message().get("IP_TOS") == 8


@pytest.mark.parametrize("message", [(b"x",), (b"x", None, (), 0), 5])
def test_sendmmsg_refuses_what_is_no_message(pair: Pair, message: object) -> None:
    with pytest.raises(TypeError, match=r"a message is \(data, address\) or"):
        pair[0].sendmmsg([message])  # type: ignore[list-item]


def test_what_does_not_fit_a_control_message(pair: Pair) -> None:
    with pytest.raises(OverflowError, match="SO_MARK must be 0-4294967295, not -1"):
        pair[0].send_message(b"x", control=[control.SO_MARK(-1)])


def test_operation_of_another_protocol_names_it(pair: Pair) -> None:
    with famsock.create_server(("127.0.0.1", 0)) as server:
        server.tcp_info()
    with pytest.raises(AttributeError, match="'tcp_info': AF_INET udp has no such operation"):
        pair[0].tcp_info  # noqa: B018


def test_unbound_operation(pair: Pair) -> None:
    famsock.socket.enable_packet_info(pair[1])  # type: ignore[attr-defined]
    pair[0].send(b"x")
    assert pair[1].recv_message().get("IP_PKTINFO") is not None
