"""Addresses of AF_ALG: an algorithm. Source: linux/if_alg.h, Documentation/crypto/userspace-if."""

from __future__ import annotations

from typing import Any

import attrs

from famsock.plugin import Address, Lookup, cstruct, sockaddr
from famsock_alg.constants import AF_ALG

__all__ = [
    "AlgAddress",
]

_SALG_NAME_BYTES = 64
_NAME_OFFSET = 24
_SOCKADDR_BYTES_MAX = 128
_NAME_BYTES_MAX = _SOCKADDR_BYTES_MAX - _NAME_OFFSET

_NAME = attrs.evolve(cstruct.char_array(_NAME_BYTES_MAX), code=f"{_SALG_NAME_BYTES}s")


@sockaddr(
    "struct sockaddr_alg",
    header="linux/if_alg.h",
    family=AF_ALG,
    family_name="AF_ALG",
    size=88,
)
class AlgAddress(Address):
    """An algorithm of the kernel, to bind to.

    ``type`` is "hash", "skcipher", "aead" or "rng", at most 13 bytes; ``name`` the algorithm's or
    its driver's, such as "hmac(sha256)", at most 103 bytes (63 in the stdlib's form and before
    Linux 4.12). ``feat`` and ``mask`` (0-4294967295 each) ask for CRYPTO_ALG features of crypto.h;
    the kernel takes only 0x1000 (CRYPTO_ALG_KERN_DRIVER_ONLY). CPython's form cuts both to 16 bits;
    here they have 32 bits in every form. Text: ``hash:hmac(sha256)``.

    Wire layout: family (u16), type (char[14]), feat (u32), mask (u32), name (char[64], or as long
    as a longer name and its null byte). Raises TypeError for a wrong type, ValueError for a name
    that is too long or holds a null character, OverflowError for an integer out of range.
    """

    type: str = cstruct.char("salg_type", 14)
    name: str = cstruct.field(_NAME, "salg_name", offset=_NAME_OFFSET)
    feat: int = cstruct.u32("salg_feat", offset=16, default=0)
    mask: int = cstruct.u32("salg_mask", offset=20, default=0)

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> AlgAddress:
        """Return the address of ``(type, name[, feat[, mask]])``."""
        address = super().from_stdlib(form, lookup)
        if (size := len(_octets(address.name))) >= _SALG_NAME_BYTES:
            raise ValueError(
                f"AF_ALG name too long: at most {_SALG_NAME_BYTES - 1} bytes in a tuple, not "
                f"{size}; AlgAddress takes {_NAME_BYTES_MAX - 1}"
            )
        return address

    def __str__(self) -> str:
        """Return the text; a name that begins with ``//`` is quoted, as the type is no scheme."""
        return super().__str__().replace("://", ":\\//", 1)

    def pack(self, lookup: Lookup | None = None) -> bytes:
        """Return the sockaddr: 88 bytes, or more for a longer name."""
        packed = super().pack(lookup)
        if len(name := _octets(self.name)) < _SALG_NAME_BYTES:
            return packed
        return packed[:_NAME_OFFSET] + name + b"\0"

    @classmethod
    def unpack(
        cls, data: bytes | bytearray | memoryview, lookup: Lookup | None = None
    ) -> AlgAddress:
        """Return the address of a sockaddr; ValueError if it is shorter than 88 bytes."""
        made = super().unpack(data, lookup)
        name = bytes(data[_NAME_OFFSET:]).partition(b"\0")[0].decode("utf-8", "surrogateescape")
        return cls.unchecked(made.type, name, made.feat, made.mask)


def _octets(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
