"""AF_ALG by the conformance suite."""

from __future__ import annotations

import struct
from typing import ClassVar

from famsock_alg.addresses import AlgAddress
from hypothesis import strategies as st

from famsock.testing import BadAddress, Conformance, Example

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def sockaddr(type: bytes, name: bytes, feat: int = 0, mask: int = 0) -> bytes:
    return struct.pack("=H14sII", 38, type, feat, mask) + name


class TestAlg(Conformance):
    family = "AF_ALG"
    newer: ClassVar = {"6.12": ("ALG_SET_KEY_BY_KEY_SERIAL",)}
    redefines: ClassVar = {
        "bind": "it remembers the type of algorithm",
        "sendmsg_afalg": "a Python built without linux/if_alg.h does not have it",
    }
    examples = (
        Example(
            protocol="alg",
            typed=AlgAddress("hash", "hmac(sha256)"),
            stdlib=("hash", "hmac(sha256)", 0, 0),
            also_stdlib=(("hash", "hmac(sha256)"), ("hash", "hmac(sha256)", 0)),
            sockaddr=sockaddr(b"hash", b"hmac(sha256)".ljust(64, b"\0")),
            text="hash:hmac(sha256)",
        ),
        Example(
            protocol="alg",
            typed=AlgAddress("aead", "gcm(aes)", feat=0x12345678, mask=0xFFFFFFFF),
            stdlib=("aead", "gcm(aes)", 0x12345678, 0xFFFFFFFF),
            sockaddr=sockaddr(b"aead", b"gcm(aes)".ljust(64, b"\0"), 0x12345678, 0xFFFFFFFF),
            text="aead:gcm(aes):305419896:4294967295",
        ),
        Example(
            protocol="alg",
            typed=AlgAddress("t" * 13, "n" * 63),
            stdlib=("t" * 13, "n" * 63, 0, 0),
            sockaddr=sockaddr(b"t" * 13, b"n" * 63 + b"\0"),
            text="t" * 13 + ":" + "n" * 63,
        ),
    )
    strategies: ClassVar = {"name": NAMES.filter(lambda name: len(name.encode()) < 64)}
    bad = (
        BadAddress(
            protocol="alg",
            form=("t" * 14, "name"),
            error=ValueError,
            match="AF_ALG type too long: at most 13 bytes, not 14",
        ),
        BadAddress(
            protocol="alg",
            form=("type", "n" * 64),
            error=ValueError,
            match="AF_ALG name too long: at most 63 bytes in a tuple, not 64",
        ),
        BadAddress(
            protocol="alg",
            form=("type", "n" * 104),
            error=ValueError,
            match="AF_ALG name too long: at most 103 bytes, not 104",
        ),
        BadAddress(protocol="alg", form=("a\0b", "n"), error=ValueError, match="type .* null"),
        BadAddress(protocol="alg", form=(b"hash", "n"), error=TypeError, match="type .* not bytes"),
        BadAddress(protocol="alg", form=("hash", 1), error=TypeError, match="name .* not int"),
        BadAddress(protocol="alg", form=("hash",), error=TypeError, match="2 to 4 items, not 1"),
        BadAddress(
            protocol="alg", form=("hash", "n", 0, 0, 0), error=TypeError, match="items, not 5"
        ),
        BadAddress(protocol="alg", form="hash", error=TypeError, match="tuple .*, not str"),
        BadAddress(
            protocol="alg",
            form=("hash", "n", 1 << 32),
            error=OverflowError,
            match="AF_ALG feat must be 0-4294967295, not 4294967296",
        ),
        BadAddress(
            protocol="alg",
            form=("hash", "n", 0, -2),
            error=OverflowError,
            match="AF_ALG mask must be 0-4294967295, not -2",
        ),
    )
