"""Parts of AF_ALG that need no kernel: long names, control messages, the list of algorithms."""

from __future__ import annotations

import socket as stdlib
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from famsock_alg import algorithms
from famsock_alg.addresses import AlgAddress
from famsock_alg.constants import ALG_OP_ENCRYPT, SOL_ALG
from famsock_alg.control import ALG_SET_AEAD_ASSOCLEN, ALG_SET_IV, ALG_SET_OP
from famsock_alg.options import ALG_SET_AEAD_AUTHSIZE, ALG_SET_KEY
from famsock_alg.sockets import AlgSocket
from hypothesis import given
from hypothesis import strategies as st

import famsock

LISTING = """\
name         : gcm(aes)
driver       : generic-gcm-aesni
module       : aesni_intel
priority     : 400
refcnt       : 1
selftest     : passed
internal     : no
type         : aead
async        : no
blocksize    : 1
ivsize       : 12
maxauthsize  : 16
geniv        : <none>

name         : __cbc(aes)
driver       : __cbc-aes-aesni
module       : aesni_intel
priority     : 400
refcnt       : 1
selftest     : passed
internal     : yes
type         : skcipher
blocksize    : 16
min keysize  : 16
max keysize  : 32
ivsize       : 16
chunksize    : 16
walksize     : 16

name         : sha256
driver       : sha256-generic
module       : kernel
priority     : 100
refcnt       : 1
selftest     : passed
internal     : no
type         : shash
blocksize    : 64
digestsize   : 32

name         : ecb(arc4)
driver       : ecb(arc4)-generic
module       : arc4
priority     : 100
refcnt       : 1
selftest     : passed
internal     : no
type         : lskcipher
blocksize    : 1
min keysize  : 1
max keysize  : 256
ivsize       : 0
chunksize    : 1
statesize    : 1032

name         : deflate
driver       : deflate-generic
module       : kernel
type         : compression

"""


@pytest.mark.parametrize("name", ["//x", "//", "a://b", "[//]", "\\//"])
@pytest.mark.parametrize("type", ["hash", "a://b", ""])
def test_a_type_is_no_scheme(type: str, name: str) -> None:
    address = AlgAddress(type, name)
    assert AlgAddress.parse(str(address)) == address
    assert AlgAddress.parse(f"alg://{address}") == address


@pytest.mark.parametrize("size", [64, 80, 103])
def test_a_long_name_makes_a_longer_sockaddr(size: int) -> None:
    address = AlgAddress("hash", "n" * size)
    packed = address.pack()
    assert len(packed) == 24 + size + 1 <= 128
    assert packed[24:] == b"n" * size + b"\0"
    assert AlgAddress.parse(str(address)) == address


def test_a_long_name_comes_back_where_the_sockaddr_is_whole() -> None:
    address = AlgAddress("hash", "n" * 64)
    assert AlgAddress.unpack(address.pack()) == address


def test_the_iv_carries_its_length() -> None:
    level, number, data = ALG_SET_IV(b"abc").pack()
    assert (level, number, data) == (SOL_ALG, 2, struct.pack("=I3s", 3, b"abc"))
    assert ALG_SET_OP(ALG_OP_ENCRYPT).pack() == (SOL_ALG, 3, struct.pack("=I", 1))
    assert ALG_SET_AEAD_ASSOCLEN(20).pack() == (SOL_ALG, 4, struct.pack("=I", 20))


@given(st.binary(max_size=64))
def test_any_iv_survives(iv: bytes) -> None:
    codec = ALG_SET_IV.codec
    assert codec.decode(codec.encode(iv)) == iv
    assert codec.decode(codec.encode(iv) + b"more") == iv
    with pytest.raises(ValueError, match="needs the bytes"):
        codec.decode(codec.encode(iv + b"x")[:-1])


def test_an_iv_has_a_limit() -> None:
    with pytest.raises(ValueError, match="at most 4096 bytes, not 4097"):
        ALG_SET_IV(bytes(4097)).pack()


def test_the_authentication_size_is_a_length() -> None:
    assert ALG_SET_AEAD_AUTHSIZE.encode(12) == bytes(12)
    for value in (-1, 65536):
        with pytest.raises(OverflowError, match="ALG_SET_AEAD_AUTHSIZE must be 0-65535"):
            ALG_SET_AEAD_AUTHSIZE.encode(value)
    with pytest.raises(TypeError, match="ALG_SET_AEAD_AUTHSIZE"):
        ALG_SET_AEAD_AUTHSIZE.encode("12")  # type: ignore[arg-type]


def test_a_key_is_bytes() -> None:
    assert ALG_SET_KEY.encode(b"key") == b"key"
    with pytest.raises(TypeError, match="ALG_SET_KEY must be a bytes-like object, not str"):
        ALG_SET_KEY.encode("key")  # type: ignore[arg-type]


@contextmanager
def lookalike() -> Iterator[AlgSocket]:
    """Yield a socket that only looks like one of AF_ALG."""
    ours, other = stdlib.socketpair()
    with other, famsock.socket(38, stdlib.SOCK_SEQPACKET, 0, ours.detach()) as sock:
        yield sock.operations


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize(
    "wrong", ["text", 5, None, memoryview(b"abcd")[::2]], ids=["str", "int", "None", "strided"]
)
def test_what_is_no_bytes_is_refused_by_its_name(wrong: Any) -> None:
    with lookalike() as alg:
        for call, what in (
            (alg.encrypt, r"encrypt\(\): AF_ALG data"),
            (alg.decrypt, r"decrypt\(\): AF_ALG data"),
            (lambda data: alg.encrypt(b"x", data), "AF_ALG iv"),
            (alg.encryptor, "AF_ALG iv"),
            (lambda data: alg.seal(data, b"iv"), r"seal\(\): AF_ALG plaintext"),
            (lambda data: alg.seal(b"x", b"iv", data), "AF_ALG associated data"),
            (lambda data: alg.unseal(data, b"iv"), r"unseal\(\): AF_ALG sealed data"),
        ):
            with pytest.raises(TypeError, match=f"{what} must be a contiguous bytes-like object"):
                call(wrong)


def test_sizes_and_numbers_out_of_range() -> None:
    with lookalike() as alg:
        for wrong in (-1, sys.maxsize + 1):
            with pytest.raises(OverflowError, match=rf"size_bytes must be 0-\d+, not {wrong}"):
                alg.random(wrong)
        with pytest.raises(TypeError, match=r"size_bytes must be an integer .*, not float"):
            alg.random(2.5)  # type: ignore[arg-type]
        with pytest.raises(OverflowError, match="ALG_SET_OP must be 0-4294967295, not 4294967296"):
            alg.sendmsg_afalg(op=2**32)
        with pytest.raises(OverflowError, match="ASSOCLEN must be 0-4294967295, not 4294967296"):
            alg.sendmsg_afalg(op=1, assoclen=2**32)
        with pytest.raises(TypeError, match="AF_ALG iv must be a contiguous bytes-like object"):
            alg.sendmsg_afalg(op=1, iv="iv")


def test_constants_that_this_python_may_lack() -> None:
    assert famsock.ALG_SET_DRBG_ENTROPY == 6
    assert famsock.ALG_SET_KEY_BY_KEY_SERIAL == 7


def test_the_listing_is_read() -> None:
    gcm, internal, sha256, arc4, deflate = algorithms.parse(LISTING)
    assert (gcm.type, gcm.iv_bytes, gcm.tag_bytes_max, gcm.priority) == ("aead", 12, 16, 400)
    assert gcm.address == AlgAddress("aead", "generic-gcm-aesni")
    assert (sha256.type, sha256.kind, sha256.digest_bytes) == ("hash", "shash", 32)
    assert sha256.key_bytes_min is None
    assert (arc4.type, arc4.kind, arc4.key_bytes_max) == ("skcipher", "lskcipher", 256)
    assert arc4.address == AlgAddress("skcipher", "ecb(arc4)-generic")
    assert (internal.type, internal.key_bytes_min, internal.key_bytes_max) == ("", 16, 32)
    for useless in (internal, deflate):
        assert useless.type == ""
        with pytest.raises(ValueError, match="AF_ALG cannot use"):
            _ = useless.address


def test_an_empty_or_odd_listing_is_no_trouble() -> None:
    assert not list(algorithms.parse(""))
    assert not list(algorithms.parse("\n\nname : x\n\nnonsense\n"))
