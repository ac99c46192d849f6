"""AF_HYPERV for famsock: Hyper-V sockets on Windows.

The codec is tested by bytes; it has not run on Windows. Linux guests use AF_VSOCK for the same
transport. Source: the Hyper-V socket documentation of Windows, hvsocket.h, CPython's socket docs.
"""

from __future__ import annotations

from socket import SOCK_STREAM

from famsock.plugin import Family, Protocol, exports
from famsock_hyperv.constants import AF_HYPERV, HV_PROTOCOL_RAW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_hyperv.addresses import HypervAddress as HypervAddress
    from famsock_hyperv.sockets import HypervSocket as HypervSocket
else:
    __getattr__, __dir__ = exports(__name__, HypervAddress="addresses", HypervSocket="sockets")

__all__ = [
    "FAMILY",
    "HypervAddress",
    "HypervSocket",
]

_RAW = Protocol(
    "hyperv",
    HV_PROTOCOL_RAW,
    (SOCK_STREAM,),
    "famsock_hyperv.addresses:HypervAddress",
    socket="famsock_hyperv.sockets:HypervSocket",
    scheme="hyperv",
)
FAMILY = Family(
    "AF_HYPERV",
    AF_HYPERV,
    (_RAW,),
    constants="famsock_hyperv.constants",
    options="famsock_hyperv.options",
    platforms=("win32",),
)
