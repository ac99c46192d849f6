"""An HTTP server and a client on a unix socket, or at another endpoint.

``python examples/http_over_unix.py unix:///run/docker.sock /version`` asks another
server.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer

import famsock
from famsock.http.client import HTTPConnection


class Server(ThreadingHTTPServer):
    """http.server at any stream endpoint."""

    def __init__(self, endpoint: str, handler: type[BaseHTTPRequestHandler]) -> None:
        # TCPServer's opens a socket of AF_INET.
        BaseServer.__init__(self, ("", 0), handler)
        self.socket = famsock.listen(endpoint)

    def get_request(self) -> tuple[famsock.socket, tuple[str, int]]:
        """Accept a connection; logs take the first item of the peer's address."""
        connection, _ = self.socket.accept()
        assert isinstance(connection, famsock.socket)
        return connection, (str(connection.peer_address), 0)


class Hello(BaseHTTPRequestHandler):
    """Answers every GET with its path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        body = f"Hello, you asked for {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def ask(endpoint: str, path: str) -> str:
    """Return the status and the body that a server gives for a path."""
    connection = HTTPConnection(endpoint, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return f"{response.status} {response.read().decode()}"
    finally:
        connection.close()


def show() -> None:
    """Serve in a thread and ask."""
    with tempfile.TemporaryDirectory() as folder:
        endpoint = f"unix://{folder}/web.sock"
        with Server(endpoint, Hello) as server:
            threading.Thread(target=server.serve_forever).start()
            print(ask(endpoint, "/first"), end="")
            server.shutdown()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(ask(*sys.argv[1:3]))
    else:
        show()
