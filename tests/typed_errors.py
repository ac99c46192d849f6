"""Mistakes that type checkers must report: each on a line that ends in ``# error``.

Not run, and left out of the check of all tests: `test_typed_errors` reads what mypy and pyright
say of it.
"""

from __future__ import annotations

from famsock_can import CanRawSocket, IsotpSocket
from famsock_inet import (
    InetAddress,
    Tcp6Socket,
    TcpSocket,
    UdpSocket,
)
from famsock_netlink import RouteSocket
from famsock_unix import UnixStreamSocket

import famsock
from famsock.options import SO_LINGER, SO_RCVBUF, Linger


def imports() -> object:
    """A class that the package does not have."""
    from famsock_inet import TpcSocket  # error

    return TpcSocket


def methods(plain: famsock.socket, udp: UdpSocket, tcp: TcpSocket, can: CanRawSocket) -> None:
    """Names that are wrong, or of another protocol."""
    plain.snedto(b"", ("", 0))  # error
    udp.snedto(b"", ("", 0))  # error
    plain.tcp_info()  # error
    udp.tcp_info()  # error
    tcp.send_segments(b"", 1)  # error
    can.recv_fraem()  # error
    can.send_frame(b"")  # error
    udp.set_filters([])  # error


def addresses(udp: UdpSocket, six: Tcp6Socket, path: UnixStreamSocket, bus: IsotpSocket) -> None:
    """Fields that an address does not have, and None that was forgotten."""
    local = udp.local_address
    print(local.host)  # error
    assert local is not None
    print(local.hots)  # error
    peer = six.peer_address
    assert peer is not None
    print(peer.scope)  # error
    unix = path.local_address
    assert unix is not None
    print(unix.port)  # error
    tp = bus.local_address
    assert tp is not None
    print(tp.rx + 1)  # error
    InetAddress("127.0.0.1", "80")  # error
    print(udp.recvfrom(1)[1].host)  # error


def options(plain: famsock.socket, route: RouteSocket) -> None:
    """Values of options, and results."""
    plain.set_option(SO_RCVBUF, "large")  # error
    plain.set_option(SO_LINGER, 5)  # error
    size: str = plain.get_option(SO_RCVBUF)  # error
    linger: Linger = plain.get_option(SO_LINGER)
    print(size, linger.on_of)  # error
    route.lniks()  # error


def right(plain: famsock.socket, udp: UdpSocket, tcp: TcpSocket, can: CanRawSocket) -> None:
    """The same without a mistake."""
    plain.sendto(b"", ("", 0))
    udp.sendto(b"", 0, InetAddress("127.0.0.1", 80))
    tcp.tcp_info()
    udp.send_segments(b"", 1)
    can.recv_frame()
    local = udp.local_address
    assert local is not None
    print(local.host, udp.recvfrom(1)[1][0], udp.recv_message().address)
    plain.set_option(SO_RCVBUF, 4096)
    plain.set_option(SO_LINGER, Linger(True, 5))
    plain.operations.anything()
    if isinstance(plain, TcpSocket):
        plain.tcp_info()
    accepted, address = tcp.accept()
    print(accepted.tcp_info(), address[0], tcp.dup().tcp_info())
