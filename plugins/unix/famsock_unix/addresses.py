"""Addresses of AF_UNIX: a path, an abstract name, or none."""

from __future__ import annotations

import os
from typing import Any

from famsock.plugin import Address, Lookup, sockaddr, wire
from famsock.address import family_head


def _check_name(value: object) -> bytes:
    if isinstance(value, str):
        return os.fsencode(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise TypeError(f"a bytes-like object is required, not '{type(value).__name__}'")


NAME = wire.CType(
    c="char", code="108s", check=_check_name, text=os.fsdecode, parse=os.fsencode
)


@sockaddr("struct sockaddr_un", header="sys/un.h", family=1, family_name="AF_UNIX", size=110)
class UnixAddress(Address):
    """A name of AF_UNIX: a path, an abstract name (first byte NUL) or nothing."""

    name: bytes = wire.field(NAME, "sun_path", default=b"")

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> UnixAddress:
        return cls(form)

    def to_stdlib(self, lookup: Lookup) -> str | bytes:
        return self.name if self.name[:1] == b"\0" else os.fsdecode(self.name)

    def pack(self, lookup: Lookup | None = None) -> bytes:
        name = self.name
        if name[:1] not in (b"", b"\0"):
            if len(name) >= 108:
                raise OSError("AF_UNIX path too long")
            name += b"\0"
        elif len(name) > 108:
            raise OSError("AF_UNIX path too long")
        return family_head(1, 2 + len(name)) + name

    @classmethod
    def unpack(cls, data: bytes, lookup: Lookup | None = None) -> UnixAddress:
        name = bytes(data[2:])
        return cls.unchecked(name if name[:1] == b"\0" else name.split(b"\0", 1)[0])
