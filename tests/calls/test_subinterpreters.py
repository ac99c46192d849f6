"""The compiled layer in each interpreter of a process, with its own GIL where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

MODULE = next((n for n in ("_interpreters", "_xxsubinterpreters") if find_spec(n)), None)
pytestmark = [
    pytest.mark.skipif(
        MODULE is None, reason="this Python has no interpreters: the module _interpreters cures it"
    ),
    pytest.mark.compiled_layer,
]

USE = """
import famsock
from famsock import _calls

assert _calls.implementation() == "compiled", _calls.why_ctypes
for _ in range(100):
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.sendto(b"x", sock.getsockname())
        assert sock.recvfrom(9) == (b"x", sock.getsockname())
        assert sock.local_address.port == sock.getsockname()[1]
    with famsock.create_server(("127.0.0.1", 0)) as server:
        with famsock.create_connection(server.getsockname()) as client:
            accepted, _ = server.accept()
            accepted.sendmsg([b"abc"])
            assert client.recv_message().data == b"abc"
            accepted.close()
    with famsock.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", 1))
        try:
            sock.bind(("127.0.0.1", 65536))
        except OverflowError:
            pass
"""

PROGRAM = f"""
import importlib, os, sys, threading

module = importlib.import_module({MODULE!r})
USE = {USE!r}
failures = []

def run(interpreter, code):
    call = getattr(module, "exec", None) or module.run_string
    try:
        said = call(interpreter, code)
    except Exception as error:
        said = error
    if said is not None:
        failures.append(said)

def create():
    try:
        return module.create(isolated=True)
    except TypeError:
        return module.create("isolated")

def use_one():
    for _ in range(2):
        interpreter = create()
        run(interpreter, USE)
        module.destroy(interpreter)

if sys.argv[1] == "main first":
    exec(USE)
threads = [threading.Thread(target=use_one) for _ in range(3)]
for thread in threads:
    thread.start()
if sys.argv[1] == "together":
    exec(USE)
for thread in threads:
    thread.join()
exec(USE)
from famsock import _calls
assert os.path.exists(_calls.native.__file__), _calls.native.__file__
assert not failures, failures[0]
print("fine")
"""


@pytest.mark.parametrize("order", ["main first", "main last", "together"])
def test_the_compiled_layer_loads_in_each(order: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, order], capture_output=True, text=True, check=False
    )
    assert done.stdout == "fine\n", done.stderr


def test_no_file_is_left(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "main first"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "fine\n", done.stderr
    assert list(tmp_path.iterdir()) == []
