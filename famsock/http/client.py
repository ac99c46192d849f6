"""http.client over the stream of any endpoint.

Sources: the Python documentation of http.client, Lib/http/client.py.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import sys
from typing import TypedDict, Unpack

from famsock.endpoints import Endpoint
from famsock.http._endpoint import connect, stream_endpoint

__all__ = ["HTTPConnection", "HTTPSConnection"]

_NO_TIMEOUT_GIVEN = vars(socket)["_GLOBAL_DEFAULT_TIMEOUT"]


class _Options(TypedDict, total=False):
    timeout: float | None
    blocksize: int


class _OverEndpoint(http.client.HTTPConnection):
    endpoint: Endpoint
    _tunnel_host: str | None

    def connect(self) -> None:
        """Connect to the endpoint. OSError as `famsock.connect`, TimeoutError."""
        sys.audit("http.client.connect", self, self.host, self.port)
        is_given = self.timeout is not _NO_TIMEOUT_GIVEN
        self.sock = connect(self.endpoint, self.timeout if is_given else socket.getdefaulttimeout())
        if self._tunnel_host:
            self._tunnel()  # type: ignore[attr-defined]


class HTTPConnection(_OverEndpoint):
    """A `http.client.HTTPConnection` over the stream of an endpoint.

    ``endpoint`` is where to connect: a text such as ``unix:///run/web`` or an Endpoint. ``host``
    and ``port`` only make the Host header. ``timeout`` (seconds) and ``blocksize`` (bytes) are
    http.client's. ValueError for an endpoint that is no stream, or ``fd://``. Other errors are
    http.client's: OSError, HTTPException.
    """

    def __init__(
        self,
        endpoint: str | Endpoint,
        host: str = "localhost",
        port: int | None = None,
        **options: Unpack[_Options],
    ) -> None:
        super().__init__(host, port, **options)
        self.endpoint = stream_endpoint(endpoint)


class HTTPSConnection(http.client.HTTPSConnection, _OverEndpoint):
    """A `http.client.HTTPSConnection` over the stream of an endpoint.

    ``host`` is also the name that the server's certificate must have. ``context`` is the TLS
    context, by default one that verifies. The rest is as for `HTTPConnection`.
    """

    def __init__(
        self,
        endpoint: str | Endpoint,
        host: str = "localhost",
        port: int | None = None,
        *,
        context: ssl.SSLContext | None = None,
        **options: Unpack[_Options],
    ) -> None:
        super().__init__(host, port, context=context, **options)
        self.endpoint = stream_endpoint(endpoint)
