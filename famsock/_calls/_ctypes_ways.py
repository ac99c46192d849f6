"""sendto and recvfrom of sockets on ctypes: cached address and system call in one function.

As the compiled layer's short ways, these stand in front of the class's methods, serve the usual
call and leave any other to the method. What needs no waiting is done at the first attempt, whatever
the socket's timeout.
"""

from __future__ import annotations

from functools import wraps
from socket import socket
from sys import audit
from time import monotonic
from typing import Any

from famsock._calls.python import (
    _IN,
    _OUT,
    _POOLED_BYTES,
    _SOCKADDR_BYTES,
    LENGTH_AT,
    Buffers,
    _again,
    _recvfrom,
    _sendto,
    give_buffers,
    new_buffers,
    take_buffers,
)

# As in the stdlib's own C code, a class that overrides these changes nothing for its sockets.
_fileno = socket.fileno
_gettimeout = socket.gettimeout
_NOTHING = object()  # an argument that was not given; None is one


def install_fast_methods(cls: Any) -> None:
    """Put the short ways in front of the methods of the class of sockets, once."""
    if not hasattr(cls.sendto, "__wrapped__"):
        cls.sendto = _short_sendto(cls.sendto)
        cls.recvfrom = _short_recvfrom(cls.recvfrom)


def _short_sendto(full: Any) -> Any:
    @wraps(full)
    def sendto(self: Any, data: Any = _NOTHING, address: Any = _NOTHING, /, *more: Any) -> int:
        codec = self._codec
        if codec is None or more or data.__class__ is not bytes:
            return _any(full, self, data, address, *more)
        try:
            known, sockaddr, asked = codec.encoded[address]
        except (KeyError, TypeError):  # not seen before, or without a hash
            return _any(full, self, data, address)
        if known is not address or asked or len(data) > _POOLED_BYTES:
            return _any(full, self, data, address)
        audit("socket.sendto", self, address)
        sent: int = _sendto(_fileno(self), data, len(data), 0, sockaddr, len(sockaddr))
        return sent if sent >= 0 else _send_again(self, data, sockaddr)

    return sendto


def _any(full: Any, *arguments: Any) -> int:
    given = (argument for argument in arguments if argument is not _NOTHING)
    return full(*given)  # type: ignore[no-any-return]


def _short_recvfrom(full: Any) -> Any:
    @wraps(full)
    def recvfrom(self: Any, bufsize: int, /, *flags: int) -> tuple[bytes, Any]:
        codec = self._codec
        if (
            codec is None
            or flags
            or bufsize.__class__ is not int
            or not 0 <= bufsize <= _POOLED_BYTES
        ):
            return full(self, bufsize, *flags)  # type: ignore[no-any-return]
        try:
            buffers = take_buffers()
        except IndexError:
            buffers = new_buffers(_POOLED_BYTES)
        data, pointer, name, name_pointer, length_pointer = buffers
        name[LENGTH_AT] = _SOCKADDR_BYTES
        received = _recvfrom(_fileno(self), pointer, bufsize, 0, name_pointer, length_pointer)
        if received < 0:
            received = _receive_again(self, bufsize, buffers)
        result, sockaddr = data[:received], name[: name[LENGTH_AT]]
        give_buffers(buffers)
        hit = codec.decoded.get(sockaddr)
        if hit is not None and not hit[1]:
            return result, hit[0]
        return result, codec.decode(self, sockaddr)

    return recvfrom


def _send_again(sock: Any, data: bytes, sockaddr: bytes) -> int:
    """After a first attempt that failed: others, as long as the socket's timeout has it."""
    sent = -1
    deadline = _deadline(sock)
    try:
        while sent < 0:
            _again(sock, _OUT, deadline)
            sent = _sendto(_fileno(sock), data, len(data), 0, sockaddr, len(sockaddr))
    except OSError as error:
        sock._explain(error, "sendto")
        raise
    return sent


def _receive_again(sock: Any, bufsize: int, buffers: Buffers) -> int:
    """As `_send_again`: the number of bytes that came into the buffers."""
    received = -1
    deadline = _deadline(sock)
    _, data, _, name, length = buffers
    while received < 0:
        _again(sock, _IN, deadline)
        received = _recvfrom(_fileno(sock), data, bufsize, 0, name, length)
    return received


def _deadline(sock: Any) -> float | None:
    """When the socket's timeout ends, by the monotonic clock; None for one that has none, or 0."""
    timeout = _gettimeout(sock)
    return monotonic() + timeout if timeout else None
