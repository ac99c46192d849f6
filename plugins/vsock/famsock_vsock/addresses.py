"""Addresses of AF_VSOCK: a context identifier (CID) and a port. Source: vsock(7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from famsock.plugin import Address, CType, cstruct, sockaddr
from famsock_vsock.constants import (
    AF_VSOCK,
    VMADDR_CID_ANY,
    VMADDR_CID_HOST,
    VMADDR_CID_HYPERVISOR,
    VMADDR_CID_LOCAL,
    VMADDR_FLAG_TO_HOST,
    VMADDR_PORT_ANY,
)

__all__ = [
    "CID_NAMES",
    "VsockAddress",
]

CID_NAMES = {
    "hypervisor": VMADDR_CID_HYPERVISOR,
    "local": VMADDR_CID_LOCAL,
    "host": VMADDR_CID_HOST,
    "any": VMADDR_CID_ANY,
}
"""CIDs with a special meaning, by the names that text may give them."""


def _named(numbers: Mapping[str, int]) -> CType:
    """Return a u32 type with names in text; only the wildcard is written by its name."""
    return attrs.evolve(
        cstruct.U32,
        text=lambda value: "any" if value == numbers["any"] else str(value),
        parse=lambda text: numbers[text] if text in numbers else cstruct.U32.parse(text),
    )


_CID = _named(CID_NAMES)
_PORT = _named({"any": VMADDR_PORT_ANY})


@sockaddr(
    "struct sockaddr_vm",
    header="linux/vm_sockets.h",
    family=AF_VSOCK,
    family_name="AF_VSOCK",
    stdlib=("cid", "port"),
    size=16,
)
class VsockAddress(Address):
    """A port of a virtual machine or its host.

    ``cid`` (0-4294967295) names the machine: 0 the hypervisor, 1 this machine, 2 the host, from 3
    on its guests, 4294967295 (VMADDR_CID_ANY) any CID of this machine, to bind to. ``port``
    (0-4294967295): up to 1023 privileged, 4294967295 any free one, to bind to. ``flags`` (0-255):
    VMADDR_FLAG_TO_HOST sends to the host, which forwards to the CID; the stdlib's ``(cid, port)``
    has no place for them. Text: ``2:1024``; a CID may be one of `CID_NAMES` (``host:1024``), and
    the wildcards are written ``any``.

    Wire layout: family (u16), reserved (u16), port (u32), cid (u32), flags (u8), 3 zero bytes, all
    in host order. Raises OverflowError for an integer out of range, TypeError for anything else.
    Source: vsock(7), linux/vm_sockets.h.
    """

    cid: int = cstruct.field(_CID, "svm_cid", offset=8)
    port: int = cstruct.field(_PORT, "svm_port", offset=4)
    flags: int = cstruct.u8("svm_flags", offset=12, default=0)

    @classmethod
    def admits(cls, rule: str) -> Callable[[Any, Address | None], bool]:
        """Return whether a peer has the CID that ``rule`` is: ``3`` or a name in `CID_NAMES`.

        A text with a port is an address, as for every class. ValueError for any other.
        """
        return super().admits(rule if ":" in rule or "=" in rule else f"cid={rule}")

    @property
    def cid_name(self) -> str:
        """The CID's name in `CID_NAMES`, "" if it has none."""
        return next((name for name, number in CID_NAMES.items() if number == self.cid), "")

    @property
    def to_host(self) -> bool:
        """True if VMADDR_FLAG_TO_HOST is set: the host forwards to the CID."""
        return bool(self.flags & VMADDR_FLAG_TO_HOST)
