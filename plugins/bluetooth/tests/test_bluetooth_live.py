"""Bluetooth on a real kernel, between the two emulated controllers of the lab."""

from __future__ import annotations

import errno
import os
import select
import socket as stdlib
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from typing import Any, Protocol, TypeVar

import pytest
from famsock_bluetooth import (
    HciAddress,
    HciSocket,
    IsoAddress,
    IsoBroadcastAddress,
    IsoSocket,
    L2capAddress,
    L2capSocket,
    RfcommAddress,
    RfcommSocket,
    ScoSocket,
    control,
    options,
)
from famsock_bluetooth import constants as c
from famsock_bluetooth._ioctls import HciDevInfo
from famsock_bluetooth._mgmt_error import ManagementError
from famsock_bluetooth.advertising import LeAdvertisingReport, structure
from famsock_bluetooth.emulator import Controller, VoicePair
from famsock_bluetooth.mgmt import (
    ISO_SOCKET_FEATURE,
    Management,
    Setting,
)
from famsock_bluetooth.packets import (
    CommandComplete,
    CommandStatus,
    HciCommand,
    HciEvent,
    opcode,
)
from famsock_bluetooth.selftest import (
    VOICED,
    advertising_pair,
    await_controller,
    emulated_pair,
)
from famsock_bluetooth.structs import BtIsoIoQos, BtIsoQos, BtSecurity

import famsock
from famsock.testing import requirements

pytestmark = [
    pytest.mark.needs_family("AF_BLUETOOTH", protocol="l2cap"),
    pytest.mark.needs_capability("CAP_NET_ADMIN"),
    pytest.mark.needs_interface("hci1"),
    pytest.mark.usefixtures("alarm", "descriptors"),
]
PATIENCE_S = 20.0
BASE = bytes.fromhex("409c00 01 01 06 00000000 00 00 01 00")
"""Presentation delay, one subgroup of one stream, LC3, no configuration (BAP 3.7)."""
Pair = tuple[HciDevInfo, HciDevInfo]
_S = TypeVar("_S", bound=famsock.socket[Any, Any])


class Open(Protocol):
    """Makes a socket of a class, new or of a descriptor."""

    def __call__(self, cls: type[_S], fileno: int | None = None) -> _S: ...


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The two controllers, powered on, neither advertising."""
    with emulated_pair() as (first, second, management):
        management.switch_off(first.dev_id, Setting.ADVERTISING)
        management.switch_off(second.dev_id, Setting.ADVERTISING)
        yield first, second


@pytest.fixture
def management() -> Iterator[Management]:
    with Management.open(PATIENCE_S) as opened:
        yield opened


@pytest.fixture
def new() -> Iterator[Open]:
    """Makes sockets of a class that are closed at the end."""
    with ExitStack() as stack:

        def make(cls: type[_S], fileno: int | None = None) -> _S:
            sock = cls(fileno=fileno)
            stack.enter_context(sock)
            sock.settimeout(PATIENCE_S)
            return sock

        yield make


def raw_hci(new: Open, dev: int) -> HciSocket:
    sock = new(HciSocket)
    sock.bind(HciAddress(dev))
    return sock


# Management


def test_switching_twice_changes_nothing(pair: Pair, management: Management) -> None:
    index = pair[0].dev_id
    wanted = Setting.POWERED | Setting.CONNECTABLE | Setting.LE
    before = management.read_info(index)
    assert wanted in before.current
    assert management.switch_on(index, wanted) == before
    assert management.switch_off(index, Setting.ADVERTISING) == before


def test_power_off_and_on(pair: Pair, management: Management, new: Open) -> None:
    index = pair[1].dev_id
    sock = new(HciSocket)
    assert Setting.POWERED not in management.set_powered(index, False)
    assert not sock.device_info(index).up
    assert Setting.POWERED in management.set_powered(index, True)
    assert sock.device_info(index).up


def test_settings_one_by_one(pair: Pair, management: Management) -> None:
    index = pair[1].dev_id
    for switch, setting in (
        (management.set_connectable, Setting.CONNECTABLE),
        (management.set_bondable, Setting.BONDABLE),
        (management.set_le, Setting.LE),
    ):
        assert setting not in switch(index, False)
        assert setting in switch(index, True)
    assert Setting.ADVERTISING in management.set_advertising(index, True)
    assert Setting.ADVERTISING not in management.set_advertising(index, False)
    assert Setting.DISCOVERABLE in management.set_discoverable(index, True, 30)
    assert Setting.DISCOVERABLE not in management.set_discoverable(index, False)


def test_bredr_is_switched_while_powered_off(pair: Pair, management: Management) -> None:
    index = pair[1].dev_id
    with pytest.raises(ManagementError, match="REJECTED") as caught:
        management.set_bredr(index, False)
    assert "read_info() gives them" in "".join(caught.value.__notes__)
    management.set_powered(index, False)
    try:
        assert Setting.BREDR not in management.set_bredr(index, False)
        assert Setting.BREDR in management.set_bredr(index, True)
    finally:
        management.set_powered(index, True)


def test_advertising_out_of_range(management: Management) -> None:
    for wrong in ({"instance": 256}, {"instance": 1, "data": bytes(256)}):
        with pytest.raises(OverflowError, match="must be 0-255, not 256"):
            management.add_advertising(0, **wrong)
    with pytest.raises(ManagementError, match="INVALID_PARAMS"):
        management.add_advertising(management.read_index_list()[0], 255)


def test_bytes_are_asked_for(pair: Pair, management: Management, new: Open) -> None:
    index = pair[0].dev_id
    sock = raw_hci(new, index)
    calls: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: management.add_advertising(index, 1, data="abc"), "data must be a bytes-like"),  # type: ignore[arg-type]
        (lambda: management.command(1, index, "abc"), "parameters must be a bytes-like"),  # type: ignore[arg-type]
        (
            lambda: sock.send_command(c.HCI_OP_READ_BD_ADDR, "abc"),  # type: ignore[arg-type]
            "parameters must be a bytes-like",
        ),
        (lambda: sock.send_packet(b"abc"), "HCI packet must be HciCommand, .* not bytes"),  # type: ignore[arg-type]
    )
    for call, words in calls:
        with pytest.raises(TypeError, match=words):
            call()


def test_discovery_finds_an_advertiser(management: Management) -> None:
    with advertising_pair() as (first, second, other):
        heard = management.devices_found(second.dev_id, PATIENCE_S, bredr=False)
        other.add_advertising(first.dev_id, 1, data=structure(c.EIR_NAME_COMPLETE, b"famsock"))
        found = next(device for device in heard if device.bdaddr == first.bdaddr and device.name)
        with pytest.raises(ManagementError, match="BUSY") as caught:
            management.start_discovery(second.dev_id)
        assert "under way" in "".join(caught.value.__notes__)
        heard.close()
    assert (found.bdaddr_type, found.name) == (c.BDADDR_LE_PUBLIC, "famsock")
    with pytest.raises(ManagementError, match="REJECTED"):
        management.stop_discovery(second.dev_id)
    with pytest.raises(ValueError, match="le=True or bredr=True"):
        management.start_discovery(second.dev_id, le=False, bredr=False)


@pytest.mark.parametrize("ended", ["closed", "dropped", "with its socket"])
def test_a_discovery_ends_before_its_first_device(
    pair: Pair, management: Management, ended: str
) -> None:
    index = pair[1].dev_id
    with Management.open(PATIENCE_S) as looking:
        heard = looking.devices_found(index, bredr=False)
        with pytest.raises(ManagementError, match="BUSY"):
            management.start_discovery(index, bredr=False)
        if ended == "closed":
            heard.close()
        elif ended == "with its socket":
            looking.close()
            heard.close()
        del heard
    management.start_discovery(index, bredr=False)
    management.stop_discovery(index, bredr=False)


def test_a_discovery_that_is_refused_is_not_ended(pair: Pair, management: Management) -> None:
    index = pair[1].dev_id
    with Management.open(PATIENCE_S) as other:
        heard = other.devices_found(index, bredr=False)
        with pytest.raises(ManagementError, match="BUSY"):
            management.devices_found(index, bredr=False)
        with pytest.raises(ManagementError, match="BUSY"):
            management.start_discovery(index, bredr=False)
        heard.close()


@pytest.mark.parametrize("how", ["stopped", "powered off"])
def test_a_discovery_that_ended_by_itself_hides_no_error(
    pair: Pair, management: Management, how: str
) -> None:
    index = pair[1].dev_id

    def fail() -> None:
        with (
            Management.open(PATIENCE_S) as looking,
            closing(looking.devices_found(index, bredr=False)),
        ):
            if how == "stopped":
                management.stop_discovery(index, bredr=False)
            else:
                management.set_powered(index, False)
            raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            fail()
    finally:
        management.switch_on(index, Setting.POWERED)


def test_discovery_ends_in_time(pair: Pair, management: Management) -> None:
    started = time.monotonic()
    assert list(management.devices_found(pair[1].dev_id, 0.5, bredr=False)) == []
    assert time.monotonic() - started < PATIENCE_S


@pytest.mark.parametrize(
    ("command", "on", "off", "name"),
    [(0x0C, b"\1\0", b"\0\0", ""), (0x42, b"\1" + bytes(5), bytes(6), "famsock")],
    ids=["legacy", "extended"],
)
def test_a_scan_over_hci_gives_reports(
    new: Open, command: int, on: bytes, off: bytes, name: str
) -> None:
    """btvirt's legacy reports lack the data of an advertiser that uses extended commands."""
    with advertising_pair() as (first, second, management):
        data = structure(c.EIR_NAME_COMPLETE, b"famsock")
        management.add_advertising(first.dev_id, 1, data=data)
        sock = raw_hci(new, second.dev_id)
        sock.set_filter([c.HCI_EVENT_PKT], [c.HCI_EV_LE_META])
        scan = opcode(0x08, command)
        assert sock.send_command(scan, on).status == 0
        try:
            reports: tuple[LeAdvertisingReport, ...] = ()
            while not any(report.bdaddr == first.bdaddr for report in reports):
                packet = sock.recv_packet()
                assert isinstance(packet, HciEvent)
                reports = LeAdvertisingReport.all_of(packet)
        finally:
            sock.send_command(scan, off)
            # Linux 6.12 takes this scan for a discovery, and refuses another one until power-off.
            management.set_powered(second.dev_id, False)
            management.set_powered(second.dev_id, True)
    assert reports[0].is_connectable
    assert (reports[0].name, reports[0].is_extended) == (name, bool(name))


def test_local_name(pair: Pair, management: Management) -> None:
    index = pair[0].dev_id
    name = management.read_info(index).name
    management.set_local_name(index, "famsock ☎", "fs")
    info = management.read_info(index)
    assert (info.name, info.short_name) == ("famsock ☎", "fs")
    management.set_local_name(index, name)


def test_settings_event_reaches_another_socket(pair: Pair, management: Management) -> None:
    with Management.open(PATIENCE_S) as listener:
        listener.read_version()
        management.set_bondable(pair[0].dev_id, False)
        management.set_bondable(pair[0].dev_id, True)
        event = listener.recv_event()
        while event.code != c.MGMT_EV_NEW_SETTINGS:
            event = listener.recv_event()
        assert event.index == pair[0].dev_id


def test_management_refusals(management: Management) -> None:
    with pytest.raises(ManagementError, match="INVALID_INDEX") as caught:
        management.read_info(999)
    assert caught.value.errno == errno.ENODEV
    with pytest.raises(ManagementError, match="UNKNOWN_COMMAND"):
        management.command(0x7777)
    with pytest.raises(OverflowError, match="controller index must be 0-65535"):
        management.read_info(65536)
    with pytest.raises(ValueError, match="CIS_CENTRAL cannot be switched by itself"):
        management.switch_off(management.read_index_list()[0], Setting.CIS_CENTRAL)
    assert management.read_version()[0] == 1


def test_management_on_a_socket_of_ones_own(pair: Pair, new: Open) -> None:
    sock = new(HciSocket)
    sock.bind((c.HCI_DEV_NONE, c.HCI_CHANNEL_CONTROL))
    with pytest.raises(OSError, match="bad state"):  # the kernel names no controller here
        sock.getsockname()
    assert {info.dev_id for info in pair} <= set(sock.management().read_index_list())


# HCI


def test_device_list_and_information(pair: Pair, management: Management, new: Open) -> None:
    sock = new(HciSocket)
    assert set(management.read_index_list()) <= set(sock.devices())
    info = sock.device_info(pair[0].dev_id)
    assert info.name == f"hci{pair[0].dev_id}"
    assert info.bdaddr == management.read_info(pair[0].dev_id).bdaddr
    assert info.up
    assert info.bus == c.HCI_VIRTUAL
    assert info.acl_mtu > 0
    with pytest.raises(OSError, match="No such device") as caught:
        sock.device_info(999)
    assert "devices() lists" in "".join(caught.value.__notes__)


def test_more_controllers_than_sixteen(management: Management, new: Open) -> None:
    sock = new(HciSocket)
    with ExitStack() as stack:
        pairs = [stack.enter_context(VoicePair()) for _ in range(8)]
        made = {end.index for pair in pairs for end in (pair.first, pair.second)}
        for index in made:
            await_controller(management, index)
        assert len(made) == 16
        for listed in (management.read_index_list(), sock.devices()):
            assert made < set(listed)
            assert sorted(listed) == list(listed)
    assert not made & set(sock.devices())


def test_changing_a_controller_needs_a_capability(pair: Pair, new: Open) -> None:
    sock = new(HciSocket)
    os.seteuid(65534)
    try:
        with pytest.raises(OSError, match="not permitted") as caught:
            sock.device_down(pair[0].dev_id)
    finally:
        os.seteuid(0)
    assert "CAP_NET_ADMIN" in "".join(caught.value.__notes__)


class Silent(VoicePair):
    """Controllers that leave one command without an answer."""

    def _command(self, near: Controller, far: Controller, opcode: int, parameters: bytes) -> None:
        if opcode != c.HCI_OP_READ_LOCAL_VERSION or self.answers:
            super()._command(near, far, opcode, parameters)

    answers = True


def test_a_command_without_an_answer_is_named(management: Management, new: Open) -> None:
    with Silent() as controllers:
        index = controllers.first.index
        await_controller(management, index)
        management.switch_on(index, Setting.POWERED)
        sock = raw_hci(new, index)
        assert sock.send_command(c.HCI_OP_READ_LOCAL_VERSION, timeout_s=None).status == 0
        controllers.answers = False
        with pytest.raises(TimeoutError, match=r"HCI command 0x1001 within 0\.05 s"):
            sock.send_command(c.HCI_OP_READ_LOCAL_VERSION, timeout_s=0.05)


class Late(VoicePair):
    """Controllers that answer one command late the first time, with the number of the answer."""

    late = c.HCI_OP_READ_CLASS_OF_DEV
    delay_s = 0.6

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bytes] = []
        self.timers: list[threading.Timer] = []

    def _command(self, near: Controller, far: Controller, opcode: int, parameters: bytes) -> None:
        if opcode != self.late or not self.counts:
            super()._command(near, far, opcode, parameters)
            return
        self.asked.append(parameters)
        answer = bytes((len(self.asked),)) * 3 if opcode == c.HCI_OP_READ_CLASS_OF_DEV else b""
        if len(self.asked) > 1:
            near.complete(opcode, answer)
            return
        timer = threading.Timer(self.delay_s, near.complete, (opcode, answer))
        timer.start()
        self.timers.append(timer)

    counts = False

    def __exit__(self, *raised: object) -> None:
        for timer in self.timers:
            timer.join()
        super().__exit__(*raised)


def test_a_late_answer_is_not_taken_for_the_next_command_s(
    management: Management, new: Open
) -> None:
    with Late() as controllers:
        index = controllers.first.index
        await_controller(management, index)
        management.switch_on(index, Setting.POWERED)
        sock = raw_hci(new, index)
        controllers.counts = True
        with pytest.raises(TimeoutError):
            sock.send_command(Late.late, timeout_s=0.1)
        answer = sock.send_command(Late.late, timeout_s=PATIENCE_S)
        assert isinstance(answer, CommandComplete)
        assert answer.parameters == b"\2\2\2"


class LateName(Late):
    """Controllers that take a new name late the first time."""

    late = c.HCI_OP_WRITE_LOCAL_NAME


def test_a_late_answer_of_management_is_not_taken_for_the_next_command_s(
    management: Management,
) -> None:
    with LateName() as controllers:
        index = controllers.first.index
        await_controller(management, index)
        management.switch_on(index, Setting.POWERED)
        controllers.counts = True
        with Management.open(0.1) as asking:
            with pytest.raises(TimeoutError, match="no answer to the management command 0x000F"):
                asking.set_local_name(index, "first")
            with pytest.raises(TimeoutError, match="no answer to an earlier management command"):
                asking.set_local_name(index, "second")
            asking.sock.settimeout(PATIENCE_S)
            asking.set_local_name(index, "third")
            assert [name.rstrip(b"\0") for name in controllers.asked] == [b"first", b"third"]
            assert asking.read_info(index).name == "third"


def test_command_and_answer(pair: Pair, new: Open) -> None:
    sock = raw_hci(new, pair[0].dev_id)
    answer = sock.send_command(c.HCI_OP_READ_BD_ADDR)
    assert isinstance(answer, CommandComplete)
    assert answer.status == 0
    assert answer.parameters.hex(":").upper() == ":".join(reversed(pair[0].bdaddr.split(":")))
    unknown = sock.send_command(opcode(0x3F, 0x3FF))
    assert isinstance(unknown, CommandComplete | CommandStatus)
    assert unknown.status != 0


def test_command_needs_a_controller(new: Open) -> None:
    sock = new(HciSocket)
    with pytest.raises(OSError, match="bad state") as caught:
        sock.send_command(c.HCI_OP_READ_BD_ADDR)
    assert "bind it to one first" in "".join(caught.value.__notes__)


def test_filter_lets_through_what_it_names(pair: Pair, new: Open) -> None:
    everything, filtered = raw_hci(new, pair[0].dev_id), raw_hci(new, pair[0].dev_id)
    complete = (c.HCI_EVENT_PKT,), (c.HCI_EV_CMD_COMPLETE,)
    everything.set_filter(*complete)
    filtered.set_filter(*complete, c.HCI_OP_READ_BD_ADDR)
    assert filtered.filter().opcode == c.HCI_OP_READ_BD_ADDR
    for number in (c.HCI_OP_READ_LOCAL_VERSION, c.HCI_OP_READ_BD_ADDR):
        everything.send_packet(HciCommand(number))
    for sock, expected in (
        (everything, (c.HCI_OP_READ_LOCAL_VERSION, c.HCI_OP_READ_BD_ADDR)),
        (filtered, (c.HCI_OP_READ_BD_ADDR,)),
    ):
        for number in expected:
            packet = sock.recv_packet()
            assert isinstance(packet, HciEvent)
            assert CommandComplete.of(packet).opcode == number


def test_direction_and_time_come_as_control_messages(pair: Pair, new: Open) -> None:
    sock = raw_hci(new, pair[0].dev_id)
    sock.set_filter((c.HCI_COMMAND_PKT, c.HCI_EVENT_PKT), (c.HCI_EV_CMD_COMPLETE,))
    sock.enable_data_direction(True)
    sock.enable_timestamps(True)
    before_ns = time.time_ns()
    raw_hci(new, pair[0].dev_id).send_command(c.HCI_OP_READ_BD_ADDR)
    directions = []
    for _ in range(2):
        packet, message = sock.recv_packet_message()
        directions.append((type(packet), message.get(control.HCI_CMSG_DIR)))
        stamp_ns = message.get(control.HCI_CMSG_TSTAMP)
        assert stamp_ns is not None
        assert before_ns - 1_000_000_000 < stamp_ns < time.time_ns() + 1_000_000_000
    assert directions == [(HciCommand, False), (HciEvent, True)]


def test_monitor_channel_sees_a_command(pair: Pair, new: Open) -> None:
    monitor = new(HciSocket)
    monitor.bind((c.HCI_DEV_NONE, c.HCI_CHANNEL_MONITOR))
    raw_hci(new, pair[1].dev_id).send_command(c.HCI_OP_READ_BD_ADDR)
    message = monitor.recv_monitor()
    while message.opcode != c.HCI_MON_COMMAND_PKT:
        message = monitor.recv_monitor()
    assert message.index == pair[1].dev_id
    assert message.packet == HciCommand(c.HCI_OP_READ_BD_ADDR)
    while not isinstance(answer := monitor.recv_monitor().packet, HciEvent):
        pass
    assert answer.code == c.HCI_EV_CMD_COMPLETE


@pytest.mark.parametrize("channel", [c.HCI_CHANNEL_MONITOR, c.HCI_CHANNEL_CONTROL])
def test_a_channel_without_packets_says_so(new: Open, channel: int) -> None:
    sock = new(HciSocket)
    sock.settimeout(0.05)
    with pytest.raises(TimeoutError):
        sock.recv_packet()  # not bound yet
    sock.bind((c.HCI_DEV_NONE, channel))
    for call in (sock.recv_packet, sock.recv_packet_message):
        with pytest.raises(ValueError, match=r"\(\): this channel gives no packets: recv_monitor"):
            call()


def test_user_channel_has_the_controller_to_itself(
    pair: Pair, management: Management, new: Open
) -> None:
    index = pair[1].dev_id
    sock = new(HciSocket)
    with pytest.raises(OSError, match="busy") as caught:
        sock.bind((index, c.HCI_CHANNEL_USER))
    assert "Management.set_powered" in "".join(caught.value.__notes__)
    management.set_powered(index, False)
    try:
        sock.bind((index, c.HCI_CHANNEL_USER))
        assert sock.getsockname() == (index, c.HCI_CHANNEL_USER)
        with pytest.raises(ValueError, match="bound to a raw channel"):
            sock.send_command(c.HCI_OP_READ_BD_ADDR)
        sock.send_packet(HciCommand(c.HCI_OP_READ_BD_ADDR))
        packet = sock.recv_packet()
        assert isinstance(packet, HciEvent)
        assert CommandComplete.of(packet).opcode == c.HCI_OP_READ_BD_ADDR
    finally:
        sock.close()
        deadline = time.monotonic() + PATIENCE_S
        while index not in management.read_index_list() and time.monotonic() < deadline:
            time.sleep(0.05)
        management.set_powered(index, True)


def test_link_shows_among_connections(pair: Pair, new: Open) -> None:
    near, _ = l2cap_pair(pair, new)
    handle = near.connection_info().hci_handle
    sock = new(HciSocket)
    links = [link for link in sock.connections(pair[1].dev_id) if link.handle == handle]
    assert [link.bdaddr for link in links] == [pair[0].bdaddr]


def test_inquiry_finds_the_other_controller(pair: Pair, management: Management, new: Open) -> None:
    management.set_discoverable(pair[0].dev_id, True)
    try:
        found = new(HciSocket).inquiry(pair[1].dev_id, length=1)
    finally:
        management.set_discoverable(pair[0].dev_id, False)
    assert pair[0].bdaddr in [device.bdaddr for device in found]
    refused: tuple[dict[str, Any], ...] = (
        {"max_responses": -1},
        {"length": 0},
        {"length": 49},
        {"lap": 1 << 24},
    )
    for wrong in refused:
        with pytest.raises(OverflowError, match=f"{next(iter(wrong))} must be [01]-"):
            new(HciSocket).inquiry(pair[1].dev_id, **wrong)


def await_no_links(sock: HciSocket, pair: Pair) -> None:
    """Wait for links of earlier tests to end: a reset would end them at only one end."""
    deadline = time.monotonic() + PATIENCE_S
    while any(sock.connections(info.dev_id) for info in pair):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_reset_and_scan(pair: Pair, management: Management, new: Open) -> None:
    sock = new(HciSocket)
    index = pair[1].dev_id
    await_no_links(sock, pair)
    sock.set_scan(index, inquiry=False, page=True)
    assert sock.device_info(index).flags >> c.HCI_PSCAN & 1
    with pytest.raises(OSError, match="already"):
        sock.device_up(index)
    sock.device_reset(index)
    assert sock.device_info(index).up
    sock.device_down(index)
    assert not sock.device_info(index).up
    sock.device_up(index)
    assert sock.device_info(index).up
    management.set_powered(index, False)
    management.set_powered(index, True)


# L2CAP


def l2cap_pair(
    pair: Pair, new: Open, prepare: Callable[[L2capSocket], None] = lambda _: None
) -> tuple[L2capSocket, L2capSocket]:
    """A BR/EDR connection from the second controller to the first: both ends."""
    listener, near = (new(L2capSocket) for _ in range(2))
    listener.bind((pair[0].bdaddr, 0x1021))
    near.bind((pair[1].bdaddr, 0))
    for sock in (listener, near):
        prepare(sock)
    listener.listen()
    near.connect((pair[0].bdaddr, 0x1021))
    far, address = listener.accept()
    assert address[:2] == (pair[1].bdaddr, 0x1021)
    return near, new(L2capSocket, far.detach())


def test_l2cap_names_both_ends(pair: Pair, new: Open) -> None:
    near, far = l2cap_pair(pair, new)
    for sock, own, peer in ((near, pair[1], pair[0]), (far, pair[0], pair[1])):
        assert sock.getsockname()[0] == own.bdaddr
        assert sock.getpeername()[0] == peer.bdaddr
        assert sock.peer_address == L2capAddress(*sock.getpeername())
    assert near.phys() & c.BT_PHY_BR_1M_1SLOT
    near.send(b"there")
    assert far.recv(100) == b"there"


def test_l2cap_mtu_is_negotiated(pair: Pair, new: Open) -> None:
    near, far = l2cap_pair(pair, new, lambda sock: sock.set_incoming_mtu(1000))
    assert near.incoming_mtu_bytes() == far.incoming_mtu_bytes() == 1000
    assert near.outgoing_mtu_bytes() == 1000
    near.send(bytes(1000))
    assert len(far.recv(2000)) == 1000
    with pytest.raises(OSError, match="too long") as caught:
        near.send(bytes(1001))
    assert caught.value.errno == errno.EMSGSIZE


def test_l2cap_retransmission_mode(pair: Pair, new: Open) -> None:
    near, far = l2cap_pair(pair, new, lambda sock: sock.set_mode(c.L2CAP_MODE_ERTM))
    assert near.mode() == far.mode() == c.L2CAP_MODE_ERTM
    near.send(b"acknowledged")
    assert far.recv(100) == b"acknowledged"


def test_l2cap_options_out_of_range(new: Open) -> None:
    sock = new(L2capSocket)
    for wrong in (47, 65536):
        with pytest.raises(OverflowError, match=f"incoming MTU must be 48-65535, not {wrong}"):
            sock.set_incoming_mtu(wrong)
    assert sock.l2cap_options().imtu == 672
    sock.bind(L2capAddress(c.BDADDR_ANY, 0, 0, c.BDADDR_LE_PUBLIC))
    with pytest.raises(OverflowError, match="incoming MTU must be 23-65535, not 22"):
        sock.set_incoming_mtu(22)
    sock.set_incoming_mtu(23)
    assert sock.incoming_mtu_bytes() == 23
    with pytest.raises(AttributeError, match="BT_SNDMTU is read-only"):
        sock.set_option(options.BT_SNDMTU, 100)


def test_l2cap_security_level(new: Open) -> None:
    sock = new(L2capSocket)
    assert sock.security().level == c.BT_SECURITY_LOW
    sock.set_security(c.BT_SECURITY_MEDIUM)
    assert sock.get_option(options.BT_SECURITY).level == c.BT_SECURITY_MEDIUM
    assert sock.get_option("L2CAP_LM") & c.L2CAP_LM_ENCRYPT


def test_l2cap_deferred_setup(pair: Pair, new: Open) -> None:
    listener, near = (new(L2capSocket) for _ in range(2))
    listener.bind((pair[0].bdaddr, 0x1023))
    listener.listen()
    listener.set_defer_setup(True)
    near.bind((pair[1].bdaddr, 0))
    near.setblocking(False)
    assert near.connect_ex((pair[0].bdaddr, 0x1023)) == errno.EINPROGRESS
    far, _ = listener.accept()
    with far:
        far.setblocking(False)
        with pytest.raises(OSError, match="not connected"):
            near.send(b"too early")
        with suppress(BlockingIOError):
            far.recv(1)
        assert select.select([], [near], [], PATIENCE_S)[1] == [near]
        assert near.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_ERROR) == 0
        near.send(b"now")
        far.settimeout(PATIENCE_S)
        assert far.recv(10) == b"now"


def test_l2cap_low_energy_channel(new: Open) -> None:
    with advertising_pair() as (first, second, _):
        listener, near = (new(L2capSocket) for _ in range(2))
        listener.bind((first.bdaddr, 0xA1, 0, c.BDADDR_LE_PUBLIC))
        near.bind(L2capAddress(second.bdaddr, 0, 0, c.BDADDR_LE_PUBLIC))
        assert listener.is_le()
        listener.set_incoming_mtu(200)
        listener.listen()
        near.connect((first.bdaddr, 0xA1, 0, c.BDADDR_LE_PUBLIC))
        far, (bdaddr, psm, _, bdaddr_type) = listener.accept()
        with far:
            assert (bdaddr, psm, bdaddr_type) == (second.bdaddr, 0xA1, c.BDADDR_LE_PUBLIC)
            assert far.incoming_mtu_bytes() == near.outgoing_mtu_bytes() == 200
            far.settimeout(PATIENCE_S)
            near.send(bytes(range(200)))
            assert far.recv(300) == bytes(range(200))


def test_att_bearer_by_cid(new: Open) -> None:
    """LE's fixed channel 4: an exchange of MTUs (Core Specification vol 3 part F 3.4.2)."""
    with advertising_pair() as (first, second, _):
        await_no_links(new(HciSocket), (first, second))
        listener, near = (new(L2capSocket) for _ in range(2))
        server = L2capAddress(first.bdaddr, 0, 4, c.BDADDR_LE_PUBLIC)
        listener.bind(server)
        listener.listen()
        near.bind(L2capAddress(second.bdaddr, 0, 4, c.BDADDR_LE_PUBLIC))
        near.connect(server)
        far, address = listener.accept()
        with far:
            far.settimeout(PATIENCE_S)
            assert address == (second.bdaddr, 0, 4, c.BDADDR_LE_PUBLIC)
            assert near.peer_address == server
            near.send(struct.pack("<BH", 2, 185))
            assert far.recv(100) == struct.pack("<BH", 2, 185)
            far.send(struct.pack("<BH", 3, 100))
            assert near.recv(100) == struct.pack("<BH", 3, 100)


def test_refused_numbers_are_explained(pair: Pair, new: Open) -> None:
    bdaddr = pair[0].bdaddr
    for wrong in (
        L2capAddress(bdaddr, 0x1002),
        L2capAddress(bdaddr, 0x100, 0, c.BDADDR_LE_PUBLIC),
        L2capAddress(bdaddr, 0x81, 0, 7),
        L2capAddress(bdaddr, 0x81, 4, c.BDADDR_LE_PUBLIC),
    ):
        sock = new(L2capSocket)
        with pytest.raises(OSError, match="Invalid argument") as caught:
            sock.bind(wrong)
        assert "a BR/EDR psm is odd" in "".join(caught.value.__notes__)
    sock.bind(L2capAddress(bdaddr, 0))
    with pytest.raises(OSError, match="Invalid argument") as caught:
        sock.connect(L2capAddress(pair[1].bdaddr, 0x81, 0, c.BDADDR_LE_PUBLIC))
    assert "LE at both ends" in "".join(caught.value.__notes__)
    with pytest.raises(OSError, match="Invalid argument") as caught:
        sock.set_l2cap_options(imtu=1)
    assert not hasattr(caught.value, "__notes__")


def test_no_service_is_refused_and_leaks_nothing(pair: Pair, new: Open) -> None:
    sock = new(L2capSocket)
    sock.bind((pair[1].bdaddr, 0))
    with pytest.raises(ConnectionRefusedError):
        sock.connect((pair[0].bdaddr, 0x1031))


# Linux 6.1.192 has a kernel BUG (hci_chan_del) when such a socket is closed, and so no test of it.
if requirements.kernel("6.12") == "":

    def test_peer_that_is_not_there(pair: Pair, new: Open) -> None:
        sock = new(L2capSocket)
        sock.bind((pair[1].bdaddr, 0))
        with pytest.raises(OSError, match="Host is down") as caught:
            sock.connect(("00:11:22:33:44:55", 0x1001))
        assert "powered on and connectable" in "".join(caught.value.__notes__)


# RFCOMM


def test_rfcomm_stream(pair: Pair, new: Open) -> None:
    listener, near = (new(RfcommSocket) for _ in range(2))
    listener.bind((pair[0].bdaddr, 0))
    listener.listen()
    channel = listener.getsockname()[1]
    assert 1 <= channel <= 30
    assert listener.local_address == RfcommAddress(pair[0].bdaddr, channel)
    near.bind((pair[1].bdaddr, 0))
    near.connect((pair[0].bdaddr, channel))
    far, address = listener.accept()
    with far:
        assert address[0] == pair[1].bdaddr
        assert near.connection_info().hci_handle > 0
        far.settimeout(PATIENCE_S)
        near.sendall(bytes(range(256)) * 20)
        received = b""
        while len(received) < 5120:
            received += far.recv(5120)
        assert received == bytes(range(256)) * 20
        with far.makefile("wb") as out:
            out.write(b"a line\n")
        with near.makefile("r") as lines:
            assert lines.readline() == "a line\n"
        near.close()
        with pytest.raises(ConnectionResetError):  # what RFCOMM makes of the peer's leaving
            far.recv(1)


def test_rfcomm_by_text(pair: Pair) -> None:
    with famsock.listen(f"rfcomm://[{pair[0].bdaddr}]:0") as listener:
        address = listener.local_address
        assert address is not None
        endpoint = famsock.endpoints.of(listener, address)
        assert famsock.endpoints.parse(str(endpoint)) == endpoint
        with famsock.connect(str(endpoint), PATIENCE_S) as near, listener.accept()[0] as far:
            near.sendall(b"by text")
            far.settimeout(PATIENCE_S)
            assert far.recv(16) == b"by text"


@pytest.mark.parametrize("channel", [0, 31])
def test_a_channel_that_rfcomm_has_not_is_explained(pair: Pair, new: Open, channel: int) -> None:
    sock = new(RfcommSocket)
    sock.bind((pair[1].bdaddr, 0))
    with pytest.raises(OSError, match="Invalid argument") as caught:
        sock.connect((pair[0].bdaddr, channel))
    assert "an RFCOMM channel is 1-30" in "".join(caught.value.__notes__)


def test_rfcomm_security(new: Open) -> None:
    sock = new(RfcommSocket)
    sock.set_security(c.BT_SECURITY_HIGH)
    assert sock.security() == BtSecurity(c.BT_SECURITY_HIGH)
    with pytest.raises(OverflowError, match="level must be 0-4, not 5"):
        sock.set_security(5)
    assert not hasattr(sock, "phys")


# SCO and ISO


def test_sco_voice(new: Open) -> None:
    sock = new(ScoSocket)
    assert sock.voice() == c.BT_VOICE_CVSD_16BIT
    sock.set_voice(c.BT_VOICE_TRANSPARENT)
    assert sock.voice() == c.BT_VOICE_TRANSPARENT
    sock.enable_packet_status(True)
    assert sock.get_option(options.BT_PKT_STATUS) is True
    sock.bind(c.BDADDR_ANY.encode())
    assert sock.getsockname() == c.BDADDR_ANY
    sock.set_defer_setup(True)
    assert sock.get_option(options.BT_DEFER_SETUP) is True
    assert not hasattr(sock, "security")


def test_sco_connection(management: Management, new: Open) -> None:
    with VoicePair() as controllers:
        for controller in (controllers.first, controllers.second):
            await_controller(management, controller.index)
            management.switch_on(controller.index, VOICED)
        listener, near = (new(ScoSocket) for _ in range(2))
        listener.bind(controllers.first.bdaddr)
        listener.listen()
        near.bind(controllers.second.bdaddr.encode())
        near.connect(controllers.first.bdaddr)
        far, address = listener.accept()
        with far:
            assert address == controllers.second.bdaddr
            assert near.getpeername() == controllers.first.bdaddr
            assert near.mtu_bytes() == 64
            assert near.phys() & c.BT_PHY_BR_1M_1SLOT
            assert near.connection_info().hci_handle == far.connection_info().hci_handle > 0
            far.settimeout(PATIENCE_S)
            near.send(b"there" * 9)
            assert far.recv(100) == b"there" * 9
            near.enable_packet_status(True)
            far.send(b"back" * 9)
            message = near.recv_message(100)
            assert message.data == b"back" * 9
            assert message.get(control.BT_SCM_PKT_STATUS) == 0
            near.close()
            with pytest.raises(ConnectionResetError):
                far.recv(10)


@pytest.mark.needs_kernel("6.0")
def test_iso_qos(management: Management, new: Open) -> None:
    assert management.set_experimental_feature(ISO_SOCKET_FEATURE, True)
    sock = new(IsoSocket)
    qos = BtIsoQos(group=1, stream=2, input=BtIsoIoQos(sdu=40), output=BtIsoIoQos(sdu=120))
    sock.set_qos(qos)
    again = sock.qos()
    assert (again.group, again.stream) == (1, 2)
    assert (again.input, again.output) == (qos.input, qos.output)
    sock.set_base(b"\1\2\3")
    assert sock.base() == b"\1\2\3"
    if requirements.kernel("6.17"):
        with pytest.raises(OSError, match="Protocol not available"):
            sock.set_option(options.BT_PKT_SEQNUM, True)
    else:
        sock.set_option(options.BT_PKT_SEQNUM, True)
        level, number = options.BT_PKT_SEQNUM.level, options.BT_PKT_SEQNUM.number
        with pytest.raises(OSError, match="Protocol not available"):  # why the row only writes
            sock.getsockopt(level, number)
    with pytest.raises(ValueError, match="BT_ISO_BASE must be at most 248 bytes, not 249"):
        sock.set_base(bytes(249))
    sock.bind(IsoAddress(c.BDADDR_ANY))
    assert sock.local_address == IsoAddress(c.BDADDR_ANY)
    sock.set_defer_setup(True)
    assert not hasattr(sock, "security")
    assert not hasattr(sock, "phys")


def broadcasting(management: Management, new: Open, first: HciDevInfo) -> IsoSocket:
    """A socket that sends a broadcast by the first controller."""
    assert management.set_experimental_feature(ISO_SOCKET_FEATURE, True)
    source = new(IsoSocket)
    source.bind(IsoAddress(first.bdaddr))
    source.set_qos(BtIsoQos.broadcast(BtIsoIoQos(sdu=40)))
    source.set_base(BASE)
    source.connect(IsoAddress(c.BDADDR_ANY))
    return source


@pytest.mark.needs_kernel("6.0")
def test_refused_broadcasts_are_explained(pair: Pair, management: Management, new: Open) -> None:
    assert management.set_experimental_feature(ISO_SOCKET_FEATURE, True)
    other = IsoBroadcastAddress(pair[0].bdaddr, bc_bdaddr=pair[1].bdaddr, bc_sid=0x10)
    for wrong in (other, IsoAddress(pair[0].bdaddr, c.BDADDR_BREDR)):
        sock = new(IsoSocket)
        with pytest.raises(OSError, match="Invalid argument") as caught:
            sock.bind(wrong)
        assert "BtIsoQos.broadcast()" in "".join(caught.value.__notes__)


# Linux 6.12 does not synchronise with the broadcasts of btvirt 5.66; 6.1 does.
if requirements.kernel("6.12"):

    def test_iso_broadcast_is_received(pair: Pair, management: Management, new: Open) -> None:
        source = broadcasting(management, new, pair[0])
        sink = new(IsoSocket)
        sink.bind(
            IsoBroadcastAddress(pair[1].bdaddr, bc_bdaddr=pair[0].bdaddr, bc_sid=0, bc_bis=(1,))
        )
        sink.set_qos(BtIsoQos.broadcast())
        sink.listen()
        far, address = sink.accept()
        with far:
            assert address[0] == pair[0].bdaddr
            far.settimeout(PATIENCE_S)
            source.send(bytes(range(40)))
            assert far.recv(100) == bytes(range(40))
            assert far.base() == BASE
