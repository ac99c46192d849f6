"""AF_QIPCRTR for famsock: Qualcomm's IPC router, with its name service."""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_DGRAM

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, hookimpl


@hookimpl
def famsock_families() -> Iterable[Family]:
    return (
        Family(
            "AF_QIPCRTR",
            42,
            (
                Protocol(
                    "qipcrtr",
                    ANY_PROTOCOL,
                    (SOCK_DGRAM,),
                    "famsock_qipcrtr.addresses:QipcrtrAddress",
                    scheme="qipcrtr",
                ),
            ),
            constants="famsock_qipcrtr.constants",
            modules=("qrtr",),
        ),
    )
