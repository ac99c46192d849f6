"""The addresses that endpoints of both IP versions stand for."""

from __future__ import annotations

import asyncio
import socket as stdlib
from typing import Any

import pytest
from famsock_inet import Inet6Address, InetAddress, _resolver
from famsock_inet._resolver import TCP, TCP6, UDP

import famsock
from famsock import aio
from famsock.plugin import Candidate

BOTH = ["::1", "127.0.0.1"]
STREAM = stdlib.SOCK_STREAM


@pytest.fixture
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name "both.test" has an address of each version, that of IPv6 first."""

    def getaddrinfo(host: Any, port: Any, family: int = 0, *given: Any, **more: Any) -> Any:
        if host != "both.test":
            return stdlib.getaddrinfo(host, port, family, *given, **more)
        found = []
        for address in BOTH:
            found += stdlib.getaddrinfo(address, port, 0, *given, **more)
        return [each for each in found if family in (0, each[0])]

    monkeypatch.setattr(_resolver, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", InetAddress("127.0.0.1", 80)),
        ("[::1]:80", Inet6Address("::1", 80)),
        ("[fe80::1%lo]:80", Inet6Address("fe80::1%lo", 80)),
        ("[::1]:80:5:2", Inet6Address("::1", 80, 5, 2)),
        ("[127.0.0.1]:80", InetAddress("127.0.0.1", 80)),
        ("localhost:http", InetAddress("localhost", 80)),
        (":http", InetAddress("", 80)),
        ("<broadcast>:9", InetAddress("<broadcast>", 9)),
    ],
)
def test_texts(text: str, address: object) -> None:
    assert TCP.parse(text, STREAM, 6) == address


@pytest.mark.parametrize(
    "text", ["", ":", "::1:80", "h:no-such-service", "h:-1", "h:65536", "h:1:2"]
)
def test_texts_of_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="AF_INET"):
        TCP.parse(text, STREAM, 6)


def test_services_are_those_of_the_transport() -> None:
    assert TCP6.parse("h:https", STREAM, 6) == Inet6Address("h", 443)
    assert UDP.parse("h:tftp", 2, 17) == InetAddress("h", 69)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "[::1]:1", "[fe80::1%lo]:1", "<broadcast>:1"])
def test_numbers_stand_for_themselves(text: str) -> None:
    for passive in (False, True):
        assert TCP.resolve(TCP.parse(text, STREAM, 6), STREAM, passive) is None


@pytest.mark.usefixtures("_names")
def test_names_stand_for_their_addresses() -> None:
    found = TCP.resolve(InetAddress("both.test", 80), STREAM, False)
    assert found is not None
    assert list(found) == [
        Candidate(Inet6Address("::1", 80)),
        Candidate(InetAddress("127.0.0.1", 80)),
    ]
    found = TCP6.resolve(Inet6Address("both.test", 80), STREAM, False)
    assert found is not None
    assert list(found) == [Candidate(Inet6Address("::1", 80))]


def test_nothing_is_looked_up_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_resolver, "getaddrinfo", None)
    assert TCP.resolve(InetAddress("name.invalid", 80), STREAM, False) is not None
    famsock.endpoints.parse("tcp://name.invalid:80")


@pytest.mark.usefixtures("_names")
@pytest.mark.parametrize("address", BOTH)
def test_the_version_that_answers_is_connected(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with famsock.listen(f"tcp://{host}:0") as server:
        port = server.getsockname()[1]
        with famsock.connect(f"tcp://both.test:{port}", 20) as client:
            assert client.getpeername()[0] == address
            assert client.gettimeout() == 20
        for family in ("AF_INET", "AF_INET6"):
            text = f"tcp://both.test:{port}?family={family}"
            if getattr(stdlib, family) == server.family:
                with famsock.connect(text, 20) as client:
                    assert client.family == server.family
            else:
                with pytest.raises(ConnectionRefusedError):
                    famsock.connect(text, 20)


@pytest.mark.usefixtures("_names", "descriptors")
@pytest.mark.parametrize("address", BOTH)
def test_tasks_connect_to_the_version_that_answers(address: str) -> None:
    async def main() -> None:
        host = f"[{address}]" if ":" in address else address
        server = await aio.listen(f"tcp://{host}:0")
        place = server.socket.getsockname()
        async with server, await aio.connect(f"tcp://both.test:{place[1]}") as client:
            assert client.socket.getpeername()[0] == address
            async with await server.accept() as accepted:
                await accepted.send(b"data")
                assert await client.receive() == b"data"
        with pytest.raises(ConnectionRefusedError) as caught:
            await aio.connect(f"tcp://both.test:{place[1]}")
        assert len(caught.value.__notes__) >= 2
        async with await aio.open_datagram(f"udp://{host}:0") as bound:
            text = f"udp://both.test:{bound.socket.getsockname()[1]}"
            async with await aio.open_datagram(f"udp://{host}:0", text) as sender:
                await sender.send(b"data")
                assert (await bound.receive())[0] == b"data"

    asyncio.run(asyncio.wait_for(main(), 60))


@pytest.mark.usefixtures("_names", "descriptors")
def test_neither_version_answers() -> None:
    with stdlib.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError) as caught:
            famsock.connect(f"tcp://both.test:{sock.getsockname()[1]}", 20)
    notes = "".join(caught.value.__notes__)
    assert "127.0.0.1" in notes
    assert "::1" in notes


@pytest.mark.usefixtures("_names")
def test_a_name_is_bound_once() -> None:
    with famsock.listen("tcp://both.test:0") as server:
        assert server.getsockname()[0] == "::1"
    with famsock.open_datagram("udp://both.test:0?IP_TOS=16") as bound:
        assert bound.getsockname()[0] in BOTH


def test_no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every local address is IPv4's where the kernel has no IPv6."""
    make = famsock.socket

    def refuse(family: int = -1, *given: Any, **more: Any) -> Any:
        if family == stdlib.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return make(family, *given, **more)

    monkeypatch.setattr("famsock.endpoints.socket", refuse)
    with famsock.listen("tcp://:0") as server:
        assert server.family == stdlib.AF_INET
