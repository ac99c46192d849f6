"""Endpoints: their text, and the sockets that they open."""

from __future__ import annotations

import pytest

from famsock import endpoints


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
