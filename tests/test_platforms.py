"""famsock where families, headers or the whole of Linux are missing: see `tests.platforms`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = ("", ".constants", ".addresses", ".options", ".control")
PLUGINS = sorted(path.name for path in ROOT.glob("plugins/*/famsock_*") if path.is_dir())


def run(where: str, program: str, tmp_path: Path) -> str:
    """Run a program on famsock as on a machine of another kind, and return its output."""
    (tmp_path / "program.py").write_text(f"import famsock\nfamsock.install()\n{program}")
    done = subprocess.run(
        [sys.executable, "-m", "tests.platforms", where, "program"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


IMPORTS = f"""
import importlib, importlib.util
imported = 0
for plugin in {PLUGINS}:
    for module in {MODULES}:
        if importlib.util.find_spec(plugin + module) is not None:
            importlib.import_module(plugin + module)
            imported += 1
print(imported)
"""

ALL = f"""
import importlib, pkgutil
for plugin in {PLUGINS}:
    for module in pkgutil.walk_packages(importlib.import_module(plugin).__path__, plugin + "."):
        importlib.import_module(module.name)
"""

DATAGRAM = """
import errno, socket, sys
import famsock
for module in socket, famsock:
    with module.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        with module.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"data", server.getsockname())
            assert server.recvfrom(100) == (b"data", ("127.0.0.1", client.getsockname()[1]))
        assert server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 0
with famsock.create_server(("127.0.0.1", 0)) as listener:
    with famsock.create_connection(listener.getsockname(), timeout=10) as near:
        far, _ = listener.accept()
        with far:
            near.sendall(b"more")
            assert far.recv(100) == b"more"
print(famsock.plugins.find(socket.AF_INET, socket.SOCK_DGRAM, 0))
assert not hasattr(famsock, "AF_NETLINK"), "the numbers of Linux are no other platform's"
"""

ON_WINDOWS = """
import famsock
with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
    try:
        sock.local_address
    except OSError as error:
        print(error)
"""

LACKING = """
import socket
assert not vars(socket).keys() & {"AF_BLUETOOTH", "AF_CAN", "AF_NETLINK", "AF_PACKET", "AF_TIPC"}
print(socket.AF_BLUETOOTH, socket.BTPROTO_RFCOMM, socket.CAN_RAW, socket.AF_TIPC, socket.AF_ALG)
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
    sock.bind((0, 0))
    address = sock.getsockname()
    assert sock.family == 16 and address[0] > 0, address
    print(any(link.name == "lo" for link in sock.operations.links()))
"""


def test_a_python_without_headers_imports_every_module(tmp_path: Path) -> None:
    run("headers", ALL, tmp_path)


@pytest.mark.parametrize("where", ["darwin", "win32"])
def test_the_modules_that_need_no_system_are_imported(where: str, tmp_path: Path) -> None:
    assert int(run(where, IMPORTS, tmp_path)) >= 4 * len(PLUGINS)


@pytest.mark.parametrize("where", ["darwin", "win32"])
def test_families_of_linux_are_the_stdlibs_on_other_platforms(where: str, tmp_path: Path) -> None:
    assert run(where, DATAGRAM, tmp_path) == "None\n"


def test_without_system_calls_the_typed_interface_refuses_in_words(tmp_path: Path) -> None:
    told = run("win32", ON_WINDOWS, tmp_path)
    assert "famsock makes no system calls of its own on win32" in told


def test_a_python_without_headers_gets_their_families(tmp_path: Path) -> None:
    assert run("headers", LACKING, tmp_path) == "31 3 1 30 38\nTrue\n"
