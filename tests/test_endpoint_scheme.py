"""Schemes of endpoints: each kind of socket has a text that opens the same kind again."""

from __future__ import annotations

import socket as stdlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

import famsock
from famsock import RawAddress, endpoints
from famsock._endpoint_scheme import scheme_text
from famsock.endpoints import Endpoint

INET = stdlib.AF_INET
INET6 = stdlib.AF_INET6


def there(sock: famsock.socket) -> Endpoint:
    """Return the endpoint of a socket's own address."""
    address = sock.local_address
    assert address is not None
    return endpoints.of(sock, address)


def kinds() -> Iterator[tuple[str, int, int]]:
    """The name, the type and the protocol number of every row of every family with a scheme."""
    for family in famsock.plugins.families():
        for row in family.protocols:
            for kind in row.types if row.scheme else ():
                numbers = [row.number] if row.number is not None else [0, 1, 17, 255, 768, 1 << 30]
                for number in numbers:
                    yield f"{family.name} {row.name}", kind, number


def _address_of(name: str) -> Any:
    family_name, _, row_name = name.partition(" ")
    family = famsock.plugins.family(family_name)
    assert family is not None
    row = next(row for row in family.protocols if row.name == row_name)
    return family, row


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(("name", "kind", "number"), list(kinds()))
def test_every_row_reads_back(name: str, kind: int, number: int) -> None:
    family, row = _address_of(name)
    address = RawAddress(family.number, b"\xff\xee" * 7)
    scheme = scheme_text(row, kind, number)
    endpoint = Endpoint(family.number, kind, number, address, scheme)
    again = endpoints.parse(str(endpoint))
    assert (again.family, again.type, again.protocol) == (family.number, kind, number)
    assert endpoints.parse(str(again)) == again
    upper = f"{scheme.upper()}://{address}"
    assert endpoints.parse(upper) == again


OPENED = [
    (INET, stdlib.SOCK_STREAM, 0),
    (INET, stdlib.SOCK_STREAM, 6),
    (INET, stdlib.SOCK_DGRAM, 0),
    (INET, stdlib.SOCK_RAW, 1),
    (INET, stdlib.SOCK_RAW, 6),
    (INET, stdlib.SOCK_RAW, 255),
    (INET6, stdlib.SOCK_STREAM, 0),
    (INET6, stdlib.SOCK_RAW, 58),
    (stdlib.AF_UNIX, stdlib.SOCK_STREAM, 0),
    (stdlib.AF_UNIX, stdlib.SOCK_STREAM, 1),
    (stdlib.AF_UNIX, stdlib.SOCK_RAW, 0),
    (stdlib.AF_UNIX, stdlib.SOCK_SEQPACKET, 0),
    (16, stdlib.SOCK_RAW, 0),
    (16, stdlib.SOCK_DGRAM, 4),
    (17, stdlib.SOCK_RAW, 0x0300),
    (17, stdlib.SOCK_DGRAM, 0),
]


@pytest.mark.parametrize("kind", OPENED, ids=str)
def test_an_open_socket_s_text_opens_the_same_kind(kind: tuple[int, int, int]) -> None:
    try:
        sock = famsock.socket(*kind)
    except PermissionError:
        pytest.skip("raw and packet sockets need CAP_NET_RAW")
    with sock:
        endpoint = there(sock)
        again = endpoints.parse(str(endpoint))
        assert again == endpoint
        with again.open() as other:
            for option in (stdlib.SO_DOMAIN, stdlib.SO_TYPE, stdlib.SO_PROTOCOL):
                ours = sock.getsockopt(stdlib.SOL_SOCKET, option)
                assert other.getsockopt(stdlib.SOL_SOCKET, option) == ours


def test_every_kind_that_this_kernel_opens() -> None:
    """In the lab these are the sockets of all families, on the host those of its kernel."""
    opened = []
    for name, kind, number in kinds():
        family, _ = _address_of(name)
        if not family.here:
            continue
        try:
            sock = famsock.socket(family.number, kind, number)
        except OSError:
            continue
        with sock:
            address: Any = None
            with suppress(OSError):  # some tell none before they are bound
                address = sock.local_address
            address = address or RawAddress(family.number ^ 64, b"\xff\xee" * 7)
            endpoint = endpoints.of(sock, address)
            again = endpoints.parse(str(endpoint))
            assert again == endpoint
            assert (
                endpoints.parse(str(endpoint).replace(again.scheme, again.scheme.upper())) == again
            )
            with again.open() as other:
                assert (other.family, other.type) == (sock.family, sock.type)
                assert plugins_row(other) == plugins_row(sock)
                for option in (stdlib.SO_DOMAIN, stdlib.SO_TYPE, stdlib.SO_PROTOCOL):
                    ours = sock.getsockopt(stdlib.SOL_SOCKET, option)
                    assert other.getsockopt(stdlib.SOL_SOCKET, option) == ours, str(endpoint)
        opened.append(name)
    assert len(set(opened)) > 10


def plugins_row(sock: famsock.socket) -> str:
    served = famsock.plugins.find(sock.family, sock.type, sock.proto)
    assert served is not None
    return str(served)


class _Opened:
    """A socket of a kind that this kernel may not have, as `of` sees it."""

    def __init__(self, family: int, type: int, proto: int) -> None:
        self.family, self.type, self.proto = family, type, proto


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("proto", [256, 33, 6])
def test_a_stream_of_another_protocol_is_not_taken_for_tcp(proto: int) -> None:
    address = endpoints.parse("tcp://127.0.0.1:80").address
    for kind in (1, 2, 6):
        endpoint = endpoints.of(_Opened(2, kind, proto), address)
        again = endpoints.parse(str(endpoint))
        assert again == endpoint
        assert (again.family, again.type, again.protocol) == (2, kind, proto)


def test_a_raw_socket_s_text_has_its_protocol() -> None:
    assert endpoints.parse("raw+1://127.0.0.1:0").protocol == 1
    assert endpoints.parse("raw+icmp://127.0.0.1:0") == endpoints.parse("raw+1://127.0.0.1:0")
    try:
        with famsock.socket(INET, stdlib.SOCK_RAW, 1) as sock:
            assert str(there(sock)) == "raw+1://0.0.0.0:1"
        with pytest.raises(OSError, match="not supported") as caught:
            endpoints.parse("raw://127.0.0.1:0").open()
    except PermissionError:
        pytest.skip("raw sockets need CAP_NET_RAW")
    assert "raw+NUMBER://" in "".join(caught.value.__notes__)


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("TCP://127.0.0.1:80", "tcp://127.0.0.1:80"),
        ("Unix+SeqPacket:///run/X", "unix+seqpacket:///run/X"),
        ("tcp+stream://127.0.0.1:80", "tcp://127.0.0.1:80"),
        ("tcp+6://127.0.0.1:80", "tcp://127.0.0.1:80"),
        ("netlink+0://0", "netlink-route://0"),
        ("tcp://127.0.0.1:80?so_mark=0x10", "tcp://127.0.0.1:80?SO_MARK=16"),
        ("unix:///x?mode=660", "unix:///x?mode=0660"),
        ("tcp://localhost:1?family=af_inet6", "tcp://localhost:1?family=AF_INET6"),
    ],
)
def test_texts_of_one_endpoint(text: str, canonical: str) -> None:
    assert str(endpoints.parse(text)) == canonical
    assert endpoints.parse(text) == endpoints.parse(canonical)
