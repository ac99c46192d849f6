"""Opening by an endpoint's text, an endpoint or a typed address, for what awaits the sockets."""

from __future__ import annotations

import socket as stdlib
from pathlib import Path

import pytest
from famsock_inet import Inet6Address, InetAddress
from famsock_unix import UnixAddress

from famsock import endpoints
from famsock._opening import bound, candidates, is_stream, listening, parsed, unconnected
from famsock._resolver import Candidate
from famsock.endpoints import Endpoint

pytestmark = pytest.mark.usefixtures("descriptors")


def test_each_form_of_an_endpoint() -> None:
    address = InetAddress("127.0.0.1", 0)
    text = "udp://127.0.0.1:0"
    for where in (text, endpoints.parse(text), address):
        with bound(where, stdlib.SOCK_DGRAM) as sock:
            assert sock.type == stdlib.SOCK_DGRAM
            assert sock.getsockname()[0] == "127.0.0.1"
            assert not is_stream(sock)
    assert parsed(address) is address
    assert parsed(text) == endpoints.parse(text)


def test_listening_with_a_backlog(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    for where in (f"unix://{path}?backlog=3", UnixAddress(path)):
        with listening(where, None, stdlib.SOCK_STREAM) as server:
            assert is_stream(server)
            target = parsed(where)
            [candidate] = candidates(target)
            with unconnected(target, candidate, stdlib.SOCK_STREAM) as client:
                assert client.gettimeout() == 0
                client.connect(candidate.address)
                server.accept()[0].close()
        Path(path).unlink()


def test_what_fails_leaves_nothing_open() -> None:
    taken = stdlib.create_server(("127.0.0.1", 0))
    with taken:
        address = InetAddress(*taken.getsockname())
        with pytest.raises(OSError, match="in use"):
            bound(address, stdlib.SOCK_STREAM)
        with pytest.raises(OSError, match="in use"):
            listening(address, 5, stdlib.SOCK_STREAM)
    with pytest.raises(OSError, match="not supported"):
        listening(InetAddress("127.0.0.1", 0), None, stdlib.SOCK_DGRAM)


def test_the_families_of_a_name_come_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = InetAddress("192.0.2.1", 80), InetAddress("192.0.2.2", 80)
    six = Inet6Address("2001:db8::1", 80)
    found = [Candidate(one), Candidate(two), Candidate(six)]
    monkeypatch.setattr(Endpoint, "_candidates", lambda self, passive: found)
    assert [each.address for each in candidates(endpoints.parse("tcp://name:80"))] == [
        one,
        six,
        two,
    ]
