"""Each client over VSOCK and RFCOMM, against http.server; aiohttp's server over them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from aiohttp import web

import famsock
from famsock import endpoints
from tests.over_http.clients import CLIENTS, Client, Terms
from tests.over_http.conftest import NAME, Certificate
from tests.over_http.servers import PATIENCE_S, serving

pytestmark = pytest.mark.usefixtures("where", "descriptors", "alarm")
each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
VSOCK = pytest.param(
    "vsock",
    marks=[pytest.mark.needs_family("AF_VSOCK"), pytest.mark.needs_module("vsock_loopback")],
)
RFCOMM = pytest.param(
    "rfcomm",
    marks=[
        pytest.mark.needs_family("AF_BLUETOOTH", protocol="rfcomm"),
        pytest.mark.needs_capability("CAP_NET_ADMIN"),
        pytest.mark.needs_interface("hci1"),
    ],
)


@pytest.fixture(scope="module")
def channels() -> Iterator[Iterator[str]]:
    """The endpoints of an emulated controller, one after another.

    A pair of controllers has one connection on a channel, and an ended one is busy for some time.
    So each test has its own channel. One connection stays, as RFCOMM resets what begins while
    it ends its session with a controller after the last one.
    """
    from famsock_bluetooth.selftest import emulated_pair

    with emulated_pair() as (first, _, _):
        where = f"rfcomm://[{first.bdaddr}]"
        with famsock.listen(f"{where}:30") as listener:
            listener.settimeout(PATIENCE_S)
            with famsock.connect(f"{where}:30", timeout=PATIENCE_S):
                accepted, _ = listener.accept()
                with accepted:
                    yield (f"{where}:{channel}" for channel in range(1, 30))


@pytest.fixture(params=[VSOCK, RFCOMM])
def where(request: pytest.FixtureRequest) -> str:
    """An endpoint to listen at that no other test has."""
    if request.param == "vsock":
        return "vsock://local:4294967295"
    free: Iterator[str] = request.getfixturevalue("channels")
    return next(free)


@each_client
def test_requests(client: Client, where: str) -> None:
    data = bytes(range(256)) * 200
    with serving(where) as server:
        urls = ["http://web.test/one", "http://web.test/two"]
        asked = [(urls[0], None), (urls[1], data), (urls[0], None)]
        one, echoed, again = client.fetch(server.endpoint, asked, Terms())
        assert json.loads(one) == {"host": "web.test", "path": "/one"}
        assert (echoed, again) == (data, one)
        assert server.connections == 1


@each_client
def test_a_server_that_ends_within_its_answer(client: Client, where: str) -> None:
    """RFCOMM tells the end of a connection by ECONNRESET."""
    wanted = (client.half, client.reset) if where.startswith("rfcomm") else client.half
    with serving(where) as server, pytest.raises(wanted):
        client.fetch(server.endpoint, [("http://web.test/half", None)], Terms())


@each_client
def test_https(client: Client, where: str, certificate: Certificate) -> None:
    terms = Terms(certificates=certificate.file)
    with serving(where, certificate.server) as server:
        asked = [(f"https://{NAME}/", None), (f"https://{NAME}/", b"data")]
        first, echoed = client.fetch(server.endpoint, asked, terms)
        assert (json.loads(first)["host"], echoed) == (NAME, b"data")
        assert server.connections == 1


def test_a_server_of_aiohttp(where: str) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=f"Hello, {request.host}")

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", hello)
        runner = web.AppRunner(app)
        await runner.setup()
        sock = endpoints.parse(where).bind()
        server = runner.server
        assert server is not None
        async with await asyncio.get_running_loop().create_server(server, sock=sock):
            address = sock.local_address
            assert address is not None
            asked = [("http://web.test/", None), ("http://web.test/", None)]
            fetch = CLIENTS["http.client"].fetch
            bodies = await asyncio.to_thread(fetch, endpoints.of(sock, address), asked, Terms())
            assert bodies == [b"Hello, web.test"] * 2
        await runner.cleanup()

    asyncio.run(main())
