"""Operations of AF_TIPC that are refused before the kernel is asked; no kernel is needed."""

from __future__ import annotations

import socket as stdlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from famsock_tipc.addresses import ServiceAddress, ServiceRange

from famsock.plugin import socket

SERVICE = ServiceAddress(20000, 1)


@contextmanager
def operations(kind: int = stdlib.SOCK_SEQPACKET) -> Iterator[Any]:
    """A socket that only looks like one of AF_TIPC, with a peer that is told."""
    ours, other = stdlib.socketpair(stdlib.AF_UNIX, stdlib.SOCK_SEQPACKET)
    with other, socket(30, kind, 0, ours.detach()) as sock:
        other.setblocking(False)
        yield sock.operations
        with pytest.raises(BlockingIOError):
            other.recv(100)


@pytest.mark.parametrize("kind", [stdlib.SOCK_RDM, stdlib.SOCK_DGRAM, stdlib.SOCK_STREAM])
def test_only_one_type_of_socket_can_subscribe(kind: int) -> None:
    with (
        operations(kind) as tipc,
        pytest.raises(AttributeError, match=r"'Tipc\w+Socket' object has no attribute 'subscribe'"),
    ):
        tipc.subscribe(SERVICE)


@pytest.mark.parametrize("kind", [stdlib.SOCK_SEQPACKET, stdlib.SOCK_STREAM])
def test_sockets_with_a_connection_have_no_groups(kind: int) -> None:
    with operations(kind) as tipc:
        assert not {"join_group", "leave_group", "group", "recv_group"} & {*dir(tipc)}


@pytest.mark.parametrize("filter", [0, 3, 4, 5, -1, 2**32, "1"])
def test_what_the_topology_service_hangs_up_on_is_refused(filter: int) -> None:
    with (
        operations() as tipc,
        pytest.raises(ValueError, match=r"filter must be TIPC_SUB_PORTS \(1\) or .*, not "),
    ):
        tipc.subscribe(SERVICE, filter=filter)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with operations() as tipc:
        for wrong in (ServiceRange(20000, 6, 5), (1, 20000, 6, 5)):
            with pytest.raises(ValueError, match="lower must be at most upper, 5, not 6"):
                tipc.subscribe(wrong)


@pytest.mark.parametrize("bearer_id", [-1, 65536])
def test_the_number_of_a_bearer_is_not_masked(bearer_id: int) -> None:
    with operations() as tipc, pytest.raises(OverflowError, match="bearer_id must be 0-65535, not"):
        tipc.link_name(1, bearer_id)
