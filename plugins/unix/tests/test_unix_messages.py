"""Descriptors, credentials and what the kernel knows of the peer."""

from __future__ import annotations

import errno
import os
import select
import socket as stdlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from famsock_unix.addresses import UnixAddress
from famsock_unix.control import MAX_DESCRIPTORS, SCM_CREDENTIALS, SCM_PIDFD, SCM_RIGHTS
from famsock_unix.sockets import (
    UnixDatagramSocket,
    UnixSeqpacketSocket,
    UnixSocket,
    UnixStreamSocket,
)
from famsock_unix.structs import Credentials

import famsock
from famsock.control import SCM_INQ
from famsock.options import SO_INQ, SO_PASSRIGHTS, SO_RIGHTS_NOTRUNC
from famsock.plugin import Message, socket
from famsock.testing import requirements

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")

CLASSES: dict[type[UnixSocket], stdlib.SocketKind] = {
    UnixStreamSocket: stdlib.SOCK_STREAM,
    UnixDatagramSocket: stdlib.SOCK_DGRAM,
    UnixSeqpacketSocket: stdlib.SOCK_SEQPACKET,
}
NO_PIDFDS = requirements.kernel("6.5")
Pair = tuple[UnixSocket, UnixSocket]


def pair_of(cls: type[UnixSocket] = UnixStreamSocket) -> Pair:
    """Two connected sockets."""
    ours, other = map(cls.adopt, famsock.socketpair(stdlib.AF_UNIX, CLASSES[cls]))
    return ours, other


@pytest.fixture(params=CLASSES, ids=lambda cls: cls.__name__)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two connected sockets of each class."""
    ours, other = pair_of(request.param)
    with ours, other:
        ours.settimeout(10)
        other.settimeout(10)
        yield ours, other


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe's two ends."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_descriptors_arrive_and_work(pair: Pair, pipe: tuple[int, int]) -> None:
    ours, other = pair
    read, write = pipe
    with open(read, "rb", closefd=False) as file:
        assert ours.send_descriptors(b"data", [file, write]) == 4
    (got_read, got_write), message = other.recv_descriptors()
    try:
        assert message.data == b"data"
        assert not os.get_inheritable(got_read)
        os.write(got_write, b"through")
        assert os.read(got_read, 9) == b"through"
    finally:
        os.close(got_read)
        os.close(got_write)


def test_as_many_descriptors_as_a_message_carries(pair: Pair, pipe: tuple[int, int]) -> None:
    ours, other = pair
    ours.send_descriptors(b"x", [pipe[0]] * MAX_DESCRIPTORS)
    got, message = other.recv_descriptors()
    for descriptor in got:
        os.close(descriptor)
    assert len(got) == MAX_DESCRIPTORS
    assert not message.flags & stdlib.MSG_CTRUNC
    with pytest.raises(ValueError, match="at most 253 elements, not 254"):
        ours.send_descriptors(b"x", [pipe[0]] * (MAX_DESCRIPTORS + 1))


@pytest.mark.parametrize(
    ("descriptors", "error"),
    [([-1], OSError), ([1 << 40], OverflowError), (["x"], TypeError), ([1.0], TypeError)],
)
def test_bad_descriptors_are_refused(descriptors: list[int], error: type[Exception]) -> None:
    ours, other = pair_of()
    with ours, other, pytest.raises(error):
        ours.send_descriptors(b"x", descriptors)


def test_a_stream_needs_data_to_carry_descriptors(pipe: tuple[int, int]) -> None:
    ours, other = pair_of()
    with ours, other:
        for nothing in (b"", [b"", b""]):
            with pytest.raises(ValueError, match="must be at least 1 byte"):
                ours.send_descriptors(nothing, pipe)


LIMITED = """
import os, resource, socket, famsock
from famsock_unix import UnixStreamSocket
ours, other = map(UnixStreamSocket.adopt, famsock.socketpair())
for limited in (False, True):
    ours.send_descriptors(b"x", [0] * 4)
    free = [os.dup(0) for _ in range(3)]  # the lowest three that are unused
    for descriptor in free:
        os.close(descriptor)
    if limited:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(free), max(free)))
    got, message = other.recv_descriptors()
    for descriptor in got:
        os.close(descriptor)
    print(len(got), message.data.decode(), bool(message.flags & socket.MSG_CTRUNC))
ours.close()
other.close()
"""


def test_descriptors_beyond_the_limit_are_dropped_and_told() -> None:
    command = [sys.executable, "-c", LIMITED]  # a process where no thread opens files meanwhile
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["4 x False", "2 x True"], done.stderr


def test_the_stdlib_takes_our_descriptors_and_gives_us_its(pipe: tuple[int, int]) -> None:
    ours, other = pair_of()
    theirs = stdlib.socket(fileno=other.detach())
    with ours, theirs:
        ours.send_descriptors(b"to", [pipe[0]])
        data, got, _, _ = stdlib.recv_fds(theirs, 9, 1)
        stdlib.send_fds(theirs, [data + b" and fro"], got)
        back, message = ours.recv_descriptors()
        for descriptor in (*got, *back):
            os.close(descriptor)
        assert message.data == b"to and fro"
        assert len(back) == 1


def test_credentials_are_those_of_the_sender(pair: Pair) -> None:
    ours, other = pair
    other.set_option("SO_PASSCRED", True)
    assert other.get_option("SO_PASSCRED") is True
    ours.send_credentials(b"x")
    message = other.recv_message()
    assert message.get(SCM_CREDENTIALS) == Credentials(os.getpid(), os.getuid(), os.getgid())
    ours.send(b"y")
    assert other.recv_message().get(SCM_CREDENTIALS) == Credentials.own()


def test_credentials_of_no_process_are_refused() -> None:
    ours, other = pair_of()
    with ours, other, pytest.raises(OSError, match=r"No such process|not permitted"):
        ours.send_credentials(b"x", Credentials(2**31 - 1, os.getuid(), os.getgid()))


def test_pidfd_of_the_sender(pair: Pair) -> None:
    ours, other = pair
    if NO_PIDFDS:
        with pytest.raises(OSError, match="Protocol not available"):
            other.set_option("SO_PASSPIDFD", True)
        return
    other.set_option("SO_PASSPIDFD", True)
    ours.send(b"x")
    descriptors, message = other.recv_descriptors()
    pidfd = message.get(SCM_PIDFD)
    assert descriptors == ()
    assert pidfd is not None
    with open(f"/proc/self/fdinfo/{pidfd}") as info:
        assert f"Pid:\t{os.getpid()}\n" in info.read()
    assert not os.get_inheritable(pidfd)
    os.close(pidfd)


def test_descriptors_that_are_not_accepted(pair: Pair, pipe: tuple[int, int]) -> None:
    ours, other = pair
    if requirements.kernel("6.16"):
        with pytest.raises(OSError, match="Protocol not available"):
            other.set_option(SO_PASSRIGHTS, False)
        return
    assert other.get_option(SO_PASSRIGHTS) is True
    other.set_option(SO_PASSRIGHTS, False)
    with pytest.raises(PermissionError):
        ours.send_descriptors(b"x", [pipe[0]])
    other.set_option(SO_PASSRIGHTS, True)
    ours.send_descriptors(b"x", [pipe[0]])
    (got,), _ = other.recv_descriptors()
    os.close(got)


def test_a_denied_descriptor_may_keep_its_place(pair: Pair, pipe: tuple[int, int]) -> None:
    """No security module denies one here: the option is kept, and all others arrive."""
    ours, other = pair
    if requirements.kernel("7.3"):
        with pytest.raises(OSError, match="Protocol not available"):
            other.set_option(SO_RIGHTS_NOTRUNC, True)
        return
    assert other.get_option(SO_RIGHTS_NOTRUNC) is False
    other.set_option(SO_RIGHTS_NOTRUNC, True)
    assert other.get_option(SO_RIGHTS_NOTRUNC) is True
    ours.send_descriptors(b"x", list(pipe))
    descriptors, message = other.recv_descriptors()
    for descriptor in descriptors:
        os.close(descriptor)
    assert len(descriptors) == 2
    assert not message.flags & stdlib.MSG_CTRUNC


class Interrupted(BaseException):
    """The exception of a signal's handler."""


def test_a_number_of_no_descriptor_is_not_closed(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, int]
) -> None:
    """An interrupted receive closes the descriptors behind a denied one, and loses no exception."""
    kept = os.dup(pipe[0]), os.dup(pipe[1])
    reply = Message(
        b"x", UnixAddress(""), (SCM_RIGHTS((-errno.EPERM, kept[0])), SCM_PIDFD(kept[1])), 0
    )
    asked: list[Any] = []
    ask = Message.get

    def interrupted_once(message: Message[UnixAddress], kind: Any) -> Any:
        asked.append(kind)
        if len(asked) == 1:
            raise Interrupted
        return ask(message, kind)

    ours, other = pair_of()
    with ours, other:
        monkeypatch.setattr(UnixSocket, "recv_message", lambda *_: reply)
        monkeypatch.setattr(Message, "get", interrupted_once)
        with pytest.raises(Interrupted):
            other.recv_descriptors()
    for number in kept:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)


def test_how_much_is_left_to_read() -> None:
    ours, other = pair_of(UnixStreamSocket)
    with ours, other:
        if requirements.kernel("6.17"):
            with pytest.raises(OSError, match="Protocol not available"):
                other.set_option(SO_INQ, True)
            return
        other.set_option(SO_INQ, True)
        ours.send(bytes(100))
        assert other.recv_message(30, 64).get(SCM_INQ) == 70
        descriptors, message = other.recv_descriptors(70)
        assert descriptors == ()
        assert message.get(SCM_INQ) == 0


def test_peer_credentials_and_groups(pair: Pair) -> None:
    ours, _ = pair
    assert ours.peer_credentials() == Credentials.own()
    assert sorted(ours.peer_groups()) == sorted(os.getgroups())
    assert ours.get_option("SO_PEERCRED") == Credentials.own()


@pytest.mark.filterwarnings("ignore:.* is multi-threaded:DeprecationWarning")  # by pytest-xdist
def test_peer_pidfd_of_a_child() -> None:
    with UnixStreamSocket() as listener:
        if NO_PIDFDS:
            with pytest.raises(OSError, match="Protocol not available"):
                listener.peer_pidfd()
            return
        listener.bind("")
        listener.listen()
        address = listener.local_address
        assert address is not None
        child = os.fork()
        if not child:
            client = stdlib.socket(stdlib.AF_UNIX)
            client.connect(address.path)
            client.recv(1)
            os._exit(7)
        accepted, _ = listener.accept()
        with accepted:
            pidfd = accepted.peer_pidfd()
            assert accepted.peer_credentials().pid == child
            assert not select.select([pidfd], [], [], 0)[0]
            accepted.sendall(b"x")
            assert select.select([pidfd], [], [], 30)[0]
            os.close(pidfd)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_without_a_peer() -> None:
    with UnixStreamSocket() as sock:
        assert sock.peer_credentials() == Credentials(0, 2**32 - 1, 2**32 - 1)
        with pytest.raises(OSError, match="No data available"):
            sock.peer_groups()


def test_peer_security_is_what_the_kernel_says() -> None:
    """A label where a security module gives one, the error that getsockopt has otherwise."""
    ours, other = pair_of()
    with ours, other:
        ours.set_option("SO_PASSSEC", True)
        assert ours.get_option("SO_PASSSEC") is True

        def plain() -> str:
            label: bytes = ours.getsockopt(stdlib.SOL_SOCKET, famsock.SO_PEERSEC, 1024)
            return label.rstrip(b"\0").decode()

        assert outcome(ours.peer_security) == outcome(plain)


def outcome(call: Callable[[], str]) -> str | int | None:
    """Return what a call returns, or the errno of its error."""
    try:
        return call()
    except OSError as error:
        return error.errno


def test_read_only_options_refuse_a_value() -> None:
    ours, other = pair_of()
    with ours, other, pytest.raises(AttributeError, match="SO_PEERCRED is read-only"):
        ours.set_option("SO_PEERCRED", Credentials.own())


def test_peek_offset_moves_over_the_data() -> None:
    ours, other = pair_of()
    with ours, other:
        other.set_option("SO_PEEK_OFF", 0)
        ours.send(b"abcdef")
        peeked = [other.recv(2, stdlib.MSG_PEEK) for _ in range(3)]
        assert peeked == [b"ab", b"cd", b"ef"]
        assert other.recv(9) == b"abcdef"


@pytest.mark.parametrize("cls", CLASSES)
def test_plain_socket_has_the_operations_of_its_type(cls: type[UnixSocket]) -> None:
    ours, other = famsock.socketpair(stdlib.AF_UNIX, CLASSES[cls])
    with ours, other:
        assert type(ours) is socket
        assert not hasattr(ours, "send_descriptors")
        ours.send_message(b"x", control=[SCM_RIGHTS((other.fileno(),))])
        (got,), _ = other.operations.recv_descriptors()
        os.close(got)
        assert ours.operations is ours
        assert type(ours) is type(other) is cls


@pytest.mark.parametrize("cls", CLASSES)
def test_class_opens_its_own_type(cls: type[UnixSocket]) -> None:
    with cls() as sock, sock.dup() as copy:
        assert (sock.family, sock.type) == (stdlib.AF_UNIX, CLASSES[cls])
        assert type(copy) is cls
        copy.bind("")
        assert isinstance(sock.local_address, UnixAddress)


def test_class_refuses_a_socket_of_another_type() -> None:
    with pytest.raises(TypeError, match=r"UnixStreamSocket is of AF_UNIX SOCK_STREAM, not .*DGRAM"):
        UnixStreamSocket(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)
    ours, other = famsock.socketpair(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)
    with ours, other:
        with pytest.raises(TypeError, match="UnixSeqpacketSocket is of AF_UNIX SOCK_SEQPACKET"):
            UnixSeqpacketSocket.adopt(ours)
        ours.send(b"still open")
        assert other.recv(64) == b"still open"


@pytest.mark.parametrize("cls", [UnixStreamSocket, UnixSeqpacketSocket])
def test_accepted_socket_is_of_the_listeners_class(
    cls: type[UnixStreamSocket | UnixSeqpacketSocket],
) -> None:
    with cls() as listener, cls() as client:
        listener.bind("")
        listener.listen()
        client.connect(listener.local_address)
        accepted, _ = listener.accept()
        with accepted:
            assert type(accepted) is cls
            assert accepted.peer_credentials() == client.peer_credentials() == Credentials.own()


def test_sender_without_a_name_is_none() -> None:
    ours, other = pair_of(UnixDatagramSocket)
    with ours, other:
        ours.send(b"x")
        ours.send(b"y")
        assert other.recvfrom(9) == (b"x", None)
        assert other.recv_message().address is None
