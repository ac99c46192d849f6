"""Sockets of AF_LLC. Source: net/llc/af_llc.c of Linux, IEEE 802.2."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_STREAM
from typing import TYPE_CHECKING

from famsock.plugin import socket
from famsock_llc import options
from famsock_llc.addresses import LlcAddress
from famsock_llc.constants import AF_LLC

Form = tuple[bytes, int, int, int, int, int]


class LlcDatagramSocket(socket[LlcAddress, Form], family=AF_LLC, type=SOCK_DGRAM):
    """A socket of LLC type 1: datagrams. It needs CAP_NET_RAW."""

    __slots__ = ()

    def enable_packet_info(self, on: bool) -> None:
        """Add its destination to each datagram (control message LLC_OPT_PKTINFO).

        OSError as setsockopt(2) fails.
        """
        self.set_option(options.LLC_OPT_PKTINFO, on)


class LlcStreamSocket(socket[LlcAddress, Form], family=AF_LLC, type=SOCK_STREAM):
    """A socket of LLC type 2: connections. It needs CAP_NET_RAW."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[LlcStreamSocket, Form]: ...
