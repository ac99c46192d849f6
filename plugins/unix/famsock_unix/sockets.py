"""Sockets of AF_UNIX: descriptors, credentials, stale paths. Source: unix(7)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from operator import index
from socket import AF_UNIX, CMSG_SPACE, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM
from typing import TYPE_CHECKING, Any, Protocol

from famsock.plugin import Message, options, socket
from famsock_unix import _stale, constants
from famsock_unix.addresses import UnixAddress
from famsock_unix.control import (
    LABEL_BYTES,
    MAX_DESCRIPTORS,
    SCM_CREDENTIALS,
    SCM_PIDFD,
    SCM_RIGHTS,
)
from famsock_unix.options import SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD
from famsock_unix.structs import Credentials

__all__ = [
    "HasFileno",
    "UnixDatagramSocket",
    "UnixSeqpacketSocket",
    "UnixSocket",
    "UnixStreamSocket",
]

# SCM_RIGHTS, SCM_CREDENTIALS, SCM_SECURITY, SCM_PIDFD and SCM_INQ.
_CONTROL_BYTES = sum(
    CMSG_SPACE(size) for size in (4 * MAX_DESCRIPTORS, Credentials.layout.size, LABEL_BYTES, 4, 4)
)

_CONTROL = (_CONTROL_BYTES,)


class HasFileno(Protocol):
    """A file, a socket, or another object with a descriptor."""

    def fileno(self) -> int: ...


class UnixSocket(socket[UnixAddress, str | bytes | None], abstract=True):
    """The methods that all sockets of AF_UNIX share; open a socket by one of the classes below.

    The stdlib's form of an address is str for a path, bytes for an abstract name, "" for an unnamed
    socket, and None from ``recvfrom`` if the sender is unnamed. Two connected sockets:
    ``map(UnixStreamSocket.adopt, famsock.socketpair())``.
    """

    __slots__ = ()

    # Who is at the other end

    def peer_credentials(self) -> Credentials:
        """Return process, user and group of the peer when it connected, listened or made the pair.

        Without a peer, pid 0 and 4294967295 for the rest. Source: unix(7), SO_PEERCRED.
        """
        return self.get_option(SO_PEERCRED)

    def peer_groups(self) -> tuple[int, ...]:
        """Return the peer's supplementary group ids. OSError ENODATA without a peer. Linux 4.13."""
        return self.get_option(SO_PEERGROUPS)

    def peer_pidfd(self) -> int:
        """Return a new close-on-exec pidfd of the peer's process, the caller's to close.

        It names the process even after its pid is used again. OSError ENODATA without a peer, ESRCH
        if the process no longer exists (before Linux 6.16), ENOPROTOOPT before Linux 6.5.
        """
        return self.get_option(SO_PEERPIDFD)

    def peer_security(self) -> str:
        """Return the peer's security label (SELinux, AppArmor). OSError ENOPROTOOPT without one."""
        return self.get_option(options.SO_PEERSEC)

    # Descriptors and credentials in messages

    def send_descriptors(
        self,
        data: Any,
        descriptors: Iterable[int | HasFileno],
        address: Any = None,
        flags: int = 0,
    ) -> int:
        """Send ``data`` with up to 253 descriptors: integers, or objects with ``fileno()``.

        Returns the number of bytes sent. The sender's descriptors stay open. ValueError for more,
        or for no data on a stream, because the kernel would drop them without an error; OSError
        EBADF for a closed one; otherwise as sendmsg(2). Source: unix(7), SCM_RIGHTS.
        """
        numbers = tuple([each if type(each) is int else _descriptor(each) for each in descriptors])
        buffers = [data] if type(data) is bytes or not isinstance(data, (list, tuple)) else data
        if not (type(data) is bytes and data) and self.type == SOCK_STREAM:
            buffers = views = [memoryview(buffer) for buffer in buffers]  # which keep their sizes
            if not any(view.nbytes for view in views):
                raise ValueError(
                    "send_descriptors(): AF_UNIX data must be at least 1 byte on a stream, not 0"
                )
        return self.sendmsg(buffers, [SCM_RIGHTS.pack(numbers)], flags, address)

    def recv_descriptors(
        self, bufsize_bytes: int = 65536, flags: int = 0
    ) -> tuple[tuple[int, ...], Message[UnixAddress]]:
        """Receive one message and the descriptors in it, which are then the caller's to close.

        There is space for all control messages that one message can carry, and the descriptors are
        close-on-exec. ``Message.flags`` has MSG_CTRUNC if the kernel dropped some, for example at
        the limit of open files. With SO_RIGHTS_NOTRUNC, a negative number is the errno of one that
        a security module denies. Errors are those of recvmsg(2).
        """
        kept: list[Message[UnixAddress]] = []
        try:
            # One step of the interpreter: a signal's handler cannot raise before it is kept.
            kept.extend(map(self.recv_message, (bufsize_bytes,), _CONTROL, (flags,)))
            message = kept[0]
            return message.get(SCM_RIGHTS) or (), message
        except BaseException:
            for message in kept:
                numbers = [*(message.get(SCM_RIGHTS) or ()), message.get(SCM_PIDFD)]
                for number in numbers:
                    if number is not None and number >= 0:
                        os.close(number)
            raise

    def send_credentials(
        self, data: Any, credentials: Credentials | None = None, address: Any = None
    ) -> int:
        """Send ``data`` with credentials (this process's own, if left out); the bytes sent.

        A receiver that set SO_PASSCRED gets them as SCM_CREDENTIALS, checked by the kernel. OSError
        EPERM for those of others without CAP_SYS_ADMIN, CAP_SETUID or CAP_SETGID.
        """
        sent = SCM_CREDENTIALS(credentials or Credentials.own())
        return self.send_message(data, address, [sent])

    # Paths

    def bind_replacing_stale(self, address: Any) -> None:
        """Bind to a path, removing first a socket there that no process has open any more.

        ``address`` is a path in any shape that bind takes. Two processes that do this at once do
        not remove each other's socket. OSError EADDRINUSE if a process has the socket open, or if
        the path is not a socket, and BlockingIOError if another process held the directory's lock
        for more than a second; otherwise as bind(2).
        """
        path = _stale.path_of(address)
        if path is None or len(os.fsencode(path)) >= constants.UNIX_PATH_MAX:
            self.bind(address)
            return
        with _stale.locked_directory(path):
            _stale.unlink_stale(path)
            self.bind(address)

    def bound_path(self) -> str:
        """Return the absolute path of the file that the socket is bound to, however it was written.

        Use it if ``getsockname`` returns a path relative to another working directory, or through a
        symbolic link. The path of a removed file ends with " (deleted)". OSError EPERM without
        CAP_NET_ADMIN, ENOENT if the socket is not bound to a path. Linux 4.20.
        Source: linux/un.h, SIOCUNIXFILE.
        """
        from fcntl import ioctl

        opened: list[int] = []
        closing = map(os.close, opened)
        try:
            opened.extend(map(ioctl, (self,), (constants.SIOCUNIXFILE,)))  # see `_stale`
            path = os.readlink(f"/proc/self/fd/{opened[0]}")
        finally:
            any(closing)
        return path


class UnixStreamSocket(UnixSocket, family=AF_UNIX, type=SOCK_STREAM):
    """A socket of AF_UNIX for a connection that carries a stream of bytes."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[UnixStreamSocket, str | bytes]: ...


class UnixDatagramSocket(UnixSocket, family=AF_UNIX, type=SOCK_DGRAM):
    """A socket of AF_UNIX for datagrams, which arrive whole and in order."""

    __slots__ = ()


class UnixSeqpacketSocket(UnixSocket, family=AF_UNIX, type=SOCK_SEQPACKET):
    """A socket of AF_UNIX for a connection that carries messages, each of them whole."""

    __slots__ = ()
    if TYPE_CHECKING:

        def accept(self) -> tuple[UnixSeqpacketSocket, str | bytes]: ...


def _descriptor(value: int | HasFileno) -> int:
    return value.fileno() if hasattr(value, "fileno") else index(value)
