"""AF_HYPERV for famsock: Hyper-V sockets on Windows.

The codec is tested by bytes; it has not run on Windows. Linux guests use AF_VSOCK for the same
transport. Source: the Hyper-V socket documentation of Windows, hvsocket.h, CPython's socket docs.
"""

from __future__ import annotations

from collections.abc import Iterable
from socket import SOCK_STREAM

from famsock.plugin import Family, Protocol, hookimpl
from famsock_hyperv.constants import AF_HYPERV, HV_PROTOCOL_RAW


@hookimpl
def famsock_families() -> Iterable[Family]:
    """Return AF_HYPERV with its one protocol."""
    raw = Protocol(
        "hyperv",
        HV_PROTOCOL_RAW,
        (SOCK_STREAM,),
        "famsock_hyperv.addresses:HypervAddress",
        scheme="hyperv",
    )
    return (
        Family(
            "AF_HYPERV",
            AF_HYPERV,
            (raw,),
            constants="famsock_hyperv.constants",
            options="famsock_hyperv.options",
            platforms=("win32",),
        ),
    )
