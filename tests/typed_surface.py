"""The drop-in surface as type checkers see it: mypy reads this with all tests, and pyright.

Not a test that runs: ``assert_type`` is an error of the type checker.
"""

from __future__ import annotations

import socket as _stdlib
from typing import assert_type

import famsock
from famsock._sockets import socket
from famsock.control import Message
from famsock.options import SO_LINGER, SO_RCVBUF, Linger


def sockets(sock: famsock.socket) -> None:
    """Every way to a socket gives famsock's."""
    assert_type(sock, socket)
    assert_type(famsock.socketpair(), tuple[socket, socket])
    assert_type(famsock.fromfd(3, famsock.AF_INET, famsock.SOCK_STREAM), socket)
    assert_type(famsock.create_connection(("localhost", 80)), socket)
    assert_type(famsock.create_server(famsock.RawAddress(1, b"")), socket)
    assert_type(sock.dup(), socket)
    assert_type(sock.accept()[0], socket)


def typed(sock: famsock.socket) -> None:
    """Addresses, options and messages have their own types."""
    assert_type(sock.local_address, famsock.Address | None)
    assert_type(sock.get_option(SO_RCVBUF), int)
    assert_type(sock.get_option(SO_LINGER), Linger)
    assert_type(sock.recv_message(), Message)
    sock.bind(famsock.RawAddress(1, b""))


def stdlib() -> None:
    """Keep the type of what is the stdlib's."""
    assert_type(famsock.SocketKind(1), _stdlib.SocketKind)
    assert_type(famsock.gethostname(), str)
    assert_type(famsock.timeout("x"), _stdlib.timeout)
