"""Addresses of AF_HYPERV: ``(vm_id, service_id)``, two GUIDs as text."""

from __future__ import annotations

import uuid

from famsock.plugin import Address, CType, cstruct, sockaddr

__all__ = [
    "HypervAddress",
]


def _check_guid(value: object) -> str:
    if isinstance(value, uuid.UUID):
        return str(value).upper()
    if not isinstance(value, str):
        raise TypeError(f"must be a UUID string, not {type(value).__name__}")
    try:
        return str(uuid.UUID(value)).upper()
    except ValueError:
        raise ValueError(f"is not a valid UUID string: {value!r}") from None


_GUID = CType(
    c="GUID",
    code="16s",
    check=_check_guid,
    encode=lambda value, _lookup: uuid.UUID(value).bytes_le,
    decode=lambda raw, _lookup: str(uuid.UUID(bytes_le=raw)).upper(),
)
"""A Windows GUID: its first three parts are little-endian; the text is upper case, as that of
HV_GUID_* is."""


@sockaddr(
    "SOCKADDR_HV",
    header="hvsocket.h",
    family=34,
    family_name="AF_HYPERV",
    size=36,
    head=(34).to_bytes(2, "little"),
)
class HypervAddress(Address):
    """A service of a virtual machine.

    ``vm_id`` is the machine's GUID or one of the HV_GUID_* constants, ``service_id`` the service's;
    both are taken as text or `uuid.UUID` and kept as upper-case text. ValueError for text that is
    no GUID. Layout: u16 Family, u16 Reserved, GUID VmId at 4, GUID ServiceId at 20.
    Source: hvsocket.h.
    """

    vm_id: str = cstruct.field(_GUID, "VmId", offset=4)
    service_id: str = cstruct.field(_GUID, "ServiceId", offset=20)
