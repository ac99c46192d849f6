"""``famsock relay`` against socat, from TCP to AF_UNIX: a GiB, and many short connections.

Each side is a process that runs during all rounds. The figures are nanoseconds that pass, or that
the relay and its children spend on a CPU (proc(5), /proc/PID/stat). Of three transfers the one with
the least CPU counts: whatever else runs on the machine disturbs the others.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.measure import Pairs, alternate

GIB = 1 << 30
CONNECTIONS = 1000
_PIECE = bytes(1 << 18)
_PATIENCE_S = 10
_TRANSFERS = 3


def _serve(listener: socket.socket) -> None:
    """Count what a connection brings, or answer at once if its first byte is an e."""

    def answer(connection: socket.socket) -> None:
        with connection:
            buffer = bytearray(1 << 18)
            if connection.recv(1) == b"e":
                connection.sendall(connection.recv(100))
                return
            count = 0
            while size := connection.recv_into(buffer):
                count += size
            connection.sendall(b"%d" % count)

    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


@contextmanager
def _server(path: str) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1024)
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class _Side:
    """A relay that runs, and what it does in a time."""

    def __init__(self, command: list[str], port: int) -> None:
        self._address = "127.0.0.1", port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                socket.create_connection(self._address).close()
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(0.02)

    def _cpu_ns(self) -> int:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def _bulk(self) -> None:
        with socket.create_connection(self._address) as client:
            client.sendall(b"g")
            for _ in range(GIB // len(_PIECE)):
                client.sendall(_PIECE)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b"%d" % GIB

    def _short(self) -> None:
        for _ in range(CONNECTIONS):
            with socket.create_connection(self._address) as client:
                client.sendall(b"eping")
                assert client.recv(10) == b"ping"

    def bulk_ns(self) -> float:
        """Nanoseconds for a GiB."""
        start_ns = time.perf_counter_ns()
        self._bulk()
        return time.perf_counter_ns() - start_ns

    def bulk_cpu_ns(self) -> float:
        """Nanoseconds of the relay's CPU for a GiB."""
        spent_ns = []
        for _ in range(_TRANSFERS):
            before_ns = self._cpu_ns()
            self._bulk()
            time.sleep(0.1)  # until socat has waited for its child, whose time counts then
            spent_ns.append(max(self._cpu_ns() - before_ns, 1))
        return min(spent_ns)

    def short_ns(self) -> float:
        """Nanoseconds for a short connection."""
        start_ns = time.perf_counter_ns()
        self._short()
        return (time.perf_counter_ns() - start_ns) / CONNECTIONS


FIGURES: dict[str, Callable[[_Side], float]] = {
    "bulk": _Side.bulk_ns,
    "bulk-cpu": _Side.bulk_cpu_ns,
    "short": _Side.short_ns,
}


def measured(figure: str, options: tuple[str, ...], rounds: int) -> Pairs:
    """Pairs of a figure: of ``socat`` with options, and of ``famsock relay``.

    There are nine rounds at most, which take seconds each. PermissionError without socat.
    """
    socat = shutil.which("socat")
    if socat is None:
        raise PermissionError("socat is not installed")
    with ExitStack() as stack:
        path = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "s")
        stack.enter_context(_server(path))
        sides = []
        for command in (
            [socat, *options, "TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr",
             f"UNIX-CONNECT:{path}"],
            [sys.executable, "-m", "famsock", "relay", "--quiet", "tcp://127.0.0.1:{port}",
             f"unix://{path}"],
        ):  # fmt: skip
            port = _free_port()
            side = _Side([part.format(port=port) for part in command], port)
            stack.enter_context(side.process)
            stack.callback(side.process.terminate)
            sides.append(partial(FIGURES[figure], side))
        theirs, ours = sides
        return alternate(theirs, ours, min(rounds, 9))
