"""J1939: its numbers, and messages, filters and address claims on a real kernel."""

from __future__ import annotations

import errno
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from famsock_can import CanRawSocket, J1939Socket, control, options
from famsock_can import constants as c
from famsock_can.addresses import J1939Address
from famsock_can.claim import AddressClaim
from famsock_can.filters import J1939Filter
from famsock_can.frames import CanFrame
from famsock_can.j1939 import (
    J1939Id,
    J1939Name,
    J1939Progress,
    ProgressKind,
    clean_pgn,
    is_pdu1,
)
from hypothesis import given
from hypothesis import strategies as st

from famsock.plugin import SockExtendedErr

live = pytest.mark.needs_interface("vcan0")
Opener = Callable[..., J1939Socket]
PGN = 0x1A300


@given(st.integers(0, (1 << 64) - 1))
def test_a_name_survives_its_number(number: int) -> None:
    name = J1939Name.from_int(number)
    assert int(name) == number & ~(1 << 48)
    assert J1939Name.unpack(name.pack()) == name


def test_fields_of_a_name() -> None:
    name = J1939Name(
        identity_number=0x1FFFFF,
        manufacturer_code=0x123,
        ecu_instance=5,
        function_instance=17,
        function=0x81,
        vehicle_system=0x42,
        vehicle_system_instance=9,
        industry_group=3,
        arbitrary_address_capable=True,
    )
    bits = 0x1FFFFF | 0x123 << 21 | 5 << 32 | 17 << 35 | 0x81 << 40 | 0x42 << 49 | 9 << 56 | 3 << 60
    assert int(name) == bits | 1 << 63
    assert name.pack() == int(name).to_bytes(8, "little")
    assert J1939Address("", name=name).name == int(name)  # type: ignore[arg-type]


@given(st.integers(0, c.CAN_EFF_MASK))
def test_an_identifier_survives_its_parts(can_id: int) -> None:
    parts = J1939Id.from_can_id(can_id)
    assert parts.can_id == can_id | c.CAN_EFF_FLAG
    assert J1939Id.from_can_id(parts.can_id) == parts


def test_pdu1_has_a_destination_pdu2_none() -> None:
    request = J1939Id.from_can_id(0x18EAFF80)
    assert request == J1939Id(6, c.J1939_PGN_REQUEST, 0x80)
    assert J1939Id.from_can_id(0x18EA2080).destination == 0x20
    engine = J1939Id.from_can_id(0x0CF00400)
    assert (engine.priority, engine.pgn, engine.source, engine.destination) == (3, 0xF004, 0, 255)
    assert is_pdu1(0x1EF00)
    assert not is_pdu1(0xF000)
    assert (clean_pgn(0xEA20), clean_pgn(0xF004)) == (0xEA00, 0xF004)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: J1939Name(1 << 21), OverflowError, "NAME identity_number must be 0-2097151"),
        (lambda: J1939Name(function=-1), OverflowError, "NAME function"),
        (lambda: J1939Name.from_int(1 << 64), OverflowError, "NAME"),
        (lambda: J1939Name.unpack(b"1234567"), ValueError, "8 bytes, not 7"),
        (lambda: J1939Id(8, 0, 0), OverflowError, "priority must be 0-7, not 8"),
        (lambda: J1939Id(0, 0x40000, 0), OverflowError, "pgn"),
        (lambda: J1939Id(0, 0xEA20, 0), ValueError, "low byte must be 0"),
        (lambda: J1939Id(0, 0xF004, 0, 1), ValueError, "no destination"),
        (lambda: J1939Id(0, 0, 256), OverflowError, "source"),
        (lambda: J1939Filter(addr=256), OverflowError, "addr"),
        (lambda: J1939Filter.exact(addr=256), OverflowError, "addr"),
        (lambda: J1939Filter.exact(pgn=0xEA20), ValueError, "low byte must be 0"),
        (lambda: J1939Filter.exact(pgn=c.J1939_NO_PGN), OverflowError, "pgn must be 0-0x3ffff"),
        (lambda: AddressClaim("vcan0", 1, []), ValueError, "at least one address"),
        (lambda: AddressClaim("vcan0", 1, [254]), OverflowError, "address must be 0-253"),
        (lambda: AddressClaim("vcan0", -1, [1]), OverflowError, "NAME"),
    ],
)
def test_values_out_of_range_are_refused(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_an_exact_filter_has_whole_masks() -> None:
    assert J1939Filter.exact(addr=0x77) == J1939Filter(addr=0x77, addr_mask=0xFF)
    assert J1939Filter.exact(pgn=0xF004) == J1939Filter(pgn=0xF004, pgn_mask=0x3FFFF)
    name = J1939Filter.exact(name=int(J1939Name(identity_number=5)))
    assert (name.name, name.name_mask) == (5, (1 << 64) - 1)
    assert J1939Filter.exact(name=0, pgn=0, addr=0).addr_mask == 0xFF
    assert J1939Filter.exact() == J1939Filter()
    for filters in (J1939Filter(addr=0x77), J1939Filter(pgn=0x1F004, pgn_mask=0xFFFF)):
        with pytest.raises(ValueError, match=r"outside its .*_mask .*J1939Filter\.exact\("):
            filters.check()


@given(st.binary(max_size=80))
def test_any_statistics_decode(data: bytes) -> None:
    report = SockExtendedErr(errno.ENOMSG, 4, 0, 0, 2, 7)
    progress = J1939Progress.decode(report, data)
    assert (progress.kind, progress.error, progress.key) == (ProgressKind.ACKNOWLEDGED, 0, 7)


def test_an_unknown_report_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown report"):
        J1939Progress.decode(SockExtendedErr(0, 9, 0, 0, 9, 0), b"")


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Makes a socket on vcan0 bound to an address; all are closed afterwards."""
    with ExitStack() as stack:

        def make(addr: int, name: int = 0, pgn: int = c.J1939_NO_PGN) -> J1939Socket:
            sock = stack.enter_context(J1939Socket())
            sock.settimeout(20)
            sock.bind(("vcan0", name, pgn, addr))
            return sock

        yield make


@live
@pytest.mark.parametrize("size", [1, 8, 9, 1785])
def test_messages_of_all_sizes(opened: Opener, size: int) -> None:
    one, other = opened(0x20), opened(0x30)
    other.enable_timestamps()
    data = bytes(n & 0xFF for n in range(size))
    one.sendto(data, ("vcan0", 0, PGN, 0x30))
    message = other.recv_pg()
    assert message.data == data
    assert message.source == J1939Address("vcan0", 0, PGN, 0x20)
    assert (message.destination, message.destination_name, message.priority) == (0x30, 0, 6)
    assert not message.is_truncated
    assert message.arrival.interface == "vcan0"
    assert message.arrival.timestamp_ns == message.timestamp_ns is not None


@live
def test_interface_in_both_forms_on_receive(opened: Opener) -> None:
    one, other = opened(0x21), opened(0x31)
    assert one.getsockname() == ("vcan0", 0, c.J1939_NO_PGN, 0x21)
    assert one.local_address == J1939Address("vcan0", addr=0x21)
    one.connect(("vcan0", 0, PGN, 0x31))
    assert one.getpeername() == ("vcan0", 0, PGN, 0x31)
    one.send(b"connected")
    assert other.recvfrom(100) == (b"connected", ("vcan0", 0, PGN, 0x21))
    one.send(b"typed")
    message = other.recv_message()
    assert message.address == J1939Address("vcan0", 0, PGN, 0x21)
    assert message.get(control.SCM_J1939_DEST_ADDR) == 0x31
    assert message.get(control.SCM_J1939_PRIO) == 6


@live
def test_priority(opened: Opener) -> None:
    one, other = opened(0x22), opened(0x32)
    one.set_priority(3)
    assert one.get_option(options.SO_J1939_SEND_PRIO) == 3
    one.sendto(b"x", ("vcan0", 0, PGN, 0x32))
    assert other.recv_pg().priority == 3
    with pytest.raises(OverflowError, match="SO_J1939_SEND_PRIO must be 0-7, not 8"):
        one.set_priority(8)


@live
@pytest.mark.needs_capability("CAP_NET_ADMIN")
def test_high_priorities_need_a_capability(opened: Opener) -> None:
    one = opened(0x2C)
    os.seteuid(65534)
    try:
        with pytest.raises(OSError, match="not permitted") as caught:
            one.set_priority(1)
    finally:
        os.seteuid(0)
    assert "CAP_NET_ADMIN" in "".join(caught.value.__notes__)
    one.set_priority(1)


@live
def test_truncation_shows(opened: Opener) -> None:
    one, other = opened(0x23), opened(0x33)
    one.sendto(b"12345678", ("vcan0", 0, PGN, 0x33))
    message = other.recv_pg(3)
    assert (message.data, message.is_truncated) == (b"123", True)


@live
def test_broadcast_needs_the_switch_on_both_sides(opened: Opener) -> None:
    one, other = opened(0x24), opened(0x34)
    everyone = ("vcan0", 0, 0xFEE6, c.J1939_NO_ADDR)
    with pytest.raises(OSError, match="Permission denied") as caught:
        one.connect(everyone)
    assert "set_broadcast(True)" in "\n".join(caught.value.__notes__)
    one.set_broadcast(True)
    other.set_broadcast(True)
    one.sendto(b"all", everyone)
    message = other.recv_pg()
    assert (message.data, message.destination) == (b"all", c.J1939_NO_ADDR)


@live
def test_filters_and_promiscuous_mode(opened: Opener) -> None:
    one, other = opened(0x25), opened(0x35)
    other.set_promiscuous(True)
    other.set_filters([J1939Filter(pgn=PGN, pgn_mask=0x3FFFF, addr=0x25, addr_mask=0xFF)])
    opened(0x36)
    one.sendto(b"other pgn", ("vcan0", 0, 0x1A400, 0x36))
    one.sendto(b"overheard", ("vcan0", 0, PGN, 0x36))
    message = other.recv_pg()
    assert (message.data, message.destination) == (b"overheard", 0x36)
    with pytest.raises(ValueError, match="addr 0x25 has bits outside its addr_mask 0x0"):
        other.set_filters([J1939Filter(addr=0x25)])
    with pytest.raises(TypeError, match="must be a list of J1939Filter"):
        other.set_filters(J1939Filter())  # type: ignore[arg-type]
    other.set_filters([J1939Filter.exact(addr=0x26), J1939Filter.exact(addr=0x25, pgn=0x1A400)])
    one.sendto(b"another", ("vcan0", 0, PGN, 0x36))
    one.sendto(b"the pgn", ("vcan0", 0, 0x1A400, 0x36))
    assert other.recv_pg().data == b"the pgn"
    with pytest.raises(ValueError, match="SO_J1939_FILTER must be at most 512"):
        other.set_filters([J1939Filter()] * 513)
    other.set_filters([])


@live
def test_binding_to_no_interface_says_so(descriptors: None) -> None:
    with J1939Socket() as sock, pytest.raises(OSError, match="No such device") as caught:
        sock.bind(("", 0, c.J1939_NO_PGN, 0x20))
    assert "one CAN interface" in "\n".join(caught.value.__notes__)


@live
def test_progress_of_a_long_transfer(opened: Opener) -> None:
    one, other = opened(0x26), opened(0x37)
    one.enable_progress()
    other.enable_progress(reception=True)
    one.sendto(bytes(200), ("vcan0", 0, PGN, 0x37))
    done = one.recv_progress()
    while done.kind is ProgressKind.SCHEDULED:
        done = one.recv_progress()
    assert (done.kind, done.error, done.key) == (ProgressKind.ACKNOWLEDGED, 0, 0)
    assert done.bytes_acked == 200
    begun = other.recv_progress()
    assert begun.kind is ProgressKind.RECEPTION_STARTED
    assert (begun.total_bytes, begun.pgn) == (200, PGN)
    assert (begun.source, begun.destination) == (0x26, 0x37)
    assert other.recv_pg().data == bytes(200)


@live
def test_progress_tells_a_failure(opened: Opener) -> None:
    one = opened(0x27)
    one.enable_progress()
    one.sendto(bytes(200), ("vcan0", 0, PGN, 0x99))
    failed = one.recv_progress()
    assert (failed.kind, failed.error) == (ProgressKind.ABORTED, errno.EHOSTUNREACH)
    one.settimeout(0.05)
    with pytest.raises(TimeoutError):
        one.recv_progress()
    one.setblocking(False)
    with pytest.raises(BlockingIOError):
        one.recv_progress()


@live
@pytest.mark.needs_capability("CAP_NET_ADMIN")
@pytest.mark.needs_command("ip", package="iproute2")
@pytest.mark.parametrize("timeout_s", [None, 20.0, 0.0])
def test_an_interface_that_goes_down_ends_the_wait_for_progress(timeout_s: float | None) -> None:
    def ip(command: str) -> None:
        subprocess.run(["ip", *command.split()], check=True, timeout=60)

    ip("link add vcan8 type vcan")
    try:
        ip("link set vcan8 up")
        # Linux 6.1.176 deletes no interface while a J1939 socket is bound to it.
        with J1939Socket() as sock:
            sock.bind(J1939Address("vcan8", addr=0x29))
            sock.enable_progress()
            ip("link set vcan8 down")
            sock.settimeout(timeout_s)
            with pytest.raises(OSError, match="Network is down") as caught:
                sock.recv_progress()
            assert "ip link set can0 up" in "\n".join(caught.value.__notes__)
            with (
                J1939Socket() as late,
                pytest.raises(OSError, match="Network is down") as caught,
            ):
                late.bind(J1939Address("vcan8", addr=0x2A))
            assert "ip link set can0 up" in "\n".join(caught.value.__notes__)
    finally:
        ip("link del vcan8")


@live
def test_refused_numbers_are_explained(opened: Opener) -> None:
    one = opened(0x2B)
    with pytest.raises(OSError, match="Invalid argument") as caught:
        one.sendto(b"x", ("vcan0", 0, 0xEA20, 0x30))
    assert "clean_pgn" in "\n".join(caught.value.__notes__)
    with pytest.raises(OSError, match="Cannot assign") as caught:
        opened(c.J1939_NO_ADDR, 0x999).sendto(b"x", ("vcan0", 0, PGN, 0x30))
    assert "AddressClaim" in "\n".join(caught.value.__notes__)


def claimed(name: int, *addresses: int) -> AddressClaim:
    claim = AddressClaim("vcan0", name, addresses)
    try:
        claim.acquire()
    except BaseException:
        claim.close()
        raise
    return claim


@pytest.fixture
def serving() -> Iterator[Callable[[AddressClaim], AddressClaim]]:
    """Has claims defended by a thread each until the test ends."""
    stop = threading.Event()
    threads = []

    def serve(claim: AddressClaim) -> None:
        with claim:
            while not stop.is_set():
                claim.serve(0.05)

    def start(claim: AddressClaim) -> AddressClaim:
        thread = threading.Thread(target=serve, args=(claim,))
        thread.start()
        threads.append(thread)
        return claim

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@live
def test_a_claimed_name_sends_from_its_address(opened: Opener) -> None:
    name = int(J1939Name(identity_number=77, arbitrary_address_capable=True))
    with claimed(name, 0x80) as claim:
        assert claim.address == 0x80
        one, other = opened(c.J1939_NO_ADDR, name), opened(0x38)
        one.sendto(b"by name", ("vcan0", 0, PGN, 0x38))
        source = other.recv_pg().source
        assert (source.name, source.addr) == (name, 0x80)
        other.sendto(b"to name", ("vcan0", name, PGN, c.J1939_NO_ADDR))
        assert one.recv_pg().data == b"to name"


@live
def test_the_lower_name_wins_and_the_other_moves(
    serving: Callable[[AddressClaim], AddressClaim],
) -> None:
    loser = serving(claimed(2000, 0x81, 0x82))
    with claimed(1000, 0x81) as winner:
        assert winner.address == 0x81
        for _ in range(40):
            winner.serve(0.05)
        assert winner.holders.get(0x82) == 2000
        assert loser.address == 0x82
        assert winner.address == 0x81


@live
def test_who_finds_no_address_is_told(
    serving: Callable[[AddressClaim], AddressClaim], opened: Opener
) -> None:
    serving(claimed(1001, 0x83))
    witness = opened(0x39)
    witness.set_broadcast(True)
    witness.set_filters([J1939Filter(addr=c.J1939_IDLE_ADDR, addr_mask=0xFF)])
    with AddressClaim("vcan0", 2001, [0x83]) as claim:
        with pytest.raises(OSError, match="lost every one of its 1 addresses") as caught:
            claim.acquire()
        assert caught.value.errno == errno.EADDRNOTAVAIL
        assert claim.address is None
    heard = [witness.recv_pg() for _ in range(2)]
    assert heard[1].source.pgn == c.J1939_PGN_ADDRESS_CLAIMED
    assert heard[1].data == (2001).to_bytes(8, "little")


@live
def test_who_lost_its_address_answers_requests_to_all(
    serving: Callable[[AddressClaim], AddressClaim], opened: Opener
) -> None:
    loser = serving(claimed(2005, 0x87))
    claimed(1005, 0x87).close()
    asking = opened(0x3C)
    asking.set_broadcast(True)
    asking.set_filters([J1939Filter.exact(pgn=c.J1939_PGN_ADDRESS_CLAIMED, addr=0xFE)])
    deadline = time.monotonic() + 20
    while loser.address is not None:
        assert time.monotonic() < deadline, "it keeps the address"
        time.sleep(0.05)
    while not quiet(asking):
        pass
    asking.sendto(b"\x00\xee\x00", ("vcan0", 0, c.J1939_PGN_REQUEST, c.J1939_NO_ADDR))
    answer = asking.recv_pg()
    assert answer.source.addr == c.J1939_IDLE_ADDR
    assert answer.data == (2005).to_bytes(8, "little")
    asking.sendto(b"\x00\xee\x00", ("vcan0", 0, c.J1939_PGN_REQUEST, 0x99))
    assert quiet(asking)


def quiet(sock: J1939Socket) -> bool:
    """Whether nothing comes for half a second."""
    sock.settimeout(0.5)
    try:
        sock.recv_pg()
    except TimeoutError:
        return True
    finally:
        sock.settimeout(20)
    return False


@live
def test_who_has_claimed_nothing_yet_answers_no_request(opened: Opener) -> None:
    asking = opened(0x3D)
    asking.set_broadcast(True)
    with AddressClaim("vcan0", 1006, [0x88]) as claim:
        asking.sendto(b"\x00\xee\x00", ("vcan0", 0, c.J1939_PGN_REQUEST, c.J1939_NO_ADDR))
        assert claim.serve(5) is None
        assert quiet(asking)


@live
def test_a_request_for_claims_is_answered(
    serving: Callable[[AddressClaim], AddressClaim], opened: Opener
) -> None:
    serving(claimed(1002, 0x84))
    asking = opened(0x3A)
    asking.set_broadcast(True)
    asking.sendto(b"\x00\xee\x00", ("vcan0", 0, c.J1939_PGN_REQUEST, c.J1939_NO_ADDR))
    answer = asking.recv_pg()
    assert (answer.source.pgn, answer.source.addr) == (c.J1939_PGN_ADDRESS_CLAIMED, 0x84)
    assert answer.data == (1002).to_bytes(8, "little")


@live
def test_what_is_no_claim_takes_no_address(opened: Opener) -> None:
    """Not a request for something else from the address itself, nor a claim that is cut short."""
    name = 1003
    with (
        claimed(name, 0x85) as claim,
        CanRawSocket() as raw,
    ):
        own = opened(c.J1939_NO_ADDR, name)
        own.set_broadcast(True)
        own.sendto(b"\xe5\xfe\x00", ("vcan0", 0, c.J1939_PGN_REQUEST, c.J1939_NO_ADDR))
        assert claim.serve(5) == 0x85
        raw.bind(("vcan0",))
        cut = J1939Id(6, c.J1939_PGN_ADDRESS_CLAIMED, 0x85).can_id
        raw.send_frame(CanFrame(cut, b"\0\0\0"))
        assert claim.serve(5) == 0x85
        assert claim.holders == {}


@live
def test_a_request_for_another_s_claim_is_left_to_it(
    serving: Callable[[AddressClaim], AddressClaim], opened: Opener
) -> None:
    serving(claimed(1004, 0x86))
    asking = opened(0x3B)
    asking.set_broadcast(True)
    asking.sendto(b"\x00\xee\x00", ("vcan0", 0, c.J1939_PGN_REQUEST, 0x99))
    asking.settimeout(0.5)
    with pytest.raises(TimeoutError):
        asking.recv_pg()
    asking.settimeout(10)
    asking.sendto(b"\x00\xee\x00", ("vcan0", 0, c.J1939_PGN_REQUEST, 0x86))
    assert asking.recv_pg().source.addr == 0x86


def _notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


@live
@pytest.mark.parametrize("call", ["sendto", "send", "recv", "recv_pg"])
def test_the_failure_of_an_earlier_message_is_explained(opened: Opener, call: str) -> None:
    sock = opened(0x2C)
    sock.connect(("vcan0", 0, PGN, 0x99))
    sock.send(bytes(200))
    poller = select.poll()
    poller.register(sock, 0)
    assert poller.poll(20_000)
    calls: dict[str, Callable[[], object]] = {
        "sendto": lambda: sock.sendto(b"x", ("vcan0", 0, PGN, 0x9A)),
        "send": lambda: sock.send(b"x"),
        "recv": lambda: sock.recv(10),
        "recv_pg": sock.recv_pg,
    }
    with pytest.raises(OSError, match=r"\[Errno") as caught:
        calls[call]()
    assert caught.value.errno == errno.EHOSTUNREACH
    assert "an earlier long message failed" in _notes(caught.value)


@contextmanager
def claim_on(interface: str, name: int, *addresses: int) -> Iterator[AddressClaim]:
    with AddressClaim(interface, name, addresses) as claim:
        claim.acquire()
        yield claim


def by_name(name: int, interface: str = "vcan9") -> J1939Socket:
    """A socket that sends from whatever address the NAME has."""
    sock = J1939Socket()
    sock.bind(J1939Address(interface, name=name))
    sock.set_broadcast(True)
    return sock


def send_from(sock: J1939Socket, interface: str = "vcan9") -> None:
    sock.sendto(b"x", J1939Address(interface, pgn=0xFEF1))


def needs_links(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that changes interfaces."""
    for mark in (
        live,
        pytest.mark.needs_capability("CAP_NET_ADMIN"),
        pytest.mark.needs_command("ip", package="iproute2"),
    ):
        test = mark(test)
    return test


@needs_links
@pytest.mark.parametrize("served", [True, False])
def test_a_claim_is_none_after_the_interface_was_down_and_is_acquired_again(
    spare: Callable[..., None], served: bool
) -> None:
    with claim_on("vcan9", 2100, 0x44) as claim:
        spare("set", "vcan9", "down")
        if served:
            with pytest.raises(OSError, match="Network is down"):
                claim.serve(20)
        assert claim.address is None
        with pytest.raises(OSError, match="Network is down"):
            claim.acquire()
        spare("set", "vcan9", "up")
        assert claim.address is None
        assert claim.acquire() == claim.address == claim.serve() == 0x44
        with by_name(2100) as sending:
            send_from(sending)


@needs_links
def test_a_claim_that_the_kernel_ignores_is_not_held(spare: Callable[..., None]) -> None:
    with claim_on("vcan9", 2101, 0x44) as claim, by_name(2101) as sending:
        send_from(sending)
        spare("set", "vcan9", "down")
        spare("set", "vcan9", "up")
        with pytest.raises(OSError, match="Network is down"):
            send_from(sending)
        with pytest.raises(OSError, match="cannot have 0x44 again while sockets are bound") as held:
            claim.acquire()
        assert held.value.errno == errno.EBUSY
        assert claim.address is claim.serve() is None
        with pytest.raises(OSError, match="Cannot assign") as refused:
            send_from(sending)
        assert "acquire()" in _notes(refused.value)
        sending.close()
        assert claim.acquire() == 0x44
        with by_name(2101) as again:
            send_from(again)


@needs_links
def test_another_address_is_taken_where_the_kernel_ignores_the_first(
    spare: Callable[..., None],
) -> None:
    with claim_on("vcan9", 2102, 0x44, 0x45) as claim, by_name(2102) as sending:
        spare("set", "vcan9", "down")
        spare("set", "vcan9", "up")
        assert claim.acquire() == 0x45
        with pytest.raises(OSError, match="Network is down"):
            send_from(sending)
        send_from(sending)


@needs_links
def test_a_claim_is_acquired_again_on_an_interface_that_was_made_again(
    spare: Callable[..., None],
) -> None:
    with claim_on("vcan9", 2103, 0x44) as claim:
        spare("del", "vcan9")
        assert claim.address is None
        with pytest.raises(OSError, match="No such device"):
            claim.acquire()
        spare("add", "vcan9", "type", "vcan")
        spare("set", "vcan9", "up")
        assert claim.acquire() == 0x44
        with by_name(2103) as sending:
            send_from(sending)


@pytest.fixture
def witness(opened: Opener) -> J1939Socket:
    """A socket that hears what has no address any more."""
    sock = opened(0x3E)
    sock.set_broadcast(True)
    sock.set_filters([J1939Filter.exact(pgn=c.J1939_PGN_ADDRESS_CLAIMED, addr=c.J1939_IDLE_ADDR)])
    return sock


@live
def test_closing_gives_the_address_up(witness: J1939Socket) -> None:
    claim = claimed(2104, 0x46)
    claim.close()
    assert witness.recv_pg().data == (2104).to_bytes(8, "little")
    claim.close()
    claimed_nothing = AddressClaim("vcan0", 2105, [0x46])
    claimed_nothing.close()
    assert quiet(witness)


@needs_links
def test_closing_without_an_interface_is_no_error(spare: Callable[..., None]) -> None:
    with claim_on("vcan9", 2106, 0x46):
        spare("set", "vcan9", "down")


@live
def test_the_close_of_a_claim_does_not_replace_the_program_s_error() -> None:
    def fail() -> None:
        with claim_on("vcan0", 2107, 0x46) as claim:
            claim._sock.close()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


@live
def test_a_free_address_is_taken_before_one_is_contended(
    serving: Callable[[AddressClaim], AddressClaim],
) -> None:
    held = serving(claimed(2110, 0x47))
    with AddressClaim("vcan0", 1110, [0x47, 0x48]) as claim:
        assert claim.acquire() == 0x48
        assert claim.holders == {0x47: 2110}
    assert held.address == 0x47
    with AddressClaim("vcan0", 1111, [0x47]) as claim:
        assert claim.acquire() == 0x47


def command(sock: J1939Socket, name: int, *octets: int, pgn: int = 0xFED8) -> None:
    data = name.to_bytes(8, "little") + bytes(octets)
    sock.sendto(data, ("vcan0", 0, pgn, c.J1939_NO_ADDR))


def serve_until(claim: AddressClaim, address: int | None) -> None:
    deadline = time.monotonic() + 20
    while claim.serve(0.1) != address:
        assert time.monotonic() < deadline, f"it has {claim.address}"


@live
def test_a_commanded_address_is_taken(opened: Opener) -> None:
    commanding = opened(0x3F)
    commanding.set_broadcast(True)
    with claim_on("vcan0", 2112, 0x49) as claim:
        for other in ((2113, 0x4A), (2112, 0xFE), (2112, 0x4A, 0), (2112,)):
            command(commanding, *other)
            claim.serve(0.5)
            assert claim.address == 0x49
        command(commanding, 2112, 0x4A)
        serve_until(claim, 0x4A)
        with by_name(2112, "vcan0") as sending:
            send_from(sending, "vcan0")


@live
def test_a_commanded_address_of_a_lower_name_is_refused(
    opened: Opener, serving: Callable[[AddressClaim], AddressClaim]
) -> None:
    serving(claimed(1112, 0x4B))
    commanding = opened(0x40)
    commanding.set_broadcast(True)
    with claim_on("vcan0", 2114, 0x4C, 0x4D) as claim:
        claim.holders.clear()  # it learns of the other only when it claims
        command(commanding, 2114, 0x4B)
        claim.serve(20)
        assert claim.address in (0x4C, 0x4D)
        assert claim.holders == {0x4B: 1112}
        with by_name(2114, "vcan0") as sending:
            send_from(sending, "vcan0")


@live
def test_who_lost_its_address_takes_the_one_that_it_is_commanded(
    opened: Opener, serving: Callable[[AddressClaim], AddressClaim]
) -> None:
    commanding = opened(0x41)
    commanding.set_broadcast(True)
    with claim_on("vcan0", 2115, 0x4E) as claim:
        winner = claimed(1115, 0x4E)
        serve_until(claim, None)
        serving(winner)
        command(commanding, 2115, 0x4F)
        serve_until(claim, 0x4F)
