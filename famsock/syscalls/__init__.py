"""Raw system calls: the bytes of a sockaddr go in, bytes come out.

One interface, whose functions :mod:`famsock.syscalls._ctypes` describes; the implementation is
loaded on the first call. This layer alone owns timeouts, EINTR (PEP 475), connect's SO_ERROR,
close-on-exec, and the closing of received descriptors when something fails after they arrived.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock.syscalls._ctypes import *  # noqa: F403

TIMED_OUT = -1
"""What `connect` returns instead of an errno when the time ran out."""

CALLS = (
    "accept",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
    "sendmsg",
    "sendto",
    "setsockopt",
)
"""The functions that an implementation provides, each described in `_ctypes`."""


def implementation() -> str:
    """Which implementation makes the calls: "ctypes"."""
    return "ctypes"


def __getattr__(name: str) -> object:
    if name not in CALLS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from famsock.syscalls import _ctypes as implementation

    globals().update({call: getattr(implementation, call) for call in CALLS})
    return globals()[name]
