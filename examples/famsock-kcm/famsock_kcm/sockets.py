"""Sockets of AF_KCM. Source: Documentation/networking/kcm.rst and net/kcm/kcmsock.c of Linux."""

from __future__ import annotations

import os
from errno import EINVAL, EOPNOTSUPP
from fcntl import ioctl
from socket import SOCK_DGRAM, SOCK_SEQPACKET
from typing import Protocol, Self

from famsock.plugin import RawAddress, socket
from famsock_kcm import constants as c
from famsock_kcm.structs import KcmAttach, KcmClone, KcmUnattach

_HINTS = {
    EINVAL: "the program must be an eBPF program for socket filters",
    EOPNOTSUPP: "the transport must be a connected TCP socket",
}


class HasFileno(Protocol):
    """An object with a descriptor, such as a socket."""

    def fileno(self) -> int:
        """Return the descriptor."""


class KcmSocket(
    socket[RawAddress, None],
    family=c.AF_KCM,
    type=(SOCK_DGRAM, SOCK_SEQPACKET),
    proto=c.KCMPROTO_CONNECTED,
):
    """A socket of a multiplexor: whole messages, over the TCP connections that are attached to it.

    Each message goes out on one of the connections, which does not mix it with another. Of a
    SOCK_SEQPACKET socket it ends where MSG_EOR is given; of SOCK_DGRAM with each call, unless
    MSG_MORE is given. A new socket has its own multiplexor; `clone` gives another one of it.
    """

    __slots__ = ()

    def attach(self, transport: int | HasFileno, program: int | HasFileno) -> None:
        """Attach a connected TCP socket, and the program that tells its messages' lengths.

        ``program`` is the descriptor of an eBPF program, as `famsock_kcm.length_program` gives it;
        it may be closed afterwards. Until `unattach` nothing else may read from the transport.
        OSError as ioctl(2) fails: EOPNOTSUPP for what is no connected TCP socket, EALREADY for one
        that is attached, EINVAL for another program.
        """
        argument = KcmAttach(_descriptor_of(transport), _descriptor_of(program))
        try:
            ioctl(self.fileno(), c.SIOCKCMATTACH, argument.pack())
        except OSError as error:
            if hint := _HINTS.get(error.errno or 0):
                error.add_note(f"AF_KCM kcm: One possible cause: {hint}")
            raise

    def unattach(self, transport: int | HasFileno) -> None:
        """Give a TCP socket back; it has its stream from the next message on.

        OSError as ioctl(2) fails: ENOENT for one that is not attached.
        """
        argument = KcmUnattach(_descriptor_of(transport))
        ioctl(self.fileno(), c.SIOCKCMUNATTACH, argument.pack())

    def clone(self) -> Self:
        """Return another socket of the same multiplexor, with this one's timeout.

        Each message that arrives goes to one of them. OSError as ioctl(2) fails.
        """
        answer = ioctl(self.fileno(), c.SIOCKCMCLONE, KcmClone().pack())
        descriptor = KcmClone.unpack(answer).fd
        try:
            os.set_inheritable(descriptor, False)  # the kernel sets no FD_CLOEXEC
            clone = type(self)(fileno=descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        clone.settimeout(self.gettimeout())
        return clone


def _descriptor_of(thing: int | HasFileno) -> int:
    return thing if isinstance(thing, int) else thing.fileno()
