"""Pipes for splice(2), which a direction has only while it has bytes."""

from __future__ import annotations

import os

_F_SETPIPE_SZ = 1031
"""fcntl(2); the `fcntl` module has it from Python 3.10 on, and only where the C library does."""

PIPE_BYTES = 1 << 20
"""The largest pipe of an unprivileged process: /proc/sys/fs/pipe-max-size."""

SPLICE_MOVE, SPLICE_NONBLOCK = 1, 2
"""SPLICE_F_MOVE and SPLICE_F_NONBLOCK of splice(2)."""

Pipe = tuple[int, int]


class Pipes:
    """Makes pipes, of which at most ``spare`` are kept while nobody uses them."""

    def __init__(self, spare: int = 4) -> None:
        self._free: list[Pipe] = []
        self._spare = spare

    def take(self) -> Pipe | None:
        """Return an empty pipe; None if there is no descriptor or memory for one."""
        if self._free:
            return self._free.pop()
        try:
            pipe = os.pipe()
        except OSError:
            return None
        try:
            import fcntl

            fcntl.fcntl(pipe[1], _F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:  # beyond the user's pages for pipes: the size that it has will do
            pass
        return pipe

    def give(self, pipe: Pipe) -> None:
        """Take an empty pipe back."""
        if len(self._free) < self._spare:
            self._free.append(pipe)
        else:
            self.discard(pipe)

    def discard(self, pipe: Pipe) -> None:
        """Close a pipe, whatever is in it."""
        os.close(pipe[0])
        os.close(pipe[1])

    def close(self) -> None:
        """Close the pipes that are kept."""
        while self._free:
            self.discard(self._free.pop())
