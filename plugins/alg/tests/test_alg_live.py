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
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from famsock_alg.addresses import AlgAddress
from famsock_alg.constants import AF_ALG, ALG_OP_DECRYPT, ALG_OP_ENCRYPT
from famsock_alg.control import ALG_SET_IV, ALG_SET_OP
from famsock_alg.sockets import AlgSocket

import famsock
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
    """What cryptography makes of ``data``."""
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

    def test_the_tag_is_set_once_for_each_socket(
        self, bound: Bound, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        algorithm = bound("aead", "gcm(aes)", KEY)
        sizes: list[int] = []
        set_size = AlgSocket.set_authentication_size

        def counted(sock: AlgSocket, size_bytes: int) -> None:
            sizes.append(size_bytes)
            set_size(sock, size_bytes)

        monkeypatch.setattr(AlgSocket, "set_authentication_size", counted)
        for _ in range(2):
            algorithm.seal(b"x", NONCE)
        assert sizes == [16]
        with algorithm.dup() as copy:
            copy.seal(b"x", NONCE)
        assert sizes == [16, 16]

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
