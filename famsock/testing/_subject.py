"""The family under test as the checks see it: its modules loaded, its codecs, sockets to try."""

from __future__ import annotations

import importlib
import pkgutil
import socket as _stdlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import attrs

from famsock._definitions import definitions_of
from famsock._lazy import load
from famsock._registry import plugins
from famsock._sockets import socket
from famsock._struct import Struct
from famsock.address import Address, AddressCodec
from famsock.family import Family, Protocol, Served


@attrs.frozen
class Subject:
    """A family under test."""

    family: Family

    @classmethod
    def named(cls, name: str) -> Subject:
        """Return the family that a plugin supplies under ``name``; LookupError where none does."""
        family = plugins.family(name)
        if family is None:
            raise LookupError(
                f"no plugin supplies {name}: install its distribution (pip install -e .), whose "
                f"entry point of the group 'famsock' must be called {name}, or register the "
                f"plugin by hand in conftest.py with famsock.plugins.register()"
            )
        return cls(family)

    def protocol(self, name: str) -> Protocol:
        """Return the protocol of this name; LookupError with those that there are."""
        for protocol in self.family.protocols:
            if protocol.name == name:
                return protocol
        known = ", ".join(protocol.name for protocol in self.family.protocols)
        raise LookupError(f"{self.family.name} has no protocol {name!r}, only {known}")

    def address_classes(self) -> dict[type[Address], Protocol]:
        """Return the family's own classes of one layout each, with the first protocol of each.

        A protocol's class may be a base of several classes, and selects the one of an address.
        """
        found: dict[type[Address], Protocol] = {}
        for protocol in self.family.protocols:
            if protocol.address is not None and not protocol.address_family:
                for cls in _with_layout(load(protocol.address)):
                    found.setdefault(cls, protocol)
        return found

    def address_class(self, protocol: str) -> type[Address]:
        """Return the class that a protocol names, which makes typed addresses from other shapes."""
        cls: type[Address] = load(self.protocol(protocol).address)
        return cls

    def codec(self, protocol: Protocol) -> AddressCodec:
        """Return a codec of a protocol, with empty caches."""
        kind, number = protocol.types[0], protocol.number or 0

        def other(family: int) -> type[Address] | None:
            return plugins.address_class(family, kind, number)

        return Served(self.family, protocol, other).codec

    def rows(self, kind: str) -> tuple[Any, ...]:
        """Return the rows of the family's own ``options`` or ``control``."""
        collect = importlib.import_module(f"famsock.{kind}").collect
        return tuple(definitions_of(getattr(self.family, kind), collect))

    @contextmanager
    def any_socket(self, protocol: Protocol, kind: int | None = None) -> Iterator[socket]:
        """Return a non-blocking socket of a protocol: the kernel's, or one that only looks so.

        The latter is an AF_UNIX socket with the family's number. It is enough to test errors and
        results that come before a system call.
        """
        made = self.open(protocol, kind) or self.adopted(protocol, kind)
        with made:
            made.setblocking(False)
            yield made

    def open(self, protocol: Protocol, kind: int | None = None) -> socket | None:
        """Return a socket of the kernel; None if it gives none."""
        if not self.family.here:
            return None
        try:
            return socket(self.family.number, kind or protocol.types[0], protocol.number or 0)
        except OSError:
            return None

    def adopted(
        self, protocol: Protocol, kind: int | None = None, number: int | None = None
    ) -> socket:
        """Return an AF_UNIX socket that passes for one of this protocol."""
        ours, other = _stdlib.socketpair()
        other.close()
        number = (protocol.number or 0) if number is None else number
        return socket(self.family.number, kind or protocol.types[0], number, ours.detach())

    def package(self) -> str:
        """Return the name of the package that holds the family's definitions, or of the module.

        "" for a family that is all data.
        """
        modules = [
            reference.partition(":")[0] if isinstance(reference, str) else reference.__module__
            for reference in self._own_references()
        ]
        return (modules[0].rpartition(".")[0] or modules[0]) if modules else ""

    def _own_references(self) -> Iterator[Any]:
        """Yield names and classes of the family's own package, if it is not all data."""
        family = self.family
        for reference in (family.constants, family.options, family.control):
            if isinstance(reference, str):
                yield reference
        for protocol in family.protocols:
            if protocol.address is not None and not protocol.address_family:
                yield protocol.address
            if isinstance(protocol.socket, str):
                yield protocol.socket

    def modules(self) -> Iterator[ModuleType]:
        """Yield every module of the family's package, imported."""
        if not self.package():
            return
        package = importlib.import_module(self.package())
        yield package
        for info in pkgutil.walk_packages(getattr(package, "__path__", ()), package.__name__ + "."):
            if not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)

    def structs(self) -> dict[str, type[Struct]]:
        """Return the classes with a C layout that the family's package defines, by name."""
        found: dict[str, type[Struct]] = {}
        for module in self.modules():
            for value in vars(module).values():
                if _is_struct(value) and value.__module__ == module.__name__:
                    found[f"{module.__name__}.{value.__qualname__}"] = value
        return found

    def layouts(self) -> tuple[type[Struct], ...]:
        """Return the structs that have a C name and headers to be compared with."""
        found = self.structs().values()
        return tuple(cls for cls in found if cls.layout.c_name and any(cls.layout.headers))

    def headers(self) -> tuple[str, ...]:
        """Return the C headers of the constants and of the structs, each once."""
        named = [*self.constants_module().get("HEADERS", ())]
        named += [header for struct in self.layouts() for header in struct.layout.headers]
        return tuple(dict.fromkeys(filter(None, named)))

    def integers(self) -> dict[str, int]:
        """Return the integers of the constants module by name, in any case."""
        return {
            name: int(value)
            for name, value in self.constants_module().items()
            if isinstance(value, int) and not name.startswith("_") and name != "TYPE_CHECKING"
        }

    def constants_module(self) -> Mapping[str, Any]:
        """Return all names of the family's constants module, HEADERS among them."""
        loaded = load(self.family.constants)
        return loaded if isinstance(loaded, Mapping) else vars(loaded)


def _with_layout(cls: type[Address]) -> Iterator[type[Address]]:
    if "layout" in vars(cls):
        yield cls
    else:
        for narrower in cls.__subclasses__():
            yield from _with_layout(narrower)


def _is_struct(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Struct) and "layout" in vars(value)
