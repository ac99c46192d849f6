"""Sockets of AF_SYSTEM, AF_LINK and AF_DIVERT, on macOS and FreeBSD.

Sources: XNU's sys/kern_control.h, FreeBSD's net/if_dl.h and divert(4).
"""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import socket
from famsock_bsd.addresses import ControlAddress, DivertAddress, LinkAddress
from famsock_bsd.constants import AF_DIVERT, AF_LINK, AF_SYSTEM, SYSPROTO_CONTROL

__all__ = [
    "DivertSocket",
    "LinkSocket",
    "SystemControlSocket",
]


class SystemControlSocket(
    socket[ControlAddress, tuple[int, int]],
    family=AF_SYSTEM,
    type=SOCK_DGRAM,
    proto=SYSPROTO_CONTROL,
):
    """A socket of AF_SYSTEM on macOS: messages to and from a kernel control."""

    __slots__ = ()


class LinkSocket(
    socket[LinkAddress, tuple[int, int, str, bytes]], family=AF_LINK, type=(SOCK_RAW, SOCK_DGRAM)
):
    """A socket of AF_LINK on macOS or FreeBSD, whose addresses name network interfaces."""

    __slots__ = ()


class DivertSocket(socket[DivertAddress, tuple[str, int]], family=AF_DIVERT, type=SOCK_RAW):
    """A socket of AF_DIVERT on FreeBSD: packets that a firewall's rule diverts to a port."""

    __slots__ = ()
