"""No call that makes a descriptor loses it, wherever an exception interrupts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from famsock import _calls
from famsock._calls.descriptors import keep, keeping
from tests.programs import run

SCRIPT = Path(__file__).with_name("lost_descriptors.py")
LAYERS = ["ctypes", *(["native"] if _calls.native else [])]


@pytest.mark.parametrize("extra", [-1, -(2**31), "address", ("::1", 1), None])
def test_what_is_kept_is_closed_and_nothing_else(descriptors: None, extra: object) -> None:
    before = set(os.listdir("/proc/self/fd"))
    kept, close = keeping()
    for _ in range(3):
        keep(kept, os.dup, 0)
        kept.append(extra)
    assert len(set(os.listdir("/proc/self/fd")) - before) == 3
    close()
    close()
    assert set(os.listdir("/proc/self/fd")) == before


def test_what_was_taken_out_is_not_closed(descriptors: None) -> None:
    kept, close = keeping()
    keep(kept, os.dup, 0)
    taken = kept[0]
    del kept[:]
    close()
    os.close(taken)


@pytest.mark.parametrize("layer", LAYERS)
def test_no_exception_and_no_shortage_loses_a_descriptor(layer: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "FAMSOCK_SYSCALLS": layer},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {name: call["wrong"] for name, call in told.items() if call["wrong"]} == {}
    assert len(told) >= 30
    # Compiled code has no places: those counted are in the code around it.
    assert sum(call["places"] for call in told.values()) > (700 if layer == "native" else 1200)


STORM = """
import gc, os, signal, socket, sys, threading, time, warnings
import famsock

warnings.simplefilter("ignore")
module = {"famsock": famsock, "socket": socket}[sys.argv[1]]
server = module.create_server(("127.0.0.1", 0))
server.settimeout(None if sys.argv[2] == "None" else float(sys.argv[2]))
address = server.getsockname()
accepting = over = False

class RingError(Exception):
    pass

def ring(*_):
    if accepting:
        raise RingError

def connect():
    while not over:
        try:
            socket.create_connection(address).close()
        except OSError:  # the server is closed, with this connection in its queue
            pass

socket.create_connection(address).close()
server.accept()[0].close()
before = len(os.listdir("/proc/self/fd"))  # the server's too; libffi keeps its own file open
connecting = threading.Thread(target=connect)
connecting.start()
accepted = interrupted = 0
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
until, often_enough = time.monotonic() + 3, 50
while (is_early := time.monotonic() < until) or min(accepted, interrupted) <= often_enough:
    if not is_early and accepted <= often_enough:  # a slow machine needs longer than that for one
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    accepting = True
    try:
        sock, _ = server.accept()
        accepting = False
        accepted += 1
        sock.close()
    except RingError:
        accepting = False
        interrupted += 1
signal.setitimer(signal.ITIMER_REAL, 0)
over = True
server.close()
connecting.join()
sock = None
gc.collect()
left = len(os.listdir("/proc/self/fd"))
print(left - before + 1)
"""


@pytest.mark.sampled(3)
@pytest.mark.parametrize("timeout", ["None", "60"])
@pytest.mark.parametrize("layer", LAYERS)
def test_accept_under_a_handler_that_raises(layer: str, timeout: str) -> None:
    command = [sys.executable, "-c", STORM, "famsock", timeout]
    done = subprocess.run(
        command,
        env={**os.environ, "FAMSOCK_SYSCALLS": layer},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0\n"


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("install", [False, True], ids=["famsock", "installed"])
def test_blocked_families_and_files_that_are_no_sockets(layer: str, install: bool) -> None:
    code = f"""
import os, famsock, socket
module = famsock
if {install}:
    famsock.install()
    module = socket
famsock.plugins.block("AF_UNIX")
reader, writer = os.pipe()

def open_descriptors():
    return set(os.listdir("/proc/self/fd"))

for call in (module.socketpair, lambda: module.fromfd(reader, module.AF_INET, 1)):
    try:
        call()
    except OSError:
        pass
    before = open_descriptors()
    for _ in range(50):
        try:
            call()
        except OSError as error:
            assert error.errno, error
        else:
            raise AssertionError
    assert open_descriptors() == before
"""
    run(code, FAMSOCK_SYSCALLS=layer)
