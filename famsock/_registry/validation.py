"""Checks of a family's description before it is registered: each error says what to change.

All that a description says is checked here, except what must be imported for it: whether its
references name what they should is the part of :mod:`famsock._registry.references`. Nothing is
imported here that the first socket does not need.
"""

from __future__ import annotations

import socket as _stdlib
import sys
from collections.abc import Collection, Iterable, Mapping
from keyword import iskeyword

from famsock._calls.layout import SockaddrLayout
from famsock.address import Address
from famsock.family import Family, Protocol, Segmentation, of_another_family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Check = Callable[[Any], bool]

API_VERSION = 3
"""The newest version of the plugin interface, and the one that this famsock has."""

OLDEST_API_VERSION = 2
"""The oldest version of the plugin interface that this famsock supports."""

RESERVED_SCHEMES = ("fd", "systemd")
"""Schemes of endpoints that are descriptors, which no family may have."""

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset("0123456789")
_UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MODULE = _LOWER | _UPPER | _DIGITS | frozenset("_-")
_SIZES = (1, 2, 4, 8)
_C_INTEGERS = -(1 << 63), (1 << 64) - 1
_OF_HEADERS = ("HEADERS", "NOT_IN_HEADERS")  # what the conformance kit reads beside constants
_MAX_ERRNO = 4095  # of Linux; another platform's numbers may have no name here
_SHOWN = 200


def families_in(supplied: Any, distribution: str | None = None) -> tuple[Family, ...]:
    """Return the families that a hook gave, each one valid; ValueError with what to change.

    ``distribution`` is the one to install another release of, if that is known.
    """
    if isinstance(supplied, Family) or not isinstance(supplied, Iterable):
        raise ValueError(
            f"famsock_families must return a tuple of Family objects, not {_shown(supplied)}"
        )
    families = tuple(supplied)
    for family in families:
        check_family(family, distribution)
    return families


def check_family(family: object, distribution: str | None = None) -> None:
    """Raise ValueError if ``family`` cannot be registered: field, value, what is wanted.

    Nothing is imported: see `famsock._registry.references` for what the description names.
    """
    if not isinstance(family, Family):
        raise ValueError(f"famsock_families must give Family objects, not {_shown(family)}")
    if not _is_family_name(family.name):
        raise ValueError(
            f"Family: name must be that of its constant (AF_X), not {_shown(family.name)}"
        )
    _check_version(family, distribution)
    _check_fields(family.name, family, _FAMILY)
    known = vars(_stdlib).get(family.name)
    if family.here and known is not None and known != family.number:
        raise ValueError(f"{family.name}: number is {int(known)} here, not {family.number}")
    for protocol in family.protocols:
        _check_protocol(family, protocol)
    _check_together(family)


def _check_version(family: Family, distribution: str | None) -> None:
    version, plugin = family.api_version, distribution or "the plugin"
    if not _is_int(version, 1):
        raise ValueError(
            f"{family.name}: api_version must be the version of famsock's plugin interface that "
            f"it was written for, {OLDEST_API_VERSION}-{API_VERSION}, not {_shown(version)}"
        )
    if OLDEST_API_VERSION <= version <= API_VERSION:
        return
    old = version < OLDEST_API_VERSION
    newer = plugin if old else "famsock"
    command = f" (pip install --upgrade {newer})" if distribution or not old else ""
    raise ValueError(
        f"{family.name}: api_version must be {OLDEST_API_VERSION}-{API_VERSION}, the versions of "
        f"the plugin interface that this famsock supports, not {version}: install a newer release "
        f"of {newer}{command}"
    )


def _check_protocol(family: Family, protocol: Protocol) -> None:
    if not (_is_text(protocol.name) and protocol.name.isprintable()):
        raise ValueError(
            f"{family.name}: name of a Protocol must be a str of one line, not "
            f"{_shown(protocol.name)}"
        )
    owner = f"{family.name} {protocol.name}"
    _check_fields(owner, protocol, _PROTOCOL)
    if protocol.address is None:
        for field in ("layout", "scheme", "address_family", "resolver"):
            value = getattr(protocol, field)
            if value:
                raise ValueError(
                    f"{owner}: {field} must be left out if address is None, not {_shown(value)}"
                )
    address = protocol.address
    if isinstance(address, type) and (problem := of_another_family(family, protocol, address)):
        raise ValueError(f"{owner}: {problem}")
    if protocol.address_family == family.name:
        raise ValueError(
            f"{owner}: address_family must be another family's name, not {family.name!r}: leave it "
            f"out for the family's own"
        )
    if isinstance(protocol.socket, Mapping):
        for kind in protocol.socket:
            if kind not in protocol.types:
                raise ValueError(
                    f"{owner}: socket must have keys of types {_shown(protocol.types)}, not "
                    f"{kind}, in {_shown(protocol.socket)}"
                )


def _check_together(family: Family) -> None:
    """Refuse protocols that nothing tells apart."""
    seen: dict[object, str] = {}
    for protocol in family.protocols:
        for kind in protocol.types:
            number = protocol.number, int(kind)
            if number in seen:
                raise ValueError(
                    f"{family.name}: protocols {seen[number]} and {protocol.name} are both number "
                    f"{protocol.number} of socket type {int(kind)}: give one of them another "
                    f"number or type, or leave it out"
                )
            seen[number] = protocol.name
    for field in ("name", "scheme"):
        values: set[str] = set()
        for protocol in family.protocols:
            value = getattr(protocol, field)
            if value and value in values:
                raise ValueError(
                    f"{family.name}: {field} must be another one for each Protocol, not {value!r} "
                    f"of two"
                )
            values.add(value)


def _check_fields(owner: str, description: Any, checks: Mapping[str, tuple[str, Check]]) -> None:
    defaults = description._field_defaults
    for field, (wanted, check) in checks.items():
        value = getattr(description, field)
        if value is defaults.get(field, checks) and not isinstance(value, dict):
            continue  # what is left out is right; a dict somebody may have filled
        try:
            fits = check(value)
        except Exception:
            if _fits(check, value):  # a signal's handler raised it, and not the value
                raise
            fits = False
        if not fits:
            raise ValueError(f"{owner}: {field} must be {wanted}, not {_shown(value)}")


def _fits(check: Check, value: object) -> bool:
    try:
        return check(value)
    except Exception:  # a value whose own methods fail
        return False


def _shown(value: object) -> str:
    """The value as an error shows it, of a length that can be read."""
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


# Kinds of values


def _is_int(value: object, low: int = -(1 << 31), high: int = (1 << 31) - 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_family_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and value.startswith("AF_")
        and len(value) > len("AF_")
        and frozenset(value) <= _UPPER | _DIGITS | frozenset("_")
    )


def _is_name(value: str) -> bool:
    parts = value.split(".")
    return all(map(str.isidentifier, parts)) and not any(map(iskeyword, parts))


def _is_module_reference(value: object) -> bool:
    return isinstance(value, str) and (_is_name(value) or _is_reference(value))


def _is_reference(value: object) -> bool:
    if not isinstance(value, str):
        return False
    module, colon, attribute = value.partition(":")
    return bool(colon) and _is_name(module) and _is_name(attribute)


def _is_tuple_of(value: object, check: Check, least: int = 0) -> bool:
    return isinstance(value, tuple) and len(value) >= least and all(map(check, value))


def _is_mapping_of(value: object, key: Check, item: Check, least: int = 0) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) >= least
        and all(map(key, value))
        and all(map(item, value.values()))
    )


# Fields


def _are_protocols(value: object) -> bool:
    return _is_tuple_of(value, lambda item: isinstance(item, Protocol), 1)


def _are_types(value: object) -> bool:
    return _is_tuple_of(value, lambda kind: _is_int(kind, 1, 0xF), 1)


def _are_constants(value: object) -> bool:
    if not isinstance(value, Mapping):
        return _is_module_reference(value)
    return all(
        isinstance(name, str)
        and name.isidentifier()
        and (isinstance(item, str) or _is_int(item, *_C_INTEGERS) or name in _OF_HEADERS)
        for name, item in value.items()
    )


def _are_rows(module: str, kind: str) -> Check:
    """A check of rows of ``kind``, a class of ``module``, which is imported if there is any."""

    def check(value: object) -> bool:
        if isinstance(value, str):
            return _is_module_reference(value)
        row: Any = getattr(sys.modules.get(module), kind, ())
        return (
            isinstance(value, Collection)
            and not isinstance(value, Mapping | bytes | bytearray)
            and all(_is_module_reference(item) or isinstance(item, row) for item in value)
        )

    return check


def _are_platforms(value: object) -> bool:
    return _is_tuple_of(
        value, lambda item: isinstance(item, str) and frozenset(item) <= _LOWER | _DIGITS, 1
    )


def _are_modules(value: object) -> bool:
    return _is_tuple_of(value, lambda item: _is_text(item) and frozenset(item) <= _MODULE)


def _is_address(value: object) -> bool:
    if isinstance(value, type):
        return issubclass(value, Address)
    return value is None or _is_reference(value)


def _is_scheme(value: object) -> bool:
    if value == "":
        return isinstance(value, str)
    return (
        isinstance(value, str)
        and value[0] in _LOWER
        and frozenset(value) <= _LOWER | _DIGITS | frozenset(".-")
        and value not in RESERVED_SCHEMES
    )


def _is_capability(value: object) -> bool:
    return isinstance(value, str) and (
        value == "" or (value.startswith("CAP_") and frozenset(value[4:]) <= _UPPER | {"_"})
    )


def _is_key_of_hint(key: object) -> bool:
    if not isinstance(key, tuple):
        return _is_int(key, 1, _MAX_ERRNO)
    if len(key) != 2:
        return False
    method, number = key
    return isinstance(method, str) and _is_name(method) and _is_int(number, 1, _MAX_ERRNO)


def _are_hints(value: object) -> bool:
    return _is_mapping_of(value, _is_key_of_hint, lambda hint: callable(hint) or _is_text(hint))


def _are_sizes(value: object) -> bool:
    return value is None or _is_mapping_of(value, _is_int, lambda s: _is_int(s) and s in _SIZES)


def _is_selftest(value: object) -> bool:
    return value is None or _is_reference(value) or _is_mapping_of(value, _is_text, _is_reference)


def _is_layout(value: object) -> bool:
    return value is None or isinstance(value, SockaddrLayout) or _is_reference(value)


def _is_socket(value: object) -> bool:
    return value is None or _is_reference(value) or _is_mapping_of(value, _is_int, _is_reference, 1)


def _is_resolver(value: object) -> bool:
    if value is None or _is_reference(value):
        return True
    module = sys.modules.get("famsock._resolver")
    return module is not None and isinstance(value, module.Resolver)


def _is_probe(value: object) -> bool:
    return value is None or (_is_tuple_of(value, _is_int) and len(value) == 2)  # type: ignore[arg-type]


def _is_segmentation(value: object) -> bool:
    if not isinstance(value, Segmentation):
        return value is None
    pairs = all(pair is not None and _is_probe(pair) for pair in value[:3])
    return pairs and value.sent_bytes in (1, 2, 4, 8) and all(_is_int(n, 1) for n in value[3:])


_ROWS = 'a module\'s name, "module:attribute", or a collection of {} rows and of such names'
_OPTIONS = _ROWS.format("Option"), _are_rows("famsock.options", "Option")
_CONTROL = _ROWS.format("ControlType"), _are_rows("famsock.control", "ControlType")
_MODULES = "a tuple of kernel modules' names", _are_modules
_REFERENCE = '"module:attribute"'

_FAMILY: Mapping[str, tuple[str, Check]] = {
    "number": ("1-65535", lambda value: _is_int(value, 1, 0xFFFF)),
    "protocols": ("a tuple of at least one Protocol", _are_protocols),
    "constants": ("a module's name or a mapping of names to int or str", _are_constants),
    "options": _OPTIONS,
    "control": _CONTROL,
    "platforms": ('a tuple of prefixes of sys.platform ("linux")', _are_platforms),
    "modules": _MODULES,
}
"""The rules for a Family's fields, in words and as checks; `name` and `api_version` come before."""

_PROTOCOL: Mapping[str, tuple[str, Check]] = {
    "number": (
        "0-2147483647 or ANY_PROTOCOL (None)",
        lambda value: value is None or _is_int(value, 0),
    ),
    "types": ("a tuple of at least one socket type (1-15)", _are_types),
    "address": (f"an Address class, {_REFERENCE} or None", _is_address),
    "scheme": (
        '"" or lower-case letters, digits, "." and "-", a letter first, but not "fd" or "systemd"',
        _is_scheme,
    ),
    "modules": _MODULES,
    "capability": ('"" or the name of a capability (CAP_X)', _is_capability),
    "hints": ('a mapping of errno or ("method", errno) to str or functions', _are_hints),
    "accepts_address": ("a bool", _is_bool),
    "passes_descriptors": ("a bool", _is_bool),
    "reliable_datagrams": ("a bool", _is_bool),
    "fixed_send_buffer": ("a bool", _is_bool),
    "integer_bytes": ("None or a mapping of levels to sizes in bytes (1, 2, 4, 8)", _are_sizes),
    "selftest": (f"None, {_REFERENCE} or a mapping of labels to such names", _is_selftest),
    "layout": (f"None, a SockaddrLayout or {_REFERENCE}", _is_layout),
    "socket": (f"None, {_REFERENCE} or a mapping of types to such names", _is_socket),
    "address_family": (
        '"" or the name of another family (AF_X)',
        lambda value: (isinstance(value, str) and not value) or _is_family_name(value),
    ),
    "options": _OPTIONS,
    "control": _CONTROL,
    "resolver": (f"None, a Resolver or {_REFERENCE}", _is_resolver),
    "probe": ("None or the level and the number of an option", _is_probe),
    "max_message_bytes": ("0-2147483647", lambda value: _is_int(value, 0)),
    "segmentation": ("None or a Segmentation of int and pairs of int", _is_segmentation),
}
"""The rules for a Protocol's fields, in words and as checks; `name` comes before."""
