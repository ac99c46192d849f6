"""Features that one client library has: pools, proxies, tunnels, fingerprints, pickling."""

from __future__ import annotations

import asyncio
import hashlib
import json
import pickle
import socket as stdlib
import ssl
from pathlib import Path
from typing import Any, Never

import aiohttp
import httpx
import pytest
import requests
import trio
from urllib3.exceptions import NameResolutionError

from famsock.endpoints import Endpoint
from famsock.http.aiohttp import EndpointConnector
from famsock.http.client import HTTPConnection
from famsock.http.httpx import AsyncHTTPTransport
from famsock.http.requests import EndpointAdapter
from famsock.http.urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from tests.over_http.clients import CLIENTS, Client, Terms, until_closed
from tests.over_http.conftest import NAME, Certificate
from tests.over_http.servers import PATIENCE_S, Server, serving

pytestmark = pytest.mark.usefixtures("descriptors", "alarm")
NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_proxies_of_the_environment_are_not_used(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    with serving(f"unix://{tmp_path}/web") as server:
        (body,) = client.fetch(server.endpoint, [("http://web.test/", None)], Terms())
    assert json.loads(body)["path"] == "/"


class TestHttpClient:
    def test_the_default_timeout(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stdlib, "getdefaulttimeout", lambda: 17.0)
        with serving(f"unix://{tmp_path}/web") as server:
            connection = HTTPConnection(server.endpoint)
            connection.connect()
            assert connection.sock.gettimeout() == 17.0
            connection.close()
            connection = HTTPConnection(server.endpoint, timeout=None)
            connection.connect()
            assert connection.sock.gettimeout() is None
            connection.close()

    def test_a_timeout_that_is_none(self, tmp_path: Path) -> None:
        with serving(f"unix://{tmp_path}/web") as server:
            connection = HTTPConnection(server.endpoint, timeout="5")  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                connection.connect()

    def test_a_tunnel_begins_with_connect(self, tmp_path: Path) -> None:
        with serving(f"unix://{tmp_path}/web") as server:
            connection = HTTPConnection(server.endpoint, timeout=PATIENCE_S)
            connection.set_tunnel("inner.test", 81)
            with pytest.raises(OSError, match="Tunnel connection failed: 501"):
                connection.connect()
            connection.close()


class TestUrllib3:
    def test_a_pool_of_one_host(self, certificate: Certificate, tmp_path: Path) -> None:
        where = f"unix://{tmp_path}/web"
        with serving(where), HTTPConnectionPool(NAME, 81, endpoint=where) as pool:
            assert pool.request("GET", "/one").json() == {"host": f"{NAME}:81", "path": "/one"}
        with (
            serving(where, certificate.server),
            HTTPSConnectionPool(NAME, endpoint=where, ca_certs=certificate.file) as encrypted,
        ):
            assert encrypted.request("GET", "/one").json()["host"] == NAME

    def test_a_name_that_stands_for_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(endpoint: Endpoint, timeout: float | None) -> Never:
            raise stdlib.gaierror(stdlib.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(Endpoint, "connect", fail)
        with (
            PoolManager("tcp://web.test:80", retries=False) as manager,
            pytest.raises(NameResolutionError, match=r"Failed to resolve 'tcp://web\.test:80'"),
        ):
            manager.request("GET", f"http://{NAME}/")

    @pytest.mark.parametrize("made", [HTTPConnectionPool, HTTPSConnectionPool])
    @pytest.mark.parametrize(
        "option",
        [{"socket_options": []}, {"source_address": ("127.0.0.1", 0)}],
        ids=["socket_options", "source_address"],
    )
    def test_options_of_the_socket_are_the_endpoint_s(
        self, made: type[HTTPConnectionPool] | type[HTTPSConnectionPool], option: dict[str, Any]
    ) -> None:
        (name,) = option
        with pytest.raises(TypeError, match=f"{name} cannot be given"):
            made(NAME, endpoint="unix://@web", **option)
        with pytest.raises(TypeError, match=f"{name} cannot be given"):
            PoolManager("unix://@web", **option)


class TestRequests:
    def test_an_adapter_is_for_what_it_is_mounted_for(self, tmp_path: Path) -> None:
        with (
            serving(f"unix://{tmp_path}/one") as one,
            serving(f"unix://{tmp_path}/two") as two,
            requests.Session() as session,
        ):
            for name, server in (("one", one), ("two", two)):
                session.mount(f"http://{name}.test/", EndpointAdapter(server.endpoint))
            options: dict[str, Any] = {"proxies": {"http": NOBODY}, "timeout": PATIENCE_S}
            for name in ("one", "two", "two"):
                with session.get(f"http://{name}.test/", **options) as answer:
                    assert answer.json() == {"host": f"{name}.test", "path": "/"}
            del answer  # it keeps the pool, and so the connection
            assert (one.connections, two.connections) == (1, 1)

    def test_an_adapter_is_pickled_with_its_endpoint(self, tmp_path: Path) -> None:
        with serving(f"unix://{tmp_path}/web") as server, requests.Session() as session:
            adapter = pickle.loads(pickle.dumps(EndpointAdapter(server.endpoint, max_retries=2)))
            assert adapter.max_retries.total == 2
            session.mount("http://", adapter)
            with session.get("http://web.test/", timeout=PATIENCE_S) as answer:
                assert answer.status_code == 200
            del answer


class TestHttpx:
    def test_connecting_is_tried_again(self, tmp_path: Path) -> None:
        """The first attempts are made at once, and half a second later."""
        where = f"unix://{tmp_path}/web"

        async def status() -> int:
            transport = AsyncHTTPTransport(where, retries=2, verify=Terms().context)
            async with httpx.AsyncClient(transport=transport, timeout=PATIENCE_S) as client:
                return (await client.get("http://web.test/")).status_code

        with pytest.raises(httpx.ConnectError):
            asyncio.run(until_closed(status()))
        with serving(where):
            assert asyncio.run(until_closed(status())) == 200

    @pytest.mark.parametrize("turns", range(8))
    def test_a_cancelled_request_leaves_nothing_open(self, turns: int, tmp_path: Path) -> None:
        """Cancelled at each turn of the loop: while connecting, sending and waiting."""

        async def main(where: str) -> None:
            transport = AsyncHTTPTransport(where, verify=Terms().context)
            async with httpx.AsyncClient(transport=transport, timeout=PATIENCE_S) as client:
                asking = asyncio.ensure_future(client.get("http://web.test/slow"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                server.released.set()
                assert (await client.get("http://web.test/")).status_code == 200

        with serving(f"unix://{tmp_path}/web") as server:
            asyncio.run(until_closed(main(str(server.endpoint))))

    def test_a_request_that_is_cancelled_on_trio(self, tmp_path: Path) -> None:
        async def main(server: Server) -> None:
            transport = AsyncHTTPTransport(server.endpoint, verify=Terms().context)
            async with httpx.AsyncClient(transport=transport, timeout=PATIENCE_S) as client:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(client.get, "http://web.test/slow")
                    while not server.connections:
                        await trio.sleep(0.01)
                    nursery.cancel_scope.cancel()
                server.released.set()
                assert (await client.get("http://web.test/")).status_code == 200

        with serving(f"unix://{tmp_path}/web") as server:
            trio.run(main, server)


class TestAiohttp:
    @pytest.mark.parametrize("turns", range(8))
    def test_a_cancelled_request_leaves_nothing_open(self, turns: int, tmp_path: Path) -> None:
        async def main(where: str) -> None:
            async with aiohttp.ClientSession(connector=EndpointConnector(where)) as session:
                asking = asyncio.ensure_future(session.get("http://web.test/slow"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                server.released.set()
                async with session.get("http://web.test/") as response:
                    assert response.status == 200

        with serving(f"unix://{tmp_path}/web") as server:
            asyncio.run(until_closed(main(str(server.endpoint))))

    @pytest.mark.parametrize("fits", [True, False])
    def test_a_fingerprint(self, fits: bool, certificate: Certificate, tmp_path: Path) -> None:
        der = ssl.PEM_cert_to_DER_cert(
            Path(certificate.file).read_text().partition("-----BEGIN P")[0]
        )
        digest = hashlib.sha256(der).digest() if fits else bytes(32)

        async def status(where: str) -> int:
            connector = EndpointConnector(where, ssl=aiohttp.Fingerprint(digest))
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get("https://other.test/") as response,
            ):
                return response.status

        with serving(f"unix://{tmp_path}/web", certificate.server) as server:
            where = str(server.endpoint)
            if fits:
                assert asyncio.run(until_closed(status(where))) == 200
            else:
                with pytest.raises(aiohttp.ServerFingerprintMismatch):
                    asyncio.run(until_closed(status(where)))

    def test_the_request_s_terms_come_before_the_connector_s(
        self, certificate: Certificate, tmp_path: Path
    ) -> None:
        async def status(where: str, chosen: ssl.SSLContext | bool) -> int:
            connector = EndpointConnector(where)  # which trusts the system's certificates only
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get(f"https://{NAME}/", ssl=chosen) as response,
            ):
                return response.status

        with serving(f"unix://{tmp_path}/web", certificate.server) as server:
            where, trusted = str(server.endpoint), Terms(certificates=certificate.file).context
            for chosen in (trusted, False):
                assert asyncio.run(until_closed(status(where, chosen))) == 200
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                asyncio.run(until_closed(status(where, True)))
