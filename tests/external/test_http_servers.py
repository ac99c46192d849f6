"""The servers of docs/http.md, started by its commands on a unix socket that famsock opened."""

from __future__ import annotations

import os
import signal
import subprocess
import sysconfig
import time
from contextlib import suppress
from pathlib import Path

import pytest

from famsock.http.client import HTTPConnection
from tests.over_http import page

from .conftest import NEEDS_UV, Environment

pytestmark = [NEEDS_UV, pytest.mark.slow]
PATIENCE_S = 90
SERVERS = ("uvicorn", "hypercorn", "gunicorn")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the servers, in which famsock and its plugins are as in this one."""
    made = Environment(tmp_path_factory.mktemp("http-servers") / "environment")
    made.pip("install", *SERVERS, "waitress")
    ours = sysconfig.get_path("purelib")
    (made.packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return made


def clean() -> dict[str, str]:
    """The variables of this process without those that change a Python."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FAMSOCK_"))}


def test_the_page_has_a_command_for_each_server() -> None:
    assert [command[0] for command in page.commands()] == list(SERVERS)


def answer(path: Path, process: subprocess.Popen[bytes], log: Path) -> bytes:
    """Return the answer of a server, once there is one."""
    end = time.monotonic() + PATIENCE_S
    while True:
        connection = HTTPConnection(f"unix://{path}", timeout=PATIENCE_S)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read()
        except OSError:  # nobody listens yet
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        finally:
            connection.close()


@pytest.mark.parametrize("command", page.commands(), ids=lambda command: command[0])
def test_a_server_of_the_page(command: list[str], environment: Environment, tmp_path: Path) -> None:
    page.write_files(tmp_path)
    log, programs = tmp_path / "log", environment.folder / "bin"
    with log.open("w") as output:
        process = subprocess.Popen(
            [programs / "python", "serve.py", "unix://web.sock", *command],
            cwd=tmp_path,
            env={**clean(), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        said = b"Hello from WSGI" if command[0] == "gunicorn" else b"Hello from ASGI"
        assert answer(tmp_path / "web.sock", process, log) == said
        # Now, not after the end: gunicorn logs a traceback when it exits, if the signal comes
        # between the last bytes of an answer and the end of the request.
        assert "Traceback" not in log.read_text()
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
    finally:
        with suppress(ProcessLookupError):  # all of it has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


REFUSED = """
import famsock, waitress
sock = famsock.socket(famsock.AF_NETLINK, famsock.SOCK_RAW, 2)
try:
    waitress.serve(lambda environ, start_response: [], sockets=[sock])
except ValueError as error:
    print(error)
sock.close()
"""


def test_waitress_refuses_other_families_as_the_page_says(
    environment: Environment, tmp_path: Path
) -> None:
    done = subprocess.run(
        [environment.python, "-c", REFUSED],
        cwd=tmp_path,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"```text\n{done.stdout}```" in (page.ROOT / "docs" / "http.md").read_text()
