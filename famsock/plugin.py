"""The interface for plugins: everything that a family's package may import from famsock.

``API_VERSION`` numbers it; a `Family` states the version that it was written for. Names are loaded
when they are first asked for, so that a package which only describes its family imports no attrs.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock import constants, control, exchange, filters, options, text, values, wire
    from famsock.address import Address, Lookup, RawAddress, family_head
    from famsock.control import ControlMessage, ControlType, Message, RawControl
    from famsock.errors import AddressRangeError
    from famsock.errqueue import SockExtendedErr
    from famsock.family import ANY_PROTOCOL, Family, Protocol
    from famsock.hookspecs import hookimpl
    from famsock.options import Option
    from famsock.rows import control_rows, option_rows
    from famsock.sockaddr import sockaddr
    from famsock.sockets import socket
    from famsock.validation import API_VERSION
    from famsock.values import Codec
    from famsock.wire import CType, Struct

_HOMES = {
    "ANY_PROTOCOL": "family",
    "API_VERSION": "validation",
    "Address": "address",
    "AddressRangeError": "errors",
    "CType": "wire",
    "Codec": "values",
    "ControlMessage": "control",
    "ControlType": "control",
    "Family": "family",
    "Lookup": "address",
    "Message": "control",
    "Option": "options",
    "Protocol": "family",
    "RawAddress": "address",
    "RawControl": "control",
    "SockExtendedErr": "errqueue",
    "Struct": "wire",
    "constants": "",
    "control": "",
    "control_rows": "rows",
    "exchange": "",
    "family_head": "address",
    "filters": "",
    "hookimpl": "hookspecs",
    "option_rows": "rows",
    "options": "",
    "sockaddr": "sockaddr",
    "socket": "sockets",
    "text": "",
    "values": "",
    "wire": "",
}

__all__ = [
    "ANY_PROTOCOL",
    "API_VERSION",
    "Address",
    "AddressRangeError",
    "CType",
    "Codec",
    "ControlMessage",
    "ControlType",
    "Family",
    "Lookup",
    "Message",
    "Option",
    "Protocol",
    "RawAddress",
    "RawControl",
    "SockExtendedErr",
    "Struct",
    "constants",
    "control",
    "control_rows",
    "exchange",
    "family_head",
    "filters",
    "hookimpl",
    "option_rows",
    "options",
    "sockaddr",
    "socket",
    "text",
    "values",
    "wire",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    if not home:
        return importlib.import_module(f"famsock.{name}")
    value: object = getattr(importlib.import_module(f"famsock.{home}"), name)
    globals()[name] = value
    return value
