"""Endpoints as text: ``vsock://2:1024`` names a family, a socket type, a protocol and an address.

The scheme belongs to a `famsock.family.Protocol`; the rest is the text of its address. A socket
type other than the protocol's usual one follows a plus sign: ``unix+dgram:///run/x``.
"""

from __future__ import annotations

import socket as _stdlib
from collections.abc import Callable
from typing import Any

import attrs

from famsock._hints import did_you_mean
from famsock._lazy import load
from famsock._registry import plugins
from famsock._registry.missing import distribution_of_scheme
from famsock._sockets import socket
from famsock.address import Address
from famsock.family import Family, Protocol

__all__ = [
    "Endpoint",
    "of",
    "parse",
]

_TYPES = {
    "stream": _stdlib.SOCK_STREAM,
    "dgram": _stdlib.SOCK_DGRAM,
    "raw": _stdlib.SOCK_RAW,
    "rdm": 4,
    "seqpacket": _stdlib.SOCK_SEQPACKET,
}


@attrs.frozen
class Endpoint:
    """An endpoint: the arguments of ``socket()``, and an address to bind or connect to."""

    family: int
    type: int
    protocol: int
    address: Address
    scheme: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.address}"

    def open(self) -> socket:
        """Return an unbound socket of family, type and protocol. OSError as socket(2)."""
        return socket(self.family, self.type, self.protocol)

    def bind(self) -> socket:
        """Return a socket that is bound to the address. OSError as bind(2)."""
        return self._opened(lambda sock: sock.bind(self.address))

    def listen(self, backlog: int = 128) -> socket:
        """Return a bound socket that listens for ``backlog`` connections. OSError as listen(2)."""

        def listen(sock: socket) -> None:
            sock.bind(self.address)
            sock.listen(backlog)

        return self._opened(listen)

    def connect(self, timeout: float | None = None) -> socket:
        """Return a socket that is connected, within ``timeout`` seconds, which it keeps.

        OSError as connect(2), TimeoutError.
        """

        def connect(sock: socket) -> None:
            sock.settimeout(timeout)
            sock.connect(self.address)

        return self._opened(connect)

    def _opened(self, ready: Callable[[socket], None]) -> socket:
        sock = self.open()
        try:
            ready(sock)
        except BaseException:
            sock.close()
            raise
        return sock


def parse(text: str) -> Endpoint:
    """Return the endpoint that ``text`` writes.

    ValueError for an unknown scheme, with those that are known, or a text that is no address.
    """
    scheme, found, rest = text.partition("://")
    if not found:
        raise ValueError(f"an endpoint is scheme://address, not {text!r}")
    name, _, kind = scheme.partition("+")
    family, protocol = _protocol(name)
    if kind and _TYPES.get(kind) not in protocol.types:
        allowed = ", ".join(k for k, value in _TYPES.items() if value in protocol.types)
        raise ValueError(f"endpoint {text!r}: type must be one of {allowed}, not {kind!r}")
    address: Address = load(protocol.address).parse(rest)
    number = _TYPES[kind] if kind else protocol.types[0]
    return Endpoint(family.number, number, protocol.number or 0, address, scheme)


def _protocol(scheme: str) -> tuple[Family, Protocol]:
    known: dict[str, tuple[Family, Protocol]] = {}
    likely = sorted(plugins.names(), key=lambda name: scheme.upper() not in name)
    for family in plugins.families(likely):
        for protocol in family.protocols:
            if protocol.scheme:
                known.setdefault(protocol.scheme, (family, protocol))
        if scheme in known:
            return known[scheme]
    if distribution := distribution_of_scheme(plugins, scheme):
        raise ValueError(f"scheme {scheme!r} needs {distribution}: pip install {distribution}")
    raise ValueError(
        f"unknown scheme {scheme!r}; installed: {', '.join(sorted(known))}"
        + did_you_mean(scheme.lower(), known)
    )


def of(sock: Any, address: Address) -> Endpoint:
    """Return the endpoint of an address on a socket; ValueError if its protocol has no scheme."""
    served = plugins.find(int(sock.family), int(sock.type), sock.proto)
    if served is None or not served.protocol.scheme:
        raise ValueError(f"no plugin names a scheme for {sock!r}")
    kind = next((k for k, value in _TYPES.items() if value == sock.type), "")
    usual = sock.type == served.protocol.types[0]
    scheme = served.protocol.scheme + ("" if usual or not kind else f"+{kind}")
    return Endpoint(int(sock.family), int(sock.type), sock.proto, address, scheme)
