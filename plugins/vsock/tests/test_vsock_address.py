"""The typed address, and what the family can do without a peer."""

from __future__ import annotations

import errno
import fcntl
import socket as stdlib
import struct
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from famsock_vsock import selftest, sockets
from famsock_vsock.addresses import VsockAddress
from famsock_vsock.constants import VMADDR_CID_ANY, VMADDR_FLAG_TO_HOST, VMADDR_PORT_ANY

import famsock
from famsock.plugin import socket
from famsock.testing import requirements

AF_VSOCK = famsock.AF_VSOCK
DEVICE = Path(sockets.DEVICE)
SO_RCVTIMEO = 20


@pytest.mark.parametrize(
    ("name", "number"), [("hypervisor", 0), ("local", 1), ("host", 2), ("any", 2**32 - 1)]
)
def test_names_of_cids(name: str, number: int) -> None:
    address = VsockAddress.parse(f"vsock://{name}:1024")
    assert address == VsockAddress(number, 1024)
    assert address.cid_name == name


def test_a_guest_has_no_name() -> None:
    assert VsockAddress(3, 1).cid_name == ""


@pytest.mark.parametrize("text", ["guest:1", "2:local", "2", "2:1:1", "2:1?flag=1", "", "2:-"])
def test_text_that_is_no_address(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        VsockAddress.parse(text)


def test_to_host_is_the_flag() -> None:
    assert VsockAddress(5, 1, VMADDR_FLAG_TO_HOST).to_host
    assert not VsockAddress(5, 1).to_host


def test_constants_that_this_python_may_lack() -> None:
    assert (famsock.VMADDR_CID_LOCAL, famsock.VMADDR_CID_HYPERVISOR) == (1, 0)
    assert famsock.VMADDR_FLAG_TO_HOST == 1
    assert famsock.VMADDR_CID_ANY == VMADDR_CID_ANY


@pytest.mark.needs_family("AF_VSOCK")
def test_binding_to_any_as_cpython_does() -> None:
    with socket(AF_VSOCK, stdlib.SOCK_STREAM) as sock:
        sock.bind((famsock.VMADDR_CID_ANY, VMADDR_PORT_ANY))
        cid, port = sock.getsockname()
        assert cid == VMADDR_CID_ANY
        assert 0 < port < VMADDR_PORT_ANY
        assert sock.local_address == VsockAddress(cid, port)


@pytest.mark.needs_family("AF_VSOCK")
class TestOptions:
    """Set what the stdlib's setsockopt cannot set on these sockets, and what it can."""

    def test_times_and_structs_of_sol_socket(self) -> None:
        with socket(AF_VSOCK) as sock:
            timeval = struct.pack("@ll", 3, 500_000)
            sock.setsockopt(stdlib.SOL_SOCKET, SO_RCVTIMEO, timeval)
            assert sock.getsockopt(stdlib.SOL_SOCKET, SO_RCVTIMEO, 16) == timeval
            linger = struct.pack("@ii", 1, 5)
            sock.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, linger)
            assert sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_LINGER, 8) == linger

    def test_the_stdlib_refuses_them(self) -> None:
        with stdlib.socket(AF_VSOCK) as sock, pytest.raises((TypeError, OSError)):
            sock.setsockopt(stdlib.SOL_SOCKET, SO_RCVTIMEO, struct.pack("@ll", 3, 0))

    def test_integers_of_sol_socket_are_ints(self) -> None:
        with socket(AF_VSOCK) as sock:
            assert sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_TYPE) == stdlib.SOCK_STREAM
            sock.setsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY, 3)
            assert sock.getsockopt(stdlib.SOL_SOCKET, stdlib.SO_PRIORITY) == 3

    def test_integers_of_the_family_are_u64(self) -> None:
        option = famsock.SO_VM_SOCKETS_BUFFER_MAX_SIZE
        with socket(AF_VSOCK) as sock:
            sock.setsockopt(AF_VSOCK, option, (1 << 33) + 7)
            assert sock.getsockopt(AF_VSOCK, option) == (1 << 33) + 7
            assert sock.get_option("SO_VM_SOCKETS_BUFFER_MAX_SIZE") == (1 << 33) + 7
            for value in (-1, 1 << 64):
                with pytest.raises(OverflowError):
                    sock.set_option("SO_VM_SOCKETS_BUFFER_MAX_SIZE", value)

    def test_connect_timeout_in_ns(self) -> None:
        with socket(AF_VSOCK) as sock:
            assert sock.get_option("SO_VM_SOCKETS_CONNECT_TIMEOUT") == 2_000_000_000
            sock.set_option("SO_VM_SOCKETS_CONNECT_TIMEOUT", 1_500_000_000)
            assert sock.get_option("SO_VM_SOCKETS_CONNECT_TIMEOUT") == 1_500_000_000
            with pytest.raises(OverflowError):
                sock.set_option("SO_VM_SOCKETS_CONNECT_TIMEOUT", -1)

    def test_no_option_of_the_wrong_size(self) -> None:
        with socket(AF_VSOCK) as sock, pytest.raises(OSError, match="Invalid argument"):
            sock.setsockopt(AF_VSOCK, famsock.SO_VM_SOCKETS_BUFFER_SIZE, b"\1\2")


@pytest.mark.needs_family("AF_VSOCK")
@pytest.mark.skipif(not DEVICE.exists(), reason=f"needs {DEVICE}: modprobe vsock")
def test_local_cid_is_the_devices() -> None:
    with DEVICE.open("rb") as device:
        answer = fcntl.ioctl(device, famsock.IOCTL_VM_SOCKETS_GET_LOCAL_CID, bytes(4))
    cid = struct.unpack("=I", answer)[0]
    with sockets.VsockStreamSocket() as sock:
        assert sock.local_cid() == sockets.local_cid() == cid
        assert sock.is_guest() == (3 <= cid < VMADDR_CID_ANY)


@pytest.mark.needs_family("AF_VSOCK")
def test_what_this_machine_is() -> None:
    with sockets.VsockStreamSocket() as sock:
        found = sock.has_loopback(), sock.is_host()
        assert found == (
            not requirements.module("vsock_loopback"),
            not requirements.module("vhost_vsock"),
        )


def test_local_cid_without_the_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sockets, "DEVICE", str(tmp_path / "vsock"))
    with pytest.raises(FileNotFoundError) as caught:
        sockets.local_cid()
    assert caught.value.__notes__ == [
        "One possible cause: the kernel lacks the module vsock: modprobe vsock"
    ]
    assert caught.value.filename == str(tmp_path / "vsock")


@pytest.mark.needs_family("AF_VSOCK")
@pytest.mark.parametrize("part", [selftest.stream, selftest.seqpacket])
def test_an_exchange_without_a_transport_ends_with_the_remedy(
    part: Callable[[], AbstractContextManager[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selftest, "VMADDR_CID_LOCAL", 777_777)
    started = time.monotonic()
    with pytest.raises(OSError, match="Cannot assign") as caught, part():
        pass
    assert "modprobe vsock_loopback" in " ".join(caught.value.__notes__)
    assert time.monotonic() - started < 5


@pytest.mark.needs_family("AF_VSOCK")
def test_an_exchange_that_hangs_ends_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that takes the CID and never answers, as some guests' do."""
    monkeypatch.setattr(selftest, "VMADDR_CID_LOCAL", VMADDR_CID_ANY)

    def never_answered(sock: socket, address: object) -> None:
        assert sock.gettimeout() == selftest._TIMEOUT_S <= 2
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "connect", never_answered)
    with pytest.raises(TimeoutError) as caught, selftest.stream():
        pass
    assert "modprobe vsock_loopback" in " ".join(caught.value.__notes__)


@pytest.mark.needs_family("AF_VSOCK")
@pytest.mark.usefixtures("alarm")
def test_connecting_to_nobody_ends(descriptors: None) -> None:
    with socket(AF_VSOCK) as sock:
        sock.settimeout(1)
        with pytest.raises(OSError) as caught:  # noqa: PT011 - which depends on the transports
            sock.connect((777_777, 1))
        assert caught.value.errno in (
            None, errno.ENODEV, errno.ECONNRESET, errno.ETIMEDOUT, errno.ENETUNREACH,
        )  # fmt: skip
