"""Addresses: the four shapes, the raw escape, and what a codec keeps."""

from __future__ import annotations

import copy
import errno
import pickle
import socket as stdlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self
from unittest import mock

import pytest
from famsock_inet import InetAddress

import famsock
from famsock import _calls, cstruct
from famsock import address as address_module
from famsock._calls.layout import SockaddrLayout, integer_field
from famsock._lazy import load
from famsock._registry import plugins
from famsock._sockaddr import sockaddr
from famsock.address import (
    RAW_CODEC,
    Address,
    AddressCodec,
    Lookup,
    RawAddress,
    family_head,
    family_of,
    name_operation,
)
from famsock.family import Family, Protocol
from famsock.testing._checks.bad_input import CALLS

LO = 1


@sockaddr("struct sockaddr_kit", header="", family=46, family_name="AF_KIT")
class KitAddress(Address):
    """A port and a node; the node may be left out."""

    port: int = cstruct.be16("kit_port")
    node: int = cstruct.u32("kit_node", default=0)


@sockaddr("struct sockaddr_link", header="", family=47, family_name="AF_KITLINK")
class LinkAddress(Address):
    """An interface, which the stdlib form names."""

    index: int = cstruct.u32("link_index")

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Self:
        (name,) = form
        return cls(lookup.interface_index(name))

    def to_stdlib(self, lookup: Lookup) -> Any:
        return (lookup.interface_name(self.index),)


def _codec(cls: type[Address] = KitAddress) -> AddressCodec:
    return AddressCodec(lambda: cls, lambda family: LinkAddress if family == 47 else None)


@pytest.fixture
def sock() -> Iterator[stdlib.socket]:
    with stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM) as sock:
        yield sock


# Typed addresses


def test_the_stdlib_form_both_ways() -> None:
    lookup = Lookup("bind")
    assert KitAddress.from_stdlib((80, 7), lookup) == KitAddress(80, 7)
    assert KitAddress.from_stdlib((80,), lookup) == KitAddress(80)
    assert KitAddress(80).to_stdlib(lookup) == KitAddress(80).as_stdlib() == (80, 0)
    assert KitAddress.required_fields() == 1


@pytest.mark.parametrize(
    ("form", "error", "match"),
    [
        ([80, 7], TypeError, r"^AF_KIT address must be a tuple \(port, node\), not list$"),
        ("80", TypeError, r"^AF_KIT address must be a tuple \(port, node\), not str$"),
        ((), TypeError, r"\(port, node\) of 1 to 2 items, not 0$"),
        ((1, 2, 3), TypeError, r"\(port, node\) of 1 to 2 items, not 3$"),
        (("80",), TypeError, "^AF_KIT port must be an integer 0-65535, not str$"),
        ((65536,), OverflowError, "^AF_KIT port must be 0-65535, not 65536$"),
    ],
)
def test_a_wrong_stdlib_form(form: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        KitAddress.from_stdlib(form, Lookup("bind"))


def test_every_field_required_is_counted_as_one_number() -> None:
    with pytest.raises(TypeError, match=r"AF_KITLINK address must be .* of 1 items, not 2$"):
        super(LinkAddress, LinkAddress).from_stdlib((1, 2), Lookup("bind"))


def test_a_class_reads_its_own_family() -> None:
    assert KitAddress.reads(KitAddress(80).pack())
    assert not KitAddress.reads(LinkAddress(1).pack())
    assert not KitAddress.reads(b"")


def test_a_text_of_a_wrong_type_is_a_value_error() -> None:
    class Strict(KitAddress):
        """An address that refuses a port by TypeError."""

        def __init__(self, port: int) -> None:
            raise TypeError(f"port {port} is none")

    with pytest.raises(ValueError, match=r"^port 80 is none$"):
        Strict.parse("80")


# The raw escape


def test_raw_shapes() -> None:
    raw = RawAddress(36, b"\0\xff")
    packed = family_head(36, 4) + b"\0\xff"
    assert raw.pack() == packed
    assert RawAddress.unpack(packed) == RawAddress.unpack(memoryview(packed)) == raw
    assert str(raw) == "raw:36:00ff"
    assert RawAddress.parse(str(raw)) == raw
    assert raw.to_stdlib(Lookup("decode")) is raw
    assert repr(raw) == "RawAddress(family=36, data=b'\\x00\\xff')"


def test_raw_data_is_never_cut() -> None:
    raw = RawAddress(36, bytes(range(200)))
    assert RawAddress.unpack(raw.pack()) == RawAddress.parse(str(raw)) == raw


@pytest.mark.parametrize("data", [b"", b"\x24"])
def test_raw_without_a_whole_family_is_of_family_0(data: bytes) -> None:
    assert RawAddress.unpack(data) == RawAddress(0, b"")


@pytest.mark.parametrize("family", [-1, 1 << 16])
def test_raw_family_out_of_range(family: int) -> None:
    with pytest.raises(OverflowError, match=f"^RawAddress family must be 0-.*, not {family}$"):
        RawAddress(family, b"")


@pytest.mark.parametrize("text", ["", "raw:36", "raw:36:0g", "raw:x:00", "kit:36:00", "raw:1:2:3"])
def test_raw_text_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="raw address must be raw:family:hexadecimal bytes, not "):
        RawAddress.parse(text)


def test_raw_is_a_value() -> None:
    raw = RawAddress(36, b"x")
    assert pickle.loads(pickle.dumps(raw)) == copy.deepcopy(raw) == raw
    assert hash(raw) == hash(RawAddress(36, b"x"))
    assert raw not in (RawAddress(37, b"x"), RawAddress(36, b"y"), (36, b"x"))
    with pytest.raises(AttributeError, match="RawAddress is immutable: cannot set 'data'"):
        raw.data = b"y"


def test_raw_has_no_stdlib_form() -> None:
    with pytest.raises(OSError, match="use RawAddress, not tuple") as caught:
        RawAddress.from_stdlib((1, 2), Lookup("bind"))
    assert caught.value.errno is None


@pytest.mark.parametrize(
    ("has_sa_len", "head"), [(True, b"\x10\x02"), (False, (2).to_bytes(2, sys.byteorder))]
)
def test_the_head_of_a_sockaddr(
    has_sa_len: bool, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address_module, "HAS_SA_LEN", has_sa_len)
    assert family_head(2, 16) == head
    assert family_of(head + bytes(14)) == 2
    assert family_of(head[:1]) == 0


# Questions to the system


def test_a_lookup_without_a_socket() -> None:
    lookup = Lookup("parse")
    assert not lookup.used
    assert lookup.interface_index("lo") == stdlib.if_nametoindex("lo")
    assert lookup.used
    assert Lookup("parse").interface_name(lookup.interface_index("lo")) == "lo"
    assert Lookup("parse").local_sockaddr() == b""


@pytest.mark.parametrize("index", [0, -1, (1 << 31) - 1, 1 << 40])
def test_an_interface_that_is_not_there_has_no_name(index: int) -> None:
    assert Lookup("decode").interface_name(index) == ""


def test_an_interface_that_is_not_there_has_no_index(sock: stdlib.socket) -> None:
    for lookup in (Lookup("bind"), Lookup("bind", sock)):
        with pytest.raises(OSError, match=r"[Nn]o (such device|interface)"):
            lookup.interface_index("nosuch0")


def test_a_lookup_says_that_it_asked_a_socket(sock: stdlib.socket) -> None:
    sock.bind(("127.0.0.1", 0))
    asked: list[Callable[[Lookup], object]] = [
        lambda lookup: lookup.interface_index("lo"),
        lambda lookup: lookup.interface_name(LO),
        lambda lookup: lookup.local_sockaddr(),
    ]
    for ask in asked:
        lookup = Lookup("bind", sock)
        assert not lookup.used
        assert ask(lookup)
        assert lookup.used
    assert Lookup("bind", sock).local_sockaddr()[2:4] == sock.getsockname()[1].to_bytes(2)


def test_a_closed_socket_is_bound_to_nothing() -> None:
    closed = stdlib.socket(stdlib.AF_INET, stdlib.SOCK_DGRAM)
    closed.close()
    assert Lookup("decode", closed).local_sockaddr() == b""


# The codec


def test_every_shape_is_encoded(sock: stdlib.socket) -> None:
    codec = _codec()
    packed = KitAddress(80, 7).pack()
    for shape in ((80, 7), KitAddress(80, 7), RawAddress.unpack(packed)):
        assert codec.encode(sock, "bind", shape) == packed


def test_sockaddrs_of_the_kernel_are_decoded(sock: stdlib.socket) -> None:
    codec = _codec()
    packed = KitAddress(80, 7).pack()
    for _ in range(2):
        assert codec.decode(sock, packed) == (80, 7)
        assert codec.decode_typed(sock, packed) == KitAddress(80, 7)
    assert codec.decode(sock, b"") is None


def test_a_sockaddr_that_fits_no_class_is_raw(sock: stdlib.socket) -> None:
    codec = _codec()
    for packed in (KitAddress(80).pack()[:-1], family_head(99, 4) + b"xy", b"\1"):
        assert codec.decode_typed(sock, packed) == RawAddress.unpack(packed)
        assert codec.decode(sock, packed) == RawAddress.unpack(packed)


def test_an_address_of_another_family_has_that_familys_class(sock: stdlib.socket) -> None:
    assert _codec().decode_typed(sock, LinkAddress(5).pack()) == LinkAddress(5)


def test_a_refusal_names_the_operation(sock: stdlib.socket) -> None:
    with pytest.raises(OverflowError, match=r"^bind\(\): AF_KIT port must be 0-65535, not 65536$"):
        _codec().encode(sock, "bind", (65536,))
    with pytest.raises(
        TypeError, match=r"^sendto\(\): AF_KIT address must be KitAddress or RawAdd"
    ):
        _codec().encode(sock, "sendto", LinkAddress(1))


def test_only_a_message_of_one_text_gets_the_operation() -> None:
    system, own = OSError(errno.EINVAL, "Invalid argument"), ValueError("no port")
    for error in (system, own):
        name_operation(error, "bind")
    assert str(system) == f"[Errno {errno.EINVAL}] Invalid argument"
    assert str(own) == "bind(): no port"


def test_a_hit_needs_the_same_types(sock: stdlib.socket) -> None:
    codec = _codec()
    assert codec.encode(sock, "bind", (80, 7)) == codec.encode(sock, "bind", (80, 7))
    with pytest.raises(TypeError, match="not float"):
        codec.encode(sock, "bind", (80.0, 7))


def test_a_number_of_another_class_is_encoded(sock: stdlib.socket) -> None:
    class Port:
        __hash__ = None  # type: ignore[assignment]

        def __index__(self) -> int:
            return 80

    assert _codec().encode(sock, "bind", (Port(), 7)) == KitAddress(80, 7).pack()


@pytest.fixture
def interfaces(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The indexes of the interfaces that there are, by name, as the system tells them."""
    found = {"kit0": 7}

    def index(_: int, name: str) -> int:
        if name not in found:
            raise OSError(errno.ENODEV, "No such device")
        return found[name]

    def name(_: int, index: int) -> str:
        return next((name for name, other in found.items() if other == index), "")

    monkeypatch.setattr(_calls, "interface_index", index, raising=False)
    monkeypatch.setattr(_calls, "interface_name", name, raising=False)
    return found


def test_no_name_of_an_interface_is_kept(sock: stdlib.socket, interfaces: dict[str, int]) -> None:
    codec = _codec(LinkAddress)
    for index in (7, 8):
        interfaces["kit0"] = index
        for _ in range(2):
            assert codec.encode(sock, "bind", ("kit0",)) == LinkAddress(index).pack()
            assert codec.decode(sock, LinkAddress(index).pack()) == ("kit0",)
    interfaces["kit1"] = interfaces.pop("kit0")
    assert codec.decode(sock, LinkAddress(8).pack()) == ("kit1",)
    with pytest.raises(OSError, match="No such device"):
        codec.encode(sock, "bind", ("kit0",))


def test_typed_addresses_are_kept(sock: stdlib.socket) -> None:
    codec = _codec()
    first = KitAddress(1).pack()
    assert codec.decode_typed(sock, first) is codec.decode_typed(sock, first)
    for port in range(2, 40):
        assert codec.decode_typed(sock, KitAddress(port).pack()) == KitAddress(port)


def test_what_a_replaced_method_reads_is_not_kept(sock: stdlib.socket) -> None:
    codec, sockaddr = _codec(), KitAddress(1).pack()
    with mock.patch.object(KitAddress, "unpack", return_value=KitAddress(2)):
        assert codec.decode_typed(sock, sockaddr) == KitAddress(2)
        assert codec.decode(sock, sockaddr) == (2, 0)
    assert codec.decode_typed(sock, sockaddr) == KitAddress(1)
    assert codec.decode(sock, sockaddr) == (1, 0)


def test_a_layout_converts_without_the_class(sock: stdlib.socket) -> None:
    def load() -> type[Address]:
        raise AssertionError("the class is not needed")

    fields = integer_field("port", "be16", 2), integer_field("node", "u32", 4)
    layout = SockaddrLayout(family_head(46, 8), 8, fields, required=1)
    codec = AddressCodec(load, lambda _: None, lambda: layout)
    for form in ((80, 7), (80,)):
        packed = codec.encode(sock, "bind", form)
        assert packed == KitAddress(*form).pack()
        assert codec.decode(sock, packed) == (*form, 0)[:2]


class EitherAddress(Address):
    """A class of several sockaddrs, which has no layout."""

    __slots__ = ()
    family, family_name, label = 46, "AF_KIT", "AF_KIT"

    @classmethod
    def from_stdlib(cls, form: Any, lookup: Lookup) -> Any:
        return OneAddress(*form)

    @classmethod
    def unpack(cls, data: Any, lookup: Any = None) -> Any:
        return super(EitherAddress, OneAddress).unpack(data, lookup)


@sockaddr("struct sockaddr_kit", header="", family=46, family_name="AF_KIT")
class OneAddress(EitherAddress):
    """One of these sockaddrs."""

    port: int = cstruct.be16("kit_port")
    node: int = cstruct.u32("kit_node")


def test_a_layout_beside_a_class_without_one(sock: stdlib.socket) -> None:
    fields = integer_field("port", "be16", 2), integer_field("node", "u32", 4)
    layout = SockaddrLayout(family_head(46, 8), 8, fields)
    codec = AddressCodec(lambda: EitherAddress, lambda _: None, lambda: layout)
    packed = OneAddress(80, 7).pack()
    assert codec.encode(sock, "bind", (80, 7)) == packed
    assert codec.decode_typed(sock, packed) == OneAddress(80, 7)
    assert codec.encode(sock, "bind", OneAddress(80, 7)) == packed


def test_the_class_is_loaded_once_and_late(sock: stdlib.socket) -> None:
    loads = []

    def load() -> type[Address]:
        loads.append(1)
        return KitAddress

    codec = AddressCodec(load, lambda _: None)
    assert loads == []
    for _ in range(3):
        codec.encode(sock, "bind", (80, 7))
        assert codec.address_class is KitAddress
    assert loads == [1]


def test_a_family_that_nobody_serves_takes_only_raw_addresses(sock: stdlib.socket) -> None:
    raw = RawAddress(99, b"xy")
    assert RAW_CODEC.encode(sock, "bind", raw) == raw.pack()
    assert RAW_CODEC.decode(sock, raw.pack()) == raw
    with pytest.raises(OSError, match=r"^bind\(\): bad family: no plugin serves it"):
        RAW_CODEC.encode(sock, "bind", ("host", 80))


@pytest.fixture
def without_addresses() -> Iterator[tuple[famsock.socket, famsock.socket]]:
    """Two connected sockets of AF_UNIX, with the number of a family that has no addresses."""
    row = Protocol("kit", None, (stdlib.SOCK_DGRAM,), None)
    plugins.register(Family("AF_KIT", 200, (row,)))
    ends = stdlib.socketpair(stdlib.AF_UNIX, stdlib.SOCK_DGRAM)
    try:
        one, two = (famsock.socket(200, stdlib.SOCK_DGRAM, 0, end.detach()) for end in ends)
        with one, two:
            yield one, two
    finally:
        plugins.unregister("AF_KIT")


NoAddresses = tuple[famsock.socket, famsock.socket]


def test_none_is_no_address(without_addresses: NoAddresses) -> None:
    one, two = without_addresses
    sends: tuple[Callable[[], object], ...] = (
        lambda: one.sendto(b"x", None),
        lambda: one.sendto(b"x", 0, None),
        lambda: one.sendmsg([b"x"], [], 0, None),
        lambda: one.sendmmsg([(b"x", None)]),
        lambda: one.send_message(b"x"),
    )
    for send in sends:
        assert send() == 1
        assert two.recv(9) == b"x"
    for error in (_error(lambda: one.bind(None)), _error(lambda: one.connect(None))):
        assert error.errno == errno.EINVAL  # the kernel is asked, with no sockaddr
    assert one.connect_ex(None) == errno.EINVAL


def _error(call: Callable[[], object]) -> OSError:
    with pytest.raises(OSError, match=r".") as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    "address", [(), ("lo", 1), "path", b"path", 5, object(), InetAddress("127.0.0.1", 1)]
)
def test_an_address_of_a_family_without_is_refused(
    without_addresses: NoAddresses, address: Any
) -> None:
    one, _ = without_addresses
    calls: dict[str, Callable[[], object]] = {
        "bind": lambda: one.bind(address),
        "connect": lambda: one.connect(address),
        "connect_ex": lambda: one.connect_ex(address),
        "sendto": lambda: one.sendto(b"", address),
        "sendmsg": lambda: one.sendmsg([b""], [], 0, address),
        "sendmmsg": lambda: one.sendmmsg([(b"", address)]),
    }
    kind = type(address).__name__
    for name, call in calls.items():
        error = _error(call)
        assert error.errno is None
        assert str(error) == (
            f"{name}(): bad family: AF_KIT has no addresses, pass None, not {kind}"
        )


def test_bytes_of_the_kernel_are_raw_addresses(without_addresses: NoAddresses) -> None:
    one, two = without_addresses
    assert one.getsockname() == RawAddress(1, b"")
    two.send(b"x")
    data, address = one.recvfrom(9)
    assert (data, address) in ((b"x", None), (b"x", RawAddress(1, b"")))
    error = _error(lambda: one.connect(RawAddress(1, b"/nowhere\0")))
    assert error.errno in (errno.ENOENT, errno.EISCONN)


def _classes() -> list[type[Address]]:
    found = {
        load(protocol.address)
        for family in plugins.families(plugins.names())
        for protocol in family.protocols
        if protocol.address is not None
    }
    return sorted(found, key=lambda cls: (cls.__module__, cls.__name__))


_RULES = [
    "", ",", "=", "==", "a=b=c", "0", "-1", "x" * 300, "\0", "\udc80", "é", "٣", "²", "1e999",
    "0.0.0.0/0", "0.0.0.0/33", "::/0", "::1%lo/64", "[", "[]", "%", "\\", "uid=", "uid=-1",
    "uid=root,gid=", "uid=\0", "uid=99999999999999999999", "pid=x", "port=70000", "port=1,",
    "port=1,port=2", "cid=host", "cid=4294967296", "host=", "any", "@", "lo:", "a?b=c",
]  # fmt: skip


@pytest.mark.parametrize("cls", _classes(), ids=lambda cls: cls.__name__)
def test_a_rule_is_a_rule_or_a_value_error(cls: type[Address]) -> None:
    for rule in _RULES:
        with suppress(ValueError):
            assert isinstance(cls.admits(rule)(None, None), bool)


def test_rules_of_addresses_and_fields() -> None:
    admits = load("famsock_packet.addresses:PacketAddress").admits
    peer = load("famsock_packet.addresses:PacketAddress").parse("lo:0x0003")
    assert admits(str(peer))(None, peer)
    assert not admits("lo:0x0004")(None, peer)
    assert not admits(str(peer))(None, None)
    with pytest.raises(ValueError, match="'prot' is not a field of PacketAddress"):
        admits("prot=3")


@pytest.mark.parametrize("operation", ["bind", "connect", "sendto", "sendmsg"])
@pytest.mark.parametrize(
    ("form", "error"),
    [
        (("127.0.0.1", 1 << 16), OverflowError),
        (("127.0.0.1", "port"), TypeError),
        (("127.0.0.1",), TypeError),
    ],
)
def test_a_warning_of_the_stdlib_replaces_no_error(
    form: object, error: type[Exception], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPython 3.15 warns of integers beyond a field; here a warning is an error."""

    def warn(*_: object) -> None:
        warnings.warn("integer value out of range", DeprecationWarning, stacklevel=1)

    monkeypatch.setitem(address_module._REFUSALS, operation, warn)
    with famsock.socket() as sock, pytest.raises(error, match=r"port|pair"):
        CALLS[operation](sock, form)


def test_integers_beyond_a_field_are_refused_whatever_the_stdlib_does() -> None:
    """Up to CPython 3.14 the stdlib takes the low bits, since then with a warning."""
    with famsock.socket(famsock.AF_INET6, famsock.SOCK_DGRAM) as sock:
        for value in (1 << 32, 1 << 64, 1 << 80, -2, -(1 << 31) - 1):
            for operation in ("bind", "connect", "sendto", "sendmsg"):
                with pytest.raises(OverflowError, match="scope_id must be 0-4294967295"):
                    CALLS[operation](sock, ("::1", 9, 0, value))
