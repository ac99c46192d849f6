"""AF_TIPC on a kernel that has it, within this node: names, groups, the topology service."""

from __future__ import annotations

import os
import socket as stdlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar, overload

import pytest
from famsock_tipc import (
    ServiceAddress,
    ServiceRange,
    SocketAddress,
    TipcDatagramSocket,
    TipcRdmSocket,
    TipcSeqpacketSocket,
    TipcStreamSocket,
)
from famsock_tipc.control import (
    MAX_RETURNED_BYTES,
    TIPC_DESTNAME,
    TIPC_ERRINFO,
    TIPC_RETDATA,
    ErrorInfo,
)
from famsock_tipc.messages import DestinationName
from famsock_tipc.options import TIPC_MCAST_BROADCAST, TIPC_MCAST_REPLICAST, TIPC_NODELAY

import famsock
from famsock.plugin import RawAddress

pytestmark = [pytest.mark.needs_family("AF_TIPC"), pytest.mark.usefixtures("descriptors")]

NODE = 3
SERVICE = 0x1000000 + os.getpid()  # the names of a node are for all of its processes
SHOWN = 0x2000000 + os.getpid()
EXAMPLE = Path(__file__).parents[3] / "examples" / "tipc.py"
_S = TypeVar("_S", bound=famsock.socket[Any, Any])
Connected = type[TipcStreamSocket] | type[TipcSeqpacketSocket]
Datagrams = type[TipcRdmSocket] | type[TipcDatagramSocket]


class Opener(Protocol):
    """Opens a socket of a class, TipcRdmSocket by default, bound to an address if one is given."""

    @overload
    def __call__(self, *, address: object = None) -> TipcRdmSocket: ...
    @overload
    def __call__(self, cls: type[_S], address: object = None) -> _S: ...


@pytest.fixture
def tipc() -> Iterator[Opener]:
    """Opens sockets that are closed at the end."""
    with ExitStack() as stack:

        def make(cls: type[Any] = TipcRdmSocket, address: object = None) -> Any:
            sock = stack.enter_context(cls())
            sock.settimeout(20)
            if address is not None:
                sock.bind(address)
            return sock

        yield make


def test_a_name_a_range_and_an_identity_reach_a_socket(tipc: Opener) -> None:
    server, client = tipc(address=ServiceRange(SERVICE, 0, 9, NODE)), tipc()
    client.sendto(b"by name", ServiceAddress(SERVICE, 5))
    message = server.recv_message()
    assert message.data == b"by name"
    assert message.address == client.local_address
    assert message.get(TIPC_DESTNAME) == DestinationName(SERVICE, 5, 5)
    client.sendto(b"by range", ServiceRange(SERVICE, 8, 20))
    assert server.recv_message().get(TIPC_DESTNAME) == DestinationName(SERVICE, 8, 20)
    client.sendto(b"by identity", server.local_address)
    assert server.recv_message().get(TIPC_DESTNAME) is None


def test_multicast_reaches_every_socket_of_a_range(tipc: Opener) -> None:
    servers = [tipc(address=ServiceRange(SERVICE, i, i + 1, NODE)) for i in range(3)]
    client = tipc()
    client.sendto(b"to two", ServiceRange(SERVICE, 2, 9))
    assert [s.recv(16) for s in servers[1:]] == [b"to two"] * 2
    servers[0].setblocking(False)
    with pytest.raises(BlockingIOError):
        servers[0].recv(16)


def test_withdrawn_names_reach_nobody(tipc: Opener) -> None:
    name, other = ServiceAddress(SERVICE, 1, scope=NODE), ServiceAddress(SERVICE, 2)
    server, client = tipc(address=name), tipc()
    server.bind(RawAddress.unpack(other.pack()))
    server.withdraw((2, SERVICE, 1, 1, NODE))
    with pytest.raises(OSError, match="No route") as caught:
        client.sendto(b"x", name)
    assert any("subscribe" in note for note in caught.value.__notes__)
    client.sendto(b"still there", other)
    assert server.recv(16) == b"still there"
    with pytest.raises(OSError, match="Invalid argument"):
        server.withdraw(name)
    server.withdraw(RawAddress.unpack(other.pack()))
    with pytest.raises(OSError, match="No route"):
        client.sendto(b"x", other)
    with pytest.raises(TypeError, match="must be a service"):
        server.withdraw(SocketAddress(0, 1))


def test_what_nobody_takes_comes_back(tipc: Opener) -> None:
    client, gone = tipc(), tipc()
    address = gone.local_address
    gone.close()
    client.set_option("TIPC_DEST_DROPPABLE", False)
    client.sendto(b"lost", address)
    message = client.recv_message()
    assert message.data == b""
    error = message.get(TIPC_ERRINFO)
    assert error is not None
    assert (error.name, error.data_bytes) == ("TIPC_ERR_NO_PORT", 4)
    assert message.get(TIPC_RETDATA) == b"lost"


def test_a_long_message_comes_back_cut(tipc: Opener) -> None:
    client, gone = tipc(), tipc()
    address = gone.local_address
    gone.close()
    client.set_option("TIPC_DEST_DROPPABLE", False)
    client.sendto(b"z" * 66000, address)
    message = client.recv_message(control_bytes=2000)
    assert message.get(TIPC_RETDATA) == b"z" * MAX_RETURNED_BYTES
    assert message.get(TIPC_ERRINFO) == ErrorInfo(2, MAX_RETURNED_BYTES)
    assert not message.flags & stdlib.MSG_CTRUNC
    with pytest.raises(OSError, match="Message too long"):
        client.sendto(b"z" * 66001, address)


def test_options(tipc: Opener) -> None:
    sock = tipc(TipcSeqpacketSocket)
    assert sock.get_option("TIPC_CONN_TIMEOUT") == 8000
    sock.set_option("TIPC_CONN_TIMEOUT", 500)
    assert sock.get_option("TIPC_CONN_TIMEOUT") == 500
    sock.set_option("TIPC_IMPORTANCE", 3)
    assert sock.getsockopt(famsock.SOL_TIPC, famsock.TIPC_IMPORTANCE) == 3
    with pytest.raises(OSError, match="Invalid argument"):
        sock.set_option("TIPC_IMPORTANCE", 4)
    with pytest.raises(AttributeError, match="TIPC_SOCK_RECVQ_USED is read-only"):
        sock.set_option("TIPC_SOCK_RECVQ_USED", 1)


def test_options_without_a_value(tipc: Opener) -> None:
    sock = tipc()
    sock.set_option(TIPC_MCAST_BROADCAST, None)
    sock.set_option(TIPC_MCAST_REPLICAST, None)
    tipc(TipcStreamSocket).set_option(TIPC_NODELAY, True)


def test_waiting_messages_are_counted(tipc: Opener) -> None:
    server, client = tipc(address=ServiceAddress(SERVICE, 3, scope=NODE)), tipc()
    assert server.get_option("TIPC_SOCK_RECVQ_USED") == 0
    client.sendto(b"1", ServiceAddress(SERVICE, 3))
    client.sendto(b"2", ServiceAddress(SERVICE, 3))
    assert server.get_option("TIPC_SOCK_RECVQ_DEPTH") == 2
    assert server.get_option("TIPC_SOCK_RECVQ_USED") > 0


def test_reserved_types_are_refused_with_the_reason(tipc: Opener) -> None:
    with pytest.raises(PermissionError) as caught:
        tipc(address=ServiceAddress(63, 1))
    assert any("below 64" in note for note in caught.value.__notes__)


def test_topology_tells_of_services(tipc: Opener) -> None:
    watcher = tipc(TipcSeqpacketSocket)
    first = tipc(address=ServiceRange(SERVICE, 10, 19, NODE))
    subscription = watcher.subscribe((1, SERVICE, 0, 99), handle=b"mine....")
    event = watcher.recv_event()
    assert event.published
    assert event.service == ServiceRange(SERVICE, 10, 19)
    assert event.socket_address == first.local_address
    assert event.subscription == subscription
    first.close()
    assert next(watcher.events()).withdrawn


def test_a_subscription_times_out(tipc: Opener) -> None:
    watcher = tipc(TipcSeqpacketSocket)
    watcher.subscribe(ServiceAddress(SERVICE, 50), timeout_ms=1)
    event = watcher.recv_event()
    assert event.timed_out
    assert event.service == ServiceRange(SERVICE, 50, 50)


def test_a_cancelled_subscription_is_silent_and_others_are_not(tipc: Opener) -> None:
    watcher = tipc(TipcSeqpacketSocket)
    cancelled = watcher.subscribe(ServiceAddress(SERVICE, 60), handle=b"1" * 8)
    watcher.subscribe(ServiceAddress(SERVICE, 60), handle=b"2" * 8)
    watcher.cancel(cancelled)
    watcher.subscribe(ServiceAddress(SERVICE, 61), timeout_ms=1)
    assert watcher.recv_event().timed_out
    tipc(address=ServiceAddress(SERVICE, 60, scope=NODE))
    assert watcher.recv_event().subscription.handle == b"2" * 8
    watcher.setblocking(False)
    with pytest.raises(BlockingIOError):
        watcher.recv_event()


def test_subscribe_refuses_what_is_no_service(tipc: Opener) -> None:
    watcher = tipc(TipcSeqpacketSocket)
    with pytest.raises(OverflowError, match="timeout_ms must be 0-4294967294, not 4294967295"):
        watcher.subscribe(ServiceAddress(SERVICE, 1), timeout_ms=2**32 - 1)
    with pytest.raises(TypeError, match="must be a name or a range"):
        watcher.subscribe(SocketAddress(0, 1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="handle must be 8 bytes"):
        watcher.subscribe(ServiceAddress(SERVICE, 1), handle=b"short")


@pytest.mark.parametrize("cls", [TipcRdmSocket, TipcDatagramSocket])
def test_a_group(tipc: Opener, cls: Datagrams) -> None:
    one, two = tipc(cls), tipc(cls)
    one.join_group(5000, 1, NODE, member_events=True)
    assert one.group() == 5000
    two.join_group(5000, 2, NODE)
    joined = one.recv_group()
    assert joined.joined
    assert joined.data == b""
    assert joined.sender is not None
    assert (joined.sender.type, joined.sender.instance) == (5000, 2)
    two.send(b"to all")
    message = one.recv_group()
    assert (message.data, message.sender) == (b"to all", joined.sender)
    one.sendto(b"to a name", ServiceAddress(5000, 2))
    assert two.recv_group().data == b"to a name"
    one.sendto(b"to its socket", joined.sender)
    assert two.recvfrom(32) == (b"to its socket", one.getsockname())
    two.leave_group()
    assert two.group() == 0
    left = one.recv_group()
    assert (left.left, left.joined, left.sender) == (True, False, joined.sender)


def test_a_group_refuses(tipc: Opener) -> None:
    member = tipc()
    with pytest.raises(PermissionError) as caught:
        member.join_group(63, 1)
    assert any("below 64" in note for note in caught.value.__notes__)
    with pytest.raises(OSError, match="Invalid argument"):
        member.join_group(5001, 1, scope=4)
    member.join_group(5001, 1, NODE)
    with pytest.raises(PermissionError):
        member.join_group(5002, 1, NODE)
    with pytest.raises(PermissionError) as caught:
        member.bind(ServiceAddress(SERVICE, 70))
    assert any("a socket in a group" in note for note in caught.value.__notes__)
    member.leave_group()
    with pytest.raises(OverflowError, match="type must be 0-4294967295"):
        member.join_group(2**32, 1)
    with pytest.raises(OSError, match="Invalid argument"):
        member.leave_group()


def test_nodes_and_links(tipc: Opener) -> None:
    sock = tipc()
    assert len(sock.node_id(_identity(sock).node)) == 16
    with pytest.raises(OSError, match="Cannot assign requested address"):
        sock.link_name(12345)
    with pytest.raises(OverflowError, match="peer must be 0-4294967295"):
        sock.node_id(2**32)


@pytest.mark.parametrize("cls", [TipcStreamSocket, TipcSeqpacketSocket])
def test_connections_talk_to_the_stdlib(tipc: Opener, cls: Connected) -> None:
    listener = tipc(cls, (stdlib.TIPC_ADDR_NAMESEQ, SERVICE, 80, 81, stdlib.TIPC_NODE_SCOPE))
    listener.listen()
    with stdlib.socket(30, listener.type) as other:
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.connect((stdlib.TIPC_ADDR_NAME, SERVICE, 80, 0))
        accepted, peer = listener.accept()
        with accepted:
            assert type(accepted) is cls
            other.settimeout(20)
            accepted.settimeout(20)
            assert peer == other.getsockname()
            assert accepted.getpeername() == other.getsockname()
            assert accepted.peer_address == SocketAddress(peer[1], peer[2])
            other.sendall(b"question")
            assert accepted.recv(16) == b"question"
            accepted.sendall(b"answer")
            assert other.recv(16) == b"answer"


RECEIVING: dict[str, Callable[[stdlib.socket], object]] = {
    "recv": lambda sock: sock.recv(16),
    "recv_into": lambda sock: sock.recv_into(bytearray(16)),
    "recvfrom": lambda sock: sock.recvfrom(16)[0],
    "recvfrom_into": lambda sock: sock.recvfrom_into(bytearray(16))[0],
    "recvmsg": lambda sock: sock.recvmsg(16)[:3],
    "recvmsg, control": lambda sock: sock.recvmsg(16, 256)[:3],
    "recvmsg, little control": lambda sock: sock.recvmsg(16, 1)[:3],
    "recvmsg_into": lambda sock: sock.recvmsg_into([bytearray(16)])[:3],
    "recvmsg_into, control": lambda sock: sock.recvmsg_into([bytearray(16)], 256)[:3],
}


@pytest.mark.parametrize("kind", [stdlib.SOCK_STREAM, stdlib.SOCK_SEQPACKET])
@pytest.mark.parametrize("name", RECEIVING)
def test_the_end_of_a_connection_is_told_as_by_the_stdlib(name: str, kind: int) -> None:
    """It depends on the call, and on whether control messages are asked for."""

    def end(module: Any) -> list[object]:
        seen: list[object] = []
        with module.socket(30, kind) as listener, module.socket(30, kind) as client:
            listener.bind((stdlib.TIPC_ADDR_NAMESEQ, SERVICE, 82, 82, stdlib.TIPC_NODE_SCOPE))
            listener.listen()
            listener.settimeout(20)
            client.setblocking(False)
            with pytest.raises(BlockingIOError):  # it is connected once it is accepted
                client.connect((stdlib.TIPC_ADDR_NAME, SERVICE, 82, 0))
            accepted, _ = listener.accept()
            with accepted:
                client.settimeout(20)
                client.sendall(b"last")
                client.close()
                # All of it is there: what times out now would do so after any time.
                accepted.settimeout(0.5)
                for _ in range(3):
                    try:
                        seen.append(RECEIVING[name](accepted))
                    except OSError as error:
                        seen.append((type(error), error.errno))
        return seen

    assert end(famsock) == end(stdlib)


def test_addresses_are_those_of_the_stdlib(tipc: Opener) -> None:
    server = tipc(address=ServiceAddress(SERVICE, 90, scope=NODE))
    with stdlib.socket(30, stdlib.SOCK_RDM) as other:
        other.sendto(b"x", (stdlib.TIPC_ADDR_NAME, SERVICE, 90, 0))
        data, sender = server.recvfrom(16)
        assert (data, sender) == (b"x", other.getsockname())
        duplicate = stdlib.socket(fileno=stdlib.dup(server.fileno()))
        with duplicate:
            assert duplicate.getsockname() == server.getsockname()


@pytest.mark.needs_command("tipc", package="iproute2")
def test_tipc_of_iproute2_shows_the_same(tipc: Opener) -> None:
    ref = _identity(tipc(address=ServiceRange(SHOWN, 7, 9, NODE))).ref
    table = _output("tipc", "nametable", "show").splitlines()
    rows = [line.split() for line in table if line.startswith(str(SHOWN))]
    assert [row[:5] for row in rows] == [[str(SHOWN), "7", "9", "node", str(ref)]]
    sockets = _output("tipc", "socket", "list")
    assert f"socket {ref}\n  bound to {{{SHOWN},7,9}}" in sockets


_IDENTITY = """
from famsock_tipc import TipcRdmSocket
with TipcRdmSocket() as sock:
    print(sock.node_id(sock.local_address.node).rstrip(bytes(1)).decode())
"""


@pytest.mark.needs_command("tipc", package="iproute2")
@pytest.mark.needs_command("unshare", package="util-linux")
@pytest.mark.needs_capability("CAP_SYS_ADMIN")
def test_a_node_has_the_identity_that_tipc_gave_it() -> None:
    program = f"tipc node set identity famsock && exec {sys.executable} -c '{_IDENTITY}'"
    assert _output("unshare", "--net", "sh", "-c", program).split()[-1] == "famsock"


@pytest.mark.usefixtures("new_network_namespace")
def test_the_example_runs() -> None:
    shown = _output(sys.executable, str(EXAMPLE))
    assert "published range:18888:0:99" in shown
    assert "withdrawn" in shown


@pytest.mark.parametrize("kind", ["stream", "seqpacket"])
def test_a_server_and_a_client_by_text(kind: str) -> None:
    text = f"tipc+{kind}://{ServiceAddress(SERVICE, 77)}"
    with famsock.listen(f"{text}?TIPC_IMPORTANCE=1") as server:
        assert server.get_option("TIPC_IMPORTANCE") == 1
        with ThreadPoolExecutor() as pool:  # connect(2) waits for accept(2)
            accepting = pool.submit(server.accept)
            client = famsock.connect(text, 20)
        with client, accepting.result()[0] as accepted:
            client.sendall(b"by text")
            assert accepted.recv(16) == b"by text"
            for sock in (client, accepted):
                address = sock.local_address
                assert address is not None
                endpoint = famsock.endpoints.of(sock, address)
                assert endpoint.scheme == ("tipc+" + kind)
                assert famsock.endpoints.parse(str(endpoint)) == endpoint
    with famsock.open_datagram(f"tipc://{ServiceAddress(SERVICE, 78)}") as bound:
        with TipcRdmSocket() as sender:
            sender.sendto(b"a message", ServiceAddress(SERVICE, 78))
        bound.settimeout(20)
        assert bound.recv(16) == b"a message"


def _identity(sock: TipcRdmSocket) -> SocketAddress:
    address = sock.local_address
    assert isinstance(address, SocketAddress)
    return address


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    return done.stdout
