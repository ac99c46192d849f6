"""For type checkers: the stdlib's names that are famsock's own, as `famsock._dropin` binds them.

There is no such module at run time.
"""

from typing import Any

from famsock._sockets import socket as socket
from famsock.address import Address

__all__ = [
    "create_connection",
    "create_server",
    "fromfd",
    "socket",
    "socketpair",
]

def socketpair(
    family: int | None = None, type: int = ..., proto: int = 0
) -> tuple[socket, socket]: ...
def fromfd(fd: int, family: int, type: int, proto: int = 0) -> socket: ...
def create_connection(
    address: tuple[str | None, int] | Address,
    timeout: float | None = ...,
    source_address: Any = None,
    *,
    all_errors: bool = False,
) -> socket: ...
def create_server(
    address: Any,
    *,
    family: int = ...,
    backlog: int | None = None,
    reuse_port: bool = False,
    dualstack_ipv6: bool = False,
) -> socket: ...
