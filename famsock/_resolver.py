"""The interface by which a family says that an endpoint's address stands for several addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from famsock.address import Address

__all__ = [
    "Candidate",
    "Resolver",
]


@attrs.frozen
class Candidate:
    """An address to try, and options to set on its socket, by name.

    The address class tells the family, which may be another than that of the endpoint's scheme.
    """

    address: Address
    options: tuple[tuple[str, Any], ...] = ()


class Resolver:
    """Reads the addresses of an endpoint's scheme, and finds those that each stands for.

    For a scheme of several families, and for names of hosts and services. `Protocol.resolver` names
    an instance of a subclass.
    """

    __slots__ = ()

    def parse(self, text: str, type: int, protocol: int) -> Address:
        """Return the typed address that ``text`` names for a socket type and protocol number.

        Its class may be another family's. Asks no name server. ValueError for any other text.
        """
        raise NotImplementedError

    def resolve(self, address: Address, type: int, passive: bool) -> Iterable[Candidate] | None:
        """Return the addresses to try, the best first; None if ``address`` stands for itself only.

        ``passive`` is true if it is to be bound. Returning asks nobody: names are looked up by the
        iterator. OSError where the look-up fails.
        """
        raise NotImplementedError
