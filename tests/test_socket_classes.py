"""Classes of sockets: opening, descriptors, copies, conversion in place, other subclasses."""

from __future__ import annotations

import multiprocessing
import os
import socket as stdlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from famsock_inet import InetAddress, Tcp6Socket, TcpSocket, UdpSocket
from famsock_unix import UnixStreamSocket

import famsock
from famsock._lazy import load
from famsock._multiprocessing import reduce_for_multiprocessing
from famsock._sockets import _OF_A_CLASS
from tests.programs import run


def test_a_class_opens_its_own_kind() -> None:
    with UdpSocket() as sock:
        assert (sock.family, sock.type, sock.proto) == (stdlib.AF_INET, stdlib.SOCK_DGRAM, 17)
        assert type(sock) is UdpSocket
        assert isinstance(sock, famsock.socket)
        sock.bind(("127.0.0.1", 0))
        assert isinstance(sock.local_address, InetAddress)
    with TcpSocket(famsock.AF_INET, famsock.SOCK_STREAM) as sock:
        assert sock.proto == 6
    with TcpSocket(type=famsock.SOCK_STREAM | getattr(stdlib, "SOCK_NONBLOCK", 0)) as sock:
        assert sock.getblocking() is (not hasattr(stdlib, "SOCK_NONBLOCK"))


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((famsock.AF_INET6,), "TcpSocket is of AF_INET SOCK_STREAM protocol 6, not AF_INET6"),
        ((famsock.AF_INET, famsock.SOCK_DGRAM), "not AF_INET SOCK_DGRAM"),
        ((famsock.AF_INET, famsock.SOCK_STREAM, 132), "not AF_INET SOCK_STREAM protocol 132"),
    ],
)
def test_another_kind_is_refused(given: Any, words: str, descriptors: None) -> None:
    with pytest.raises(TypeError, match=words):
        TcpSocket(*given)


def test_a_descriptor_is_looked_at(descriptors: None) -> None:
    with stdlib.socket(stdlib.AF_UNIX, stdlib.SOCK_STREAM) as other:
        with pytest.raises(TypeError, match="not AF_UNIX SOCK_STREAM"):
            UdpSocket(fileno=other.fileno())
        with pytest.raises(TypeError, match="not AF_UNIX SOCK_STREAM"):
            UdpSocket(stdlib.AF_INET, stdlib.SOCK_DGRAM, 17, other.fileno())
        with pytest.raises(TypeError, match="UdpSocket is of"):
            UdpSocket.adopt(other)
        assert other.fileno() >= 0
        other.getsockname()
    right = stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)
    with UdpSocket(fileno=right.detach()) as sock:
        assert sock.proto == 17
    with pytest.raises(OSError, match="Bad file descriptor"):
        UdpSocket(fileno=1 << 20)


def test_adopting(descriptors: None) -> None:
    other = stdlib.socket(stdlib.AF_INET, stdlib.SOCK_STREAM)
    other.settimeout(3)
    with TcpSocket.adopt(other) as sock:
        assert sock.gettimeout() == 3
        assert type(sock) is TcpSocket
        assert other.fileno() == -1
    with (
        famsock.socket(famsock.AF_INET, famsock.SOCK_STREAM) as plain,
        pytest.raises(TypeError, match="Tcp6Socket is of AF_INET6"),
    ):
        Tcp6Socket.adopt(plain)


def test_accept_gives_the_protocols_class_and_dup_its_own(descriptors: None) -> None:
    class Mine(TcpSocket):
        pass

    with Mine() as server, TcpSocket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        with accepted, server.dup() as copy:
            assert type(accepted) is TcpSocket
            assert type(copy) is Mine
            assert accepted.tcp_info().state == 1
    with (
        famsock.create_server(("127.0.0.1", 0)) as plain,
        famsock.create_connection(plain.getsockname()),
        plain.accept()[0] as of_plain,
    ):
        assert type(of_plain) is famsock.socket


def _rebuilt(sock: famsock.socket) -> famsock.socket:
    """A copy, as another process makes it of what `multiprocessing` pickles."""
    detached = SimpleNamespace(DupFd=lambda fd: SimpleNamespace(detach=lambda: os.dup(fd)))
    rebuild, given = reduce_for_multiprocessing(sock, detached)  # type: ignore[arg-type]
    copied: famsock.socket = rebuild(*given)
    return copied


@pytest.mark.parametrize(
    "copied",
    [lambda sock: sock.accept()[0], lambda sock: sock.dup(), _rebuilt],
    ids=["accept", "dup", "multiprocessing"],
)
def test_the_kernel_is_not_asked_for_the_kind_of_a_copy(
    copied: Callable[[famsock.socket], famsock.socket],
    monkeypatch: pytest.MonkeyPatch,
    descriptors: None,
) -> None:
    """AF_SMC's sockets may turn into those of TCP, which the kernel then tells them to be."""
    with TcpSocket() as server, TcpSocket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        monkeypatch.setattr("famsock._sockets._kind_of", lambda fd: (famsock.AF_UNIX, 1, 0))
        famsock.plugins.refresh()  # as if no socket had been opened by these numbers before
        with copied(server) as sock:
            assert type(sock) is TcpSocket
            with pytest.raises(TypeError, match=r"TcpSocket is of AF_INET.*not AF_UNIX"):
                TcpSocket(fileno=sock.fileno())
            with pytest.raises(TypeError, match=r"TcpSocket is of AF_INET.*not AF_UNIX"):
                sock.__init__(fileno=client.fileno())  # type: ignore[misc]


def test_a_plain_socket_is_converted_in_place(descriptors: None) -> None:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        assert type(sock) is famsock.socket
        assert sock.operations is sock
        assert type(sock) is UdpSocket
        assert sock.operations is sock
        sock.bind(("127.0.0.1", 0))
    with UdpSocket() as sock:
        assert sock.operations is sock


def test_a_subclass_of_the_common_class_is_never_converted() -> None:
    class Mixin:
        def request(self) -> str:
            return "mine"

        def tcp_info(self) -> str:
            return "mine too"

    class Connection(Mixin, famsock.socket):
        pass

    with Connection(famsock.AF_INET, famsock.SOCK_STREAM) as sock:
        with pytest.raises(TypeError, match="inherit from TcpSocket"):
            sock.operations  # noqa: B018
        for family in (famsock.AF_NETLINK, famsock.AF_UNIX, famsock.AF_INET6):
            with famsock.socket(family, famsock.SOCK_DGRAM) as opened:
                opened.operations  # noqa: B018
        assert (sock.request(), sock.tcp_info()) == ("mine", "mine too")


def test_names_of_one_family_stand_on_no_other() -> None:
    with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
        assert not hasattr(sock, "tcp_info")
        assert not hasattr(famsock.socket, "tcp_info")
        assert not hasattr(UdpSocket, "tcp_info")


@pytest.mark.asks_no_kernel
def test_a_class_that_its_plugin_does_not_serve() -> None:
    program = """
import os
from unittest import mock
from famsock.family import Served
from famsock_inet import TcpSocket, UdpSocket

UdpSocket().close()  # the first call loads ctypes, whose libffi may keep a file open
before = os.listdir("/proc/self/fd")
with mock.patch.object(Served, "socket_class", return_value=UdpSocket):
    try:
        TcpSocket()
    except TypeError as error:
        print(error)
print(os.listdir("/proc/self/fd") == before)
"""
    assert run(program) == (
        "TcpSocket: its sockets are served by the plugin of AF_INET tcp, which has another class\n"
        "True"
    )


def _shared_by_plugins(cls: type[Any]) -> Iterator[type[Any]]:
    """The classes below ``cls`` that several protocols' classes of a plugin inherit from."""
    for below in cls.__subclasses__():
        if below.__module__.startswith("famsock_"):
            if below._protocol_class is None:
                yield below
            yield from _shared_by_plugins(below)


def test_a_class_of_several_protocols_opens_no_socket(descriptors: None) -> None:
    for family in famsock.plugins.families():
        for protocol in family.protocols:
            named: Any = protocol.socket or {}  # none of a family that another test registered
            for reference in [named] if isinstance(named, str) else named.values():
                load(reference)
    shared = set(_shared_by_plugins(famsock.socket))
    assert {"UnixSocket", "IpSocket", "CanSocket"} <= {cls.__name__ for cls in shared}
    with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as other:
        opened = stdlib.AF_INET, stdlib.SOCK_DGRAM, 17
        for cls in shared:
            for given in ((), opened, (*opened, other.fileno())):
                with pytest.raises(TypeError, match=f"{cls.__name__} is of several protocols"):
                    cls(*given)
            with pytest.raises(TypeError, match=f"{cls.__name__} is of several protocols"):
                cls.adopt(other)
        assert other.getsockname()


def _name_of(sock: Any) -> str:
    with sock:
        return type(sock).__name__


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing_keeps_the_class(method: str) -> None:
    with UnixStreamSocket() as sock, multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(_name_of, (sock,)) == "UnixStreamSocket"


def test_a_socket_that_removes_its_path_stays_where_it_is(tmp_path: Path) -> None:
    """Another process gets a socket of the protocol's class, which leaves the path."""
    path = tmp_path / "x"
    with famsock.listen(f"unix://{path}?unlink=1") as sock:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(_name_of, (sock,)) == "UnixStreamSocket"
        assert path.exists()
    assert not path.exists()


def test_installed_in_the_stdlibs_place() -> None:
    famsock.install()
    try:
        with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:
            assert type(sock) is stdlib.socket is famsock.socket
    finally:
        famsock.uninstall()


def test_state_is_of_one_socket() -> None:
    with UdpSocket() as sock, sock.dup() as copy:
        state: dict[str, int] = sock.protocol_state(dict)
        assert sock.protocol_state(dict) is state
        assert copy.protocol_state(dict) is not state


_COMMON = sorted(name for name in dir(famsock.socket) if not name.startswith("__"))


@pytest.mark.asks_no_kernel
@pytest.mark.parametrize("name", [n for n in _COMMON if n not in _OF_A_CLASS])
def test_a_name_of_every_socket_is_redefined_only_on_purpose(name: str) -> None:
    class Base(famsock.socket, abstract=True):
        __slots__ = ()

    class Purposeful(famsock.socket, abstract=True, redefines=(name,)):
        __slots__ = ()

    for base in (Base, Purposeful):
        setattr(base, name, lambda self: None)
    told = f"Own: Base redefines {name}, which every socket has"
    with pytest.raises(TypeError, match=told):

        class Own(Base, family=250, type=1):
            __slots__ = ()

    class Stated(Purposeful, family=250, type=1):
        __slots__ = ()

    assert Stated._kind == (250, (1,), None)


def test_a_users_own_subclass_may_redefine_what_it_likes() -> None:
    class Mine(TcpSocket):
        def send(self, data: Any, flags: int = 0, /) -> int:
            return super().send(data, flags) * 1

    with Mine() as sock:
        assert isinstance(sock, TcpSocket)
