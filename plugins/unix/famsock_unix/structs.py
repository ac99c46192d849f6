"""Structs of AF_UNIX's options and control messages. Source: unix(7)."""

from __future__ import annotations

import os

from famsock.plugin import Struct, cstruct

__all__ = [
    "Credentials",
]


@cstruct.struct("struct ucred", header="sys/socket.h", label="ucred")
class Credentials(Struct):
    """Credentials of a process: process, user and group, each in the reader's namespaces.

    ``pid`` is 0 if the process is outside the reader's namespace; ``uid`` and ``gid`` are then the
    overflow user; 4294967295 means "not known". Wire: i32 pid, u32 uid, u32 gid.
    """

    pid: int = cstruct.i32("pid")
    uid: int = cstruct.u32("uid")
    gid: int = cstruct.u32("gid")

    @classmethod
    def own(cls) -> Credentials:
        """Return the credentials of this process, which any process may send."""
        return cls(os.getpid(), os.getuid(), os.getgid())
