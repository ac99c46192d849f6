"""The classes of AF_CAN's sockets: their kinds, and descriptors whose protocol is not told.

The kernel answers SO_PROTOCOL with 0 for most sockets of AF_CAN. ISO-TP and J1939 are told by
options that only they know; a socket of BCM has none.
"""

from __future__ import annotations

import os
import socket as stdlib
from typing import TYPE_CHECKING, Any, assert_type

import pytest
from famsock_can import (
    BcmSocket,
    CanAddress,
    CanRawSocket,
    IsotpAddress,
    IsotpSocket,
    J1939Address,
    J1939Socket,
)
from famsock_can import constants as c
from famsock_can.isotp import IsotpPdu
from famsock_can.j1939 import J1939Message
from famsock_can.sockets.arrival import CanSocket
from famsock_can.sockets.raw import ReceivedFrame

import famsock

if TYPE_CHECKING:
    from famsock.control import Message

Kind = tuple[int, int, int]
KINDS: dict[type[CanSocket[Any, Any]], Kind] = {
    CanRawSocket: (c.AF_CAN, stdlib.SOCK_RAW, c.CAN_RAW),
    BcmSocket: (c.AF_CAN, stdlib.SOCK_DGRAM, c.CAN_BCM),
    IsotpSocket: (c.AF_CAN, stdlib.SOCK_DGRAM, c.CAN_ISOTP),
    J1939Socket: (c.AF_CAN, stdlib.SOCK_DGRAM, c.CAN_J1939),
}
raw = pytest.mark.needs_family("AF_CAN", protocol="raw")
bcm = pytest.mark.needs_family("AF_CAN", protocol="bcm")
isotp = pytest.mark.needs_family("AF_CAN", protocol="isotp")
j1939 = pytest.mark.needs_family("AF_CAN", protocol="j1939")
each_class = pytest.mark.parametrize(
    "cls",
    [
        pytest.param(CanRawSocket, marks=raw),
        pytest.param(BcmSocket, marks=bcm),
        pytest.param(IsotpSocket, marks=isotp),
        pytest.param(J1939Socket, marks=j1939),
    ],
)
pytestmark = pytest.mark.usefixtures("descriptors")


def kind_of(sock: stdlib.socket) -> Kind:
    return sock.family, sock.type, sock.proto


@each_class
def test_a_class_opens_sockets_of_its_kind(cls: type[CanSocket[Any, Any]]) -> None:
    for arguments in ((), KINDS[cls][:1], KINDS[cls][:2], KINDS[cls]):
        with cls(*arguments) as sock:
            assert kind_of(sock) == KINDS[cls]
            assert sock.operations is sock


@each_class
def test_a_plain_socket_becomes_one_of_the_class(cls: type[CanSocket[Any, Any]]) -> None:
    with famsock.socket(*KINDS[cls]) as sock:
        assert type(sock) is famsock.socket
        assert not hasattr(sock, "enable_timestamps")
        sock.operations.enable_timestamps()
        assert isinstance(sock, cls)
        assert kind_of(sock) == KINDS[cls]


@each_class
def test_copies_keep_class_and_protocol(cls: type[CanSocket[Any, Any]]) -> None:
    with cls() as sock, sock.dup() as copy:
        assert type(copy) is cls
        assert kind_of(copy) == KINDS[cls]


@each_class
def test_the_class_is_believed_where_the_kernel_tells_no_protocol(
    cls: type[CanSocket[Any, Any]],
) -> None:
    made = stdlib.socket(*KINDS[cls])
    # J1939 tells its number since Linux 6.12 at the latest, the others tell none.
    told = made.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_PROTOCOL)
    assert told in (0, KINDS[cls][2])
    with cls(fileno=made.detach()) as sock:
        assert kind_of(sock) == KINDS[cls]
        sock.enable_timestamps()


@each_class
@pytest.mark.parametrize("by_number", [True, False])
def test_a_socket_is_adopted(cls: type[CanSocket[Any, Any]], by_number: bool) -> None:
    made = stdlib.socket(*KINDS[cls])
    if not by_number and cls is not BcmSocket:  # which has no name that the stdlib could ask for
        made = stdlib.socket(fileno=made.detach())
        assert made.proto in (0, KINDS[cls][2])
    made.settimeout(7)
    with cls.adopt(made) as sock:
        assert made.fileno() == -1
        assert type(sock) is cls
        assert kind_of(sock) == KINDS[cls]
        assert sock.gettimeout() == 7


@isotp
@pytest.mark.needs_interface("vcan0")
def test_an_adopted_socket_has_its_protocol_s_addresses() -> None:
    made = stdlib.socket(*KINDS[IsotpSocket])
    made.bind(("vcan0", 0x123, 0x456))
    with IsotpSocket.adopt(stdlib.socket(fileno=made.detach())) as sock:
        assert sock.local_address == IsotpAddress("vcan0", 0x123, 0x456)
        assert sock.getsockname() == ("vcan0", 0x123, 0x456)


@pytest.mark.parametrize(
    ("cls", "address"),
    [
        pytest.param(CanRawSocket, ("vcan0",), marks=raw),
        pytest.param(IsotpSocket, ("vcan0", 0x123, 0x456), marks=isotp),
        pytest.param(J1939Socket, ("vcan0", 0, c.J1939_NO_PGN, 0x61), marks=j1939),
    ],
)
@pytest.mark.needs_interface("vcan0")
def test_the_protocol_of_a_descriptor_is_found(
    cls: type[CanSocket[Any, Any]], address: tuple[Any, ...]
) -> None:
    made = stdlib.socket(*KINDS[cls])
    made.bind(address)
    with famsock.socket(fileno=made.detach()) as sock:
        assert sock.proto in (0, KINDS[cls][2])
        assert sock.getsockname() == address
        with sock.dup() as copy:
            assert copy.getsockname() == address
        assert type(sock.operations) is cls
        sock.operations.enable_timestamps()


@bcm
def test_a_descriptor_of_no_known_protocol_has_the_stdlib_s_forms() -> None:
    made = stdlib.socket(*KINDS[BcmSocket])
    with famsock.socket(c.AF_CAN, stdlib.SOCK_DGRAM, 0, made.detach()) as sock:
        with pytest.raises(AttributeError, match="no plugin gives operations to"):
            _ = sock.operations
        with pytest.raises(OSError, match="unsupported CAN protocol"):
            sock.connect(("vcan0",))
        with BcmSocket.adopt(sock) as adopted:
            adopted.enable_timestamps()


@isotp
@bcm
@j1939
@pytest.mark.parametrize("how", ["fileno", "adopt"])
def test_a_descriptor_of_another_protocol_is_refused(how: str) -> None:
    for cls in (BcmSocket, IsotpSocket, J1939Socket):
        for other in (IsotpSocket, J1939Socket, BcmSocket):
            if cls is other:
                continue
            with stdlib.socket(*KINDS[other]) as made:
                untold = stdlib.socket(c.AF_CAN, stdlib.SOCK_DGRAM, 0, made.fileno())
                with pytest.raises(TypeError, match=f"{cls.__name__} is of AF_CAN SOCK_DGRAM"):
                    cls(fileno=made.fileno()) if how == "fileno" else cls.adopt(untold)
                untold.detach()


@raw
@bcm
def test_another_kind_is_refused_and_left_open() -> None:
    with stdlib.socket(*KINDS[BcmSocket]) as made:
        for adopt in (CanRawSocket.adopt, IsotpSocket.adopt, J1939Socket.adopt):
            with pytest.raises(TypeError, match=r"AF_CAN .* protocol \d, not .* protocol 2"):
                adopt(made)
        with pytest.raises(TypeError, match="CanRawSocket is of AF_CAN SOCK_RAW protocol 1"):
            CanRawSocket(fileno=made.fileno())
        with pytest.raises(TypeError, match="IsotpSocket is of AF_CAN SOCK_DGRAM protocol 6"):
            IsotpSocket(c.AF_CAN, stdlib.SOCK_DGRAM, c.CAN_BCM, made.fileno())
        os.fstat(made.fileno())
    with pytest.raises(TypeError, match="not AF_CAN SOCK_DGRAM protocol 7"):
        BcmSocket(c.AF_CAN, stdlib.SOCK_DGRAM, c.CAN_J1939)
    with pytest.raises(TypeError, match="not AF_INET SOCK_DGRAM"):
        BcmSocket(stdlib.AF_INET)


def types(raw: CanRawSocket, isotp: IsotpSocket, j1939: J1939Socket) -> None:
    """Show type checkers the types: mypy reads this, nobody runs it."""
    assert_type(raw.local_address, CanAddress | None)
    assert_type(raw.recvfrom(16), tuple[bytes, tuple[str]])
    assert_type(raw.recv_frame(), ReceivedFrame)
    assert_type(raw.dup(), CanRawSocket)
    assert_type(isotp.local_address, IsotpAddress | None)
    assert_type(isotp.recvfrom(16)[1], tuple[str, int, int])
    assert_type(isotp.recv_pdu(), IsotpPdu)
    assert_type(IsotpSocket.adopt(raw), IsotpSocket)
    assert_type(j1939.recv_message(), Message[J1939Address])
    assert_type(j1939.getsockname(), tuple[str, int, int, int])
    assert_type(j1939.recv_pg(), J1939Message)
    assert_type(j1939.recvfrom(16)[1], tuple[str, int, int, int])
