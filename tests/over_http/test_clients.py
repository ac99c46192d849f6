"""Each client over a unix socket and TCP: reuse, timeouts, servers that fail, https, bad input."""

from __future__ import annotations

import json
import os
import select
import socket as stdlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import famsock
from famsock import endpoints
from tests.over_http.clients import CLIENTS, Client, Terms
from tests.over_http.conftest import NAME, Certificate
from tests.over_http.servers import serving

pytestmark = pytest.mark.usefixtures("descriptors", "alarm")
each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


@each_client
def test_requests_share_a_connection(client: Client, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    urls = "http://web.test/one", "http://web.test:81/two"
    with serving(f"unix://{tmp_path}/web") as server:
        first, echoed, again = client.fetch(
            server.endpoint, [(urls[0], None), (urls[0], data), (urls[0], None)], Terms()
        )
        assert json.loads(first) == {"host": "web.test", "path": "/one"}
        assert (echoed, again) == (data, first)
        assert server.connections == 1


@each_client
def test_a_new_connection_follows_one_that_the_server_ended(client: Client, tmp_path: Path) -> None:
    with serving(f"unix://{tmp_path}/web") as server:
        urls = ("http://web.test/last", "http://web.test/last", "http://web.test/")
        bodies = client.fetch(str(server.endpoint), [(url, None) for url in urls], Terms())
        assert [json.loads(body)["path"] for body in bodies] == ["/last", "/last", "/"]
        assert server.connections == 3


@each_client
@pytest.mark.parametrize("path", ["none", "half", "slow"])
def test_a_server_that_fails(client: Client, path: str, tmp_path: Path) -> None:
    terms = Terms(read_timeout=0.1) if path == "slow" else Terms()
    asked = [(f"http://web.test/{path}", None)]
    with serving(f"unix://{tmp_path}/web") as server, pytest.raises(getattr(client, path)):
        client.fetch(server.endpoint, asked, terms)


@each_client
def test_nobody_listens(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "gone"
    famsock.listen(f"unix://{path}").close()
    assert path.exists()
    with pytest.raises(client.refused, match="refused"):
        client.fetch(f"unix://{path}", [("http://web.test/", None)], Terms())


@contextmanager
def full_listener() -> Iterator[str]:
    """The endpoint of a listener whose queue is full: connecting waits."""
    with ExitStack() as stack:
        listener = stack.enter_context(famsock.listen("tcp://127.0.0.1:0", backlog=0))
        for _ in range(2):
            sock = stack.enter_context(stdlib.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        select.select([listener], [], [])  # until one has arrived there, which fills the queue
        address = listener.local_address
        assert address is not None
        yield str(endpoints.of(listener, address))


@each_client
def test_connecting_takes_too_long(client: Client) -> None:
    with full_listener() as where, pytest.raises(client.unanswered):
        client.fetch(where, [("http://web.test/", None)], Terms(timeout=0.1))


@each_client
def test_https(client: Client, certificate: Certificate, tmp_path: Path) -> None:
    terms = Terms(certificates=certificate.file)
    with serving(f"unix://{tmp_path}/web", certificate.server) as server:
        asked = [(f"https://{NAME}/", None), (f"https://{NAME}/", b"data")]
        first, echoed = client.fetch(server.endpoint, asked, terms)
        assert (json.loads(first)["host"], echoed) == (NAME, b"data")
        assert server.connections == 1
        with pytest.raises(client.untrusted, match=r"(?i)certificate"):
            client.fetch(server.endpoint, [("https://other.test/", None)], terms)


@each_client
@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("unix+seqpacket://@web", "HTTP needs a stream"),
        ("udp://127.0.0.1:80", "HTTP needs a stream"),
        ("fd://{descriptor}", "is one connection"),
        ("web.test:80", "an endpoint is scheme://address"),
        ("unixx://web", "unknown scheme"),
    ],
)
def test_what_is_no_stream_endpoint_is_refused(client: Client, where: str, why: str) -> None:
    with famsock.socket() as sock:
        text = where.format(descriptor=sock.fileno())
        with pytest.raises(ValueError, match=why):
            client.fetch(text, [("http://web.test/", None)], Terms())
