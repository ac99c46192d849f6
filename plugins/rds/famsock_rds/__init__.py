"""AF_RDS for famsock: reliable datagram sockets."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EDESTADDRREQ, ENOBUFS, ENOTCONN
from socket import SOCK_SEQPACKET

from famsock.plugin import Family, Protocol

_HINTS = {
    EADDRNOTAVAIL: "bind to an address of this host that a transport serves (modprobe rds_tcp)",
    EDESTADDRREQ: "name a destination: RDS has none by default",
    ENOBUFS: "the destination is congested; sendto_uncongested() waits",
    ENOTCONN: "bind to an address of this host first",
}

FAMILY = Family(
    "AF_RDS",
    21,
    (
        Protocol(
            "rds",
            0,
            (SOCK_SEQPACKET,),
            "famsock_rds.addresses:RdsAddress",
            operations="famsock_rds.sockets:RdsOperations",
            scheme="rds",
            hints=_HINTS,
            selftest="famsock_rds.selftest:datagrams",
        ),
    ),
    constants="famsock_rds.constants",
    operation_names="famsock_rds._operation_names:NAMES",
    options="famsock_rds.options",
    control="famsock_rds.control",
    modules=("rds", "rds_tcp"),
)
