"""An HTTP server at any endpoint, which answers or misbehaves as the path says."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any

import famsock
from famsock import endpoints
from famsock.endpoints import Endpoint
from famsock.http._endpoint import plain

PATIENCE_S = 60


class Handler(BaseHTTPRequestHandler):
    """Tells what it was asked, or does what the path names."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        if self.path == "/none":
            self.close_connection = True
        elif self.path == "/slow":
            self.server.released.wait(PATIENCE_S)
            self.close_connection = True
        elif self.path == "/half":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"a part of it")
            self.close_connection = True
        else:
            told = {"host": self.headers["Host"], "path": self.path}
            self.answer(json.dumps(told).encode(), ends=self.path == "/last")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body: bytes, ends: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if ends:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """http.server at an endpoint: its socket is famsock's."""

    daemon_threads = False  # so that closing waits for them

    def __init__(self, where: str | Endpoint, context: ssl.SSLContext | None) -> None:
        BaseServer.__init__(self, ("", 0), Handler)
        self.listener = famsock.listen(where)
        self.socket = self.listener
        self.context = context
        self.connections = 0
        self.released = threading.Event()

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint that clients connect to."""
        address = self.listener.local_address
        assert address is not None
        return endpoints.of(self.listener, address)

    def get_request(self) -> Any:
        accepted, _ = self.listener.accept()
        self.connections += 1
        return accepted, ("peer", 0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a client that ends a connection of RFCOMM resets it."""

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with (
            suppress(ssl.SSLError, ConnectionError),  # a client that refuses the certificate
            self.context.wrap_socket(plain(request), server_side=True) as encrypted,
        ):
            super().finish_request(encrypted, client_address)


@contextmanager
def serving(where: str | Endpoint, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve at an endpoint; with a TLS context, https."""
    with Server(where, context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
