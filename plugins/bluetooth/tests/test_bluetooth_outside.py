"""Programs that are not ours: CPython's own tests, a program that knows only `socket`, Debian's
Python, whose socket module has AF_BLUETOOTH; the example; the emulated controllers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from famsock_bluetooth import HciSocket, selftest
from famsock_bluetooth.emulator import VoicePair
from famsock_bluetooth.selftest import emulated_pair

EXAMPLE = Path(__file__).parents[3] / "examples" / "bluetooth.py"
PROGRAM = Path(__file__).parent / "programs" / "echo.py"
DEBIAN = "/usr/bin/python3"
PYTHONS = {"famsock": (sys.executable, "-m", "famsock", "run"), "debian": (DEBIAN,)}
PATIENCE_S = 200

pytestmark = [
    pytest.mark.needs_family("AF_BLUETOOTH", protocol="l2cap"),
    pytest.mark.needs_capability("CAP_NET_ADMIN"),
    pytest.mark.usefixtures("alarm"),
]
emulated = pytest.mark.needs_interface("hci1")


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A program whose output is read, which is ended here at the latest."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@emulated
@pytest.mark.needs_command(DEBIAN, package="python3")
@pytest.mark.parametrize(
    ("server", "client"), [("famsock", "famsock"), ("famsock", "debian"), ("debian", "famsock")]
)
@pytest.mark.parametrize(("protocol", "port"), [("rfcomm", "7"), ("l2cap", "4109")])
def test_unmodified_program(server: str, client: str, protocol: str, port: str) -> None:
    if "debian" in (server, client):
        knows = "import socket, sys; sys.exit(not hasattr(socket, 'AF_BLUETOOTH'))"
        if subprocess.run((DEBIAN, "-c", knows), check=False).returncode:
            pytest.skip(f"{DEBIAN} was built without BlueZ's headers; install Debian's python3")
    with emulated_pair() as (first, second, _):
        ends = first.bdaddr, second.bdaddr
    serving = (*PYTHONS[server], str(PROGRAM), "server", protocol, *ends, port)
    asking = (*PYTHONS[client], str(PROGRAM), "client", protocol, *ends[::-1], port)
    with program(*serving) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"listening at {(ends[0], int(port))}\n"
        output = subprocess.run(
            asking, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        ).stdout
        assert output.splitlines() == [
            f"connected to {ends[0]}",
            *(f"received {word}" for word in ("one", "two", "three")),
        ]
        assert process.stdout.read() == f"connected by {ends[1]}\n"
        assert process.wait(PATIENCE_S) == 0


def test_cpythons_own_tests(tmp_path: Path) -> None:
    """The stdlib of this Python, if built without bluetooth.h, skips all of them."""
    tests = ("-m", "test", "-v", "test_socket", "-m", "*Bluetooth*")
    done = subprocess.run(
        (*PYTHONS["famsock"], *tests),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    ran = re.search(r"^Ran (\d+) tests", output, re.MULTILINE)
    assert ran is not None, output
    assert int(ran[1]) >= 5
    assert "skipped" not in output


@emulated
def test_example() -> None:
    done = subprocess.run(
        (sys.executable, str(EXAMPLE)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert "hello over RFCOMM" in done.stdout
    assert "the controller speaks" in done.stdout


@emulated
def test_low_energy_example() -> None:
    done = subprocess.run(
        (sys.executable, str(EXAMPLE.with_name("bluetooth_le.py"))),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for words in ("found famsock at", "bytes at most: hello over LE", "MTU of 185", "granted 100"):
        assert words in done.stdout


@pytest.mark.usefixtures("descriptors")
def test_emulated_controllers_come_and_go() -> None:
    with HciSocket() as sock:
        before = sock.devices()
        with VoicePair() as pair:
            assert set(sock.devices()) == {*before, pair.first.index, pair.second.index}
        assert sock.devices() == before


@pytest.mark.usefixtures("descriptors")
def test_voice_again_and_again() -> None:
    for _ in range(3):
        with selftest.sco() as round_trip:
            for _ in range(20):
                round_trip()
