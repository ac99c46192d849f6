"""The class of AF_ALG's sockets.

Source: linux/if_alg.h, Documentation/crypto/userspace-if.rst, crypto/algif_*.c.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable
from operator import index
from socket import SOCK_SEQPACKET
from threading import Condition, RLock, get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from famsock.plugin import Option, codecs, socket
from famsock_alg import requests
from famsock_alg.addresses import AlgAddress
from famsock_alg.constants import AF_ALG, ALG_OP_DECRYPT, ALG_OP_ENCRYPT
from famsock_alg.control import ALG_SET_AEAD_ASSOCLEN, ALG_SET_IV, ALG_SET_OP
from famsock_alg.options import (
    ALG_SET_AEAD_AUTHSIZE,
    ALG_SET_DRBG_ENTROPY,
    ALG_SET_KEY,
    ALG_SET_KEY_BY_KEY_SERIAL,
)
from famsock_alg.requests import Cipher, Hasher, Request

if TYPE_CHECKING:
    from famsock_alg.algorithms import Algorithm

__all__ = [
    "AlgSocket",
]

_TAG_BYTES = 16


_R = TypeVar("_R", bound=Request)


class _State:
    """The kind that a socket is bound to, and the threads with open requests, in order of opening.

    ``tag_bytes`` is the size of an AEAD's tag as long as a request is open: it cannot change then.
    ``lock`` guards all of it, and ``turn``, on which ``waiting`` threads wait, is its condition.
    """

    def __init__(self, kind: str = "") -> None:
        self.kind = kind
        self.pid = os.getpid()
        self.lock = RLock()
        self.turn = Condition(self.lock)
        self.waiting = 0
        self.open: list[int] = []
        self.tag_bytes = 0

    def wait_for_others(self) -> None:
        """Wait until no other thread has a request open, with ``lock`` held.

        Not if this thread has one, below a signal handler: the kernel refuses a change then.
        """
        me = get_ident()
        self.waiting += 1
        try:
            while self.open and me not in self.open:
                self.turn.wait()
        finally:
            self.waiting -= 1


class AlgSocket(
    socket[AlgAddress, None],
    family=AF_ALG,
    type=SOCK_SEQPACKET,
    proto=0,
    redefines=("bind", "sendmsg_afalg"),
):
    """A socket of AF_ALG, to bind to an algorithm of the kernel.

    Each operation makes its requests on new sockets, accepted from this one. ValueError for an
    operation of another type of algorithm than the one to which the socket is bound. Threads may
    share a socket: what sets a key or size waits until the requests of other threads are complete.
    """

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[AlgSocket, None]: ...

    def bind(self, address: Any, /) -> None:
        """Bind to an algorithm; OSError ENOENT if there is none, EBUSY with a request open."""
        super().bind(address)
        kind = address[0] if isinstance(address, tuple) else getattr(address, "type", "")
        self.protocol_state(_State).kind = kind

    # Set-up, before a request is open

    def set_key(self, key: bytes) -> None:
        """Set the key of a hash, cipher or AEAD, or the seed of a random number generator.

        OSError EINVAL for a size that the algorithm does not take, EBUSY with a request open,
        ENOPROTOOPT for an algorithm without a key. Source: ALG_SET_KEY.
        """
        _set(self, ALG_SET_KEY, key)

    def set_key_by_serial(self, serial: int) -> None:
        """Take the key from the kernel's keyring: ``serial`` is a key's number (keyctl(2)).

        The key is of type "user", "logon", "encrypted" or "trusted". OSError ENOKEY if there is
        none, ENOPROTOOPT before Linux 6.2. Source: ALG_SET_KEY_BY_KEY_SERIAL.
        """
        _set(self, ALG_SET_KEY_BY_KEY_SERIAL, serial)

    def set_authentication_size(self, size_bytes: int) -> None:
        """Set the size of an AEAD's tag (0-65535 bytes), for requests on accepted sockets.

        OSError EINVAL if it does not suit. `seal` and `unseal` set the size that they are given.
        Source: ALG_SET_AEAD_AUTHSIZE.
        """
        _set(self, ALG_SET_AEAD_AUTHSIZE, size_bytes)

    def set_entropy(self, entropy: bytes) -> None:
        """Give a DRBG its entropy, for tests by known answers.

        OSError EPERM without CAP_SYS_ADMIN, ENOPROTOOPT if the kernel was built without
        CONFIG_CRYPTO_USER_API_RNG_CAVP. Source: ALG_SET_DRBG_ENTROPY.
        """
        _set(self, ALG_SET_DRBG_ENTROPY, entropy)

    # hash

    def hasher(self) -> Hasher:
        """Return a digest like hashlib's, to feed in pieces; close it, or use it in ``with``."""
        _check_kind(self, "hasher", "hash")
        return Hasher(self)

    def digest(self, data: Any) -> bytes:
        """Return the digest of ``data`` (bytes-like, of any size), for HMAC with the key set.

        OSError ENOKEY if the algorithm needs a key and has none.
        """
        _check_kind(self, "digest", "hash")
        with _Opened(self, Hasher) as hasher:
            hasher.update(data)
            return requests.end(hasher)

    # skcipher

    def encrypt(self, data: Any, iv: Any = b"") -> bytes:
        """Return ``data`` encrypted by a cipher in one request, under ``iv`` if its mode has one.

        Without an ``iv`` the kernel uses zeros. TypeError if an argument is not bytes-like, OSError
        EINVAL for part of a block, ValueError for more data than one request takes: this socket's
        SO_SNDBUF or SO_RCVBUF, 208 KiB unless changed.
        """
        return _crypt(self, ALG_OP_ENCRYPT, data, iv)

    def decrypt(self, data: Any, iv: Any = b"") -> bytes:
        """Return ``data`` decrypted by a cipher, as in `encrypt`."""
        return _crypt(self, ALG_OP_DECRYPT, data, iv)

    def encryptor(self, iv: Any = b"") -> Cipher:
        """Return an encryption of any length, piece by piece; close it, or use it in ``with``.

        Only for modes that carry their state in the IV, from block to block: ValueError for one
        that gives another result in pieces, as XTS, ciphertext stealing and ChaCha20 do. A trial
        of 256 bytes, in one piece and in several, tells. Errors are those of `encrypt`.
        """
        return _in_pieces(self, "encryptor", ALG_OP_ENCRYPT, iv)

    def decryptor(self, iv: Any = b"") -> Cipher:
        """Return a decryption of any length, piece by piece, as `encryptor`."""
        return _in_pieces(self, "decryptor", ALG_OP_DECRYPT, iv)

    # aead

    def seal(
        self, plaintext: Any, iv: Any, associated: Any = b"", tag_bytes: int = _TAG_BYTES
    ) -> bytes:
        """Encrypt and authenticate by an AEAD; return the ciphertext and its tag.

        ``associated`` data is authenticated too and not part of the result. OSError EINVAL if the
        algorithm does not take the sizes, ValueError for more than one request takes.
        """
        view = requests.octets("seal(): AF_ALG plaintext", plaintext)
        return _aead(self, "seal", view, view.nbytes + tag_bytes, iv, associated, tag_bytes)

    def unseal(
        self, sealed: Any, iv: Any, associated: Any = b"", tag_bytes: int = _TAG_BYTES
    ) -> bytes:
        """Return the plaintext of the result of `seal`.

        OSError EBADMSG if the data, the iv, the associated data or the key differs from that of
        `seal`; ValueError if the data is shorter than its tag.
        """
        view = requests.octets("unseal(): AF_ALG sealed data", sealed)
        size = view.nbytes - tag_bytes
        if size < 0:
            raise ValueError(
                f"unseal(): AF_ALG sealed data must be at least {tag_bytes} bytes of tag, not "
                f"{size + tag_bytes}"
            )
        try:
            return _aead(self, "unseal", view, size, iv, associated, tag_bytes)
        except OSError as error:
            if error.errno != errno.EBADMSG:
                raise
            raise OSError(
                errno.EBADMSG,
                "AF_ALG authentication failed: the sealed data, iv, associated data or key differs",
            ) from None

    # rng

    def random(self, size_bytes: int) -> bytes:
        """Return ``size_bytes`` (0-9223372036854775807) from a generator, seeded by `set_key`.

        OverflowError for a size out of range; OSError as the generator fails: most give nothing
        before they are seeded.
        """
        size = codecs.check_int("random(): AF_ALG size_bytes", size_bytes, sys.maxsize)
        _check_kind(self, "random", "rng")
        with _Opened(self, Request) as request:
            return requests.random(request, size)

    # All of them

    def algorithms(self) -> tuple[Algorithm, ...]:
        """Return the algorithms in /proc/crypto, as `famsock_alg.algorithms.algorithms` does."""
        from famsock_alg.algorithms import algorithms

        return algorithms()

    def sendmsg_afalg(
        self,
        msg: Iterable[Any] = (),
        *,
        op: int | None = None,
        iv: Any = None,
        assoclen: int | None = None,
        flags: int = 0,
    ) -> int:
        """Send ``msg`` with control messages, as the stdlib's ``sendmsg_afalg``.

        ``msg`` is an iterable of bytes-like objects, ``op`` ALG_OP_ENCRYPT or ALG_OP_DECRYPT,
        ``iv`` bytes-like, ``assoclen`` in bytes (``op`` and ``assoclen`` are 0-4294967295), and
        ``flags`` are MSG_*. Returns the number of bytes sent. It is here on a Python that was built
        without it, too. TypeError without ``op`` or for a negative number, OverflowError for one
        that is too large; OSError as sendmsg(2) fails.
        """
        if op is None or (operation := index(op)) < 0:
            raise TypeError("Invalid or missing argument 'op'")
        items = [ALG_SET_OP(operation).pack()]
        if iv is not None:
            vector = requests.octets("sendmsg_afalg(): AF_ALG iv", iv).tobytes()
            items.append(ALG_SET_IV(vector).pack())
        if assoclen is not None:
            if (ahead := index(assoclen)) < 0:
                raise TypeError("assoclen must be positive")
            items.append(ALG_SET_AEAD_ASSOCLEN(ahead).pack())
        return self.sendmsg(msg, items, flags)


def _state_of(sock: AlgSocket) -> _State:
    """Return the state of a socket; without the requests of threads that a fork left behind."""
    state = sock.protocol_state(_State)
    if state.pid != os.getpid():
        state.__init__(state.kind)  # type: ignore[misc]
    return state


def _check_kind(sock: AlgSocket, operation: str, wanted: str) -> None:
    """Refuse an operation of another type of algorithm: some would give a result all the same."""
    state = sock.protocol_state(_State)
    if state.kind == wanted:
        return
    kind = state.kind = state.kind or requests.kind_of(sock)
    if kind not in ("", wanted):
        raise ValueError(
            f"{operation}(): AF_ALG socket must be bound to type {wanted!r}, not {kind!r}"
        )


def _set(sock: AlgSocket, option: Option[Any], value: Any) -> None:
    """Set an option between the requests of other threads."""
    state = _state_of(sock)
    with state.lock:
        state.wait_for_others()
        sock.set_option(option, value)


class _Opened(Generic[_R]):
    """An open request, of an AEAD with the size of its tag, which is set if none is open.

    Its size is set each time, as others may set it: by setsockopt, or by a copy of the descriptor.
    """

    __slots__ = ("_make", "_request", "_sock", "_state", "_tag_bytes")

    def __init__(
        self, sock: AlgSocket, make: Callable[[AlgSocket], _R], tag_bytes: int | None = None
    ) -> None:
        self._sock, self._make, self._tag_bytes = sock, make, tag_bytes
        self._state = _state_of(sock)

    def __enter__(self) -> _R:
        sock, state, tag_bytes = self._sock, self._state, self._tag_bytes
        with state.lock:
            if tag_bytes is not None and not (state.open and state.tag_bytes == tag_bytes):
                state.wait_for_others()
                sock.set_option(ALG_SET_AEAD_AUTHSIZE, tag_bytes)
                state.tag_bytes = tag_bytes
            self._request = request = self._make(sock)
            state.open.append(get_ident())
        return request

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._request.__exit__(kind, error, traceback)
        finally:
            state = self._state
            with state.lock:
                state.open.remove(get_ident())
                if state.waiting:
                    state.turn.notify_all()


def _in_pieces(sock: AlgSocket, name: str, operation: int, iv: Any) -> Cipher:
    control = requests.start(operation, iv)
    _check_kind(sock, name, "skcipher")

    def make(bound: AlgSocket) -> Cipher:
        return Cipher(bound, operation, iv)

    with _Opened(sock, Request) as whole, _Opened(sock, make) as pieces:
        if not requests.gives_the_same_in_pieces(whole, pieces, control):
            other = name.removesuffix("or")
            raise ValueError(
                f"{name}(): AF_ALG algorithm gives another result in pieces; use {other}()"
            )
    return make(sock)


def _crypt(sock: AlgSocket, operation: int, data: Any, iv: Any) -> bytes:
    name = "encrypt" if operation == ALG_OP_ENCRYPT else "decrypt"
    view = requests.octets(f"{name}(): AF_ALG data", data)
    control = requests.start(operation, iv)
    _check_kind(sock, name, "skcipher")
    if not view:
        return b""
    with _Opened(sock, Request) as request:
        return requests.transform(request, control, [view], view.nbytes)


def _aead(
    sock: AlgSocket,
    name: str,
    data: memoryview,
    result_bytes: int,
    iv: Any,
    associated: Any,
    tag_bytes: int,
) -> bytes:
    header = requests.octets("AF_ALG associated data", associated)
    operation = ALG_OP_ENCRYPT if name == "seal" else ALG_OP_DECRYPT
    control = [*requests.start(operation, iv), ALG_SET_AEAD_ASSOCLEN(header.nbytes)]
    _check_kind(sock, name, "aead")
    # The result begins with the associated data, or space for it.
    result_bytes += header.nbytes
    with _Opened(sock, Request, tag_bytes) as request:
        made = requests.transform(request, control, [header, data], result_bytes)
    return made[header.nbytes :]
