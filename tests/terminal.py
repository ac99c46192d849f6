"""A terminal of a given width, by a pseudo-terminal, on which tests run commands."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence

_OF_TERMINALS = ("COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "TTY_COMPATIBLE")
_PATIENCE_S = 120


def shown(arguments: Sequence[str], columns: int, **environment: str) -> tuple[int, str]:
    """Return the exit status of a Python, and all that it writes to a terminal.

    ``arguments`` are those of the interpreter, ``environment`` is added to that of this process.
    """
    reading, writing = os.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    pieces: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while piece := os.read(reading, 65536):
                pieces.append(piece)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            env=_variables(environment),
            timeout=_PATIENCE_S,
            check=False,
        )
    finally:
        os.close(writing)
        reader.join()
        os.close(reading)
    return done.returncode, b"".join(pieces).decode().replace("\r\n", "\n")


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_TERMINALS}
    return {**kept, "TERM": "xterm", **environment}
