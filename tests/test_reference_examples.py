"""The example programs of Python's documentation, 3.4 to 3.10, as they stand, on famsock.

Only the import line is replaced. The echo programs run in their own network and mount
namespaces, where the host that they name is this machine. ``tests/reference/README.md`` tells which
version of the documentation has which program.
"""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "reference"
VERSIONS = sorted({program.parent.name for program in HERE.glob("*/echo_*.py")})
NAMESPACE = ["unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m", "-n", "sh", "-c"]
ENTER = (
    "ip link set lo up && printf '127.0.0.1 localhost\\n127.0.0.1 daring.cwi.nl\\n' > hosts && "
    'mount --bind hosts /etc/hosts && exec "$@"'
)
PAIR = """
import subprocess, sys, time
server = subprocess.Popen([sys.executable, "server.py"], stdout=subprocess.PIPE, text=True)
for _ in range(300):
    client = subprocess.run([sys.executable, "client.py"], capture_output=True, text=True)
    if client.returncode == 0:
        break
    time.sleep(0.1)
print(server.communicate(timeout=60)[0] + client.stdout + client.stderr)
"""


def adapted(path: Path) -> str:
    """Return the program with famsock's import in place of the stdlib's."""
    source = path.read_text()
    lines = [
        line.replace("import socket", "import famsock as socket")
        if "import socket" in line
        else line
        for line in source.splitlines()
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.needs_command("unshare", package="util-linux")
@pytest.mark.needs_command("ip", package="iproute2")
@pytest.mark.needs_capability("CAP_SYS_ADMIN")
@pytest.mark.parametrize("kind", ["ipv4", "any"])
@pytest.mark.parametrize("version", VERSIONS)
def test_echo_server_and_client(version: str, kind: str, tmp_path: Path) -> None:
    for role in ("server", "client"):
        source = adapted(HERE / version / f"echo_{role}_{kind}.py")
        (tmp_path / f"{role}.py").write_text(source)
    (tmp_path / "pair.py").write_text(PAIR)
    command = [*NAMESPACE, ENTER, "sh", sys.executable, "pair.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert "Connected by ('127.0.0.1', " in done.stdout or "Connected by ('::" in done.stdout
    assert "Received b'Hello, world'" in done.stdout, done.stderr


def test_dualstack_server() -> None:
    path = HERE / "python_3_10" / "dualstack_server.py"
    names: dict[str, Any] = {}
    exec(compile(adapted(path).replace("8080", "0"), str(path), "exec"), names)
    with names["s"] as server:
        assert type(server).__module__ == "famsock._sockets"
        assert server.getsockname()[0] == "::"


@pytest.mark.usefixtures("descriptors")
def test_descriptors_are_passed(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(adapted(HERE / "python_3_10" / "pass_descriptors.py").replace(
        "import famsock as socket, array", "import array, famsock as socket"), names)  # fmt: skip
    a, b = names["socket"].socketpair()
    with a, b, open(tmp_path / "f", "w+") as file:
        assert names["send_fds"](a, b"msg", [file.fileno(), file.fileno()]) == 3
        message, received = names["recv_fds"](b, 10, 5)
        assert (message, len(received)) == (b"msg", 2)
        assert all(os.fstat(fd).st_ino == os.fstat(file.fileno()).st_ino for fd in received)
        for fd in received:
            os.close(fd)


def test_recvmsg_into_session() -> None:
    text = adapted(HERE / "python_3_10" / "recvmsg_into.txt")
    test = doctest.DocTestParser().get_doctest(text, {}, "recvmsg_into", None, None)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, clear_globs=False)
    for name in ("s1", "s2"):
        test.globs[name].close()
    assert runner.summarize(verbose=False) == (0, 8)


def test_no_program_is_kept_twice() -> None:
    texts = [path.read_bytes() for path in HERE.rglob("*") if path.suffix in (".py", ".txt")]
    assert len(set(texts)) == len(texts)
