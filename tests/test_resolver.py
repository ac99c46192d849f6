"""Resolvers: a family of a third party whose scheme stands for several addresses."""

from __future__ import annotations

import socket as stdlib
from collections.abc import Iterable, Iterator

import pytest

import famsock
from famsock import PluginError, endpoints
from famsock.plugin import (
    Address,
    Candidate,
    Family,
    Protocol,
    Registry,
    Resolver,
    cstruct,
    sockaddr,
)

NUMBER = 199
REFERENCE = f"{__name__}:NAMES"


@sockaddr("struct sockaddr_kit", header="", family=NUMBER, family_name="AF_KIT")
class KitAddress(Address):
    """A number."""

    port: int = cstruct.u32("port")


class Names(Resolver):
    """Reads the names one, two and all; ``all`` stands for two addresses of AF_UNIX and AF_KIT."""

    def parse(self, text: str, type: int, protocol: int) -> Address:
        numbers = {"one": 1, "two": 2, "all": 99}
        return KitAddress(numbers[text]) if text in numbers else KitAddress.parse(text)

    def resolve(self, address: Address, type: int, passive: bool) -> Iterable[Candidate] | None:
        assert isinstance(address, KitAddress)
        return self._found(passive) if address.port == 99 else None

    def _found(self, passive: bool) -> Iterator[Candidate]:
        yield Candidate(KitAddress(1))
        path = endpoints.parse("unix://@famsock-resolver-kit").address
        yield Candidate(path, (("SO_PASSCRED", True),))


NAMES = Names()
ROW = Protocol("kit", 0, (stdlib.SOCK_STREAM,), KitAddress, scheme="kit", resolver=REFERENCE)


@pytest.fixture
def _kit() -> Iterator[None]:
    famsock.plugins.register(Family("AF_KIT", NUMBER, (ROW,)))
    yield
    famsock.plugins.unregister("AF_KIT")


@pytest.mark.usefixtures("_kit")
def test_a_family_of_a_third_party_joins() -> None:
    assert str(endpoints.parse("kit://two")) == "kit://2"
    assert endpoints.parse("kit://7").address == KitAddress(7)
    with pytest.raises(ValueError, match="kit://seven\n        \\^\\^\\^\\^\\^"):
        endpoints.parse("kit://seven")
    endpoint = endpoints.parse("kit://all?SO_RCVBUF=8192")
    with endpoint.listen() as server:  # this kernel has no AF_KIT: the second address counts
        assert server.family == stdlib.AF_UNIX
        assert server.get_option("SO_PASSCRED") is True
        assert server.get_option("SO_REUSEADDR") is True
        with endpoint.connect(20) as client, server.accept()[0] as accepted:
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"
    with pytest.raises(OSError, match="not supported"):
        endpoints.parse("kit://all?family=AF_KIT").listen()


@pytest.mark.usefixtures("_kit")
def test_an_option_keeps_to_the_families_that_have_it() -> None:
    own = Family("AF_KIT", NUMBER, (ROW,), options="famsock_vsock.options")
    famsock.plugins.unregister("AF_KIT")
    famsock.plugins.register(own)
    with pytest.raises(OSError, match="not supported") as caught:
        endpoints.parse("kit://all?SO_VM_SOCKETS_BUFFER_SIZE=1").listen()
    notes = getattr(caught.value, "__notes__", [])
    assert not any("famsock-resolver-kit" in note for note in notes)


@pytest.mark.parametrize("resolver", ["nowhere:X", f"{__name__}:ROW", f"{__name__}:Names"])
def test_what_is_no_resolver(resolver: str) -> None:
    family = Family("AF_KIT", NUMBER, (ROW._replace(resolver=resolver),))
    with pytest.raises(PluginError, match="AF_KIT kit: resolver must name a Resolver; "):
        Registry("AF_KIT").register(family)


def test_the_base_resolves_nothing() -> None:
    with pytest.raises(NotImplementedError):
        Resolver().parse("x", 1, 0)
    with pytest.raises(NotImplementedError):
        Resolver().resolve(KitAddress(1), 1, False)
