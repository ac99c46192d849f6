"""aiohttp's client over the stream of any endpoint.

Sources: the documentation of aiohttp, "Connectors"; `aiohttp.UnixConnector`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl as _ssl
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict, Unpack

import aiohttp

from famsock import aio
from famsock.endpoints import Endpoint
from famsock.http._endpoint import plain, stream_endpoint

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.tracing import Trace

__all__ = ["EndpointConnector"]


class _Options(TypedDict, total=False):
    force_close: bool
    keepalive_timeout: float | None
    limit: int
    limit_per_host: int


class EndpointConnector(aiohttp.BaseConnector):
    """A connector whose connections go over the stream of an endpoint, for URLs of any host.

    ``endpoint`` is where to connect: a text such as ``unix:///run/web`` or an Endpoint. ``ssl`` is
    for https, as in `aiohttp.TCPConnector`: True, False, a context or a Fingerprint. ``options``
    are those of `aiohttp.UnixConnector`. ValueError for an endpoint that is no stream, or
    ``fd://``. Other errors are aiohttp's. Proxies are not used.
    """

    def __init__(
        self,
        endpoint: str | Endpoint,
        *,
        ssl: _ssl.SSLContext | bool | aiohttp.Fingerprint = True,
        **options: Unpack[_Options],
    ) -> None:
        self.endpoint = stream_endpoint(endpoint)
        super().__init__(**options)
        self._ssl = ssl

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        key = req.connection_key
        chosen = self._ssl if req.ssl is True else req.ssl
        context = self._context(chosen) if req.is_ssl() else None
        name = (req.server_hostname or req.host).rstrip(".") if context else None
        try:
            async with asyncio.timeout(timeout.sock_connect):
                sock: socket.socket = (await aio.connect(self.endpoint)).socket
                if not isinstance(self._loop, asyncio.BaseEventLoop):
                    # uvloop sets TCP_NODELAY on any stream that is not AF_UNIX, and fails if the
                    # family has no such option.
                    sock = plain(sock)
                transport, protocol = await self._loop.create_connection(
                    self._factory, sock=sock, ssl=context, server_hostname=name
                )
        except _ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(key, error) from error
        except _ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(key, error) from error
        except OSError as error:
            if error.errno is None and isinstance(error, TimeoutError):
                raise  # which the session gives as ConnectionTimeoutError
            raise aiohttp.ClientConnectorError(key, error) from error
        if context and isinstance(chosen, aiohttp.Fingerprint):
            try:
                chosen.check(transport)
            except aiohttp.ServerFingerprintMismatch:
                transport.close()
                raise
        return protocol

    def _context(self, chosen: _ssl.SSLContext | bool | aiohttp.Fingerprint) -> _ssl.SSLContext:
        if isinstance(chosen, _ssl.SSLContext):
            return chosen
        return self._verified if chosen is True else self._unverified

    @cached_property
    def _verified(self) -> _ssl.SSLContext:
        return _ssl.create_default_context()

    @cached_property
    def _unverified(self) -> _ssl.SSLContext:
        context = _ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = _ssl.CERT_NONE
        return context
