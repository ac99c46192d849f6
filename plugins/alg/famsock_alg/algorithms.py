"""Algorithms of the kernel's crypto API. Source: /proc/crypto (crypto/proc.c)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from famsock_alg.addresses import AlgAddress

__all__ = [
    "Algorithm",
    "algorithms",
]

_LIST = Path("/proc/crypto")
_TYPES = {
    "shash": "hash",
    "ahash": "hash",
    "skcipher": "skcipher",
    "lskcipher": "skcipher",  # since Linux 6.7 (crypto/lskcipher.c)
    "aead": "aead",
    "rng": "rng",
}


def _size() -> Any:
    return attrs.field(default=None, kw_only=True)


@attrs.frozen
class Algorithm:
    """An algorithm in the implementation of one driver.

    ``kind`` is the kernel's own type ("shash"), ``type`` the address's ("hash"), "" if AF_ALG
    cannot use it. The driver of highest ``priority`` serves ``name``. Sizes are in bytes, None if
    the kernel states none.
    """

    name: str
    driver: str
    module: str
    priority: int
    kind: str
    internal: bool
    block_bytes: int | None = _size()
    digest_bytes: int | None = _size()
    key_bytes_min: int | None = _size()
    key_bytes_max: int | None = _size()
    iv_bytes: int | None = _size()
    tag_bytes_max: int | None = _size()
    seed_bytes: int | None = _size()

    @property
    def type(self) -> str:
        """The ``type`` of its `AlgAddress`, "" if AF_ALG cannot use it."""
        return "" if self.internal else _TYPES.get(self.kind, "")

    @property
    def address(self) -> AlgAddress:
        """The address of this driver; ValueError if AF_ALG cannot use it."""
        if not self.type:
            raise ValueError(f"AF_ALG cannot use {self.driver}: internal or of kind {self.kind}")
        return AlgAddress(self.type, self.driver)


_SIZES = {
    "block_bytes": "blocksize",
    "digest_bytes": "digestsize",
    "key_bytes_min": "min keysize",
    "key_bytes_max": "max keysize",
    "iv_bytes": "ivsize",
    "tag_bytes_max": "maxauthsize",
    "seed_bytes": "seedsize",
}


def algorithms() -> tuple[Algorithm, ...]:
    """Return the algorithms that the kernel lists.

    One made from a template ("hmac(sha256)") is listed after its first use, one of a module after
    the module is loaded. OSError ENOENT without the crypto API.
    """
    return tuple(parse(_LIST.read_text()))


def parse(text: str) -> Iterator[Algorithm]:
    """Yield the algorithms that a text in the form of /proc/crypto describes."""
    for block in text.split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        stated = {key.strip(): value.strip() for key, _, value in pairs}
        if "driver" in stated:
            yield _algorithm(stated)


def _algorithm(stated: Mapping[str, str]) -> Algorithm:
    sizes = {ours: int(stated[theirs]) for ours, theirs in _SIZES.items() if theirs in stated}
    return Algorithm(
        stated["name"],
        stated["driver"],
        stated.get("module", ""),
        int(stated.get("priority", 0)),
        stated.get("type", ""),
        stated.get("internal") == "yes",
        **sizes,
    )
