"""Endpoints and their sockets; what the modules of famsock.http import, by which extras."""

from __future__ import annotations

import ast
import errno
import socket
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Never

import pytest
from packaging.requirements import Requirement

import famsock
from famsock import endpoints
from famsock.http._endpoint import connect, stream_endpoint
from tests.over_http.clients import Terms
from tests.over_http.conftest import NAME, Certificate
from tests.over_http.servers import serving
from tests.programs import run

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "famsock" / "http").glob("[!_]*.py"))


def test_an_endpoint_stays_as_it_is() -> None:
    endpoint = endpoints.parse("unix://@web?SO_MARK=7")
    assert stream_endpoint(endpoint) is endpoint
    assert stream_endpoint(str(endpoint)) == endpoint


def libraries(module: str) -> Iterator[str]:
    """The packages outside Python and famsock that a module of famsock.http imports."""
    for node in ast.walk(ast.parse((ROOT / "famsock" / "http" / f"{module}.py").read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top, _, rest = name.partition(".")
            if top != "famsock":
                yield from {top} - sys.stdlib_module_names
            elif rest.startswith("http.") and not rest.startswith("http._"):
                yield from libraries(rest.removeprefix("http."))


@pytest.mark.parametrize("module", MODULES)
def test_an_extra_brings_what_its_module_imports(module: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"].get(module, [])
    assert {Requirement(line).name for line in extra} == set(libraries(module))


def test_no_library_is_imported_before_its_module() -> None:
    others = {name for module in MODULES for name in libraries(module)}
    program = "import sys, famsock.http.client; print(*sys.modules)"
    loaded = set(run(program).split())
    assert "famsock.http.client" in loaded
    assert others
    assert not loaded & others


@pytest.mark.usefixtures("descriptors")
def test_a_python_without_the_family_can_wrap_the_socket(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For ssl.SSLSocket, which asks for the peer by itself; in the lab such Pythons do so."""

    def without_the_family(sock: socket.socket) -> Never:
        raise OSError("getsockaddrlen: bad family")

    fake = SimpleNamespace(getpeername=without_the_family)
    with serving(f"unix://{tmp_path}/web", certificate.server) as server:
        monkeypatch.setattr(socket, "SocketType", fake)
        with connect(server.endpoint, 17.0) as sock:
            assert (type(sock), sock.gettimeout()) == (socket.socket, 17.0)
            context = Terms(certificates=certificate.file).context
            with context.wrap_socket(sock, server_hostname=NAME) as encrypted:
                encrypted.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert encrypted.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.usefixtures("descriptors")
def test_a_peer_that_has_gone_gives_no_error_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(sock: socket.socket) -> Never:
        raise OSError(errno.ENOTCONN, "gone")

    with serving(f"unix://{tmp_path}/web") as server:
        monkeypatch.setattr(socket, "SocketType", SimpleNamespace(getpeername=gone))
        with connect(server.endpoint, None) as sock:
            assert isinstance(sock, famsock.socket)
            assert sock.gettimeout() is None
