"""Programs that are not ours at the other end; the example; what is imported when."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from socket import AF_INET, AF_INET6
from typing import Protocol, TypeVar

import pytest
from famsock_inet import SctpSocket
from famsock_inet.sockets.ip import IpSocket
from famsock_inet.sockets.tcp import AnyTcpSocket
from famsock_inet.sockets.udp import AnyUdpSocket

EXAMPLE = Path(__file__).parents[3] / "examples" / "inet.py"
LOOPBACK: dict[int, str] = {AF_INET: "127.0.0.1", AF_INET6: "::1"}
S = TypeVar("S", bound=IpSocket)
BASH = """
exec 3<>/dev/{protocol}/{host}/{port}
printf 'from bash' >&3
dd bs=100 count=1 status=none <&3
"""

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")


class Open(Protocol):
    """The type of the fixture `opened`."""

    def __call__(self, cls: type[S], type: int = -1, proto: int = -1) -> S: ...


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A program whose output we read, which is ended here at the latest."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def bash(protocol: str, address: tuple[str, int]) -> AbstractContextManager[subprocess.Popen[str]]:
    script = BASH.format(protocol=protocol, host=address[0], port=address[1])
    return program("bash", "-c", script)


@pytest.mark.needs_command("bash")
def test_bash_connects(opened: Open, tcp_class: type[AnyTcpSocket], family: int) -> None:
    listener = opened(tcp_class)
    listener.bind((LOOPBACK[family], 0))
    listener.listen()
    with bash("tcp", listener.getsockname()[:2]) as shell, listener.accept()[0] as peer:
        peer.settimeout(20)
        assert peer.recv(100) == b"from bash"
        peer.sendall(b"from here\n")
        assert shell.communicate(timeout=60)[0] == "from here\n"


@pytest.mark.needs_command("bash")
def test_bash_sends_a_datagram(opened: Open, udp_class: type[AnyUdpSocket], family: int) -> None:
    sock = opened(udp_class)
    sock.bind((LOOPBACK[family], 0))
    with bash("udp", sock.getsockname()[:2]) as shell:
        data, address = sock.recvfrom(100)
        assert data == b"from bash"
        sock.sendto(b"from here\n", address)
        assert shell.communicate(timeout=60)[0] == "from here\n"


@pytest.mark.needs_command("socat")
@pytest.mark.needs_family("AF_INET", protocol=132)
def test_socat_speaks_sctp(opened: Open) -> None:
    listener = opened(SctpSocket)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    target = f"SCTP-CONNECT:127.0.0.1:{listener.getsockname()[1]}"
    with program("socat", "-u", "SYSTEM:printf from-socat", target), listener.accept()[0] as peer:
        peer.settimeout(20)
        assert peer.recv(100) == b"from-socat"


def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Connection refused" in done.stdout


def test_a_socket_imports_no_addresses_and_no_options() -> None:
    program = """
import sys, famsock
with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
    sock.bind(("127.0.0.1", 0))
    sock.sendto(b"x", sock.getsockname())
    sock.recvfrom(1)
print(*sorted(name for name in sys.modules if name.startswith("famsock_inet")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == [
        "famsock_inet",
        "famsock_inet._hints",
        "famsock_inet._layouts",
    ]
