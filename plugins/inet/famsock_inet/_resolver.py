"""The addresses that an endpoint of AF_INET or AF_INET6 stands for: names, services, both versions.

Sources: getaddrinfo(3), getservbyname(3), RFC 8305.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from socket import (
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    AI_PASSIVE,
    SOCK_STREAM,
    getaddrinfo,
    getservbyname,
    inet_pton,
)
from typing import Any

from famsock.plugin import Address, Candidate, Resolver, text
from famsock_inet.addresses import Inet6Address, InetAddress

_BROADCAST = "<broadcast>"
_BOTH = {"IPV6_V6ONLY": False}
_CLASSES: dict[int, Any] = {AF_INET: InetAddress, AF_INET6: Inet6Address}


class IpResolver(Resolver):
    """Addresses of IP hosts and ports; ``service`` is the transport's name in services(5).

    ``family`` is AF_INET or AF_INET6 for a scheme of one version only, AF_UNSPEC for both.
    """

    __slots__ = ("_family", "_service")

    def __init__(self, family: int, service: str) -> None:
        self._family = family
        self._service = service

    def parse(self, text_form: str, type: int, protocol: int) -> Address:
        """Return the address of ``host:port``; the port may be the name of a service."""
        pieces = text.split(text_form, ":")
        host = text.unquote(pieces[0])
        if len(pieces) > 1 and not pieces[1].isdigit():
            pieces[1] = self._port(pieces[1])
        version6 = self._family == AF_INET6 or (self._family == AF_UNSPEC and ":" in host)
        cls = Inet6Address if version6 else InetAddress
        address: Address = cls.parse(":".join(pieces))
        return address

    def _port(self, service: str) -> str:
        try:
            return str(getservbyname(text.unquote(service), self._service))
        except (OSError, ValueError):
            return service  # the address class refuses it

    def resolve(self, address: Address, type: int, passive: bool) -> Iterable[Candidate] | None:
        """Return None for a number, else what getaddrinfo(3) finds for the name.

        A host that is left out stands for every local address to bind, with one socket for both
        versions if the kernel can, and for the loopback addresses to connect.
        """
        assert isinstance(address, InetAddress | Inet6Address)
        host = address.host
        if host == _BROADCAST or (isinstance(host, str) and _is_number(host.partition("%")[0])):
            return None
        return self._found(address, passive)

    def _found(self, address: InetAddress | Inet6Address, passive: bool) -> Iterator[Candidate]:
        host, port = address.host, address.port
        if not host and passive and self._family != AF_INET:
            options = _BOTH.items() if self._family == AF_UNSPEC else ()
            yield Candidate(Inet6Address("::", port), tuple(options))
            if self._family == AF_UNSPEC:
                yield Candidate(InetAddress("0.0.0.0", port))
            return
        flags = AI_PASSIVE if passive else 0
        found = getaddrinfo(host or None, port, self._family, SOCK_STREAM, flags=flags)
        for family, _, _, _, form in found:
            yield Candidate(_CLASSES[family](*form))


def _is_number(host: str) -> bool:
    for family in (AF_INET6, AF_INET):
        try:
            inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False


TCP = IpResolver(AF_UNSPEC, "tcp")
TCP6 = IpResolver(AF_INET6, "tcp")
UDP = IpResolver(AF_UNSPEC, "udp")
UDP6 = IpResolver(AF_INET6, "udp")
SCTP = IpResolver(AF_UNSPEC, "sctp")
SCTP6 = IpResolver(AF_INET6, "sctp")
