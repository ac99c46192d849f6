"""L2TP over IP: addresses with the id of a connection, which the stdlib loses."""

from __future__ import annotations

import os
import socket as stdlib
import struct
from typing import Any

import pytest
from famsock_inet import L2tp6Address, L2tp6Socket, L2tpAddress, L2tpSocket

import famsock
from famsock import AF_INET, AF_INET6, SOCK_DGRAM

IPPROTO_L2TP = 115
ADDRESSES: dict[int, type[L2tpAddress | L2tp6Address]] = {
    AF_INET: L2tpAddress,
    AF_INET6: L2tp6Address,
}
HOSTS: dict[int, str] = {AF_INET: "127.0.0.1", AF_INET6: "::1"}
CLASSES: dict[int, type[L2tpSocket | L2tp6Socket]] = {AF_INET: L2tpSocket, AF_INET6: L2tp6Socket}
pytestmark = [
    pytest.mark.parametrize("family", [AF_INET, AF_INET6], ids=["ipv4", "ipv6"]),
    pytest.mark.usefixtures("descriptors", "has_l2tp"),
]


@pytest.fixture
def has_l2tp(family: int) -> None:
    """Skips the test where the kernel opens no socket of L2TP over IP."""
    try:
        famsock.socket(family, SOCK_DGRAM, IPPROTO_L2TP).close()
    except OSError as error:
        suffix = "6" if family == AF_INET6 else ""
        pytest.skip(f"{error}: modprobe l2tp_ip{suffix}")


def rest(family: int) -> tuple[int, ...]:
    return (0, 0) if family == AF_INET6 else ()


def control_message(conn_id: int) -> bytes:
    """The head of a control message of L2TPv3 (RFC 3931, 3.2.1)."""
    return struct.pack("!HHIHH", 0xC803, 12, conn_id, 0, 0)


@pytest.mark.parametrize("conn_id", [1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_bind_and_connect_keep_the_connection(family: int, conn_id: int) -> None:
    host = HOSTS[family]
    with famsock.socket(family, SOCK_DGRAM, IPPROTO_L2TP) as sock:
        sock.bind((host, conn_id))
        assert sock.getsockname() == (host, conn_id, *rest(family))
        assert sock.local_address == ADDRESSES[family](host, conn_id)
        sock.connect(ADDRESSES[family](host, 4711))
        if family == AF_INET:  # the kernel looks for a port, which there is none (l2tp_ip_getname)
            assert sock.peer_address is None
        else:
            assert sock.getpeername() == (host, 4711, *rest(family))
            assert sock.peer_address == ADDRESSES[family](host, 4711)
        assert type(sock.operations) is CLASSES[family]


def test_a_message_goes_to_its_connection(family: int) -> None:
    host, first = HOSTS[family], os.getpid() << 1
    with CLASSES[family]() as one, CLASSES[family]() as other, CLASSES[family]() as sender:
        for sock, conn_id in ((one, first), (other, first + 1)):
            sock.settimeout(20)
            sock.bind((host, conn_id))
        for conn_id, receiver in ((first + 1, other), (first, one)):
            message = control_message(conn_id)
            sender.sendto(message, (host, 0))
            data, source = receiver.recvfrom(100)
            assert data == message
            assert source == (host, 0, *rest(family))
            sender.sendto(message, ADDRESSES[family](host, 0))
            received = receiver.recv_message()
            assert (received.data, received.address) == (message, ADDRESSES[family](host, 0))


def test_what_the_stdlib_takes_is_taken(family: int) -> None:
    if family == AF_INET6:  # whose sockaddr of the stdlib is too short for the kernel
        with (
            stdlib.socket(family, SOCK_DGRAM, IPPROTO_L2TP) as plain,
            pytest.raises(OSError, match="Invalid argument"),
        ):
            plain.bind((HOSTS[family], 0))
    shapes: list[Any] = []
    for make in (stdlib.socket, famsock.socket) if family == AF_INET else (famsock.socket,):
        with make(family, SOCK_DGRAM, IPPROTO_L2TP) as sock:
            sock.bind((HOSTS[family], 0))
            shapes.append(sock.getsockname())
    assert set(shapes) == {(HOSTS[family], 0, *rest(family))}


def test_ids_out_of_range(family: int) -> None:
    with famsock.socket(family, SOCK_DGRAM, IPPROTO_L2TP) as sock:
        for conn_id in (-2, 1 << 32):
            with pytest.raises(OverflowError, match="conn_id must be 0-4294967295"):
                sock.bind((HOSTS[family], conn_id))
