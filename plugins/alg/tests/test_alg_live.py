"""Against the kernel, checked by hashlib, hmac and cryptography."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import hmac
import os
import socket as stdlib
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from famsock_alg.addresses import AlgAddress
from famsock_alg.constants import (
    AF_ALG,
    ALG_OP_DECRYPT,
    ALG_OP_ENCRYPT,
    ALG_SET_AEAD_AUTHSIZE,
)
from famsock_alg.control import ALG_SET_IV, ALG_SET_OP
from famsock_alg.requests import Hasher
from famsock_alg.sockets import AlgSocket

import famsock
from famsock import RawAddress
from famsock.testing import requirements

EXAMPLE = Path(__file__).parents[3] / "examples" / "alg.py"
DATA = bytes(range(256)) * 1200
KEY, IV, NONCE = bytes(range(32)), bytes(range(16)), bytes(range(12))

pytestmark = [pytest.mark.needs_family("AF_ALG"), pytest.mark.usefixtures("alarm", "descriptors")]

Bound = Callable[..., AlgSocket]


@pytest.fixture
def bound(request: pytest.FixtureRequest) -> Bound:
    """Open a socket bound to an algorithm, with a key if one is given."""

    def bind(type: str, name: str, key: bytes | None = None) -> AlgSocket:
        sock = AlgSocket()
        request.addfinalizer(sock.close)
        sock.bind(AlgAddress(type, name))
        if key is not None:
            sock.set_key(key)
        return sock

    return bind


class TestHash:
    @pytest.mark.parametrize("timeout_s", [None, 5.0, 0.0])
    def test_of_any_size_is_one_request_that_nothing_waits_for(
        self, bound: Bound, monkeypatch: pytest.MonkeyPatch, timeout_s: float | None
    ) -> None:
        sock = bound("hash", "sha256")
        opened: list[AlgSocket] = []

        def accept(self: AlgSocket) -> Any:
            opened.append(self)
            return super(AlgSocket, self).accept()

        monkeypatch.setattr(AlgSocket, "accept", accept, raising=False)
        before = stdlib.getdefaulttimeout()
        stdlib.setdefaulttimeout(timeout_s)
        try:
            for size in (0, 1, 64, 4095, 4096, 4097, 300_000):
                data = os.urandom(size)
                for given in (data, bytearray(data), memoryview(data)):
                    assert sock.digest(given) == hashlib.sha256(data).digest(), size
        finally:
            stdlib.setdefaulttimeout(before)
        assert opened == [sock] * 21

    @pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512", "sha3-256"])
    def test_as_hashlib(self, bound: Bound, name: str) -> None:
        algorithm = bound("hash", name)
        for data in (b"", b"abc", DATA):
            expected = hashlib.new(name.replace("-", "_"), data, usedforsecurity=False)
            assert algorithm.digest(data) == expected.digest()

    def test_hmac(self, bound: Bound) -> None:
        algorithm = bound("hash", "hmac(sha256)", b"key")
        for data in (b"", DATA):
            assert algorithm.digest(data) == hmac.digest(b"key", data, "sha256")

    def test_a_missing_key_is_told(self, bound: Bound) -> None:
        with pytest.raises(OSError, match="key not available") as caught:
            bound("hash", "hmac(sha256)").digest(b"x")
        assert caught.value.errno == errno.ENOKEY
        assert "set_key" in caught.value.__notes__[0]

    def test_piece_by_piece(self, bound: Bound) -> None:
        reference = hashlib.sha256()
        with bound("hash", "sha256").hasher() as hasher:
            assert hasher.digest() == reference.digest()
            for piece in (b"a", b"", DATA, memoryview(DATA)[1:7]):
                hasher.update(piece)
                reference.update(piece)
                assert hasher.digest() == reference.digest()
            with hasher.copy() as other:
                other.update(b"other")
                hasher.update(b"own")
                reference.update(b"own")
                assert hasher.hexdigest() == reference.hexdigest()
                assert other.digest() != reference.digest()


Mode = modes.CBC | modes.CTR | modes.ECB | modes.XTS
MODES: tuple[tuple[str, Mode, bytes], ...] = (
    ("cbc(aes)", modes.CBC(IV), IV),
    ("ctr(aes)", modes.CTR(IV), IV),
    ("ecb(aes)", modes.ECB(), b""),
)


def encrypted(mode: Mode, data: bytes, key: bytes = KEY) -> bytes:
    """Return what cryptography makes of ``data``."""
    encryptor = Cipher(algorithms.AES(key), mode).encryptor()
    return encryptor.update(data) + encryptor.finalize()


class TestCipher:
    @pytest.mark.parametrize(("name", "mode", "iv"), MODES, ids=lambda value: str(value)[:8])
    def test_as_cryptography(self, bound: Bound, name: str, mode: Mode, iv: bytes) -> None:
        algorithm = bound("skcipher", name, KEY)
        for size in (0, 16, 4096, 200_000 // 16 * 16):
            ciphertext = encrypted(mode, DATA[:size])
            assert algorithm.encrypt(DATA[:size], iv) == ciphertext
            assert algorithm.decrypt(ciphertext, iv) == DATA[:size]

    @pytest.mark.parametrize(("name", "mode", "iv"), MODES, ids=lambda value: str(value)[:8])
    def test_piece_by_piece(self, bound: Bound, name: str, mode: Mode, iv: bytes) -> None:
        algorithm = bound("skcipher", name, KEY)
        ciphertext = encrypted(mode, DATA)
        for direction, source, result in (
            (algorithm.encryptor, DATA, ciphertext),
            (algorithm.decryptor, ciphertext, DATA),
        ):
            made = b""
            with direction(iv) as cipher:
                for start in range(0, len(source), 99_999):
                    made += cipher.update(source[start : start + 99_999])
                made += cipher.finish()
            assert made == result

    def test_pieces_smaller_than_a_block(self, bound: Bound) -> None:
        made = b""
        with bound("skcipher", "cbc(aes)", KEY).encryptor(IV) as cipher:
            for octet in DATA[:64]:
                made += cipher.update(bytes([octet]))
            made += cipher.finish()
        assert made == encrypted(modes.CBC(IV), DATA[:64])

    def test_xts_in_one_piece_up_to_the_limit(self, bound: Bound) -> None:
        key = bytes(range(64))
        algorithm = bound("skcipher", "xts(aes)", key)
        for size in (16, 4096, 212_992):
            assert algorithm.encrypt(DATA[:size], IV) == encrypted(modes.XTS(IV), DATA[:size], key)

    def test_more_than_one_request_takes(self, bound: Bound) -> None:
        with pytest.raises(ValueError, match="at most 212992 bytes in one request, not 307200"):
            bound("skcipher", "cbc(aes)", KEY).encrypt(DATA, IV)

    def test_larger_buffers_of_the_bound_socket_make_room(self, bound: Bound) -> None:
        with AlgSocket() as sock:
            sock.bind(("skcipher", "cbc(aes)"))
            sock.set_key(KEY)
            for option in (stdlib.SO_SNDBUF, stdlib.SO_RCVBUF):
                sock.setsockopt(stdlib.SOL_SOCKET, option, 212_992)
            assert sock.encrypt(DATA, IV) == encrypted(modes.CBC(IV), DATA)

    @pytest.mark.parametrize(("data", "iv"), [(b"x" * 17, IV), (b"x" * 16, IV[:15])])
    def test_sizes_that_the_algorithm_refuses(self, bound: Bound, data: bytes, iv: bytes) -> None:
        with pytest.raises(OSError, match="Invalid argument") as caught:
            bound("skcipher", "cbc(aes)", KEY).encrypt(data, iv)
        assert "does not take this size" in caught.value.__notes__[0]

    def test_part_of_a_block_at_the_end(self, bound: Bound) -> None:
        with bound("skcipher", "cbc(aes)", KEY).encryptor(IV) as cipher:
            assert len(cipher.update(b"x" * 17)) == 16
            with pytest.raises(OSError, match="Invalid argument"):
                cipher.finish()

    @pytest.mark.parametrize("key", [b"", b"x" * 15, b"x" * 33])
    def test_a_key_of_the_wrong_size(self, bound: Bound, key: bytes) -> None:
        with pytest.raises(OSError, match="Invalid argument"):
            bound("skcipher", "cbc(aes)", key)


class TestAead:
    @pytest.mark.parametrize("size", [0, 1, 4096, 200_000])
    @pytest.mark.parametrize("associated", [b"", b"header"])
    def test_gcm_as_cryptography(self, bound: Bound, size: int, associated: bytes) -> None:
        algorithm = bound("aead", "gcm(aes)", KEY)
        sealed = AESGCM(KEY).encrypt(NONCE, DATA[:size], associated)
        assert algorithm.seal(DATA[:size], NONCE, associated) == sealed
        assert algorithm.unseal(sealed, NONCE, associated) == DATA[:size]

    def test_ccm_as_cryptography(self, bound: Bound) -> None:
        # RFC 3610: the kernel's IV is the length of the length field less one, then the nonce.
        algorithm = bound("aead", "ccm(aes)", KEY)
        nonce = NONCE[:11]
        iv = b"\x03" + nonce + bytes(4)
        sealed = AESCCM(KEY, tag_length=8).encrypt(nonce, b"plain", b"header")
        assert algorithm.seal(b"plain", iv, b"header", tag_bytes=8) == sealed
        assert algorithm.unseal(sealed, iv, b"header", tag_bytes=8) == b"plain"

    @pytest.mark.parametrize("plaintext", [b"", b"plaintext"])
    @pytest.mark.parametrize("wrong", ["sealed", "iv", "associated", "key"])
    def test_what_was_changed_is_refused(self, bound: Bound, plaintext: bytes, wrong: str) -> None:
        sealed = AESGCM(KEY).encrypt(NONCE, plaintext, b"header")
        given = {"sealed": sealed, "iv": NONCE, "associated": b"header", "key": KEY}
        given[wrong] = given[wrong][:-1] + bytes([given[wrong][-1] ^ 1])
        algorithm = bound("aead", "gcm(aes)", given["key"])
        with pytest.raises(OSError, match="AF_ALG authentication failed") as caught:
            algorithm.unseal(given["sealed"], given["iv"], given["associated"])
        assert caught.value.errno == errno.EBADMSG

    def test_a_result_that_is_longer_than_one_request_takes(self, bound: Bound) -> None:
        algorithm = bound("aead", "gcm(aes)", KEY)
        most = 212_992
        with pytest.raises(
            ValueError, match=f"at most {most} bytes in one request, not {most + 1}"
        ):
            algorithm.seal(DATA[: most - 15], NONCE)
        assert len(algorithm.seal(DATA[: most - 16], NONCE)) == most

    def test_less_than_a_tag(self, bound: Bound) -> None:
        with pytest.raises(ValueError, match="at least 16 bytes of tag, not 15"):
            bound("aead", "gcm(aes)", KEY).unseal(bytes(15), NONCE)

    def test_a_tag_that_the_algorithm_does_not_have(self, bound: Bound) -> None:
        with pytest.raises(OSError, match="Invalid argument"):
            bound("aead", "gcm(aes)", KEY).seal(b"x", NONCE, tag_bytes=3)


class TestRandom:
    def test_seeded(self, bound: Bound) -> None:
        algorithm = bound("rng", "stdrng", os.urandom(48))
        draws = [algorithm.random(size) for size in (0, 1, 128, 129, 1000)]
        assert [len(draw) for draw in draws] == [0, 1, 128, 129, 1000]
        assert algorithm.random(32) != algorithm.random(32)

    def test_the_same_seed_gives_the_same_numbers(self, bound: Bound) -> None:
        seed = bytes(range(48))
        draws = {bound("rng", "ansi_cprng", seed).random(64) for _ in range(2)}
        assert len(draws) == 1

    def test_unseeded(self, bound: Bound) -> None:
        with pytest.raises(OSError, match="Invalid argument") as caught:
            bound("rng", "stdrng").random(8)
        assert "not seeded" in caught.value.__notes__[0]


def words() -> set[str]:
    """Return state that a socket may keep."""
    return set()


class TestSocket:
    def test_no_such_algorithm(self, bound: Bound) -> None:
        for type, name in (("hash", "nope"), ("nope", "sha256"), ("hash", "n" * 103)):
            with pytest.raises(FileNotFoundError) as caught:
                bound(type, name)
            assert "modprobe" in caught.value.__notes__[0]

    def test_a_name_that_the_stdlib_cannot_write(self, bound: Bound) -> None:
        name = "seqiv(authencesn(hmac(sha512-generic),rfc3686(ctr(aes-generic))))"
        assert len(name) == 65
        bound("aead", name)
        with AlgSocket() as sock:
            sock.bind(AlgAddress("aead", name, feat=0, mask=0))
            with pytest.raises(ValueError, match="name too long"):
                sock.bind(("aead", name))

    def test_accept_gives_no_address(self, bound: Bound) -> None:
        with AlgSocket() as sock:
            sock.bind(("hash", "sha256"))
            request, address = sock.accept()
            with request:
                assert address is None
                request.sendall(b"abc")
                assert request.recv(512) == hashlib.sha256(b"abc").digest()

    def test_a_request_by_hand(self) -> None:
        with AlgSocket() as sock:
            sock.bind(("skcipher", "cbc(aes)"))
            sock.setsockopt(279, 1, KEY)
            request, _ = sock.accept()
            with request:
                control = (ALG_SET_OP(ALG_OP_ENCRYPT), ALG_SET_IV(IV))
                request.send_message(DATA[:32], control=control)
                assert request.recv(32) == encrypted(modes.CBC(IV), DATA[:32])

    def test_accept_gives_a_socket_of_the_class_with_state_of_its_own(self, bound: Bound) -> None:
        algorithm = bound("hash", "sha256")
        algorithm.protocol_state(words).add("the listener's")
        request, _ = algorithm.accept()
        with request, request.dup() as copy:
            assert type(request) is type(copy) is AlgSocket
            assert request.protocol_state(words) == copy.protocol_state(words) == set()
            request.sendall(b"abc", stdlib.MSG_MORE)
            assert request.digest(b"def") == hashlib.sha256(b"abcdef").digest()

    def test_a_plain_socket_accepts_plain_ones(self) -> None:
        with famsock.socket(AF_ALG, stdlib.SOCK_SEQPACKET) as sock:
            sock.bind(("hash", "sha256"))
            request, address = sock.accept()
            with request:
                assert (type(request), address) == (famsock.socket, None)
                assert sock.operations.digest(b"abc") == hashlib.sha256(b"abc").digest()
                assert type(sock) is AlgSocket
                assert request.operations is request
                assert type(request) is AlgSocket

    @pytest.mark.parametrize("ours", [False, True], ids=["stdlib", "famsock"])
    def test_sendmsg_afalg_is_the_stdlibs_and_ours_alike(self, ours: bool) -> None:
        ciphertext = encrypted(modes.CBC(IV), DATA[:32])
        with AlgSocket() as sock:
            sock.bind(("skcipher", "cbc(aes)"))
            sock.set_key(KEY)
            request, _ = sock.accept()
            with request:
                cls: Any = AlgSocket if ours else stdlib.socket
                send = partial(cls.sendmsg_afalg, request)
                assert send([DATA[:32]], op=ALG_OP_ENCRYPT, iv=IV) == 32
                assert request.recv(32) == ciphertext
                assert send(op=ALG_OP_DECRYPT, iv=IV, flags=stdlib.MSG_MORE) == 0
                request.sendall(ciphertext)
                assert request.recv(32) == DATA[:32]
                for wrong in ({}, {"op": -1}, {"op": 1, "assoclen": -1}, {"op": "x"}):
                    with pytest.raises(TypeError):
                        send([b""], **wrong)

    def test_options_with_a_request_open(self, bound: Bound) -> None:
        algorithm = bound("skcipher", "cbc(aes)", KEY)
        with algorithm.encryptor(IV), pytest.raises(OSError, match="busy") as caught:
            algorithm.set_key(KEY)
        assert "close the sockets" in caught.value.__notes__[0]
        algorithm.set_key(KEY)

    def test_entropy_is_for_kernels_built_to_test(self, bound: Bound) -> None:
        with pytest.raises(OSError, match="Protocol not available"):
            bound("rng", "stdrng").set_entropy(bytes(48))

    def test_a_key_from_the_keyring(self, bound: Bound) -> None:
        algorithm = bound("skcipher", "cbc(aes)")
        serial = add_key(b"user", f"famsock-{os.getpid()}".encode(), KEY)
        if requirements.kernel("6.2"):
            with pytest.raises(OSError, match="Protocol not available"):
                algorithm.set_key_by_serial(serial)
            return
        algorithm.set_key_by_serial(serial)
        assert algorithm.encrypt(DATA[:16], IV) == encrypted(modes.CBC(IV), DATA[:16])
        with pytest.raises(OSError, match="key not available"):
            algorithm.set_key_by_serial(1)

    def test_a_cipher_of_one_block_function_is_listed_as_one_that_can_be_bound(
        self, bound: Bound
    ) -> None:
        bound("skcipher", "ecb(aes-generic)", KEY)
        driver = next(
            a for a in bound("rng", "stdrng").algorithms() if a.driver == "ecb(aes-generic)"
        )
        assert driver.address == AlgAddress("skcipher", "ecb(aes-generic)")
        lskcipher = not requirements.kernel("6.7")
        assert driver.kind == ("lskcipher" if lskcipher else "skcipher")

    def test_what_the_kernel_lists_can_be_bound(self, bound: Bound) -> None:
        bound("hash", "sha256")
        listed = bound("skcipher", "cbc(aes)").algorithms()
        assert {"hash", "skcipher"} <= {algorithm.type for algorithm in listed}
        sha256 = next(a for a in listed if a.name == "sha256" and a.type)
        assert sha256.digest_bytes == 32
        assert bound("hash", sha256.driver).digest(b"x") == hashlib.sha256(b"x").digest()


SEALED: bytes = AESGCM(KEY).encrypt(NONCE, b"x" * 32, b"")
ALGORITHMS = {
    "hash": "sha256",
    "skcipher": "cbc(aes)",
    "aead": "gcm(aes)",
    "rng": "stdrng",
}
OPERATIONS: dict[str, tuple[str, Callable[[AlgSocket], object]]] = {
    "hasher": ("hash", lambda sock: sock.hasher().close()),
    "digest": ("hash", lambda sock: sock.digest(b"x" * 32)),
    "digest of nothing": ("hash", lambda sock: sock.digest(b"")),
    "encrypt": ("skcipher", lambda sock: sock.encrypt(b"x" * 32, IV)),
    "encrypt of nothing": ("skcipher", lambda sock: sock.encrypt(b"")),
    "decrypt": ("skcipher", lambda sock: sock.decrypt(b"x" * 32, IV)),
    "encryptor": ("skcipher", lambda sock: sock.encryptor(IV).close()),
    "decryptor": ("skcipher", lambda sock: sock.decryptor(IV).close()),
    "seal": ("aead", lambda sock: sock.seal(b"x" * 32, NONCE)),
    "unseal": ("aead", lambda sock: sock.unseal(SEALED, NONCE)),
    "random": ("rng", lambda sock: sock.random(32)),
    "random of nothing": ("rng", lambda sock: sock.random(0)),
}
KEYS = {"skcipher": KEY, "aead": KEY, "rng": bytes(48)}


def bound_by_hand(kind: str) -> famsock.socket:
    """A plain socket: its class has not seen to what it was bound."""
    sock = famsock.socket(AF_ALG, stdlib.SOCK_SEQPACKET)
    sock.bind((kind, ALGORITHMS[kind]))
    if kind in KEYS:
        sock.setsockopt(279, 1, KEYS[kind])
    return sock


class TestKinds:
    @pytest.mark.parametrize("seen", [True, False], ids=["bound", "found"])
    @pytest.mark.parametrize("kind", ALGORITHMS)
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_an_operation_is_for_its_kind(
        self, bound: Bound, operation: str, kind: str, seen: bool
    ) -> None:
        wanted, call = OPERATIONS[operation]
        name = operation.split()[0]
        plain = bound_by_hand(kind)
        with plain:
            algorithm = plain.operations
            if seen:
                algorithm = bound(kind, ALGORITHMS[kind], KEYS.get(kind))
            if wanted == kind:
                call(algorithm)
                call(algorithm)
                return
            with pytest.raises(
                ValueError, match=rf"^{name}\(\): .* bound to type '{wanted}', not '{kind}'$"
            ):
                call(algorithm)

    @pytest.mark.parametrize("kind", ["hash", "skcipher", "rng"])
    def test_what_has_no_key_yet_is_found_too(self, kind: str) -> None:
        names = ALGORITHMS | {"hash": "hmac(sha256)"}
        with famsock.socket(AF_ALG, stdlib.SOCK_SEQPACKET) as plain:
            plain.bind((kind, names[kind]))
            with pytest.raises(ValueError, match=f"'aead', not '{kind}'"):
                plain.operations.seal(b"", NONCE)

    def test_what_is_bound_again_is_of_the_other_kind(self) -> None:
        with AlgSocket() as sock:
            for kind, address in (
                ("hash", ("hash", "sha256")),
                ("rng", AlgAddress("rng", "stdrng")),
                ("hash", RawAddress(AF_ALG, AlgAddress("hash", "sha256").pack()[2:])),
            ):
                sock.bind(address)
                for operation in ("digest", "random"):
                    wanted, call = OPERATIONS[operation]
                    if wanted != kind:
                        with pytest.raises(ValueError, match=f"not '{kind}'"):
                            call(sock)
                        continue
                    if kind == "rng":
                        sock.set_key(bytes(48))
                    call(sock)

    def test_a_socket_that_is_not_bound(self) -> None:
        for _, call in OPERATIONS.values():
            with AlgSocket() as sock, pytest.raises(OSError, match="Invalid argument"):
                call(sock)

    @pytest.mark.parametrize("name", ["xts(aes)", "cts(cbc(aes))"])
    @pytest.mark.parametrize("direction", ["encryptor", "decryptor"])
    def test_what_gives_another_result_in_pieces_is_refused(
        self, bound: Bound, name: str, direction: str
    ) -> None:
        algorithm, iv = bound("skcipher", name, bytes(range(64 if "xts" in name else 32))), IV
        other = direction.removesuffix("or")
        with pytest.raises(ValueError, match=rf"^{direction}\(\): .* in pieces; use {other}\(\)$"):
            getattr(algorithm, direction)(iv)
        assert algorithm.decrypt(algorithm.encrypt(DATA[:4096], iv), iv) == DATA[:4096]

    def test_every_cipher_is_refused_in_pieces_or_gives_the_same(self, bound: Bound) -> None:
        listed = {a.name: a for a in bound("hash", "sha256").algorithms() if a.type == "skcipher"}
        kept = refused = 0
        for name, algorithm in listed.items():
            sock = bound("skcipher", name)
            try:
                sock.set_key(os.urandom(algorithm.key_bytes_max or 0))
            except OSError:
                continue  # its keys are not any bytes
            iv = os.urandom(algorithm.iv_bytes or 0)
            try:
                expected = sock.encrypt(DATA[:4096], iv)
            except OSError:
                continue
            try:
                cipher = sock.encryptor(iv)
            except ValueError:
                refused += 1
                continue
            made = b""
            with cipher:
                for start in range(0, 4096, 1000):
                    made += cipher.update(DATA[start : min(start + 1000, 4096)])
                made += cipher.finish()
            assert made == expected, name
            kept += 1
        assert kept >= 3
        assert refused >= 1

    def test_a_trial_tells_of_a_missing_key_or_a_wrong_iv(self, bound: Bound) -> None:
        with pytest.raises(OSError, match="key not available"):
            bound("skcipher", "cbc(aes)").encryptor(IV)
        with pytest.raises(OSError, match="Invalid argument"):
            bound("skcipher", "cbc(aes)", KEY).encryptor(IV[:7])


def set_by_setsockopt(sock: AlgSocket, size_bytes: int) -> None:
    sock.setsockopt(279, ALG_SET_AEAD_AUTHSIZE, None, size_bytes)


def set_by_a_copy(sock: AlgSocket, size_bytes: int) -> None:
    with sock.dup() as copy:
        copy.set_authentication_size(size_bytes)


SIZES: dict[str, Callable[[AlgSocket, int], object]] = {
    "set_authentication_size": AlgSocket.set_authentication_size,
    "set_option": lambda sock, size: sock.set_option("ALG_SET_AEAD_AUTHSIZE", size),
    "setsockopt": set_by_setsockopt,
    "the stdlib's setsockopt": lambda sock, size: stdlib.socket.setsockopt(
        sock, 279, ALG_SET_AEAD_AUTHSIZE, None, size
    ),
    "a copy": set_by_a_copy,
    "another seal": lambda sock, size: sock.seal(b"", NONCE, tag_bytes=size),
}


class TestSharing:
    @pytest.mark.parametrize("change", SIZES.values(), ids=SIZES)
    @pytest.mark.parametrize("size", [4, 8, 12, 15, 16])
    def test_the_tags_size_is_that_of_the_call(
        self, bound: Bound, change: Callable[[AlgSocket, int], object], size: int
    ) -> None:
        algorithm = bound("aead", "gcm(aes)", KEY)
        sealed = AESGCM(KEY).encrypt(NONCE, DATA[:100], b"header")
        for tag_bytes in (16, 12, 16):
            short = sealed[: 100 + tag_bytes]
            change(algorithm, size)
            assert algorithm.seal(DATA[:100], NONCE, b"header", tag_bytes) == short
            change(algorithm, size)
            assert algorithm.unseal(short, NONCE, b"header", tag_bytes) == DATA[:100]

    def test_threads_seal_with_different_sizes(self, bound: Bound) -> None:
        algorithm = bound("aead", "gcm(aes)", KEY)
        sealed = AESGCM(KEY).encrypt(NONCE, DATA[:4096], b"")
        together = threading.Barrier(4)

        def work(tag_bytes: int) -> None:
            together.wait(60)
            for _ in range(100):
                made = algorithm.seal(DATA[:4096], NONCE, tag_bytes=tag_bytes)
                assert made == sealed[: 4096 + tag_bytes]
                assert algorithm.unseal(made, NONCE, tag_bytes=tag_bytes) == DATA[:4096]

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, (16, 12, 16, 8)))

    def test_threads_set_keys_and_make_requests(self, bound: Bound) -> None:
        algorithms = bound("hash", "hmac(sha256)", b"key"), bound("skcipher", "cbc(aes)", KEY)
        together = threading.Barrier(3)

        def work(number: int) -> None:
            together.wait(60)
            for _ in range(100):
                algorithms[0].set_key(b"key")
                assert algorithms[0].digest(DATA) == hmac.digest(b"key", DATA, "sha256")
                algorithms[1].set_key(KEY)
                algorithms[1].decrypt(algorithms[1].encrypt(DATA[:64], IV), IV)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(3)))

    def test_threads_share_a_hasher_and_a_cipher(self, bound: Bound) -> None:
        piece = DATA[:64_000]
        with (
            bound("hash", "sha256").hasher() as hasher,
            bound("skcipher", "ecb(aes)", KEY).encryptor() as cipher,
            ThreadPoolExecutor(4) as pool,
        ):
            list(pool.map(lambda _: hasher.update(piece), range(40)))
            assert hasher.digest() == hashlib.sha256(piece * 40).digest()
            expected = encrypted(modes.ECB(), piece)
            assert set(pool.map(lambda _: cipher.update(piece), range(40))) == {expected}

    @pytest.mark.filterwarnings("ignore:.* is multi-threaded:DeprecationWarning")  # on purpose
    def test_a_fork_under_a_request(self, bound: Bound, monkeypatch: pytest.MonkeyPatch) -> None:
        """The child does not wait for a thread that it does not have."""
        algorithm = bound("hash", "sha256")
        opened, forked = threading.Event(), threading.Event()
        update = Hasher.update

        def slow_update(hasher: Hasher, data: Any) -> None:
            opened.set()
            forked.wait(60)
            update(hasher, data)

        monkeypatch.setattr(Hasher, "update", slow_update)
        with ThreadPoolExecutor(1) as pool:
            digest = pool.submit(algorithm.digest, b"abc")
            opened.wait(60)
            child = os.fork()
            if not child:
                try:
                    algorithm.set_key(b"key")  # which sha256 does not have
                except OSError as error:
                    os._exit(error.errno or 0)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            forked.set()
            assert digest.result(60) == hashlib.sha256(b"abc").digest()
        assert os.waitstatus_to_exitcode(status) in (errno.EBUSY, errno.ENOPROTOOPT)

    def test_a_request_that_is_left_open_is_named(self, bound: Bound) -> None:
        algorithm = bound("aead", "gcm(aes)", KEY)
        accepted, _ = algorithm.accept()
        with accepted, pytest.raises(OSError, match="busy") as caught:
            algorithm.seal(b"", NONCE)
        assert caught.value.errno == errno.EBUSY
        assert "a socket of its own" in caught.value.__notes__[0]
        assert len(algorithm.seal(b"", NONCE)) == 16


def add_key(type: bytes, description: bytes, payload: bytes) -> int:
    """add_key(2) into the process's own keyring: the key's serial number."""
    libc = ctypes.CDLL(None, use_errno=True)
    process_keyring = ctypes.c_int(-2)
    serial: int = libc.syscall(248, type, description, payload, len(payload), process_keyring)
    if serial < 0:
        raise OSError(ctypes.get_errno(), "add_key")
    return serial


def test_the_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "sha256" in done.stdout
