"""The scheme of an endpoint's text, and the address that follows it.

A scheme belongs to a `famsock.family.Protocol`. A socket type or a protocol number may follow it:
``unix+dgram``, ``raw+1``. The rest of the text is `famsock._endpoint_query`'s.
"""

from __future__ import annotations

import socket as _stdlib
from typing import Any, NamedTuple

import attrs

from famsock import _endpoint_text as _text
from famsock._endpoint_text import Part
from famsock._hints import did_you_mean
from famsock._lazy import PluginError, load, load_part
from famsock._registry import plugins
from famsock._registry.missing import distribution_of_scheme
from famsock._resolver import Resolver
from famsock.address import Address, RawAddress
from famsock.family import ANY_PROTOCOL, Family, Protocol

_TYPES = {
    "stream": _stdlib.SOCK_STREAM,
    "dgram": _stdlib.SOCK_DGRAM,
    "raw": _stdlib.SOCK_RAW,
    "rdm": 4,
    "seqpacket": _stdlib.SOCK_SEQPACKET,
    "dccp": 6,
    "packet": 10,
}
"""The words for socket types after a scheme."""


class Named(NamedTuple):
    """The family, protocol and socket type that the scheme of an endpoint names."""

    family: Family
    protocol: Protocol
    type: int
    number: int

    @property
    def text(self) -> str:
        return scheme_text(self.protocol, self.type, self.number)


def scheme_text(protocol: Protocol, type: int, number: int) -> str:
    """The scheme of a protocol's row with what else tells a socket type and protocol number."""
    unusual = type not in protocol.types
    text = protocol.scheme
    if type != protocol.types[0]:
        text += f"+{name_of(type)}"
    if unusual or (protocol.number is ANY_PROTOCOL and number):
        text += f"+{number}"
    return text


def read_scheme(scheme: Part) -> Named:
    """Return what a scheme names; ValueError with carets under what is unknown or unfit."""
    name, *words = scheme.pieces("+")
    family, protocol = protocol_of(name)
    kind: int | None = None
    number: int | None = None
    stated = name
    for word in words:
        lower = word.lower()
        if kind is None and (found := _type(lower)) is not None:
            kind, stated = found, word
        elif number is None and (found := _number(lower, family)) is not None:
            number = found
        else:
            known = [k for k, value in _TYPES.items() if value in protocol.types]
            raise word.mistake(
                f"endpoint {scheme.whole!r}: type must be one of {', '.join(known)}, "
                f"not {str(word)!r}" + did_you_mean(lower, known)
            )
    if number is None and kind is not None and kind not in protocol.types:
        known = [k for k, value in _TYPES.items() if value in protocol.types]
        raise stated.mistake(
            f"endpoint {scheme.whole!r}: type must be one of {', '.join(known)}, "
            f"not {str(stated)!r}"
        )
    kind = protocol.types[0] if kind is None else kind
    if number is None:
        return Named(family, protocol, kind, protocol.number or 0)
    if protocol.number not in (ANY_PROTOCOL, number):
        raise scheme.mistake(f"scheme {str(name)!r} is of protocol {protocol.number}, not {number}")
    row = family.protocol(number, kind)
    if row is not None and row.scheme:
        protocol = row
    return Named(family, protocol, kind, number)


def _type(word: str) -> int | None:
    """The socket type that a word after a scheme names."""
    if word in _TYPES:
        return _TYPES[word]
    digits = word.removeprefix("type")
    if digits != word and digits.isascii() and digits.isdigit() and 0 < int(digits[:3]) < 16:
        return int(digits[:3])
    return None


def _number(word: str, family: Family) -> int | None:
    """The protocol number that a word after a scheme states, or names by a row of the family."""
    if word.isascii() and word.isdigit() and len(word) < 11 and int(word) < 1 << 31:
        return int(word)
    return next((p.number for p in family.protocols if p.name == word and p.number), None)


def protocol_of(scheme: Part) -> tuple[Family, Protocol]:
    """Return the row that a scheme belongs to, and its family."""
    name = scheme.lower()
    known: dict[str, tuple[Family, Protocol]] = {}
    likely = sorted(plugins.names(), key=lambda family: name.upper() not in family)
    for family in plugins.families(likely):
        for protocol in family.protocols:
            if protocol.scheme:
                known.setdefault(protocol.scheme, (family, protocol))
        if name in known:
            return known[name]
    if distribution := distribution_of_scheme(plugins, name):
        raise scheme.mistake(
            f"scheme {str(scheme)!r} needs {distribution}: pip install {distribution}"
        )
    raise scheme.mistake(
        f"unknown scheme {str(scheme)!r}; installed: {', '.join(sorted(known))}"
        + did_you_mean(name, known)
    )


def name_of(kind: int) -> str:
    """The word for a socket type after a scheme."""
    return next((name for name, value in _TYPES.items() if value == kind), f"type{kind}")


def split_query(named: Named, rest: Part) -> tuple[str, Part, list[tuple[Part, Part]]]:
    """Divide what follows the scheme: the address's own text, its place, the endpoint's items.

    Items that name fields of the address are its own.
    """
    address, *queries = rest.pieces("?")
    if len(queries) > 1:
        raise queries[1].mistake("an endpoint has one '?' that is not quoted")
    fields = _fields(named.protocol)
    own: list[str] = []
    others = []
    for name, value in _text.query_items(queries[0]) if queries else ():
        if str(name) in fields:
            own.append(f"{name}={value}")
        else:
            others.append((name, value))
    if not own:
        return str(address), address, others
    return f"{address}?{'&'.join(own)}", rest, others


def _fields(protocol: Protocol) -> frozenset[str]:
    """The names that the address class of a protocol has for its fields, or its classes have."""
    names: set[str] = set()
    classes: list[Any] = [load(protocol.address)]
    while classes:
        cls = classes.pop()
        classes += cls.__subclasses__()
        if attrs.has(cls):
            names.update(field.name for field in attrs.fields(cls))
    return frozenset(names)


def read_address(
    named: Named, text: str, place: Part, pinned: Family | None
) -> tuple[Address, int]:
    """Return the address that a text names for a scheme, and the number of its family.

    ``pinned`` is the family that it must be of, where the scheme stands for several.
    """
    protocol, resolver = named.protocol, resolver_of(named.protocol)
    if resolver is not None and pinned is not None:
        other = pinned.protocol(named.number, named.type)
        resolver = (other and resolver_of(other)) or resolver
    address: Address
    try:
        if resolver is not None:
            address = resolver.parse(text, named.type, named.number)
            return address, address.family
        address = load(protocol.address).parse(text)
    except ValueError as error:
        try:
            return RawAddress.parse(text), named.family.number
        except ValueError:
            raise place.mistake_in(error) from None
    return address, named.family.number


def resolver_of(protocol: Protocol) -> Resolver | None:
    if protocol.resolver is None:
        return None
    wanted = "a Resolver"
    found = load_part(protocol.name, "resolver", wanted, protocol.resolver)
    if not isinstance(found, Resolver):
        raise PluginError(f"{protocol.name}: resolver must name {wanted}, not {found!r}")
    return found
