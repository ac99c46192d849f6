"""Sockets of AF_HYPERV, on Windows. Source: the Hyper-V socket documentation of Windows."""

from __future__ import annotations

from socket import SOCK_STREAM
from typing import TYPE_CHECKING

from famsock.plugin import socket
from famsock_hyperv.addresses import HypervAddress
from famsock_hyperv.constants import AF_HYPERV, HV_PROTOCOL_RAW

__all__ = [
    "HypervSocket",
]


class HypervSocket(
    socket[HypervAddress, tuple[str, str]],
    family=AF_HYPERV,
    type=SOCK_STREAM,
    proto=HV_PROTOCOL_RAW,
):
    """A socket of AF_HYPERV: a stream between a Hyper-V host and a virtual machine."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[HypervSocket, tuple[str, str]]: ...
