"""The four classes of AF_TIPC's addresses: what they refuse, and how their base chooses one."""

from __future__ import annotations

import pytest
from famsock_tipc.addresses import (
    GroupMember,
    ServiceAddress,
    ServiceRange,
    SocketAddress,
    TipcAddress,
)
from famsock_tipc.control import ErrorInfo
from famsock_tipc.messages import FOREVER_MS, GroupRequest, Subscription, TopologyEvent

from famsock.address import Lookup

pytestmark = pytest.mark.asks_no_kernel

BIND = Lookup("bind")


def test_a_class_takes_no_sockaddr_of_another() -> None:
    packed = ServiceRange(1000, 0, 5).pack()
    assert TipcAddress.unpack(packed) == ServiceRange(1000, 0, 5)
    with pytest.raises(ValueError, match="addrtype 1 is no ServiceAddress"):
        ServiceAddress.unpack(packed)
    with pytest.raises(ValueError, match="addrtype 9 is no TipcAddress"):
        TipcAddress.unpack(packed[:2] + b"\x09" + packed[3:])


def test_a_class_takes_no_stdlib_form_of_another() -> None:
    with pytest.raises(TypeError, match="Invalid address type"):
        SocketAddress.from_stdlib((1, 1000, 0, 5), BIND)


def test_a_class_takes_no_text_of_another() -> None:
    with pytest.raises(ValueError, match="must start with service, not 'range:1:2:3'"):
        ServiceAddress.parse("range:1:2:3")
    with pytest.raises(ValueError, match="must start with service, range, socket, member"):
        TipcAddress.parse("1:2:3")


def test_the_second_sockaddr_makes_a_member() -> None:
    member = GroupMember(1, 2, type=5000, instance=7)
    packed = member.pack()
    assert TipcAddress.unpack(packed) == SocketAddress.unpack(packed) == member
    assert TipcAddress.unpack(packed[:16]) == SocketAddress(1, 2)
    assert TipcAddress.unpack(packed[:16] + bytes(16)) == SocketAddress(1, 2)
    with pytest.raises(ValueError, match="is no GroupMember"):
        GroupMember.unpack(packed[:16])


def test_the_stdlib_form_loses_domain_and_member_alone() -> None:
    name = ServiceAddress(1000, 5, domain=9)
    assert TipcAddress.from_stdlib(name.to_stdlib(BIND), BIND) == ServiceAddress(1000, 5)
    member = GroupMember(1, 2, type=5000, instance=7)
    assert TipcAddress.from_stdlib(member.to_stdlib(BIND), BIND) == SocketAddress(1, 2)


def test_topology_event_has_48_bytes() -> None:
    subscription = Subscription(1000, 0, 99, 500, 2, b"abcdefgh")
    event = TopologyEvent(1, 3, 4, 77, 88, subscription)
    packed = event.pack()
    assert len(packed) == 48
    assert TopologyEvent.unpack(packed) == event
    assert event.published
    assert not event.withdrawn
    assert not event.timed_out
    assert event.service == ServiceRange(1000, 3, 4)
    assert event.socket_address == SocketAddress(88, 77)
    assert subscription.service == ServiceRange(1000, 0, 99)
    with pytest.raises(ValueError, match="needs 48 bytes"):
        TopologyEvent.unpack(packed[:47])


def test_a_cancelled_subscription_is_the_same_but_for_its_filter() -> None:
    subscription = Subscription(1000, 0, 99, handle=b"abcdefgh")
    assert subscription.timeout_ms == FOREVER_MS
    packed, cancelled = subscription.pack(), subscription.cancelled().pack()
    assert packed[:16] == cancelled[:16]
    assert packed[20:] == cancelled[20:]
    assert int.from_bytes(cancelled[16:20], "little") == subscription.filter | 4


@pytest.mark.parametrize(
    ("arguments", "match"),
    [((2**32, 1), "type must be 0-4294967295"), ((1000, -1), "instance must be 0-4294967295")],
)
def test_group_request_out_of_range(arguments: tuple[int, int], match: str) -> None:
    with pytest.raises(OverflowError, match=match):
        GroupRequest(*arguments)


def test_flags_of_a_group_request() -> None:
    assert GroupRequest(1000, 1, flags=1).loopback
    assert not GroupRequest(1000, 1, flags=1).member_events
    assert GroupRequest(1000, 1, flags=2).member_events


def test_error_info_names_its_error() -> None:
    assert ErrorInfo(2, 0).name == "TIPC_ERR_NO_PORT"
    assert ErrorInfo(99, 0).name == ""
