"""Requests to an algorithm: what goes over the sockets that accept gives.

No call here can hang: the sockets do not block, every request is sent completely before its result
is read, and no more is read than the result has. Source: crypto/af_alg.c, algif_*.c.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from socket import MSG_DONTWAIT, MSG_MORE, SO_RCVBUF, SO_SNDBUF, SOL_SOCKET
from threading import RLock
from types import TracebackType
from typing import Any, Self

from famsock.plugin import ControlMessage, socket
from famsock_alg._hints import HINTS
from famsock_alg.control import ALG_SET_IV, ALG_SET_OP
from famsock_alg.options import ALG_SET_AEAD_AUTHSIZE

__all__ = [
    "Cipher",
    "Hasher",
]

_PAGE_BYTES = 4096
_DIGEST_BYTES_MAX = 1024
_RNG_BYTES_MAX = 128
_BUFFERS = (SO_SNDBUF, SO_RCVBUF)
_AT_ONCE = int(MSG_DONTWAIT)
_MORE_AT_ONCE = int(MSG_MORE | MSG_DONTWAIT)
_TAG_BYTES_TOO_MANY = 0xFFFF
_TRIAL_BYTES = 256
_TRIAL_PIECE_BYTES = 64

Control = Sequence[ControlMessage[Any]]


class Request:
    """A socket accepted from one that is bound to an algorithm; a context manager.

    Threads may share it: each call is whole.
    """

    def __init__(self, transform: socket) -> None:
        wanted_bytes = {size: transform.getsockopt(SOL_SOCKET, size) for size in _BUFFERS}
        self._turn = RLock()
        self._sock = transform.accept()[0]
        self._sock.setblocking(False)
        for size in _BUFFERS:
            _enlarge(self._sock, size, wanted_bytes[size])

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        # The hints of all requests are the same.
        if isinstance(error, OSError) and (hint := HINTS.get(("encrypt", error.errno))):
            error.add_note(hint)


class Hasher(Request):
    """A message digest in the making, with the interface of hashlib's objects."""

    def __init__(self, transform: socket) -> None:
        # The kernel hashes as it takes in: the sizes of buffers do not count, and nothing waits.
        self._turn = RLock()
        self._sock = transform.accept()[0]
        if self._sock.gettimeout() is not None:
            self._sock.setblocking(False)

    def update(self, data: Any) -> None:
        """Add ``data`` (bytes-like, of any size) to the hash."""
        with self._turn:
            if type(data) is bytes and 0 < len(data) <= _PAGE_BYTES:
                sent = self._sock.send(data, _MORE_AT_ONCE)
                if sent == len(data):
                    return
                data = memoryview(data)[sent:]
            view = octets("update(): AF_ALG data", data)
            while view:
                view = view[self._sock.send(view, _MORE_AT_ONCE) :]

    def copy(self) -> Hasher:
        """Return a hasher that has hashed the same; closing either leaves the other."""
        with self._turn:
            return Hasher(self._sock)

    def digest(self) -> bytes:
        """Return the digest of all so far, after which more can be hashed."""
        with self.copy() as finished:
            return end(finished)

    def hexdigest(self) -> str:
        """Return the digest in hexadecimal."""
        return self.digest().hex()


def end(hasher: Hasher) -> bytes:
    """Return the digest of all so far, after which the hash begins again."""
    return hasher._sock.recv(_DIGEST_BYTES_MAX, _AT_ONCE)


class Cipher(Request):
    """Encryption or decryption of one message piece by piece.

    For modes that carry their state from block to block in the IV (ecb, cbc, ctr and the like): the
    kernel processes complete blocks as they arrive.
    """

    def __init__(self, transform: socket, operation: int, iv: Any) -> None:
        control = start(operation, iv)
        super().__init__(transform)
        self._control: Control = control
        self._pending_bytes = 0

    def update(self, data: Any) -> bytes:
        """Return the result for the complete blocks of ``data``; keep the rest for later."""
        view = octets("update(): AF_ALG data", data)
        made = bytearray()
        with self._turn:
            while view:
                view = view[self._send(view[: self._room_bytes()], MSG_MORE) :]
                made += self._receive()
        return bytes(made)

    def finish(self) -> bytes:
        """Return the end of the message; OSError EINVAL if a block mode has an incomplete block."""
        with self._turn:
            if not self._pending_bytes:
                return b""
            self._send(b"", 0)
            return self._receive(final=True)

    def _room_bytes(self) -> int:
        return _request_bytes_max(self._sock) - self._pending_bytes

    def _send(self, data: Any, flags: int) -> int:
        sent = self._sock.send_message(data, control=self._control, flags=flags)
        self._control = ()
        self._pending_bytes += sent
        return sent

    def _receive(self, *, final: bool = False) -> bytes:
        try:
            made = self._sock.recv(self._pending_bytes)
        except BlockingIOError:
            if final:
                raise
            return b""
        self._pending_bytes -= len(made)
        return made


def transform(
    request: Request, control: Control, data: Sequence[memoryview], result_bytes: int
) -> bytes:
    """Make one request: send ``data`` after ``control``, receive the result's exact size.

    ValueError for more data than one request takes; OSError as the algorithm fails.
    """
    sock = request._sock
    size, most = max(sum(piece.nbytes for piece in data), result_bytes), _request_bytes_max(sock)
    if size > most:
        raise ValueError(
            f"AF_ALG data and result must be at most {most} bytes in one request, not {size}; "
            "SO_SNDBUF and SO_RCVBUF of the bound socket allow for more, encryptor() and "
            "decryptor() take any size"
        )
    sock.send_message(list(data), control=control)
    return _exactly(sock, result_bytes)


def kind_of(bound: socket) -> str:
    """Return the type of algorithm to which a socket is bound, "" if it cannot be told.

    The kernel does not say it, but the calls that it has no operation for: only an AEAD has a size
    of its tag to refuse, only a hash can be copied, only a generator takes no data. Nothing is
    changed. OSError EINVAL for a socket that is not bound.
    """
    is_busy = False
    try:
        bound.set_option(ALG_SET_AEAD_AUTHSIZE, _TAG_BYTES_TOO_MANY)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return "aead"
        is_busy = error.errno == errno.EBUSY
    with Request(bound) as request:
        sock = request._sock
        if _error_of(sock.accept) != errno.EOPNOTSUPP:
            return "hash"
        if _error_of(sock.send, b"", MSG_MORE) == errno.EOPNOTSUPP:
            return "rng"
    return "" if is_busy else "skcipher"


def _error_of(call: Any, *arguments: Any) -> int:
    """Return the errno of a call that fails, 0 if it does not; close the socket that it gives."""
    try:
        result = call(*arguments)
    except OSError as error:
        return error.errno or 0
    if isinstance(result, tuple):
        result[0].close()
    return 0


def gives_the_same_in_pieces(request: Request, pieces: Cipher, control: Control) -> bool:
    """Return whether an algorithm keeps its state in the IV, by a trial of both ways."""
    trial = memoryview(os.urandom(_TRIAL_BYTES))
    try:
        whole = transform(request, control, [trial], _TRIAL_BYTES)
    except OSError as error:
        if error.errno != errno.EBADMSG:
            raise
        return False  # it authenticates the whole message, as a key wrap does
    try:
        made = pieces.update(trial[:_TRIAL_PIECE_BYTES]) + pieces.update(trial[_TRIAL_PIECE_BYTES:])
        return made + pieces.finish() == whole
    except OSError:
        return False


def _exactly(sock: socket, size_bytes: int) -> bytes:
    made = bytearray()
    while True:
        # A read of nothing would not reach the algorithm, which has a tag to check even then.
        piece = sock.recv(max(size_bytes - len(made), 1))
        made += piece
        if len(made) >= size_bytes or not piece:
            break
    if len(made) != size_bytes:
        raise OSError(errno.EIO, f"AF_ALG gave {len(made)} bytes, not {size_bytes}")
    return bytes(made)


def start(operation: int, iv: Any) -> Control:
    """Return the control messages that a cipher's request begins with."""
    vector = octets("AF_ALG iv", iv).tobytes()
    return [ALG_SET_OP(operation), *([ALG_SET_IV(vector)] if vector else [])]


def octets(what: str, data: Any) -> memoryview:
    """Return ``data`` as bytes; TypeError, with ``what`` in its message, if it is none."""
    try:
        return memoryview(data).cast("B")
    except TypeError:
        kind = type(data).__name__
        raise TypeError(f"{what} must be a contiguous bytes-like object, not {kind}") from None


def _enlarge(sock: socket, option: int, wanted_bytes: int) -> None:
    """Give a buffer the size that another has; the kernel doubles what it is asked for.

    It gives a request the system's usual sizes, whatever the bound socket was given.
    """
    if sock.getsockopt(SOL_SOCKET, option) < wanted_bytes:
        sock.setsockopt(SOL_SOCKET, option, wanted_bytes // 2)


def _request_bytes_max(sock: socket) -> int:
    """Return how much the kernel takes in, and gives out, for one request without waiting."""
    least: int = min(sock.getsockopt(SOL_SOCKET, option) for option in _BUFFERS)
    return least // _PAGE_BYTES * _PAGE_BYTES


def random(request: Request, size_bytes: int) -> bytes:
    """Return ``size_bytes`` of a random number generator's output."""
    made = bytearray()
    while len(made) < size_bytes:
        made += request._sock.recv(min(size_bytes - len(made), _RNG_BYTES_MAX))
    return bytes(made)
