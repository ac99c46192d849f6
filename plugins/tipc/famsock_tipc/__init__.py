"""AF_TIPC for famsock: services by name, range and identity, and the topology service."""

from __future__ import annotations

from errno import EACCES, EHOSTUNREACH
from socket import SOCK_DGRAM, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM

from famsock.plugin import Family, Protocol

_HINTS = {
    EACCES: "service types below 64 belong to TIPC; a socket in a group can have no name",
    EHOSTUNREACH: "no socket has this name; wait for it with subscribe()",
}
_EXCHANGES = {
    f"tipc {label}": f"famsock_tipc.selftest:{label}"
    for label in ("rdm", "seqpacket", "stream", "topology")
}

FAMILY = Family(
    "AF_TIPC",
    30,
    (
        Protocol(
            "tipc",
            0,
            (SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM),
            "famsock_tipc.addresses:TipcAddress",
            operations="famsock_tipc.sockets:TipcOperations",
            scheme="tipc",
            hints=_HINTS,
            selftest=_EXCHANGES,
        ),
    ),
    constants="famsock_tipc.constants",
    operation_names="famsock_tipc._operation_names:NAMES",
    options="famsock_tipc.options",
    control="famsock_tipc.control",
    modules=("tipc",),
)
