"""urllib3 over the stream of any endpoint.

Sources: urllib3's reference; its own SOCKS support, urllib3.contrib.socks, has the same hooks.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from famsock.endpoints import Endpoint
from famsock.http._endpoint import connect, stream_endpoint

__all__ = ["HTTPConnectionPool", "HTTPSConnectionPool", "PoolManager"]

_OF_THE_ENDPOINT = ("socket_options", "source_address")


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    for name in _OF_THE_ENDPOINT:
        if name in options:
            raise TypeError(f"{name} cannot be given: the endpoint states the socket's options")
    return options


class _OverEndpoint(HTTPConnection):
    endpoint: Endpoint

    def _new_conn(self) -> socket.socket:
        try:
            sock = connect(self.endpoint, self.timeout)
        except socket.gaierror as error:
            raise NameResolutionError(str(self.endpoint), self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(
                self, f"Connection to {self.endpoint} timed out. (connect timeout={self.timeout})"
            ) from error
        except OSError as error:
            raise NewConnectionError(
                self, f"Failed to establish a new connection: {error}"
            ) from error
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock


class _HTTPConnection(_OverEndpoint):
    def __init__(self, *args: Any, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(*args, **options)
        self.endpoint = endpoint


class _HTTPSConnection(HTTPSConnection, _OverEndpoint):
    def __init__(self, *args: Any, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(*args, **options)
        self.endpoint = endpoint


class HTTPConnectionPool(urllib3.HTTPConnectionPool):
    """A `urllib3.HTTPConnectionPool` whose connections go over the stream of an endpoint.

    ``endpoint`` is where to connect: a text such as ``unix:///run/web`` or an Endpoint. ``host``
    and ``port`` only make the Host header. ``options`` are urllib3's, except ``socket_options`` and
    ``source_address`` (TypeError): the endpoint has these. ValueError for an endpoint that is no
    stream, or ``fd://``.
    """

    ConnectionCls = _HTTPConnection  # pyright: ignore[reportAssignmentType] - as in urllib3 itself

    def __init__(
        self,
        host: str = "localhost",
        port: int | None = None,
        *,
        endpoint: str | Endpoint,
        **options: Any,
    ) -> None:
        super().__init__(host, port, endpoint=stream_endpoint(endpoint), **_checked(options))


class HTTPSConnectionPool(urllib3.HTTPSConnectionPool):
    """A `urllib3.HTTPSConnectionPool` whose connections go over the stream of an endpoint.

    ``host`` is also the name that the server's certificate must have. The rest is as for
    `HTTPConnectionPool`.
    """

    ConnectionCls = _HTTPSConnection  # pyright: ignore[reportAssignmentType] - as in urllib3 itself

    def __init__(
        self,
        host: str = "localhost",
        port: int | None = None,
        *,
        endpoint: str | Endpoint,
        **options: Any,
    ) -> None:
        super().__init__(host, port, endpoint=stream_endpoint(endpoint), **_checked(options))


class PoolManager(urllib3.PoolManager):
    """A `urllib3.PoolManager` whose connections all go to one endpoint, for URLs of any host.

    ``endpoint``, ``connection_pool_kw`` and errors are as for `HTTPConnectionPool`; ``num_pools``
    and ``headers`` are urllib3's. A redirect to another host also goes to the endpoint.
    """

    def __init__(
        self,
        endpoint: str | Endpoint,
        num_pools: int = 10,
        headers: Mapping[str, str] | None = None,
        **connection_pool_kw: Any,
    ) -> None:
        super().__init__(num_pools, headers, **_checked(connection_pool_kw))
        self.endpoint = stream_endpoint(endpoint)
        self.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}

    def _new_pool(
        self,
        scheme: str,
        host: str,
        port: int,
        request_context: dict[str, Any] | None = None,
    ) -> urllib3.HTTPConnectionPool:
        stated = self.connection_pool_kw if request_context is None else request_context
        return super()._new_pool(scheme, host, port, {**stated, "endpoint": self.endpoint})
