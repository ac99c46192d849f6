"""AF_UNIX for famsock: the family's description."""

from __future__ import annotations

from errno import EADDRINUSE, ECONNREFUSED, ENOENT
from socket import SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol

_HINTS = {
    EADDRINUSE: "the name is taken; sock.bind_replacing_stale() takes over a path that a dead "
    "server left behind",
    ECONNREFUSED: "nobody listens at this name",
    ENOENT: "a directory of the path is missing, or no server has bound the path yet",
}

FAMILY = Family(
    "AF_UNIX",
    1,
    (
        Protocol(
            "unix",
            ANY_PROTOCOL,
            (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET),
            "famsock_unix.addresses:UnixAddress",
            layout="famsock_unix._layouts:UNIX",
            operations="famsock_unix.sockets:UnixOperations",
            scheme="unix",
            hints=_HINTS,
            passes_descriptors=True,
            selftest={
                "unix": "famsock_unix.selftest:stream",
                "unix dgram": "famsock_unix.selftest:dgram",
                "unix seqpacket": "famsock_unix.selftest:seqpacket",
            },
        ),
    ),
    constants="famsock_unix.constants",
    operation_names="famsock_unix._operation_names:NAMES",
    options="famsock_unix.options",
    control="famsock_unix.control",
)
