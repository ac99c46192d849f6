"""One socket for several threads, for dumps under way and other requests, and for too much news."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from socket import AF_INET, SO_RCVBUF, SOL_SOCKET
from typing import Any
from unittest import mock

import pytest
from famsock_netlink import GenericNetlinkSocket, RouteSocket, messages
from famsock_netlink import constants as nl
from famsock_netlink.attributes import Attribute
from famsock_netlink.messages import NetlinkMessage
from famsock_netlink.route import AddressHeader, InterfaceAddress, Link, LinkHeader
from famsock_netlink.routing import Route, Rule
from famsock_netlink.sockets import DumpInterruptedError, NetlinkSocket, _State

Opened = Callable[[], RouteSocket]
pytestmark = [
    pytest.mark.needs_capability("CAP_SYS_ADMIN"),
    pytest.mark.needs_capability("CAP_NET_ADMIN"),
    pytest.mark.needs_command("ip", package="iproute2"),
    pytest.mark.usefixtures("descriptors", "network"),
]


def add_many(sock: RouteSocket) -> None:
    """Make a dump of addresses one of several datagrams."""
    for number in range(600):
        sock.add_address("v0", f"198.51.{number // 100}.{number % 100}/32")


def dump_of_addresses(sock: RouteSocket) -> Any:
    return sock.iter_dump(nl.RTM_GETADDR, AddressHeader(family=AF_INET))


CALLS: dict[str, Callable[[RouteSocket], object]] = {
    "links": lambda sock: [link.name for link in sock.links()],
    "link": lambda sock: sock.link("v0").name,
    "addresses": lambda sock: sock.addresses(family=AF_INET),
    "routes": lambda sock: sock.routes(AF_INET),
    "rules": RouteSocket.rules,
    "neighbors": lambda sock: type(sock.neighbors()),
    "a refused one": lambda sock: refused(sock),
    "iterated": lambda sock: [m.payload for m in dump_of_addresses(sock)],
}


def refused(sock: RouteSocket) -> int | None:
    with pytest.raises(OSError, match="No such device") as caught:
        sock.link("nosuch0")
    return caught.value.errno


def test_every_call_in_many_threads(opened: Opened) -> None:
    sock = opened()
    add_many(sock)
    expected = {name: call(sock) for name, call in CALLS.items()}
    together = threading.Barrier(len(CALLS) * 2)

    def run(name: str) -> None:
        together.wait(60)
        for _ in range(10):
            assert CALLS[name](sock) == expected[name]

    with ThreadPoolExecutor(len(CALLS) * 2) as pool:
        list(pool.map(run, [*CALLS, *CALLS]))
    assert not sock.protocol_state(_State).open
    assert sock.pending_messages == 0


@pytest.mark.parametrize("method", ["recv_into", "recvfrom"])
def test_an_error_that_an_ended_dump_leaves_is_passed_over(opened: Opened, method: str) -> None:
    sock = opened()
    receive = getattr(RouteSocket, method)
    left = [OSError(errno.EINVAL, "Invalid argument") for _ in range(3)]

    def raced(*given: Any) -> Any:
        if left:
            raise left.pop()
        return receive(*given)

    with mock.patch.object(RouteSocket, method, raced):
        assert sock.link("v0").name == "v0"
    assert not left
    stays = OSError(errno.EINVAL, "Invalid argument")
    with (
        mock.patch.object(RouteSocket, method, side_effect=stays),
        pytest.raises(OSError, match="Invalid argument") as caught,
    ):
        sock.link("v0")
    assert caught.value.errno == errno.EINVAL


def test_threads_share_a_blocking_generic_socket() -> None:
    with GenericNetlinkSocket() as sock, ThreadPoolExecutor(3) as pool:
        expected = sock.generic_families()
        for found in pool.map(lambda _: sock.generic_families(), range(30)):
            assert found == expected


def test_requests_beside_a_thread_that_listens(opened: Opened) -> None:
    sock, other = opened(), opened()
    sock.join_group(nl.RTNLGRP_LINK)
    heard: list[int] = []

    def listen() -> None:
        while 1236 not in heard:
            heard.extend(Link.unpack(message).mtu for message in sock.recv_messages())

    with ThreadPoolExecutor(1) as pool:
        listening = pool.submit(listen)
        for mtu in (1234, 1235, 1236):
            other.set_link("v0", mtu=mtu)
            assert sock.link("v0").mtu == mtu
            assert sock.rules()
        listening.result(60)
    seen = [mtu for mtu in dict.fromkeys(heard) if 1234 <= mtu <= 1236]
    assert seen == [1234, 1235, 1236]


def test_a_thread_that_times_out_leaves_the_others(opened: Opened) -> None:
    sock = opened()
    sock.join_group(nl.RTNLGRP_LINK)
    sock.settimeout(0.2)
    with ThreadPoolExecutor(2) as pool:
        listening = [pool.submit(sock.recv_messages) for _ in range(2)]
        for one in listening:
            assert isinstance(one.exception(60), TimeoutError)
    assert sock.link("v0").name == "v0"


def test_a_call_below_one_in_the_same_thread_is_refused(opened: Opened) -> None:
    sock = opened()
    sock.join_group(nl.RTNLGRP_LINK)
    refusals: list[BaseException] = []

    def handler(*_: Any) -> None:
        with pytest.raises(RuntimeError, match="receives already") as caught:
            sock.link("v0")
        refusals.append(caught.value)
        opened().set_link("v0", mtu=1234)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        waker = threading.Timer(
            0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        )
        waker.start()
        assert Link.unpack(sock.recv_messages()[0]).mtu == 1234
        waker.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(refusals) == 1
    assert sock.link("v0").mtu == 1234


def test_a_dump_is_iterated_as_it_comes(opened: Opened) -> None:
    sock = opened()
    add_many(sock)
    expected = sock.addresses(family=AF_INET)
    iterated = dump_of_addresses(sock)
    first = next(iterated)
    state = sock.protocol_state(_State)
    (under_way,) = state.open.values()
    assert len(under_way.answers) < len(expected) - 1
    found = [InterfaceAddress.unpack(message) for message in (first, *iterated)]
    assert tuple(found) == expected
    assert not state.open


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_other_calls_in_the_middle_of_a_dump(
    call: Callable[[RouteSocket], object], opened: Opened
) -> None:
    sock = opened()
    add_many(sock)
    expected, result = sock.addresses(family=AF_INET), call(sock)
    found = []
    for message in dump_of_addresses(sock):
        found.append(InterfaceAddress.unpack(message))
        if len(found) % 300 == 1:
            assert call(sock) == result
    assert tuple(found) == expected


@pytest.mark.parametrize("ended", ["closed", "dropped", "kept"])
def test_a_dump_that_is_not_read_to_its_end(ended: str, opened: Opened) -> None:
    sock = opened()
    add_many(sock)
    expected = sock.addresses(family=AF_INET)
    iterated = dump_of_addresses(sock)
    assert len(list(islice(iterated, 3))) == 3
    if ended == "closed":
        iterated.close()
    elif ended == "dropped":
        del iterated
    assert sock.addresses(family=AF_INET) == expected
    sock.settimeout(0)
    with pytest.raises(BlockingIOError):
        sock.recv_messages()


INTERRUPTED: dict[str, tuple[Callable[[RouteSocket], object], type]] = {
    "links": (RouteSocket.links, Link),
    "addresses": (lambda sock: sock.addresses(family=AF_INET), InterfaceAddress),
    "routes": (lambda sock: sock.routes(AF_INET), Route),
    "rules": (RouteSocket.rules, Rule),
}


@pytest.mark.parametrize(("call", "kind"), INTERRUPTED.values(), ids=INTERRUPTED)
def test_an_interrupted_dump_offers_what_it_has(
    call: Callable[[RouteSocket], Any],
    kind: type,
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel's own answers, but each marked as torn."""
    sock = opened()
    expected = call(sock)
    keep = _State.keep

    def torn(state: _State, received: list[NetlinkMessage], sender: Any) -> list[NetlinkMessage]:
        marked = [
            NetlinkMessage(m.type, m.payload, m.flags | nl.NLM_F_DUMP_INTR, m.sequence, m.pid)
            for m in received
        ]
        return keep(state, marked, sender)

    monkeypatch.setattr(_State, "keep", torn)
    with pytest.raises(InterruptedError, match="changed under way 8 times") as caught:
        call(sock)
    assert isinstance(caught.value, DumpInterruptedError)
    assert len(caught.value.partial) == len(expected)
    assert {type(one) for one in caught.value.partial} == {kind}


def overrun(sock: RouteSocket, other: RouteSocket) -> None:
    """Send more news than the socket's buffer holds."""
    sock.setsockopt(SOL_SOCKET, SO_RCVBUF, 1 << 13)
    sock.join_group(nl.RTNLGRP_LINK)
    for number in range(60):
        other.set_link("v0", mtu=1200 + number)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_after_an_overrun(call: Callable[[RouteSocket], object], opened: Opened) -> None:
    sock, other = opened(), opened()
    overrun(sock, other)
    expected = call(other)
    assert call(sock) == expected
    assert sock.pending_messages > 1
    with pytest.raises(OSError, match="No buffer") as caught:
        sock.recv_messages()
    assert caught.value.errno == errno.ENOBUFS
    assert "lost" in caught.value.__notes__[0]
    news = []
    while sock.pending_messages:
        news += sock.recv_messages()
    assert {Link.unpack(message).name for message in news} == {"v0"}
    other.set_link("v0", mtu=1300)
    assert Link.unpack(sock.recv_messages()[0]).mtu == 1300
    assert call(sock) == call(other)


def test_changes_after_an_overrun_are_acknowledged(opened: Opened) -> None:
    sock, other = opened(), opened()
    overrun(sock, other)
    sock.set_link("v0", mtu=1400)
    assert other.link("v0").mtu == 1400


def test_an_answer_that_was_lost(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The news come between the look at the buffer and the request."""
    sock, other = opened(), opened()
    overrun(sock, other)
    send = NetlinkSocket.send_messages

    def crowded(self: NetlinkSocket, *sent: NetlinkMessage) -> None:
        if self is sock:
            for number in range(60):
                send(other, NetlinkMessage(nl.RTM_SETLINK, mtu_of_v0(1200 + number), 1, 1))
        send(self, *sent)

    monkeypatch.setattr(NetlinkSocket, "send_messages", crowded)
    with pytest.raises(OSError, match="No buffer") as caught:
        sock.set_link("v0", up=True)
    assert caught.value.errno == errno.ENOBUFS
    assert "the answer was lost" in caught.value.__notes__[0]
    assert {link.mtu for link in sock.links() if link.name == "v0"} == {1259}
    monkeypatch.undo()
    assert sock.link("v0").mtu == 1259


def mtu_of_v0(mtu: int) -> bytes:
    named = [Attribute.text(nl.IFLA_IFNAME, "v0"), Attribute.u32(nl.IFLA_MTU, mtu)]
    return messages.body(LinkHeader(), named)
