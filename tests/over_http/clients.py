"""Each client of famsock.http, in one form: requests made one after another in one session."""

from __future__ import annotations

import asyncio
import http.client
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import closing, suppress
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import aiohttp
import httpx
import requests
import trio
import urllib3

import famsock.http.aiohttp
import famsock.http.client
import famsock.http.httpx
import famsock.http.requests
import famsock.http.urllib3
from famsock.endpoints import Endpoint
from tests.over_http.servers import PATIENCE_S

_Result = TypeVar("_Result")

Asked = Sequence[tuple[str, bytes | None]]
"""URLs, each with the body of a POST or None for a GET."""


class Terms(NamedTuple):
    """On what terms requests are made.

    :ivar timeout: seconds for connecting.
    :ivar read_timeout: seconds for each part of an answer.
    :ivar certificates: the file with the certificates to trust, "" for none.
    """

    timeout: float = 60.0
    read_timeout: float = 60.0
    certificates: str = ""

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.certificates:
            context.load_verify_locations(self.certificates)
        return context


Where = str | Endpoint
Fetch = Callable[[Where, Asked, Terms], list[bytes]]


def _method(data: bytes | None) -> str:
    return "GET" if data is None else "POST"


def by_http_client(where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    first = urlsplit(asked[0][0])
    host, timeout = str(first.hostname), min(terms.timeout, terms.read_timeout)
    connection: http.client.HTTPConnection
    if first.scheme == "https":
        connection = famsock.http.client.HTTPSConnection(
            where, host, context=terms.context, timeout=timeout
        )
    else:
        connection = famsock.http.client.HTTPConnection(where, host, timeout=timeout)
    bodies = []
    with closing(connection):
        for url, data in asked:
            connection.request(_method(data), urlsplit(url).path, data)
            with connection.getresponse() as response:
                bodies.append(response.read())
    return bodies


def by_urllib3(where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=terms.timeout, read=terms.read_timeout),
        "retries": False,
        "ssl_context": terms.context,
    }
    with famsock.http.urllib3.PoolManager(where, **options) as manager:
        return [manager.request(_method(data), url, body=data).data for url, data in asked]


def by_requests(where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    with requests.Session() as session:
        for prefix in ("http://", "https://"):
            session.mount(prefix, famsock.http.requests.EndpointAdapter(where))
        timeout = terms.timeout, terms.read_timeout
        options: dict[str, Any] = {"timeout": timeout, "verify": terms.certificates or True}
        bodies = []
        for url, data in asked:
            with session.request(_method(data), url, data=data, **options) as response:
                bodies.append(response.content)
        return bodies


def _timeout(terms: Terms) -> httpx.Timeout:
    return httpx.Timeout(60.0, connect=terms.timeout, read=terms.read_timeout)


def by_httpx(where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    transport = famsock.http.httpx.HTTPTransport(where, verify=terms.context)
    with httpx.Client(transport=transport, timeout=_timeout(terms)) as client:
        return [client.request(_method(data), url, content=data).content for url, data in asked]


async def _httpx(where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    transport = famsock.http.httpx.AsyncHTTPTransport(where, verify=terms.context)
    async with httpx.AsyncClient(transport=transport, timeout=_timeout(terms)) as client:
        answers = [await client.request(_method(data), url, content=data) for url, data in asked]
    return [each.content for each in answers]


async def _aiohttp(where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    connector = famsock.http.aiohttp.EndpointConnector(where, ssl=terms.context)
    limit = aiohttp.ClientTimeout(sock_connect=terms.timeout, sock_read=terms.read_timeout)
    bodies = []
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
        for url, data in asked:
            async with session.request(_method(data), url, data=data) as response:
                bodies.append(await response.read())
    return bodies


Async = Callable[[Where, Asked, Terms], Coroutine[Any, Any, list[bytes]]]


def _open_sockets() -> int:
    """Count this process's sockets: uvloop opens other descriptors late, and keeps them."""
    found = 0
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
    return found


async def until_closed(main: Awaitable[_Result]) -> _Result:
    """Await what uses connections, and then that they are closed.

    aiohttp does not wait for the end of TLS on a connection that it closes.
    """
    before = _open_sockets()
    try:
        return await main
    finally:
        deadline = time.monotonic() + PATIENCE_S
        while _open_sockets() > before and time.monotonic() < deadline:
            await asyncio.sleep(0.01)


async def _fetched(fetch: Async, where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    answers = fetch(where, asked, terms)
    return await (until_closed(answers) if terms.certificates else answers)


def _on_asyncio(fetch: Async, where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    return asyncio.run(_fetched(fetch, where, asked, terms))


def _on_uvloop(fetch: Async, where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_fetched(fetch, where, asked, terms))


def _on_trio(fetch: Async, where: Where, asked: Asked, terms: Terms) -> list[bytes]:
    return trio.run(fetch, where, asked, terms)


class Client(NamedTuple):
    """A client, and the exceptions that its library has for what goes wrong.

    :ivar refused: nobody listens.
    :ivar unanswered: connecting takes too long.
    :ivar slow: the answer takes too long.
    :ivar none: the server ends instead of answering.
    :ivar half: the server ends within the answer.
    :ivar reset: the connection is reset within the answer.
    :ivar untrusted: the certificate is for another name.
    """

    fetch: Fetch
    refused: type[Exception]
    unanswered: type[Exception]
    slow: type[Exception]
    none: type[Exception]
    half: type[Exception]
    reset: type[Exception]
    untrusted: type[Exception]


_OF_HTTPX = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadTimeout,
    httpx.RemoteProtocolError,
    httpx.RemoteProtocolError,
    httpx.ReadError,
    httpx.ConnectError,
)
_OF_AIOHTTP = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.SocketTimeoutError,
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientConnectorCertificateError,
)
CLIENTS = {
    "http.client": Client(
        by_http_client,
        ConnectionRefusedError,
        TimeoutError,
        TimeoutError,
        http.client.RemoteDisconnected,
        http.client.IncompleteRead,
        ConnectionResetError,
        ssl.SSLCertVerificationError,
    ),
    "urllib3": Client(
        by_urllib3,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.ReadTimeoutError,
        urllib3.exceptions.ProtocolError,
        urllib3.exceptions.ProtocolError,
        urllib3.exceptions.ProtocolError,
        urllib3.exceptions.SSLError,
    ),
    "requests": Client(
        by_requests,
        requests.ConnectionError,
        requests.ConnectTimeout,
        requests.ReadTimeout,
        requests.ConnectionError,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.SSLError,
    ),
    "httpx": Client(by_httpx, *_OF_HTTPX),
    "httpx-asyncio": Client(partial(_on_asyncio, _httpx), *_OF_HTTPX),
    "httpx-trio": Client(partial(_on_trio, _httpx), *_OF_HTTPX),
    "aiohttp": Client(partial(_on_asyncio, _aiohttp), *_OF_AIOHTTP),
}
if find_spec("uvloop"):  # of the group bench
    import uvloop

    uvloop.new_event_loop().close()  # its first loop opens a pipe for the process
    CLIENTS["httpx-uvloop"] = Client(partial(_on_uvloop, _httpx), *_OF_HTTPX)
    CLIENTS["aiohttp-uvloop"] = Client(partial(_on_uvloop, _aiohttp), *_OF_AIOHTTP)
