"""Sockets of AF_SMC. Source: net/smc/af_smc.c of Linux, RFC 7609."""

from __future__ import annotations

from socket import SOCK_STREAM
from typing import TYPE_CHECKING

from famsock_inet.addresses import Inet6Address, InetAddress

from famsock.plugin import socket
from famsock_smc import constants as c


class SmcSocket(
    socket[InetAddress, tuple[str, int]],
    family=c.AF_SMC,
    type=SOCK_STREAM,
    proto=c.SMCPROTO_SMC,
):
    """A stream over IPv4 that both hosts may move from TCP into shared memory."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[SmcSocket, tuple[str, int]]: ...


class Smc6Socket(
    socket[Inet6Address, tuple[str, int, int, int]],
    family=c.AF_SMC,
    type=SOCK_STREAM,
    proto=c.SMCPROTO_SMC6,
):
    """A stream over IPv6 that both hosts may move from TCP into shared memory."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[Smc6Socket, tuple[str, int, int, int]]: ...
