"""requests over the stream of any endpoint.

Source: the documentation of requests, "Transport Adapters".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest
from requests.adapters import DEFAULT_POOLBLOCK, HTTPAdapter

from famsock.endpoints import Endpoint
from famsock.http._endpoint import stream_endpoint
from famsock.http.urllib3 import PoolManager

__all__ = ["EndpointAdapter"]


class EndpointAdapter(HTTPAdapter):
    """A transport adapter whose connections go over the stream of an endpoint.

    Mount it for the URLs that are meant: ``session.mount("http://vm/", EndpointAdapter(…))``.
    ``endpoint`` is where to connect: a text such as ``vsock://3:80`` or an Endpoint. ``options``
    are those of `requests.adapters.HTTPAdapter`. Proxies are not used, those of the environment
    neither. ValueError for an endpoint that is no stream, or ``fd://``. Other errors are those of
    requests.
    """

    __attrs__ = [*HTTPAdapter.__attrs__, "endpoint"]  # noqa: RUF012 - as the class above has it

    def __init__(self, endpoint: str | Endpoint, **options: Any) -> None:
        self.endpoint = stream_endpoint(endpoint)
        super().__init__(**options)

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = DEFAULT_POOLBLOCK,
        **pool_kwargs: Any,
    ) -> None:
        """Make the pools of connections; requests calls it."""
        self._pool_connections = connections
        self._pool_maxsize = maxsize
        self._pool_block = block
        self.poolmanager = PoolManager(
            self.endpoint, num_pools=connections, maxsize=maxsize, block=block, **pool_kwargs
        )

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: bool | str,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> Any:
        """Return the pool for a request; requests calls it."""
        return super().get_connection_with_tls_context(request, verify, None, cert)

    def request_url(self, request: PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        """Return the path for the request line; requests calls it."""
        return super().request_url(request, None)
