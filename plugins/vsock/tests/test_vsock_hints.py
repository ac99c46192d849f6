"""Every cause of an error of AF_VSOCK, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from socket import SOCK_RAW, SOCK_STREAM
from typing import Any

import pytest
from famsock_vsock import (
    VsockAddress,
    VsockDatagramSocket,
    VsockSeqpacketSocket,
    VsockSocket,
    VsockStreamSocket,
    _hints,
)
from famsock_vsock.constants import AF_VSOCK, VMADDR_CID_ANY, VMADDR_PORT_ANY

import famsock
from famsock.testing.hints import Cause, check_cause, unprivileged, unprovoked

PAGE = Path(__file__).parents[3] / "docs" / "families" / "vsock.md"
Call = Callable[[ExitStack], object]
NOBODY_HERE, LOCAL, LOOPBACK = 777_777, 1, "modprobe vsock_loopback"
NO_LOOPBACK, NO_PACKETS = "CID 1 needs the loopback transport", "carries no SOCK_SEQPACKET"
NO_ANSWER = "no machine of this CID answers"
NOT_LOCAL, NOT_REACHED = "no transport has this CID", "no transport reaches this CID"
REFUSED, DATAGRAMS = "nobody listens on this port", "no transport here carries datagrams"


def _call(method: str, address: Any, cls: type[Any] = VsockStreamSocket) -> Call:
    def provoke(stack: ExitStack) -> None:
        sock = stack.enter_context(cls())
        sock.settimeout(20)
        getattr(sock, method)(address)

    return provoke


def _listener(stack: ExitStack, backlog: int) -> Any:
    listener = stack.enter_context(VsockStreamSocket())
    listener.bind((LOCAL, VMADDR_PORT_ANY))
    listener.listen(backlog)
    return listener.getsockname()


def _full(stack: ExitStack) -> None:
    address = _listener(stack, 0)
    for _ in range(8):
        _call("connect", address)(stack)


def _another_type(stack: ExitStack) -> None:
    _call("connect", _listener(stack, 1), VsockSeqpacketSocket)(stack)


def _low_port(stack: ExitStack) -> None:
    stack.enter_context(unprivileged())
    _call("bind", (VMADDR_CID_ANY, 5))(stack)


def _twice(stack: ExitStack) -> None:
    sock = stack.enter_context(VsockStreamSocket())
    for _ in range(2):
        sock.bind((VMADDR_CID_ANY, VMADDR_PORT_ANY))


def _raw(stack: ExitStack) -> None:
    stack.enter_context(famsock.socket(AF_VSOCK, SOCK_RAW))


def _datagrams(stack: ExitStack) -> None:
    stack.enter_context(VsockDatagramSocket())


NO_ADDRESS, NO_DEVICE, RESET = errno.EADDRNOTAVAIL, errno.ENODEV, errno.ECONNRESET
CAUSES = (
    Cause("bind, no CID", _call("bind", (NOBODY_HERE, 5000)), NO_ADDRESS, NOT_LOCAL),
    Cause("bind, typed", _call("bind", VsockAddress(NOBODY_HERE, 5000)), NO_ADDRESS, NOT_LOCAL),
    Cause("bind, low", _low_port, errno.EACCES, "a port below 1024"),
    Cause("bind, twice", _twice, errno.EINVAL),
    Cause("datagrams", _datagrams, NO_DEVICE, DATAGRAMS, (NOT_REACHED, LOOPBACK)),
    Cause("another type", _raw, errno.ESOCKTNOSUPPORT, "is opened with the type"),
)
LOOPED = (
    Cause("no CID", _call("connect", (NOBODY_HERE, 5)), NO_DEVICE, NOT_REACHED, (DATAGRAMS,)),
    Cause("nobody", _call("connect", (LOCAL, 5555)), RESET, "One possible cause: nobody listens"),
    Cause("a full backlog", _full, RESET, "another: too many connections wait"),
    Cause("a listener of another type", _another_type, RESET, "for this type of socket"),
)
TO_THE_HYPERVISOR = (NO_LOOPBACK, NO_PACKETS, NO_ANSWER)


@pytest.mark.needs_family("AF_VSOCK")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


@pytest.mark.needs_family("AF_VSOCK")
@pytest.mark.needs_module("vsock_loopback")
@pytest.mark.parametrize("cause", LOOPED, ids=lambda cause: cause.name)
def test_cause_over_loopback(cause: Cause) -> None:
    check_cause(cause)


@pytest.mark.needs_family("AF_VSOCK")
def test_the_page_tells_what_a_datagram_socket_does() -> None:
    """That only VMCI has them, which the hint says too, and the error that the kernel gives."""
    text = " ".join(PAGE.read_text().split())
    with ExitStack() as stack, pytest.raises(OSError, match="device") as caught:
        _datagrams(stack)
    assert caught.value.errno is not None
    without = f"Without it the error is {errno.errorcode[caught.value.errno]}, with a hint."
    only = "A datagram socket opens only where the VMCI transport is, which is VMware's."
    assert f"{only} {without}" in text
    assert "| SOCK_DGRAM, which only VMware's VMCI transport has |" in text
    assert "only VMCI does, which is VMware's" in "".join(caught.value.__notes__)


def test_every_hint_is_provoked() -> None:
    in_other_tests = (
        *TO_THE_HYPERVISOR,
        "lacks the module vsock:",
        "reaches its own machine by CID 1 only through",
    )
    assert unprovoked("famsock_vsock", (*CAUSES, *LOOPED, *in_other_tests)) == []


@pytest.mark.needs_family("AF_VSOCK")
@pytest.mark.parametrize("cls", [VsockStreamSocket, VsockSeqpacketSocket])
@pytest.mark.parametrize("cid", [LOCAL, NOBODY_HERE])
def test_a_cid_that_the_hypervisor_is_asked_for(cid: int, cls: type[VsockSocket]) -> None:
    """In a guest without loopback it is asked for both; on a host no transport has the second."""
    is_local = cid == LOCAL
    says = {
        errno.ETIMEDOUT: NO_LOOPBACK if is_local else NO_ANSWER,
        errno.ESOCKTNOSUPPORT: NO_LOOPBACK if is_local else NO_PACKETS,
        NO_DEVICE: NOT_REACHED,
        RESET: REFUSED,
    }
    with ExitStack() as stack, pytest.raises(OSError) as caught:  # noqa: PT011
        _call("connect", (cid, 5556), cls)(stack)
    assert isinstance(caught.value.errno, int)
    assert says[caught.value.errno] in "".join(caught.value.__notes__)


@pytest.mark.needs_family("AF_VSOCK")
@pytest.mark.parametrize(
    ("cid", "has_loopback", "unanswered", "refused"),
    [
        (LOCAL, True, None, NO_PACKETS),
        (LOCAL, False, NO_LOOPBACK, NO_LOOPBACK),
        (NOBODY_HERE, True, NO_ANSWER, NO_PACKETS),
        (NOBODY_HERE, False, NO_ANSWER, NO_PACKETS),
    ],
)
def test_loopback_is_the_cause_only_where_it_is_not_there(
    cid: int,
    has_loopback: bool,
    unanswered: str | None,
    refused: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_hints, "is_own", lambda _: has_loopback)
    served = famsock.plugins.find(AF_VSOCK, SOCK_STREAM, 0)
    assert served is not None
    for address in ((cid, 5), VsockAddress(cid, 5)):
        with famsock.socket(AF_VSOCK) as sock:
            timed_out = served.note("connect", errno.ETIMEDOUT, sock, address)
            of_type = served.note("connect", errno.ESOCKTNOSUPPORT, sock, address)
        assert (timed_out is None) == (unanswered is None)
        assert (unanswered or "") in (timed_out or "")
        assert refused in (of_type or "")


def test_an_address_of_no_cid_is_not_the_cause_where_all_ports_are_taken() -> None:
    """All 2**32 - 1024 ports would have to be: the kernel's loop over them is not provoked."""
    served = famsock.plugins.find(AF_VSOCK, 1, 0)
    assert served is not None
    assert served.note("bind", NO_ADDRESS, None, (-1, VMADDR_PORT_ANY)) is None
    assert served.note("bind", NO_ADDRESS, None, VsockAddress(VMADDR_CID_ANY, 5)) is None
