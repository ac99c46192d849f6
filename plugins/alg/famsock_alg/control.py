"""Control messages of AF_ALG, which a request begins with. Source: linux/if_alg.h."""

from __future__ import annotations

import struct

from famsock.plugin import Codec, ControlType, codecs, control_rows
from famsock_alg import constants
from famsock_alg.constants import SOL_ALG

__all__ = [
    "ALG_SET_AEAD_ASSOCLEN",
    "ALG_SET_IV",
    "ALG_SET_OP",
]

_IV_BYTES_MAX = 4096
_LENGTH = struct.Struct("=I")


def _encode_iv(iv: bytes) -> bytes:
    if len(iv) > _IV_BYTES_MAX:
        raise ValueError(f"must be at most {_IV_BYTES_MAX} bytes, not {len(iv)}")
    return _LENGTH.pack(len(iv)) + bytes(iv)


def _decode_iv(data: bytes) -> bytes:
    iv = data[_LENGTH.size :]
    if len(data) < _LENGTH.size or len(iv) < (size := _LENGTH.unpack_from(data)[0]):
        raise ValueError(f"needs the bytes that its length announces, not {len(data)}")
    return iv[:size]


_row = control_rows(SOL_ALG, constants)

ALG_SET_OP: ControlType[int] = _row("ALG_SET_OP", codecs.U32)
ALG_SET_IV: ControlType[bytes] = _row(
    "ALG_SET_IV",
    Codec(
        c="struct af_alg_iv",
        size_bytes=_LENGTH.size + _IV_BYTES_MAX,
        encode=_encode_iv,
        decode=_decode_iv,
    ),
)
ALG_SET_AEAD_ASSOCLEN: ControlType[int] = _row("ALG_SET_AEAD_ASSOCLEN", codecs.U32)
