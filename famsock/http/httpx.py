"""httpx over the stream of any endpoint.

Sources: the documentation of httpx, "Transports"; that of httpcore, "Network Backends".
"""

from __future__ import annotations

import ssl
from typing import Any, TypedDict, Unpack

import anyio
import httpcore
import httpx
from httpcore._backends.anyio import AnyIOStream
from httpcore._backends.sync import SyncStream

import famsock.anyio
from famsock.endpoints import Endpoint
from famsock.http._endpoint import connect, stream_endpoint

__all__ = ["AsyncHTTPTransport", "HTTPTransport"]


class _Options(TypedDict, total=False):
    verify: ssl.SSLContext | str | bool
    cert: Any
    trust_env: bool
    http1: bool
    http2: bool
    limits: httpx.Limits
    retries: int


class HTTPTransport(httpx.HTTPTransport):
    """A `httpx.HTTPTransport` whose connections go over the stream of an endpoint.

    ``endpoint`` is where to connect: a text such as ``unix:///run/web`` or an Endpoint. ``options``
    are httpx's: verify, cert, trust_env, http1, http2, limits, retries. ValueError for an endpoint
    that is no stream, or ``fd://``. Other errors are httpx's.
    """

    def __init__(self, endpoint: str | Endpoint, **options: Unpack[_Options]) -> None:
        backend = _Backend(stream_endpoint(endpoint))
        super().__init__(**options)
        self._pool._network_backend = backend


class AsyncHTTPTransport(httpx.AsyncHTTPTransport):
    """A `httpx.AsyncHTTPTransport` whose connections go over the stream of an endpoint.

    It works on asyncio, uvloop and trio. Parameters and errors are those of `HTTPTransport`.
    """

    def __init__(self, endpoint: str | Endpoint, **options: Unpack[_Options]) -> None:
        backend = _AsyncBackend(stream_endpoint(endpoint))
        super().__init__(**options)
        self._pool._network_backend = backend


class _Backend(httpcore.NetworkBackend):
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        try:
            return SyncStream(connect(self._endpoint, timeout))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class _AsyncBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            with anyio.fail_after(timeout):
                stream = await famsock.anyio.connect(self._endpoint)
            assert isinstance(stream, famsock.anyio.StreamConnection)
            return AnyIOStream(stream)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
