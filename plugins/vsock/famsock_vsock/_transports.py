"""The CIDs that a transport gives this machine."""

from __future__ import annotations

from errno import EADDRNOTAVAIL
from socket import SOCK_STREAM

from famsock.plugin import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A family is described without its module of constants.
_AF_VSOCK, _ANY_PORT = 40, 0xFFFFFFFF


def is_own(cid: int) -> bool:
    """Return whether a transport gives this machine the CID, by binding to an unused port."""
    probe: socket[Any, Any]
    with socket(_AF_VSOCK, SOCK_STREAM) as probe:
        try:
            probe.bind((cid, _ANY_PORT))
        except OSError as error:
            if error.errno == EADDRNOTAVAIL:
                return False
            raise
    return True
