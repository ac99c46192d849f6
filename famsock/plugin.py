"""The interface for plugins: everything that a family's package may import from famsock.

``API_VERSION`` is its version, ``OLDEST_API_VERSION`` the oldest that is still supported. A
`Family` states the version that it was written for. Names are loaded on first use, so a package
that only describes its family imports no attrs.
"""

from __future__ import annotations

from famsock._lazy import load as _load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock import _text as text
    from famsock import (
        bpf,
        codecs,
        constants,
        control,
        cstruct,
        options,
        records,
        selftest,
        tlv,
    )
    from famsock._calls.layout import SockaddrLayout, integer_field
    from famsock._errqueue import SockExtendedErr
    from famsock._hints import Hint, explain, one_of
    from famsock._lazy import exports
    from famsock._registry import Registry
    from famsock._registry.hookspecs import hookimpl
    from famsock._registry.validation import API_VERSION, OLDEST_API_VERSION
    from famsock._resolver import Candidate, Resolver
    from famsock._rows import control_rows, option_rows
    from famsock._sockaddr import sockaddr
    from famsock._sockets import socket
    from famsock._struct import AddressRangeError
    from famsock.address import Address, Lookup, RawAddress, family_head
    from famsock.codecs import Codec
    from famsock.control import ControlMessage, ControlType, Message, RawControl
    from famsock.cstruct import CType, Struct
    from famsock.family import ANY_PROTOCOL, Family, Protocol, Segmentation
    from famsock.options import Option

_MODULES = {
    "ANY_PROTOCOL": "family",
    "API_VERSION": "_registry.validation",
    "Address": "address",
    "AddressRangeError": "_struct",
    "CType": "cstruct",
    "Candidate": "_resolver",
    "Codec": "codecs",
    "ControlMessage": "control",
    "ControlType": "control",
    "Family": "family",
    "Hint": "_hints",
    "Lookup": "address",
    "Message": "control",
    "OLDEST_API_VERSION": "_registry.validation",
    "Option": "options",
    "Protocol": "family",
    "RawAddress": "address",
    "RawControl": "control",
    "Registry": "_registry",
    "Resolver": "_resolver",
    "Segmentation": "family",
    "SockExtendedErr": "_errqueue",
    "SockaddrLayout": "_calls.layout",
    "Struct": "cstruct",
    "control_rows": "_rows",
    "explain": "_hints",
    "exports": "_lazy",
    "integer_field": "_calls.layout",
    "family_head": "address",
    "hookimpl": "_registry.hookspecs",
    "one_of": "_hints",
    "option_rows": "_rows",
    "sockaddr": "_sockaddr",
    "socket": "_sockets",
}
_SUBMODULES = {
    "bpf": "bpf",
    "codecs": "codecs",
    "constants": "constants",
    "control": "control",
    "cstruct": "cstruct",
    "options": "options",
    "records": "records",
    "selftest": "selftest",
    "text": "_text",
    "tlv": "tlv",
}

__all__ = [
    "ANY_PROTOCOL",
    "API_VERSION",
    "OLDEST_API_VERSION",
    "Address",
    "AddressRangeError",
    "CType",
    "Candidate",
    "Codec",
    "ControlMessage",
    "ControlType",
    "Family",
    "Hint",
    "Lookup",
    "Message",
    "Option",
    "Protocol",
    "RawAddress",
    "RawControl",
    "Registry",
    "Resolver",
    "Segmentation",
    "SockExtendedErr",
    "SockaddrLayout",
    "Struct",
    "bpf",
    "codecs",
    "constants",
    "control",
    "control_rows",
    "cstruct",
    "explain",
    "exports",
    "family_head",
    "hookimpl",
    "integer_field",
    "one_of",
    "option_rows",
    "options",
    "records",
    "selftest",
    "sockaddr",
    "socket",
    "text",
    "tlv",
]


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return _load(f"famsock.{_SUBMODULES[name]}")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = _load(f"famsock.{_MODULES[name]}:{name}")
    globals()[name] = value
    return value
