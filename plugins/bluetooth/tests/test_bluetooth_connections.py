"""Connections of BNEP, CMTP and HIDP, between the two emulated controllers of the lab."""

from __future__ import annotations

import errno
import os
import socket as stdlib
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest
from famsock_bluetooth import BnepSocket, CmtpSocket, HidpSocket, L2capSocket
from famsock_bluetooth import constants as c
from famsock_bluetooth._ioctls import HciDevInfo
from famsock_bluetooth.connections import BnepConnection, CmtpConnection, HidpConnection
from famsock_bluetooth.selftest import emulated_pair

import famsock
from famsock.testing import requirements

pytestmark = pytest.mark.usefixtures("alarm", "descriptors")
LIVE = (
    pytest.mark.needs_capability("CAP_NET_ADMIN"),
    pytest.mark.needs_interface("hci1"),
)
PATIENCE_S = 20.0
BDADDR = "00:1B:DC:0F:A2:7E"
MOUSE = bytes.fromhex(
    "05010902a1010901a1000509190129031500250195037501810295017505810305010930093115812"
    "57f750895028106c0c0"
)
"""The report descriptor of a mouse with three buttons (HID 1.11, appendix E.10)."""
Channel = tuple[L2capSocket, L2capSocket]
Connect = Callable[[], Channel]
CLASSES: tuple[type[Any], ...] = (BnepSocket, CmtpSocket, HidpSocket)


@pytest.fixture
def pair() -> Iterator[tuple[HciDevInfo, HciDevInfo]]:
    """The two controllers, powered on."""
    with emulated_pair() as (first, second, _):
        yield first, second


@pytest.fixture
def connect(pair: tuple[HciDevInfo, HciDevInfo]) -> Iterator[Connect]:
    """Makes L2CAP channels from the second controller to the first: both ends."""
    first, second = pair
    with ExitStack() as stack:

        def make() -> Channel:
            with L2capSocket() as listener:
                near = stack.enter_context(L2capSocket())
                for sock, own in ((listener, first), (near, second)):
                    sock.settimeout(PATIENCE_S)
                    sock.bind((own.bdaddr, 0))
                listener.listen()
                near.connect(listener.getsockname()[:2])
                far, _ = listener.accept()
                far.settimeout(PATIENCE_S)
                return near, stack.enter_context(far)

        yield make


def opened(cls: type[Any]) -> Any:
    """A socket of a class; the test is skipped where the kernel has no such protocol."""
    try:
        return cls()
    except OSError as error:
        if error.errno not in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
            raise
        pytest.skip(f"{cls.__name__}: {error}")


def await_none(list_connections: Callable[[], tuple[object, ...]]) -> None:
    """Wait until the kernel has ended all connections, which it does after the request."""
    deadline = time.monotonic() + PATIENCE_S
    while found := list_connections():
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def await_device(pattern: str) -> None:
    """Wait until the kernel has an input device, which it makes after the request."""
    deadline = time.monotonic() + PATIENCE_S
    while not list(Path("/sys/bus/hid/devices").glob(pattern)):
        assert time.monotonic() < deadline, pattern
        time.sleep(0.05)


def up(interface: str) -> bytes:
    """Bring an interface up; its hardware address."""
    subprocess.run(("ip", "link", "set", interface, "up"), check=True, timeout=60)
    return bytes.fromhex(Path(f"/sys/class/net/{interface}/address").read_text().replace(":", ""))


class TestBnep:
    pytestmark: ClassVar = [*LIVE, pytest.mark.needs_family("AF_BLUETOOTH", protocol="bnep")]

    def test_ethernet_frames_go_over_a_connection(
        self, pair: tuple[HciDevInfo, HciDevInfo], connect: Connect
    ) -> None:
        near, far = connect()
        with BnepSocket() as sock, ExitStack() as stack:
            wanted = f"bt{os.getpid()}a"
            assert sock.add_connection(near, c.BNEP_SVC_PANU, wanted) == wanted
            stack.callback(await_none, sock.connections)
            stack.callback(sock.delete_connection, pair[0].bdaddr)
            other = sock.add_connection(far, c.BNEP_SVC_NAP)
            stack.callback(sock.delete_connection, pair[1].bdaddr)
            assert other.startswith("bnep")
            found = {one.device: one for one in sock.connections()}
            assert found[wanted] == sock.connection(pair[0].bdaddr)
            assert found[wanted] == BnepConnection(0, c.BNEP_SVC_PANU, 1, pair[0].bdaddr, wanted)
            assert (found[other].role, found[other].dst) == (c.BNEP_SVC_NAP, pair[1].bdaddr)
            source, destination = up(wanted), up(other)
            ours = stack.enter_context(stdlib.socket(stdlib.AF_PACKET, stdlib.SOCK_RAW))
            theirs = stack.enter_context(stdlib.socket(stdlib.AF_PACKET, stdlib.SOCK_RAW))
            ours.bind((wanted, 0))
            theirs.bind((other, 0x0800))  # a type that the kernel's default filter lets through
            theirs.settimeout(PATIENCE_S)
            frame = destination + source + b"\x08\x00" + b"over Bluetooth".ljust(46)
            ours.send(frame)
            while theirs.recv(2048) != frame:
                pass

    def test_a_peer_has_one_connection(
        self, pair: tuple[HciDevInfo, HciDevInfo], connect: Connect
    ) -> None:
        with BnepSocket() as sock:
            sock.add_connection(connect()[0])
            with pytest.raises(OSError, match="File exists") as caught:
                sock.add_connection(connect()[0])
            assert caught.value.errno == errno.EEXIST
            sock.delete_connection(pair[0].bdaddr)
            await_none(sock.connections)
            for call in (sock.delete_connection, sock.connection):
                with pytest.raises(OSError, match="No such file") as caught:
                    call(pair[0].bdaddr)
                assert caught.value.errno == errno.ENOENT

    def test_features(self) -> None:
        with BnepSocket() as sock:
            assert sock.supported_features() & 1 << c.BNEP_SETUP_RESPONSE


class TestHidp:
    pytestmark: ClassVar = [*LIVE, pytest.mark.needs_family("AF_BLUETOOTH", protocol="hidp")]

    @pytest.mark.parametrize("described", [b"", MOUSE], ids=["boot", "descriptor"])
    def test_a_mouse(
        self, pair: tuple[HciDevInfo, HciDevInfo], connect: Connect, described: bytes
    ) -> None:
        (control, far_control), (interrupt, _) = connect(), connect()
        unplug = 1 << c.HIDP_VIRTUAL_CABLE_UNPLUG
        with HidpSocket() as sock:
            sock.add_connection(
                control,
                interrupt,
                name="famsock's mouse",
                report_descriptor=described,
                subclass=0x80,
                vendor=0x1234,
                product=0xFA50,
                version=0x0102,
                flags=unplug,
            )
            (found,) = sock.connections()
            assert found == sock.connection(pair[0].bdaddr)
            assert (found.vendor, found.product, found.version) == (0x1234, 0xFA50, 0x0102)
            name = "famsock's mouse" if described else "Bluetooth HID Boot Protocol Device"
            assert (found.bdaddr, found.name) == (pair[0].bdaddr, name)
            if described:
                await_device("0005:1234:FA50.*")
            sock.delete_connection(pair[0].bdaddr, unplug)
            assert far_control.recv(10) == b"\x15"  # HID_CONTROL, VIRTUAL_CABLE_UNPLUG
            sock.delete_connection(pair[0].bdaddr)
            await_none(sock.connections)
            with pytest.raises(OSError, match="No such file"):
                sock.connection(pair[0].bdaddr)


class TestCmtp:
    """Debian's kernels have CMTP up to 6.1; where there is none, the refusal says so."""

    pytestmark: ClassVar = [*LIVE, pytest.mark.needs_family("AF_BLUETOOTH", protocol="l2cap")]

    def test_a_capi_controller(self, pair: tuple[HciDevInfo, HciDevInfo], connect: Connect) -> None:
        near, _ = connect()
        if requirements.family("AF_BLUETOOTH", protocol="cmtp"):
            with pytest.raises(OSError, match="Protocol not supported") as refused:
                CmtpSocket()
            assert refused.value.errno == errno.EPROTONOSUPPORT
            assert "modprobe" in refused.value.__notes__[0]
            assert "cmtp" in refused.value.__notes__[0]
            return
        with CmtpSocket() as sock:
            sock.add_connection(near, 1 << c.CMTP_LOOPBACK)
            (found,) = sock.connections()
            assert found == sock.connection(pair[0].bdaddr)
            assert (found.bdaddr, found.flags & 1) == (pair[0].bdaddr, 1 << c.CMTP_LOOPBACK)
            sock.delete_connection(pair[0].bdaddr)
            await_none(sock.connections)


@pytest.mark.parametrize("cls", [BnepSocket, HidpSocket])
@pytest.mark.needs_family("AF_BLUETOOTH", protocol="l2cap")
class TestAnySocket:
    def test_there_are_no_addresses(self, cls: type[Any]) -> None:
        with opened(cls) as sock:
            assert sock.local_address is None
            for call in (sock.bind, sock.connect):
                with pytest.raises(OSError, match="AF_BLUETOOTH has no addresses, pass None, not"):
                    call((BDADDR, 1))
                with pytest.raises(OSError, match=r"not supported|Invalid argument") as caught:
                    call(None)
                assert caught.value.errno in (errno.EOPNOTSUPP, errno.EINVAL)
                assert "add_connection" in caught.value.__notes__[0]

    def test_a_plain_socket_becomes_one_of_its_class(self, cls: type[Any]) -> None:
        with famsock.socket(c.AF_BLUETOOTH, stdlib.SOCK_RAW, cls._kind[2]) as sock:
            assert type(sock.operations) is cls

    @pytest.mark.needs_capability("CAP_NET_ADMIN")
    def test_another_socket_is_refused_with_a_hint(self, cls: type[Any]) -> None:
        with opened(cls) as sock, stdlib.socket() as tcp:
            more = (tcp,) if cls is HidpSocket else ()
            named = {"name": "x"} if cls is HidpSocket else {}
            with pytest.raises(OSError, match=r"bad state|descriptor|Invalid argument") as caught:
                sock.add_connection(tcp, *more, **named)
            assert "connected L2CAP sockets" in caught.value.__notes__[0]


class Recorded:
    """A descriptor of no socket, for what is refused before the kernel is asked."""

    def fileno(self) -> int:
        return -1


def _adopted(cls: type[Any]) -> Any:
    """A socket of a class without the kernel's support for it."""
    ends = stdlib.socketpair()
    ends[1].close()
    plain = famsock.socket(c.AF_BLUETOOTH, stdlib.SOCK_RAW, cls._kind[2], ends[0].detach())
    return plain.operations


REFUSED: tuple[tuple[Any, ...], ...] = (
    (BnepSocket, "add_connection", (1 << 16,), {}, OverflowError, "role must be 0-65535"),
    (BnepSocket, "add_connection", (0, "x" * 16), {}, ValueError, "device must be at most 15"),
    (BnepSocket, "add_connection", (0, "a\0b"), {}, ValueError, "without a zero byte"),
    (BnepSocket, "add_connection", (0, "", -1), {}, OverflowError, "flags must be 0-4294967295"),
    (CmtpSocket, "add_connection", (1 << 32,), {}, OverflowError, "flags must be 0-4294967295"),
    (
        HidpSocket,
        "add_connection",
        (Recorded(),),
        {"name": "x" * 128},
        ValueError,
        "name must be at most 127 bytes",
    ),
    (
        HidpSocket,
        "add_connection",
        (Recorded(),),
        {"name": "x", "report_descriptor": bytes(4097)},
        ValueError,
        "report_descriptor must be at most 4096 bytes",
    ),
    (
        HidpSocket,
        "add_connection",
        (Recorded(),),
        {"name": "x", "report_descriptor": "text"},
        TypeError,
        "report_descriptor",
    ),
    *(
        (
            HidpSocket,
            "add_connection",
            (Recorded(),),
            {"name": "x", field: -1},
            OverflowError,
            f"{field} must be 0-",
        )
        for field in ("parser", "country", "subclass", "vendor", "product", "version", "idle_s")
    ),
)


@pytest.mark.parametrize(("cls", "method", "more", "named", "error", "match"), REFUSED)
def test_wrong_arguments_are_refused(
    cls: type[Any],
    method: str,
    more: tuple[Any, ...],
    named: dict[str, Any],
    error: type[Exception],
    match: str,
) -> None:
    with _adopted(cls) as sock, pytest.raises(error, match=match):
        getattr(sock, method)(Recorded(), *more, **named)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("method", ["connection", "delete_connection"])
def test_wrong_addresses_are_refused(cls: type[Any], method: str) -> None:
    with _adopted(cls) as sock:
        for wrong, error in ((5, TypeError), ("00:11", OSError), (BDADDR + ":00", ValueError)):
            with pytest.raises(error):
                getattr(sock, method)(wrong)


@pytest.mark.parametrize(
    ("made", "data"),
    [
        (
            BnepConnection(1, c.BNEP_SVC_NAP, 1, BDADDR, "bnep0"),
            "01000000 1611 0100 001bdc0fa27e 626e65703000 00000000000000000000 0000",
        ),
        (
            CmtpConnection(BDADDR, 1, 1, 2),
            "7ea20fdc1b00 0000 01000000 0100 0000 02000000",
        ),
        (
            HidpConnection(BDADDR, 1, 1, 0x1234, 0x5678, 0x0102, "mouse"),
            "7ea20fdc1b00 0000 01000000 0100 3412 7856 0201 6d6f757365" + "00" * 123,
        ),
    ],
)
def test_layouts_as_the_kernel_has_them(made: Any, data: str) -> None:
    assert made.pack() == bytes.fromhex(data)
    assert type(made).unpack(bytes.fromhex(data)) == made
