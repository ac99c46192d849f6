"""Endpoints: their text, and the sockets that they open."""

from __future__ import annotations

import pytest

import famsock
from famsock import RawAddress, endpoints
from famsock._registry import Registry


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


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("tcp://127.0.0.1:80", famsock.SOCK_STREAM),
        ("udp://127.0.0.1:80", famsock.SOCK_DGRAM),
        ("unix:///run/x", famsock.SOCK_STREAM),
        ("unix+dgram:///run/x", famsock.SOCK_DGRAM),
        ("unix+seqpacket:///run/x", famsock.SOCK_SEQPACKET),
    ],
)
def test_text_of_endpoints(text: str, kind: int) -> None:
    endpoint = endpoints.parse(text)
    assert endpoint.type == kind
    assert str(endpoint) == text
    assert endpoints.parse(str(endpoint)) == endpoint
    with endpoint.open() as sock:
        assert (sock.family, sock.type) == (endpoint.family, kind)
        assert str(endpoints.of(sock, endpoint.address)) == text


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("127.0.0.1:80", "an endpoint is scheme://address, not '127.0.0.1:80'"),
        ("", "an endpoint is scheme://address, not ''"),
        ("kit://a:1", "unknown scheme 'kit'; installed: .*tcp, .*unix"),
        ("://a:1", "unknown scheme ''"),
        ("TCP://127.0.0.1:80", "unknown scheme 'TCP'; .*; did you mean 'tcp'\\?"),
        ("tcp+dgram://127.0.0.1:80", "type must be one of stream, not 'dgram'"),
        ("unix+nothing:///run/x", "type must be one of stream, dgram, seqpacket, not 'nothing'"),
        ("tcp://127.0.0.1:port", "AF_INET address '127.0.0.1:port': invalid literal"),
    ],
)
def test_text_that_is_no_endpoint(text: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        endpoints.parse(text)


@pytest.mark.usefixtures("descriptors")
def test_a_socket_that_fails_is_closed() -> None:
    with endpoints.parse("tcp://127.0.0.1:0").listen() as server:
        taken = endpoints.of(server, server.local_address)  # type: ignore[arg-type]
        for opening in (taken.bind, taken.listen):
            with pytest.raises(OSError, match="Address already in use"):
                opening()
    with pytest.raises(ConnectionRefusedError):
        taken.connect(timeout=20)


@pytest.mark.usefixtures("descriptors")
def test_a_connection_that_takes_too_long() -> None:
    with endpoints.parse("tcp://127.0.0.1:0").listen(backlog=0) as server:
        full = endpoints.of(server, server.local_address)  # type: ignore[arg-type]
        with full.connect(timeout=20), pytest.raises(TimeoutError, match="timed out"):
            full.connect(timeout=0.2)


def test_a_socket_that_no_plugin_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        address = RawAddress(2, bytes(14))
        assert endpoints.of(sock, address).scheme == "udp"
        monkeypatch.setattr(endpoints, "plugins", Registry("AF_UNIX"))
        with pytest.raises(ValueError, match="no plugin names a scheme for <famsock"):
            endpoints.of(sock, address)
