"""Messages between two multiplexors, over TCP."""

from __future__ import annotations

import errno
import os
import socket as stdlib
from collections.abc import Iterator
from socket import MSG_EOR

import pytest
from famsock_kcm import KcmSocket, length_program, options
from famsock_kcm.constants import AF_KCM
from famsock_kcm.selftest import framed, joined

import famsock

pytestmark = [
    pytest.mark.needs_family("AF_KCM"),
    pytest.mark.needs_capability("CAP_BPF"),
    pytest.mark.usefixtures("alarm", "descriptors"),
]
Pair = tuple[KcmSocket, KcmSocket]
ADDRESSES = (("127.0.0.1", 80), "path", b"path", (), 5)


@pytest.fixture(params=[famsock.SOCK_DGRAM, famsock.SOCK_SEQPACKET], ids=["dgram", "seqpacket"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two sockets of a type, joined by a TCP connection."""
    with joined(request.param) as ends:
        yield ends


def test_messages_keep_their_borders(pair: Pair) -> None:
    near, far = pair
    messages = [framed(bytes(n)) for n in (1, 200, 0, 3000)]
    for message in messages:
        near.send(message, MSG_EOR)
    assert [far.recv(8192) for _ in messages] == messages
    far.send(framed(b"back"), MSG_EOR)
    assert near.recv(8192) == framed(b"back")


def test_batches_of_messages(pair: Pair) -> None:
    near, far = pair
    messages = [framed(b"one"), framed(b"and two")]
    assert near.sendmmsg([(message, None) for message in messages], MSG_EOR) == 2
    received: list[bytes] = []
    while len(received) < 2:
        received += [data for data, *_ in far.recvmmsg(2)]
    assert received == messages


def test_there_are_no_addresses(pair: Pair) -> None:
    near, far = pair
    assert near.sendto(framed(b"none"), MSG_EOR, None) == 6
    assert far.recvfrom(100) == (framed(b"none"), None)
    near.sendmsg([framed(b"none")], [], MSG_EOR, None)
    assert far.recvmsg(100)[3] is None
    near.send_message(framed(b"none"), flags=MSG_EOR)
    assert far.recv_message(100).address is None
    assert near.local_address is None
    assert near.peer_address is None
    for ask in (near.getsockname, near.getpeername):
        with pytest.raises(OSError, match="Operation not supported") as caught:
            ask()
        assert caught.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_refused(pair: Pair, address: object) -> None:
    near, _ = pair
    for call in (near.bind, near.connect, lambda to: near.sendto(b"", to)):
        with pytest.raises(
            OSError, match="bad family: AF_KCM has no addresses, pass None"
        ) as caught:
            call(address)
        assert caught.value.errno is None


def test_bind_and_connect_say_what_to_do_instead(pair: Pair) -> None:
    near, _ = pair
    for call in (near.bind, near.connect):
        with pytest.raises(OSError, match=r"not supported|Invalid argument") as caught:
            call(None)
        assert caught.value.errno in (errno.EOPNOTSUPP, errno.EINVAL)
        assert "attach() a connected TCP socket" in caught.value.__notes__[0]


def test_a_clone_shares_the_connections(pair: Pair) -> None:
    near, far = pair
    with far.clone() as clone:
        assert type(clone) is KcmSocket
        assert (clone.type, clone.gettimeout()) == (far.type, far.gettimeout())
        assert not clone.get_inheritable()
        far.set_option(options.KCM_RECV_DISABLE, True)
        assert far.get_option(options.KCM_RECV_DISABLE) is True
        near.send(framed(b"for the clone"), MSG_EOR)
        assert clone.recv(100) == framed(b"for the clone")


def test_a_connection_is_given_back() -> None:
    listener = stdlib.create_server(("127.0.0.1", 0))
    with listener, stdlib.create_connection(listener.getsockname()) as one, KcmSocket() as sock:
        other, _ = listener.accept()
        program = length_program()
        try:
            sock.attach(one, program)
            with pytest.raises(OSError, match="already") as caught:
                sock.attach(one, program)
            assert caught.value.errno == errno.EALREADY
        finally:
            os.close(program)
        with other:
            sock.unattach(one)
            other.sendall(b"plain bytes again")
            one.settimeout(20)
            assert one.recv(100) == b"plain bytes again"
            with pytest.raises(OSError, match="No such file") as caught:
                sock.unattach(one)
            assert caught.value.errno == errno.ENOENT


def test_what_is_no_connection_is_refused_with_a_hint() -> None:
    program = length_program()
    try:
        with KcmSocket() as sock, stdlib.socket() as unconnected:
            with pytest.raises(OSError, match="not supported") as caught:
                sock.attach(unconnected, program)
            assert "must be a connected TCP socket" in caught.value.__notes__[0]
    finally:
        os.close(program)


@pytest.mark.parametrize("size_bytes", [1, 2, 4])
def test_a_length_of_another_size(size_bytes: int) -> None:
    """One byte, the length, the rest: the program adds the byte and the length itself."""
    message = b"#" + (5).to_bytes(size_bytes, "big") + b"hello"
    with stdlib.create_server(("127.0.0.1", 0)) as listener, KcmSocket() as sock:
        sender = stdlib.create_connection(listener.getsockname())
        transport, _ = listener.accept()
        with sender, transport:
            program = length_program(1, size_bytes, 1 + size_bytes)
            try:
                sock.attach(transport, program)
            finally:
                os.close(program)
            sock.settimeout(20)
            sender.sendall(message * 2)
            assert [sock.recv(100), sock.recv(100)] == [message, message]


def test_plain_socket_becomes_one_of_its_class() -> None:
    with famsock.socket(AF_KCM, famsock.SOCK_DGRAM) as sock:
        assert type(sock.operations) is KcmSocket
