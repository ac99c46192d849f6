"""Hints for failures of AF_UNIX, each true for every cause of its errno in its call.

Causes are those of the kernel's net/unix/af_unix.c: unix_bind_bsd, unix_bind_abstract,
unix_find_bsd, unix_find_abstract, unix_stream_connect.
"""

from __future__ import annotations

import os
from errno import EADDRINUSE, EAGAIN, ECONNREFUSED, ENOENT
from stat import S_ISSOCK

from famsock.plugin import Hint, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SENDS = ("sendto", "sendmsg", "sendmmsg")

_FILE = "a file that is no socket is at this path"

_ABSTRACT = Hint("another socket has this abstract name", check="ss -xa lists the names, with @")
_NO_SOCKET = Hint(_FILE, check="ls -l PATH: the line begins with s for a socket")
_SOCKET = Hint(
    "a socket is at this path; if the server that left it behind is dead, "
    "sock.bind_replacing_stale() takes the path over",
    check="ss -xlp lists the servers that live, with their paths",
)
_FULL = Hint(
    "the listener's queue of connections is full, and a connect with a timeout does not wait for "
    "it",
    "connect again later, or without a timeout",
    check="ss -xl: Recv-Q of the path is more than its Send-Q",
)
# Refused calls come often, so that these do not look which it is.
_NOBODY = Hint(f"nobody listens at this name, or {_FILE}", check="ss -xlp; ls -l PATH")
_NO_DATAGRAMS = Hint(
    f"no datagram socket that is open is bound to this name, or {_FILE}",
    check="ss -xap; ls -l PATH",
)
_NO_DIRECTORY = Hint("a directory of the path is missing", check="ls -d of the path's folder")
_NOT_YET = Hint(
    "a directory of the path is missing, or no server has bound the path yet",
    check="ls -d of the path's folder",
)


def _path(address: Any) -> bytes:
    """The name of an address in any shape, as the kernel has it."""
    name = getattr(address, "path", address)
    return name if isinstance(name, bytes) else os.fsencode(name)


@one_of(_ABSTRACT, _NO_SOCKET, _SOCKET)
def _taken(sock: Any, address: Any) -> str:
    path = _path(address)
    if path[:1] in (b"", b"\0"):
        return _ABSTRACT
    return _SOCKET if S_ISSOCK(os.lstat(path).st_mode) else _NO_SOCKET


HINTS: dict[Any, Any] = {
    ("bind", EADDRINUSE): _taken,
    ("bind", ENOENT): _NO_DIRECTORY,
    ("connect", EAGAIN): _FULL,
    ("connect", ECONNREFUSED): _NOBODY,
    **{(operation, ECONNREFUSED): _NO_DATAGRAMS for operation in _SENDS},
    **{(operation, ENOENT): _NOT_YET for operation in ("connect", *_SENDS)},
}
