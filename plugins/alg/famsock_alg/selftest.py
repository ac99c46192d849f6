"""Self-tests with the kernel's algorithms, each checked against an answer known beforehand."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from famsock.plugin import selftest
from famsock_alg.addresses import AlgAddress
from famsock_alg.sockets import AlgSocket

__all__ = [
    "aead",
    "hash",
    "rng",
    "skcipher",
]

_MESSAGE = b"what do ya want for nothing?"
_SEED_BYTES = 48


@contextmanager
def _bound(address: AlgAddress) -> Iterator[AlgSocket]:
    with AlgSocket() as sock:
        sock.bind(address)
        yield sock


@contextmanager
def hash() -> Iterator[selftest.RoundTrip]:
    """Yield a check of SHA-256 against hashlib."""
    with _bound(AlgAddress("hash", "sha256")) as algorithm:
        wanted = hashlib.sha256(_MESSAGE).digest()
        yield lambda: selftest.expect(algorithm.digest(_MESSAGE), wanted)


@contextmanager
def skcipher() -> Iterator[selftest.RoundTrip]:
    """Yield a check of AES-128 in CBC mode: the first vector of NIST SP 800-38A, F.2.1."""
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    iv = bytes(range(16))
    with _bound(AlgAddress("skcipher", "cbc(aes)")) as algorithm:
        algorithm.set_key(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))

        def round_trip() -> None:
            encrypted = algorithm.encrypt(plain, iv)
            selftest.expect(encrypted.hex(), "7649abac8119b246cee98e9b12e9197d")
            selftest.expect(algorithm.decrypt(encrypted, iv), plain)

        yield round_trip


@contextmanager
def aead() -> Iterator[selftest.RoundTrip]:
    """Yield a check of AES-128 in CCM mode: example 3 of NIST SP 800-38C.

    CCM is what the allow list of Linux 7.3 has.
    """
    plain, associated = bytes(range(0x20, 0x38)), bytes(range(20))
    iv = b"\2" + bytes(range(0x10, 0x1C)) + bytes(3)
    with _bound(AlgAddress("aead", "ccm(aes)")) as algorithm:
        algorithm.set_key(bytes(range(0x40, 0x50)))

        def round_trip() -> None:
            sealed = algorithm.seal(plain, iv, associated, tag_bytes=8)
            selftest.expect(sealed[:24].hex(), "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5")
            selftest.expect(sealed[24:].hex(), "484392fbc1b09951")
            selftest.expect(algorithm.unseal(sealed, iv, associated, tag_bytes=8), plain)

        yield round_trip


@contextmanager
def rng() -> Iterator[selftest.RoundTrip]:
    """Yield a check that two draws of the seeded default generator differ."""
    with _bound(AlgAddress("rng", "stdrng")) as algorithm:

        def round_trip() -> None:
            algorithm.set_key(os.urandom(_SEED_BYTES))
            selftest.sent(_SEED_BYTES)  # all that a generator takes
            draws = {algorithm.random(200), algorithm.random(200)}
            selftest.expect([len(draw) for draw in draws], [200, 200])

        yield round_trip
