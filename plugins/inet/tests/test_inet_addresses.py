"""Addresses of AF_INET and AF_INET6 beyond the suite: names, zones, `ipaddress`, audit events."""

from __future__ import annotations

import ipaddress
import socket as stdlib
import subprocess
import sys
from collections.abc import Callable
from socket import AF_INET, AF_INET6, SOCK_DGRAM, gaierror
from typing import Any

import pytest
from famsock_inet._hosts import pack_ipv4, pack_ipv6
from famsock_inet.addresses import Inet6Address, InetAddress
from hypothesis import given
from hypothesis import strategies as st

import famsock
from famsock import RawAddress
from famsock.address import Address, AddressCodec, Lookup

ASK = "127.0.0.1", "", "<broadcast>", "255.255.255.255", b"10.0.0.1"
ASK6 = "::1", "", "fe80::1%7", b"::", "::ffff:1.2.3.4"


@pytest.mark.parametrize("host", ASK)
def test_numeric_ipv4_asks_nothing_of_the_system(host: str | bytes) -> None:
    assert not asks(InetAddress, (host, 1))


@pytest.mark.parametrize("host", ASK6)
def test_numeric_ipv6_asks_nothing_of_the_system(host: str | bytes) -> None:
    assert not asks(Inet6Address, (host, 1))


def test_names_ask_the_system() -> None:
    assert asks(InetAddress, ("localhost", 1))
    assert asks(InetAddress, ("127.1", 1))
    assert asks(Inet6Address, ("fe80::1%lo", 1))


def asks(cls: Any, form: tuple[Any, ...]) -> bool:
    """Whether packing a stdlib form asks the system, so that the result must not be cached."""
    lookup = Lookup("bind")
    cls.from_stdlib(form, lookup).pack(lookup)
    return lookup.used


def test_a_name_is_resolved_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from famsock_inet import _names

    answers = iter((b"\2\0\0\0\1\1\1\1" + bytes(8), b"\2\0\0\0\2\2\2\2" + bytes(8)))
    monkeypatch.setattr(_names, "resolve", lambda host, family: next(answers))
    codec = AddressCodec(lambda: InetAddress, lambda family: None)
    sock: Any = None
    for number in (1, 2):
        sockaddr = codec.encode(sock, "bind", ("name.example", 9))
        assert sockaddr is not None
        assert sockaddr[4:8] == bytes([number] * 4)


def test_names_that_resolve_in_c_as_in_the_stdlib() -> None:
    for host in ("localhost", "127.1", "0x7f000001", "127.0.0.01"):
        with (
            stdlib.socket(AF_INET, SOCK_DGRAM) as theirs,
            famsock.socket(AF_INET, SOCK_DGRAM) as ours,
        ):
            theirs.bind((host, 0))
            ours.bind((host, 0))
            assert ours.getsockname()[0] == theirs.getsockname()[0]


@pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="PyPy's own errors differ; famsock has CPython's"
)
def test_errors_are_those_of_the_stdlib(family: int) -> None:
    wrong: list[Any] = [
        ("::1" if family == AF_INET else "127.0.0.1", 0),
        ("\0", 0), ("\udcff", 0), (b"\xff:", 0), (1, 0), (None, 0), ("x" * 300, 0),
        ("", -1), ("", 65536), ("", 1 << 40), ("", "1"), ("", 1.0), ("", None),
        [], (), ("",), ("", 0, 0, 0, 0), "", None, 7,
        (":::", 99999), ("\xfc" * 70, 99999),
    ]  # fmt: skip
    if family == AF_INET6:
        wrong += [("<broadcast>", 0), ("255.255.255.255", 0), ("", 0, -1), ("", 0, 1 << 20)]
        wrong += [("", 0, "0"), ("", 0, 0, "0"), ("fe80::1%none9", 0)]
    for form in wrong:
        errors = []
        for module in (stdlib, famsock):
            with module.socket(family, SOCK_DGRAM) as sock:
                for call in (
                    sock.bind,
                    sock.connect,
                    sock.connect_ex,
                    lambda a, s=sock: s.sendto(b"", a),
                ):
                    with pytest.raises((TypeError, OverflowError, OSError)) as caught:
                        call(form)
                    error = caught.value
                    errors.append((type(error), getattr(error, "errno", None)))
        assert errors[:4] == errors[4:], form


def test_no_audit_event_for_a_name() -> None:
    program = """
import sys, famsock
events = []
sys.addaudithook(lambda event, args: event.startswith("socket.") and events.append(event))
sock = famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM)
for host in ("localhost", "127.1"):
    sock.connect((host, 9))
sock.close()
print(*events)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.split() == ["socket.__new__", "socket.connect", "socket.connect"]


def test_a_program_that_replaces_getaddrinfo_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("bind resolves inside the C library, as the stdlib's does")

    monkeypatch.setattr(stdlib, "getaddrinfo", refuse)
    with famsock.socket(AF_INET, SOCK_DGRAM) as sock:
        sock.bind(("localhost", 0))


def test_idna() -> None:
    assert InetAddress("b\xfccher.example", 1).host == "xn--bcher-kva.example"
    assert Inet6Address("xn--bcher-kva.example", 1).host == "xn--bcher-kva.example"
    with pytest.raises(TypeError, match="AF_INET host encoding of hostname failed"):
        InetAddress("\xfc" * 64, 1)


def test_ipaddress_objects() -> None:
    four, six = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("fe80::1%3")
    any_address: Any = InetAddress
    assert any_address(four, 80) == InetAddress("192.0.2.1", 80)
    any_address = Inet6Address
    assert any_address(six, 80) == Inet6Address("fe80::1", 80, 0, 3)
    assert any_address(ipaddress.ip_address("fe80::1%lo"), 80).host == "fe80::1%lo"
    for wrong in (four, ipaddress.ip_network("2001:db8::/32"), ipaddress.ip_interface("::1/64")):
        with pytest.raises(TypeError, match="AF_INET6 host"):
            any_address(wrong, 80)


def test_zones() -> None:
    hosts: tuple[Any, ...] = ("fe80::1%7", b"fe80::1%7", bytearray(b"fe80::1%7"), "fe80::1%007")
    for host in hosts:
        address = Inet6Address(host, 80)
        assert (address.host, address.scope_id) == ("fe80::1", 7)
    assert Inet6Address("fe80::1%7", 80, 0, 9).scope_id == 9
    assert Inet6Address("fe80::1%7", 80, 0, 9).host == "fe80::1%7"
    assert Inet6Address("fe80::1%0", 80) == Inet6Address("fe80::1", 80)
    for zone in ("4294967296", "1" * 5000, "\u0661", "-1", "+1", "1 ", ""):
        assert Inet6Address(f"fe80::1%{zone}", 80).scope_id == 0
        with pytest.raises(OSError, match=r"Errno"):
            Inet6Address(f"fe80::1%{zone}", 80).pack()
    assert pack_ipv6("fe80::1%lo")[1] == stdlib.if_nametoindex("lo")
    with pytest.raises(gaierror):
        pack_ipv6("a." * 140 + "%lo:")  # too long: no query is sent


def test_an_ipv6_socket_may_be_given_raw_ipv4_bytes() -> None:
    with famsock.socket(AF_INET6, SOCK_DGRAM) as sock:
        sock.setsockopt(stdlib.IPPROTO_IPV6, stdlib.IPV6_V6ONLY, 0)
        sock.connect(RawAddress(10, Inet6Address("::ffff:127.0.0.1", 9).pack()[2:]))
        assert sock.getpeername() == ("::ffff:127.0.0.1", 9, 0, 0)
        sock.connect(RawAddress(0, bytes(26)))
        assert sock.peer_address is None


def test_every_call_takes_every_shape(family: int) -> None:
    cls: Any = InetAddress if family == AF_INET else Inet6Address
    host = "127.0.0.1" if family == AF_INET else "::1"
    with famsock.socket(family, SOCK_DGRAM) as receiver:
        receiver.settimeout(20)
        receiver.bind(cls(host, 0))
        form, typed = receiver.getsockname(), receiver.local_address
        assert isinstance(typed, cls)
        for address in (form, typed, RawAddress(family, typed.pack()[2:]), form[:2]):
            with famsock.socket(family, SOCK_DGRAM) as sender:
                sender.sendto(b"a", address)
                sender.sendmsg([b"b"], [], 0, address)
                sender.send_message(b"c", address)
                sender.connect(address)
                assert sender.connect_ex(address) == 0
                sender.send(b"d")
                source = sender.getsockname()
                assert sender.peer_address == typed
                received = [receiver.recvfrom(10) for _ in range(4)]
            assert [data for data, _ in received] == [b"a", b"b", b"c", b"d"]
            assert received[-1][1] == source


@given(st.binary(max_size=20))
def test_hosts_of_any_bytes(host: bytes) -> None:
    if b"\0" in host:
        with pytest.raises(TypeError):
            InetAddress(host, 0)  # type: ignore[arg-type]
        return
    made = InetAddress(host, 0)  # type: ignore[arg-type]
    assert made.host.encode("ascii", "surrogateescape") == host
    assert InetAddress.parse(str(InetAddress("x", 0))) == InetAddress("x", 0)


def test_host_helpers() -> None:
    assert pack_ipv4("<broadcast>") == b"\xff" * 4
    assert pack_ipv6("") == (bytes(16), 0)


def test_no_descriptor_is_left(descriptors: None, family: int) -> None:
    def refused(call: Callable[[], object]) -> None:
        with pytest.raises((TypeError, OverflowError, OSError)):
            call()

    with famsock.socket(family, SOCK_DGRAM) as sock:
        for form in (("\0", 0), ("", 70000), None, ("::::", 1)):
            refused(lambda form=form: sock.bind(form))  # type: ignore[misc]
            refused(lambda form=form: sock.sendto(b"", form))  # type: ignore[misc]


def test_equal_hosts_are_equal() -> None:
    assert Inet6Address("FE80:0::1", 1, 0, 2) == Inet6Address("fe80::1", 1, 0, 2)
    assert hash(Inet6Address("::0001", 1)) == hash(Inet6Address("::1", 1))
    assert str(Inet6Address("2001:DB8::", 1)) == "[2001:db8::]:1"


@pytest.mark.parametrize("cls", [InetAddress, Inet6Address])
@pytest.mark.parametrize("text", ["\x80:1", "[\x80]:1", "\ud800:1"])
def test_text_whose_host_can_be_no_name(cls: type[Address], text: str) -> None:
    with pytest.raises(ValueError, match=cls.family_name):
        cls.parse(text)
