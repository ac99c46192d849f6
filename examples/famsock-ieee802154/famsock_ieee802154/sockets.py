"""Sockets of AF_IEEE802154. Source: net/ieee802154/socket.c."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import socket
from famsock_ieee802154.addresses import Ieee802154Address
from famsock_ieee802154.constants import AF_IEEE802154


class Ieee802154DatagramSocket(
    socket[Ieee802154Address, tuple[int, int | bytes]],
    family=AF_IEEE802154,
    type=SOCK_DGRAM,
):
    """A socket of AF_IEEE802154 for payloads; the kernel writes the MAC header."""

    __slots__ = ()


class Ieee802154RawSocket(
    socket[Ieee802154Address, tuple[int, int | bytes]],
    family=AF_IEEE802154,
    type=SOCK_RAW,
):
    """A socket of AF_IEEE802154 that sends whole frames and receives payloads.

    It needs CAP_NET_RAW. `famsock_ieee802154.frames.DataHeader` is the header of a frame.
    """

    __slots__ = ()
