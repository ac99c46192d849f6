"""Socket options of AF_ALG, all write-only and set before accept. Source: linux/if_alg.h."""

from __future__ import annotations

from famsock.plugin import Codec, Option, codecs, cstruct, option_rows
from famsock_alg import constants
from famsock_alg.constants import SOL_ALG

_KEY_BYTES_MAX = 65536
"""The largest value for setsockopt; each algorithm has other key sizes."""

_TAG_BYTES = cstruct.integer("unsigned int", "I", 0, 0xFFFF)
_LENGTH: Codec[int] = Codec(
    c="void", size_bytes=0, encode=lambda size: bytes(_TAG_BYTES.check(size)), decode=len
)
"""A number that setsockopt takes as the length of its value, which the kernel does not read."""

_row = option_rows(SOL_ALG, constants)

ALG_SET_KEY: Option[bytes] = _row("ALG_SET_KEY", codecs.raw(_KEY_BYTES_MAX), "w")
ALG_SET_AEAD_AUTHSIZE: Option[int] = _row("ALG_SET_AEAD_AUTHSIZE", _LENGTH, "w")
ALG_SET_DRBG_ENTROPY: Option[bytes] = _row("ALG_SET_DRBG_ENTROPY", codecs.raw(_KEY_BYTES_MAX), "w")
ALG_SET_KEY_BY_KEY_SERIAL: Option[int] = _row(
    "ALG_SET_KEY_BY_KEY_SERIAL", codecs.INT, "w", since="6.2"
)

__all__ = [name for name, row in dict(vars()).items() if isinstance(row, Option)]
