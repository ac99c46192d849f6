"""SOL_SOCKET's option of device memory TCP (Linux 6.12).

Sources: linux/uio.h, Documentation/networking/devmem.rst.
"""

from __future__ import annotations

from socket import SOL_SOCKET
from typing import TYPE_CHECKING

from famsock.plugin import Option, codecs

if TYPE_CHECKING:
    from famsock_inet.structs import tcp

__all__ = [
    "SO_DEVMEM_DONTNEED",
]

SO_DEVMEM_DONTNEED: Option[tuple[tcp.DmabufToken, ...]] = Option(
    "SO_DEVMEM_DONTNEED",
    SOL_SOCKET,
    80,
    codecs.deferred("famsock_inet.structs.tcp:DEVMEM_TOKENS"),
    "w",
    since="6.12",
)
