"""In-memory sockets: the family's own addresses and errors, the kernel's behaviour, no kernel."""

from __future__ import annotations

import asyncio
import errno
import os
import selectors
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

import famsock
from famsock._registry import plugins
from famsock.options import Option
from famsock.plugin import codecs, family_head
from famsock.testing import BadAddress, Conformance, Example, memory
from famsock.testing.memory import AF_MEMORY, MemoryAddress, Network

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")
FLAVOUR = Option("FLAVOUR", 4242, 1, codecs.INT)
HEAD = family_head(AF_MEMORY, 66)


@pytest.fixture(params=["abstract names", "names that are files"])
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    monkeypatch.setattr(memory, "_ABSTRACT", request.param == "abstract names")
    with Network() as made:
        yield made


def connected(network: Network, kind: int = famsock.SOCK_STREAM) -> tuple[famsock.socket, ...]:
    """(listener, client bound to "client", accepted)."""
    server = network.socket(AF_MEMORY, kind)
    server.bind("server")
    server.listen()
    client = network.socket(AF_MEMORY, kind)
    client.bind("client")
    client.connect(MemoryAddress("server"))
    accepted, address = server.accept()
    assert address == "client"
    return server, client, accepted


@pytest.mark.parametrize("kind", [famsock.SOCK_STREAM, famsock.SOCK_SEQPACKET])
def test_stream(network: Network, kind: int) -> None:
    server, client, accepted = connected(network, kind)
    with server, client, accepted:
        client.sendall(b"question")
        assert accepted.recv(100) == b"question"
        assert accepted.getpeername() == "client"
        assert accepted.getsockname() == client.getpeername() == "server"
        assert accepted.local_address == MemoryAddress("server")
        assert client.peer_address == MemoryAddress("server")
        assert accepted.family == client.family == AF_MEMORY
        assert type(accepted) is network.socket
        with accepted.dup() as twin:
            assert type(twin) is network.socket
            assert twin.getpeername() == "client"


def test_messages(network: Network) -> None:
    with (
        network.socket(AF_MEMORY, famsock.SOCK_DGRAM) as one,
        network.socket(AF_MEMORY, famsock.SOCK_DGRAM) as two,
    ):
        one.bind("one")
        two.bind("two")
        one.sendto(b"by name", "two")
        assert two.recvfrom(100) == (b"by name", "one")
        one.send_message(b"typed", MemoryAddress("two"))
        message = two.recv_message()
        assert (message.data, message.address) == (b"typed", MemoryAddress("one"))
        two.sendmsg([b"re", b"ply"], [], 0, message.address)
        assert one.recvmsg(100)[::3] == (b"reply", "two")
        two.send_message(b"long message", "one")
        cut = one.recv_message(4)
        assert cut.data == b"long"
        assert cut.flags & famsock.MSG_TRUNC


def test_sender_without_a_name(network: Network) -> None:
    with (
        network.socket(AF_MEMORY, famsock.SOCK_DGRAM) as one,
        network.socket(AF_MEMORY, famsock.SOCK_DGRAM) as two,
    ):
        two.bind("two")
        one.sendto(b"x", "two")
        message = two.recv_message()
        assert message.address in (None, MemoryAddress(""))
        assert one.getsockname() == ""


def test_a_name_is_taken_until_its_socket_closes(network: Network) -> None:
    with network.socket(AF_MEMORY) as first:
        first.bind("name")
        with network.socket(AF_MEMORY) as second, pytest.raises(OSError, match="in use") as caught:
            second.bind("name")
        assert caught.value.errno == errno.EADDRINUSE
    with network.socket(AF_MEMORY) as third:
        third.bind("name")


def test_nobody_listens(network: Network) -> None:
    with network.socket(AF_MEMORY) as client:
        with pytest.raises(ConnectionRefusedError):
            client.connect("nobody")
        assert client.connect_ex("nobody") == errno.ECONNREFUSED


def test_networks_are_apart(network: Network) -> None:
    with Network() as other, network.socket(AF_MEMORY) as here, other.socket(AF_MEMORY) as there:
        here.bind("name")
        there.bind("name")
        here.listen()
        with other.socket(AF_MEMORY) as client, pytest.raises(ConnectionRefusedError):
            client.connect("name")


def test_bad_addresses_are_refused_as_ever(network: Network) -> None:
    with network.socket(AF_MEMORY) as sock:
        with pytest.raises(TypeError, match=r"^bind\(\): AF_MEMORY name must be str, not int"):
            sock.bind(7)
        with pytest.raises(ValueError, match="at most 63 bytes"):
            sock.connect("n" * 64)


def test_any_installed_family(network: Network) -> None:
    with (
        network.socket(famsock.AF_INET, famsock.SOCK_STREAM) as server,
        network.socket(famsock.AF_INET, famsock.SOCK_STREAM) as client,
    ):
        server.bind(("192.0.2.1", 80))
        server.listen()
        client.connect(("192.0.2.1", 80))
        accepted, address = server.accept()
        with accepted:
            assert address == ("0.0.0.0", 0)
            assert accepted.getsockname() == client.getpeername() == ("192.0.2.1", 80)
        with pytest.raises(OverflowError, match="port"):
            client.bind(("192.0.2.1", 65536))


def test_alias_reaches_a_server_at_another_address(network: Network) -> None:
    network.alias(MemoryAddress("www"), MemoryAddress("all"))
    with network.socket(AF_MEMORY) as server, network.socket(AF_MEMORY) as client:
        server.bind("all")
        server.listen()
        client.connect("www")
        accepted, _ = server.accept()
        with accepted:
            assert client.getpeername() == "all"


def test_options_are_stored(network: Network) -> None:
    with network.socket(AF_MEMORY) as sock:
        with pytest.raises(OSError, match="Protocol not available") as caught:
            sock.get_option(FLAVOUR)
        assert caught.value.errno == errno.ENOPROTOOPT
        assert "Network(options=" in caught.value.__notes__[0]
        sock.set_option(FLAVOUR, 7)
        assert sock.get_option(FLAVOUR) == 7
        assert sock.getsockopt(4242, 1) == 7
        sock.setsockopt(4242, 1, -2)
        assert sock.get_option(FLAVOUR) == -2
        sock.setsockopt(4242, 2, b"data")
        assert sock.getsockopt(4242, 2, 100) == b"data"
        with pytest.raises(OverflowError, match="FLAVOUR"):
            sock.set_option(FLAVOUR, 1 << 31)
        assert sock.getsockopt(famsock.SOL_SOCKET, famsock.SO_TYPE) == famsock.SOCK_STREAM


def test_options_have_given_values() -> None:
    with Network(options={FLAVOUR: 5}) as network:
        server, client, accepted = connected(network)
        with server, client, accepted:
            accepted.set_option(FLAVOUR, 6)
            assert client.get_option(FLAVOUR) == 5
            assert accepted.get_option(FLAVOUR) == 6


def test_descriptors_pass(network: Network) -> None:
    ours, theirs = network.socketpair()
    read, write = os.pipe()
    with ours, theirs:
        famsock.send_fds(ours, [b"x"], [write])
        os.close(write)
        _, (received,), _, _ = famsock.recv_fds(theirs, 10, 1)
        os.write(received, b"through")
        os.close(received)
    assert os.read(read, 100) == b"through"
    os.close(read)


def test_socketpair_of_messages(network: Network) -> None:
    ours, theirs = network.socketpair(type=famsock.SOCK_DGRAM)
    with ours, theirs:
        ours.send(b"one")
        ours.send(b"two")
        assert theirs.recv(100) == b"one"
        assert theirs.recv(100) == b"two"


def test_timeouts_threads_and_selectors(network: Network) -> None:
    with network.socket(AF_MEMORY) as server, network.socket(AF_MEMORY) as client:
        server.bind("server")
        server.listen()
        server.settimeout(0.01)
        with pytest.raises(TimeoutError):
            server.accept()
        server.settimeout(None)
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        client.connect("server")
        thread.join()
        assert client.recv(1) == b""
    with selectors.DefaultSelector() as selector:
        ours, theirs = network.socketpair()
        with ours, theirs:
            selector.register(theirs, selectors.EVENT_READ)
            assert selector.select(0) == []
            ours.send(b"x")
            assert [key.fileobj for key, _ in selector.select(10)] == [theirs]


def test_asyncio(network: Network) -> None:
    async def talk() -> bytes:
        loop = asyncio.get_running_loop()
        with network.socket(AF_MEMORY) as server, network.socket(AF_MEMORY) as client:
            server.setblocking(False)
            client.setblocking(False)
            server.bind("server")
            server.listen()
            await loop.sock_connect(client, "server")
            accepted, _ = await loop.sock_accept(server)
            with accepted:
                await loop.sock_sendall(client, b"hello")
                return await loop.sock_recv(accepted, 100)

    assert asyncio.run(talk()) == b"hello"


def test_installed_serves_code_that_makes_its_own_sockets(network: Network) -> None:
    usual = famsock.socket
    with network.installed():
        with famsock.create_server(("198.51.100.7", 7)) as server:
            server.settimeout(10)
            with famsock.create_connection(("198.51.100.7", 7), 10) as client:
                accepted, _ = server.accept()
                with accepted:
                    client.sendall(b"x")
                    assert accepted.recv(1) == b"x"
        assert isinstance(client, network.socket)
    assert famsock.socket is usual


def test_defaults_of_the_constructor_are_the_stdlibs(network: Network) -> None:
    with network.socket() as sock:
        assert (sock.family, sock.type, sock.proto) == (famsock.AF_INET, famsock.SOCK_STREAM, 0)
    flags = famsock.SOCK_STREAM | famsock.SOCK_NONBLOCK | famsock.SOCK_CLOEXEC
    with network.socket(AF_MEMORY, flags) as sock:
        assert sock.type == famsock.SOCK_STREAM
        assert not sock.getblocking()


def test_family_that_nobody_serves(network: Network) -> None:
    with pytest.raises(OSError, match="no plugin serves family 4711") as caught:
        network.socket(4711)
    assert caught.value.errno == errno.EAFNOSUPPORT


def test_the_kernel_has_no_such_family(network: Network) -> None:
    with pytest.raises(OSError, match="not supported") as caught:
        famsock.socket(AF_MEMORY)
    assert any("Network().socket" in note for note in caught.value.__notes__)


if plugins.family("AF_MEMORY") is None:
    plugins.register(memory.FAMILY)


class TestMemory(Conformance):
    family = "AF_MEMORY"
    exceptions: ClassVar = {
        "test_constants_state_their_headers": "famsock made it up",
        "test_address_class_states_its_headers": "famsock made it up",
        "test_package_exports_the_address_class": "famsock.testing.memory has it, a module",
    }
    examples = (
        Example(
            protocol="memory",
            typed=MemoryAddress("server"),
            stdlib="server",
            sockaddr=HEAD + b"server".ljust(64, b"\0"),
            text="server",
            also_text=("memory://server",),
        ),
        Example(
            protocol="memory",
            typed=MemoryAddress(""),
            stdlib="",
            sockaddr=HEAD + bytes(64),
            text="",
        ),
    )
    bad = (
        BadAddress(protocol="memory", form="n" * 64, error=ValueError, match="AF_MEMORY name too"),
        BadAddress(protocol="memory", form=("server",), error=TypeError, match="must be str"),
        BadAddress(protocol="memory", form="a\0b", error=ValueError, match="null character"),
        BadAddress(protocol="memory", form=None, error=TypeError, match="must be str",
                   operations=("bind", "connect", "connect_ex", "sendto")),
    )  # fmt: skip


def test_operations_of_a_protocols_class() -> None:
    with Network() as network, network.socket(famsock.AF_INET, famsock.SOCK_STREAM) as sock:
        assert callable(sock.operations.tcp_info)
        assert type(sock).__name__ == "TcpSocket"
        assert sock.operations is sock
