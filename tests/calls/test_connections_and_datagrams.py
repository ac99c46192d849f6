"""Sockets are made, accepted and connected, and datagrams are sent and received.

A call of each kind is made twice where the second one finds what the first one has kept.
"""

from __future__ import annotations

import errno
import inspect
import socket as stdlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import RawAddress
from famsock._lazy import PluginError
from famsock.address import AddressCodec
from famsock.family import Family, Protocol, Served

pytestmark = pytest.mark.usefixtures("descriptors")


@pytest.fixture
def listener() -> Iterator[famsock.socket]:
    with famsock.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        yield listening


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((), {}),
        ((2,), {}),
        ((2, 2), {}),
        ((2, 1, 6), {}),
        ((2, 2, -1), {}),
        ((stdlib.AF_INET, stdlib.SOCK_STREAM), {}),
        ((2, stdlib.SOCK_STREAM | stdlib.SOCK_NONBLOCK), {}),
        ((2,), {"type": 2}),
        ((), {"family": 2, "type": 1, "proto": 6}),
        ((2, 1, 0, None), {}),
    ],
)
def test_every_way_to_say_the_kind(arguments: tuple[int, ...], keywords: dict[str, int]) -> None:
    for _ in range(2):  # the second one is of a kind that was made before
        with famsock.socket(*arguments, **keywords) as ours:
            with stdlib.socket(*arguments, **keywords) as theirs:
                assert (ours.family, ours.type, ours.proto) == (
                    theirs.family,
                    theirs.type,
                    theirs.proto,
                )
                assert ours.gettimeout() == theirs.gettimeout()
                assert repr(ours).endswith(repr(theirs).partition("family")[2])
            assert ours.local_address is not None
        assert repr(ours).startswith("<famsock._sockets.socket [closed] fd=-1")


@pytest.mark.parametrize(
    "arguments", [([], 1), (2, {}), (2, "1"), (2, 1, None), (2, 1, 0, None, 5), (2, 99), (2, 1, 99)]
)
def test_a_kind_that_is_none(arguments: Any) -> None:
    for _ in range(2):
        with pytest.raises((TypeError, OSError)) as theirs:
            stdlib.socket(*arguments)
        with pytest.raises(theirs.type) as ours:
            famsock.socket(*arguments)
        assert str(ours.value) == str(theirs.value)


def test_kinds_that_are_refused_after_they_were_made() -> None:
    famsock.socket(famsock.AF_UNIX, famsock.SOCK_STREAM).close()
    famsock.plugins.block("AF_UNIX")
    try:
        with pytest.raises(OSError, match="AF_UNIX is blocked"):
            famsock.socket(famsock.AF_UNIX, famsock.SOCK_STREAM)
    finally:
        famsock.plugins.unblock("AF_UNIX")
    famsock.socket(famsock.AF_UNIX, famsock.SOCK_STREAM).close()


def test_what_cannot_be_made_says_what_cures_it(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Protocol("lacking", 250, (1,), RawAddress, modules=("lacking_module",))
    served = Served(Family("AF_INET", 2, (row,)), row, lambda number: None)
    monkeypatch.setitem(famsock.plugins._snapshot.served, (2, 1, 250), served)
    with pytest.raises(OSError, match="Protocol not supported") as caught:
        famsock.socket(2, 1, 250)
    assert caught.value.__notes__ == [
        "AF_INET lacking: One possible cause: the kernel lacks the module lacking_module: "
        "modprobe lacking_module"
    ]


def test_a_subclass_has_its_own_way_to_begin() -> None:
    class Named(famsock.socket):
        def __init__(self, *arguments: Any, name: str = "", **keywords: Any) -> None:
            super().__init__(*arguments, **keywords)
            self.name = name

    with Named(2, 2, name="x") as sock, sock.dup() as copy:
        assert (sock.name, copy.name, type(copy)) == ("x", "", Named)


@pytest.mark.parametrize("timeout", [None, 0.0, 5.0])
@pytest.mark.parametrize("default", [None, 3.0])
def test_accepted_sockets(
    listener: famsock.socket, timeout: float | None, default: float | None
) -> None:
    with famsock.socket(2, 1) as client:
        client.connect(listener.getsockname())
        listener.settimeout(timeout)
        famsock.setdefaulttimeout(default)
        try:
            accepted, address = listener.accept()
        finally:
            famsock.setdefaulttimeout(None)
        with accepted:
            assert type(accepted) is famsock.socket
            assert address == client.getsockname() == accepted.getpeername()
            assert (accepted.family, accepted.type, accepted.proto) == (2, 1, listener.proto)
            assert accepted.gettimeout() == default
            assert not accepted.get_inheritable()
            assert accepted.local_address == client.peer_address


def test_accept_that_gets_nothing(listener: famsock.socket) -> None:
    listener.settimeout(0.01)
    with pytest.raises(TimeoutError, match="timed out"):
        listener.accept()
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    with famsock.socket(2, 2) as no_listener, pytest.raises(OSError, match="not supported"):
        no_listener.accept()
    listener.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        listener.accept()


def test_an_address_that_cannot_be_decoded_leaves_no_descriptor(listener: famsock.socket) -> None:
    class Failing(AddressCodec):
        def load_layout(self) -> None:
            return None

        def decode_unusual(self, socket: Any, sockaddr: bytes) -> Any:
            raise PluginError("no address")

    with famsock.socket(2, 1) as client:
        client.connect(listener.getsockname())
        listener._codec = Failing(lambda: RawAddress, lambda family: None)
        with pytest.raises(PluginError, match="no address"):
            listener.accept()


def test_connections_that_are_refused() -> None:
    with famsock.socket(2, 1) as held:  # nobody gets its port, and it does not listen
        held.bind(("127.0.0.1", 0))
        address = held.getsockname()
        for _ in range(2):
            with famsock.socket(2, 1) as client:
                with pytest.raises(ConnectionRefusedError, match="Connection refused") as caught:
                    client.connect(address)
                assert caught.value.errno == errno.ECONNREFUSED
            with pytest.raises(OSError, match="Bad file descriptor"):
                client.connect(address)


def test_an_equal_address_of_another_type_is_no_known_one(listener: famsock.socket) -> None:
    host, port = listener.getsockname()
    with famsock.socket(2, 1) as client:
        client.connect((host, port))
    with famsock.socket(2, 1) as client, pytest.raises(TypeError, match="AF_INET port"):
        client.connect((host, float(port)))


def test_signatures_are_those_of_the_stdlib() -> None:
    def parameters(callable: Any) -> list[tuple[str, Any]]:
        found = inspect.signature(callable).parameters.values()
        return [(parameter.name, parameter.default) for parameter in found]

    class Plain(famsock.socket):
        pass

    class Named(famsock.socket):
        def __init__(self, name: str = "") -> None:
            super().__init__()

    assert parameters(famsock.socket) == parameters(Plain) == parameters(stdlib.socket)
    assert parameters(Named) == [("name", "")]
    assert parameters(famsock.socket.accept) == parameters(stdlib.socket.accept)
    assert [name for name, _ in parameters(famsock.socket.connect)] == ["self", "address"]


# Datagrams


@pytest.fixture
def udp() -> Iterator[tuple[famsock.socket, famsock.socket]]:
    with famsock.socket(2, 2) as a, famsock.socket(2, 2) as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        yield a, b


@pytest.fixture
def full(tmp_path: Path) -> Iterator[tuple[famsock.socket, famsock.socket, str]]:
    """A sender, the receiver whose queue is full, and where it is bound."""
    path = str(tmp_path / "full")
    with famsock.socket(1, 2) as sender, famsock.socket(1, 2) as receiver:
        receiver.bind(path)
        sender.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                sender.sendto(b"filling", path)
        yield sender, receiver, path


@pytest.mark.parametrize("timeout", [None, 0.0, 5.0])
@pytest.mark.parametrize("size", [0, 10, 65507])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_datagrams(
    udp: tuple[famsock.socket, famsock.socket], timeout: float | None, size: int, kind: Any
) -> None:
    a, b = udp
    data, address = b"x" * size, b.getsockname()
    a.settimeout(timeout)
    b.settimeout(timeout)
    for _ in range(2):  # the second one to an address that was seen before
        assert a.sendto(kind(data), address) == size
        assert b.recvfrom(65507) == (data, a.getsockname())
        assert a.sendto(kind(data), tuple(address)) == size
        assert b.recvfrom(1 << 20, 0) == (data, a.getsockname())
        assert a.sendto(kind(data), famsock.MSG_DONTWAIT, address) == size
        assert b.recvfrom(65507, famsock.MSG_PEEK) == (data, a.getsockname())
        assert b.recvfrom(5) == (data[:5], a.getsockname())


def test_nothing_to_receive(udp: tuple[famsock.socket, famsock.socket]) -> None:
    _, b = udp
    b.settimeout(0.01)
    with pytest.raises(TimeoutError, match="timed out"):
        b.recvfrom(10)
    b.setblocking(False)
    with pytest.raises(BlockingIOError):
        b.recvfrom(10)
    with pytest.raises(ValueError, match="negative buffersize in recvfrom"):
        b.recvfrom(-1)
    with pytest.raises(TypeError, match="integer"):
        b.recvfrom("10")  # type: ignore[arg-type]
    b.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        b.recvfrom(10)


def test_no_room_to_send(full: tuple[famsock.socket, famsock.socket, str]) -> None:
    sender, _, path = full
    with pytest.raises(BlockingIOError):
        sender.sendto(b"more", path)
    sender.settimeout(0.01)
    with pytest.raises(TimeoutError, match="timed out"):
        sender.sendto(b"more", path)
    sender.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        sender.sendto(b"more", path)


@pytest.mark.parametrize("timeout", [None, 10.0])
def test_waiting_through_signals(
    full: tuple[famsock.socket, famsock.socket, str],
    storm: Any,
    after_signals: Any,
    timeout: float | None,
) -> None:
    sender, receiver, path = full
    sender.settimeout(timeout)
    with storm() as seen:
        after_signals(seen, lambda: receiver.recv(10))
        assert sender.sendto(b"more", path) == 4
    receiver.setblocking(False)
    with suppress(BlockingIOError):
        while receiver.recv(10):
            pass
    receiver.settimeout(timeout)
    with storm() as seen:
        after_signals(seen, lambda: sender.sendto(b"late", path))
        assert receiver.recvfrom(10) == (b"late", None)


def test_an_error_that_waits_on_the_socket_is_told_once(
    udp: tuple[famsock.socket, famsock.socket],
) -> None:
    a, b = udp
    gone, here = b.getsockname(), a.getsockname()
    a.sendto(b"to itself", here)
    b.close()
    a.connect(gone)
    a.send(b"refused")
    with pytest.raises(ConnectionRefusedError):
        a.sendto(b"x", gone)
    assert a.sendto(b"x", gone) == 1
    with pytest.raises(ConnectionRefusedError):
        a.recvfrom(10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((b"x",), r"sendto\(\) takes 2 or 3 arguments \(1 given\)"),
        ((b"x", 0, ("127.0.0.1", 9), 1), r"sendto\(\) takes 2 or 3 arguments \(4 given\)"),
        (("text", ("127.0.0.1", 9)), "a bytes-like object is required, not 'str'"),
        ((b"x", ["127.0.0.1", 9]), r"sendto\(\): AF_INET address must be tuple, not list"),
        ((b"x", ("127.0.0.1", 9.0)), "AF_INET port"),
        ((b"x", None), r"sendto\(\): AF_INET address must be tuple, not NoneType"),
    ],
)
def test_what_is_no_datagram(
    udp: tuple[famsock.socket, famsock.socket], arguments: Any, message: str
) -> None:
    a, _ = udp
    a.sendto(b"x", ("127.0.0.1", 9))
    with pytest.raises(TypeError, match=message):
        a.sendto(*arguments)
