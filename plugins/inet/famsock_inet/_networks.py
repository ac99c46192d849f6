"""Rules of allow-lists: networks of IPv4 and IPv6. Source: the documentation of `ipaddress`."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from famsock.plugin import Address

_Admits = Callable[[Any, Address | None], bool]


def network_rule(rule: str, otherwise: Callable[[str], _Admits]) -> _Admits:
    """Return whether a peer's host is in a network ("192.0.2.0/24", "2001:db8::1").

    An IPv4 peer of an IPv6 socket (``::ffff:192.0.2.1``) counts as the IPv4 address that it is.
    ``otherwise`` reads a rule that is no network. ValueError if it cannot either, and for a network
    with bits beyond its prefix.
    """
    try:
        network = ipaddress.ip_network(rule.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        try:
            return otherwise(rule)
        except ValueError:
            raise error from None

    def admits(_: Any, address: Address | None) -> bool:
        try:
            host = ipaddress.ip_address(str(getattr(address, "host", "")))
        except ValueError:
            return False
        if host.version == 6 and host.ipv4_mapped is not None and network.version == 4:
            return host.ipv4_mapped in network
        return host in network

    return admits
