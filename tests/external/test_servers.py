"""Web servers under ``famsock run``: each worker answers on famsock's sockets.

A server takes a free port by itself, and tells it in its log.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .conftest import NEEDS_UV, Environment

pytestmark = [NEEDS_UV, pytest.mark.slow]
PATIENCE_S = 90
ADDRESS = "127.0.0.1:0"
APP = '''
import gc, json, os, socket

VERSION = "first"


def told():
    """This worker: its process, and the classes of sockets, of new ones and of those it has."""
    own = [each for each in gc.get_objects() if isinstance(each, socket.socket)]
    names = {f"{type(each).__module__}.{type(each).__name__}" for each in own if each.fileno() >= 0}
    return json.dumps([VERSION, os.getpid(), socket.socket.__module__, *sorted(names)]).encode()


async def app(scope, receive, send):
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": told()})


def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [told()]
'''
SERVERS = {
    "uvicorn": "uvicorn app:app --port 0 --workers 2",
    "hypercorn": f"hypercorn app:app --bind {ADDRESS} --workers 2",
    "gunicorn": f"gunicorn app:wsgi --bind {ADDRESS} --workers 2",
}
"""Commands that start a server with two workers."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the servers, in which famsock and its plugins are as in this one."""
    made = Environment(tmp_path_factory.mktemp("servers") / "environment")
    made.pip("install", *SERVERS)
    ours = sysconfig.get_path("purelib")
    (made.packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return made


class Server:
    """A server that runs: its port and log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.port = 0

    def wait(self, for_what: str, done: Callable[[], bool]) -> None:
        """Wait until a condition holds; fail with the server's log if it never does."""
        end = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end, f"{for_what}: {self.log.read_text()}"
            time.sleep(0.05)

    def finds_port(self) -> bool:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read_text()):
            self.port = int(found[1])
        return bool(found)

    def answer(self) -> list[str | int] | None:
        """Return what one worker tells in its own connection; None if none answers now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", "/")
            told: list[str | int] = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return told


@contextmanager
def serving(environment: Environment, command: str, folder: Path) -> Iterator[Server]:
    """Run a server under ``famsock run`` in a folder with the application."""
    (folder / "app.py").write_text(APP)
    server = Server(folder / "log")
    program = environment.folder / "bin"
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FAMSOCK_"))}
    with server.log.open("w") as log:
        process = subprocess.Popen(
            [program / "python", "-m", "famsock", "run", *command.split()],
            cwd=folder,
            env={**variables, "PATH": f"{program}{os.pathsep}{variables['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        server.wait("no port", server.finds_port)
        yield server
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
    finally:
        with suppress(ProcessLookupError):  # all of it has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("command", SERVERS.values(), ids=SERVERS)
def test_every_worker_has_famsock(command: str, environment: Environment, tmp_path: Path) -> None:
    workers: dict[str | int, list[str | int]] = {}

    def both_answered() -> bool:
        if told := server.answer():
            workers[told[1]] = told[2:]
        return len(workers) == 2

    with serving(environment, command, tmp_path) as server:
        server.wait("one worker only", both_answered)
        # Now, not after the end: gunicorn logs a traceback when it exits, if the signal comes
        # between the last bytes of an answer and the end of the request.
        assert "Traceback" not in server.log.read_text()
    for told in workers.values():
        assert told == ["famsock._sockets", "famsock._sockets.socket"]


def test_a_worker_that_is_loaded_again_has_famsock(
    environment: Environment, tmp_path: Path
) -> None:
    answers: list[list[str | int]] = []

    def answered(version: str) -> bool:
        if told := server.answer():
            answers.append(told)
        return bool(told) and answers[-1][0] == version

    def changed() -> bool:
        # Again and again: the reloader does not notice a change that comes before its first look
        # at the files, and the worker can answer before that.
        (tmp_path / "new").write_text(APP.replace('"first"', '"second"'))
        (tmp_path / "new").replace(tmp_path / "app.py")  # a worker never loads half a file
        return "detected changes" in server.log.read_text()

    with serving(environment, "uvicorn app:app --port 0 --reload", tmp_path) as server:
        server.wait("no answer", lambda: answered("first"))
        server.wait("change not seen", changed)
        server.wait("not loaded again", lambda: answered("second"))
    assert answers[0][1] != answers[-1][1]
    for told in answers[0], answers[-1]:
        assert told[2:] == ["famsock._sockets", "famsock._sockets.socket"]
