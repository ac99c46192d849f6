"""Properties of the typed objects of all plugins: text, fields, bytes-like data."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import re
from array import array
from collections.abc import Iterator
from ctypes import c_ubyte
from typing import Any

import attrs
import pytest
from famsock_bluetooth.packets import (
    AclData,
    HciCommand,
    HciData,
    HciEvent,
    IsoData,
    MonitorMessage,
    OtherPacket,
    ScoData,
)
from famsock_bluetooth.structs import BtCodec
from famsock_bsd.addresses import LinkAddress
from famsock_can import constants as c
from famsock_can.bcm import BcmMessage
from famsock_can.frames import CanFdFrame, CanFrame, CanXlFrame
from famsock_can.isotp import IsotpLinkLayer
from famsock_can.j1939 import J1939Id, J1939Name
from famsock_inet.icmp import Echo
from famsock_netlink.attributes import Attribute
from famsock_netlink.messages import NetlinkMessage
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from famsock._struct import Struct
from famsock.address import Address, RawAddress
from famsock.control import RawControl
from famsock.testing.strategies import values
from tools.interface import PACKAGES

REFUSALS = (TypeError, ValueError, OverflowError, OSError)
RELAXED = settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=20)
SPECIAL = "\udc80\udcd6\udc8e[]:?&=%\\@/0x"
CHARACTERS = st.characters(exclude_categories=()) | st.sampled_from(SPECIAL)
WORDS = ("", "ifindex/1", "a:b", "fe80::1%lo", "10.0.0.1", "<broadcast>", "hash", "\udcd6\udc8ehl")
HOSTILE = (
    st.text(CHARACTERS, max_size=12)
    | st.binary(max_size=12)
    | st.sampled_from(WORDS)
    | st.integers(-2, 2**33)
    | st.sampled_from([b"\xd6\x8ehl", bytearray(b"\xff"), 2**64, -(2**63)])
)


def classes_of(package: str) -> Iterator[type[Any]]:
    """The attrs classes that a package defines, in private modules too."""
    root = importlib.import_module(package)
    names = [m.name for m in pkgutil.walk_packages(root.__path__, f"{package}.")]
    for name in [package, *names]:
        if "testing" in name or "_cli" in name or name.endswith(("native", "__main__")):
            continue
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and attrs.has(value) and value.__module__ == name:
                yield value


CLASSES = {cls: None for package in PACKAGES for cls in classes_of(package)}
ADDRESSES: list[Any] = [*[cls for cls in CLASSES if issubclass(cls, Address)], RawAddress]


def _name(cls: type[Any]) -> str:
    return f"{cls.__module__.partition('.')[0]}-{cls.__name__}"


def built(cls: type[Any], arguments: dict[str, Any]) -> Any:
    """An object of these arguments; the example does not count if the class refuses them."""
    try:
        return cls(**arguments)
    except REFUSALS:
        assume(False)


def addresses(cls: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments for an address: what fits its fields, and what may or may not."""
    if cls is RawAddress:
        families = st.integers(0, 0xFFFF) | HOSTILE
        return st.fixed_dictionaries({"family": families, "data": st.binary(max_size=9) | HOSTILE})
    optional = {f.name for f in attrs.fields(cls) if f.default is not attrs.NOTHING}
    fields = {m.attribute: values(m.type) | HOSTILE for m in cls.layout.members}
    return st.fixed_dictionaries(
        {name: strategy for name, strategy in fields.items() if name not in optional},
        optional={name: fields[name] for name in optional},
    )


@pytest.mark.sampled(3)
@pytest.mark.parametrize("cls", ADDRESSES, ids=_name)
@given(data=st.data())
@RELAXED
def test_every_address_is_made_again_from_its_text_and_its_fields(
    cls: type[Any], data: st.DataObject
) -> None:
    address = built(cls, data.draw(addresses(cls)))
    made: Any = type(address)
    names = ["family", "data"] if made is RawAddress else [f.name for f in attrs.fields(made)]
    assert made.parse(str(address)) == address
    assert made(**{name: getattr(address, name) for name in names}) == address
    assert eval(repr(address), {made.__name__: made}) == address
    assert pickle.loads(pickle.dumps(address)) == address
    if made is not RawAddress:
        assert attrs.evolve(address) == address


@pytest.mark.parametrize("host", [b"\xd6\x8ehl", b"\xff", bytearray(b"a\x80b")])
@pytest.mark.parametrize(
    "name", ["InetAddress", "Inet6Address", "RdsInetAddress", "RdsInet6Address"]
)
def test_a_host_of_bytes_that_are_not_ascii(name: str, host: bytes) -> None:
    (cls,) = [cls for cls in ADDRESSES if cls.__name__ == name]
    address = cls(host, 1)
    assert cls.parse(str(address)) == cls(address.host, 1) == attrs.evolve(address) == address
    assert address.host.encode("ascii", "surrogateescape") == host


PIECES = st.lists(
    st.sampled_from([*"[]:?&=%\\/@.,-+x0_1aZ \0", "-1", "9" * 20, "\\x", "\\u1", "://"])
    | st.sampled_from(WORDS)
    | st.text(CHARACTERS, max_size=3),
    max_size=9,
).map("".join)
NO_ADDRESSES = ("-1", "-0x10", ":-1", "1:-1", "lo:99999999999999999999", "a" * 999, "a/b", "\0")


def reads_or_refuses(cls: type[Address], text: str) -> None:
    """Check that a text is an address, which its own text gives again, or is a ValueError."""
    refusal: ValueError | None = None
    try:
        address = cls.parse(text)
    except ValueError as error:
        refusal = error
    else:
        assert type(address).parse(str(address)) == address
    assert not isinstance(refusal, OSError | OverflowError), repr(refusal)


@pytest.mark.parametrize("cls", ADDRESSES, ids=_name)
@given(data=st.data())
@RELAXED
def test_a_text_that_is_no_address_is_a_value_error(
    cls: type[Address], data: st.DataObject
) -> None:
    text = data.draw(PIECES)
    if cls is not RawAddress and data.draw(st.booleans()):
        fields = {m.attribute: values(m.type) for m in cls.layout.members}
        try:
            whole = str(cls(**data.draw(st.fixed_dictionaries(fields))))
        except REFUSALS:
            whole = ""
        cut = data.draw(st.integers(0, len(whole)))
        text = whole[:cut] + text + whole[cut:]
    reads_or_refuses(cls, text)


@pytest.mark.parametrize("text", NO_ADDRESSES, ids=lambda text: repr(text)[:20])
@pytest.mark.parametrize("cls", ADDRESSES, ids=_name)
def test_numbers_out_of_range_in_a_text(cls: type[Address], text: str) -> None:
    reads_or_refuses(cls, text)


def octets_in(cls: type[Any]) -> list[str]:
    """The fields of a class that hold bytes."""
    return [f.name for f in attrs.fields(cls) if f.type in ("bytes", bytes)]


def buffers(raw: bytes) -> Iterator[Any]:
    """The same bytes as other objects with the buffer protocol."""
    yield bytearray(raw)
    yield memoryview(raw)
    yield array("B", raw)
    yield (c_ubyte * len(raw)).from_buffer_copy(raw)
    for code in "HIQ":
        if raw and len(raw) % array(code).itemsize == 0:
            yield array(code, raw)


# What a program makes to be sent; the bytes in what it receives are the kernel's.
SENT: dict[type[Any], Any] = {
    CanFrame: CanFrame(1, bytes(range(8))),
    CanFdFrame: CanFdFrame(1, bytes(range(8))),
    CanXlFrame: CanXlFrame(1, bytes(range(8))),
    HciCommand: HciCommand(1, bytes(range(8))),
    HciEvent: HciEvent(1, bytes(range(8))),
    HciData: AclData(1, 2, bytes(range(8))),
    AclData: AclData(1, 2, bytes(range(8))),
    ScoData: ScoData(1, 2, bytes(range(8))),
    IsoData: IsoData(1, 2, bytes(range(8))),
    OtherPacket: OtherPacket(0xFF, bytes(range(8))),
    Echo: Echo(1, 2, bytes(range(8))),
    Attribute: Attribute(1, bytes(range(8))),
    NetlinkMessage: NetlinkMessage(1, bytes(range(8))),
    RawControl: RawControl(1, 2, bytes(range(8))),
}
SENDABLE = [
    cls for cls in CLASSES if octets_in(cls) and hasattr(cls, "pack") and cls not in ADDRESSES
]


def packed(value: Any) -> Any:
    return value.pack(4) if isinstance(value, Echo) else value.pack()


@pytest.mark.parametrize("cls", SENDABLE, ids=_name)
@given(data=st.data())
@RELAXED
def test_whatever_has_bytes_to_send_takes_any_buffer(cls: type[Any], data: st.DataObject) -> None:
    if issubclass(cls, Struct):
        fields = {m.attribute: values(m.type) for m in cls.layout.members}
        sample = built(cls, data.draw(st.fixed_dictionaries(fields)))
    else:
        sample = SENT[cls]
    for name in octets_in(cls):
        for buffer in buffers(getattr(sample, name)):
            made = attrs.evolve(sample, **{name: buffer})
            assert made == sample
            assert type(getattr(made, name)) is bytes
            assert packed(made) == packed(sample)
        for wrong in ("text", 8, None, [1, 2], object()):
            with pytest.raises(TypeError, match="bytes"):
                attrs.evolve(sample, **{name: wrong})


@pytest.mark.parametrize(
    "address", [RawAddress(99, b"12345678"), LinkAddress(1, 2, "en0", b"12345678")], ids=repr
)
def test_addresses_with_bytes_take_any_buffer(address: Any) -> None:
    field = "data" if isinstance(address, RawAddress) else "address"
    arguments = {
        name: getattr(address, name)
        for name in ("family", "data", "index", "type", "name", "address")
        if name in inspect.signature(type(address)).parameters
    }
    for buffer in buffers(getattr(address, field)):
        assert type(address)(**{**arguments, field: buffer}) == address
    for wrong in ("text", 8, None, [1, 2]):
        with pytest.raises(TypeError, match="bytes-like"):
            type(address)(**{**arguments, field: wrong})


UNPACKED = [
    sample
    for sample in [*SENT.values(), BcmMessage(1, 2, [CanFrame(2, b"a")]), J1939Name(7)]
    if hasattr(type(sample), "unpack")
]


@pytest.mark.parametrize("sample", UNPACKED, ids=lambda sample: type(sample).__name__)
def test_what_is_received_is_read_from_any_buffer(sample: Any) -> None:
    raw = packed(sample)
    arguments = (4,) if isinstance(sample, Echo) else ()
    for buffer in buffers(raw):
        assert type(sample).unpack(buffer, *arguments) == sample
    with pytest.raises(TypeError, match="bytes-like"):
        type(sample).unpack("text", *arguments)


OBJECTS: dict[type[Any], tuple[Any, ...]] = {
    CanFrame: (
        CanFrame(1),
        CanFrame(2, b"ab"),
        CanFrame(3, bytes(8), 12),
        CanFrame(c.CAN_RTR_FLAG | 4, b"", 5),
        CanFrame(c.CAN_ERR_FLAG | 4, bytes(8)),
        CanFrame(c.CAN_EFF_FLAG | 0x12345, b"abc"),
    ),
    CanFdFrame: (CanFdFrame(1), CanFdFrame(c.CAN_EFF_FLAG | 2, bytes(64), 3)),
    CanXlFrame: (CanXlFrame(1, b"a"), CanXlFrame(2, bytes(2048), 3, 4, 5, c.CANXL_SEC)),
    BcmMessage: (
        BcmMessage(1, 2),
        BcmMessage(5, 3, [CanFrame(1)], flags=3, count=4, ival1_us=5, ival2_us=6),
        BcmMessage(1, 3, [CanFdFrame(1), CanFdFrame(2)], flags=1),
        BcmMessage(1, 3, flags=c.CAN_FD_FRAME),
    ),
    J1939Name: (J1939Name(), J1939Name(1, 2, 3, 4, 5, 6, 7, 5, True)),
    J1939Id: (J1939Id(1, 0xEF00, 3, 4), J1939Id(7, 0xFEF1, 5)),
    IsotpLinkLayer: (IsotpLinkLayer(), IsotpLinkLayer(72, 64, 1), IsotpLinkLayer(72, 8)),
    HciCommand: (HciCommand(1), HciCommand(2, b"ab")),
    HciEvent: (HciEvent(1), HciEvent(2, b"ab")),
    HciData: (HciData(1), HciData(2, 3, b"ab")),
    AclData: (AclData(1), AclData(2, 3, b"ab")),
    ScoData: (ScoData(1), ScoData(2, 3, b"ab")),
    IsoData: (IsoData(1), IsoData(2, 3, b"ab")),
    OtherPacket: (OtherPacket(6, b""), OtherPacket(0xFF, b"ab")),
    MonitorMessage: (MonitorMessage(1, 2, b""), MonitorMessage(2, 3, b"ab")),
    BtCodec: (BtCodec(1), BtCodec(2, 3, 4, 5, (b"a", b"b"))),
}
"""Objects that are made by their own constructor, or whose fields seldom fit one another."""
OWN = ("famsock_can", "famsock_bluetooth", "famsock_qipcrtr")
STRUCTS = [
    cls
    for cls in CLASSES
    if issubclass(cls, Struct) and cls.__module__.startswith(OWN) and cls not in OBJECTS
]
STATED = r"must|does not go|carries no|has no|needs|is a PDU1|is a PDU2|it has no|go together"


def alike(one: Any, name: str, other: Any) -> None:
    """Check that a field of an object is changed to that of another, or refused with a reason."""
    field = attrs.fields_dict(type(one))[name]
    alias, value = field.alias or name, getattr(other, name)
    try:
        changed = attrs.evolve(one, **{alias: value})
    except (ValueError, OverflowError) as refusal:
        reason = str(refusal)
    else:
        assert getattr(changed, name) == value or name.startswith("_")
        for rest in attrs.fields(type(one)):
            if rest.name != name and not rest.name.startswith("_"):
                assert getattr(changed, rest.name) == getattr(one, rest.name)
        return
    assert re.search(STATED, reason), reason


def rebuilt(one: Any) -> Any:
    return type(one)(**{(f.alias or f.name): getattr(one, f.name) for f in attrs.fields(type(one))})


@pytest.mark.parametrize("cls", OBJECTS, ids=_name)
def test_objects_are_rebuilt_and_changed_field_by_field(cls: type[Any]) -> None:
    for one in OBJECTS[cls]:
        assert rebuilt(one) == attrs.evolve(one) == pickle.loads(pickle.dumps(one)) == one
        for other in OBJECTS[cls]:
            for field in attrs.fields(cls):
                alike(one, field.name, other)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("cls", STRUCTS, ids=_name)
@given(data=st.data())
@RELAXED
def test_structs_are_rebuilt_and_changed_field_by_field(
    cls: type[Any], data: st.DataObject
) -> None:
    fields = {m.attribute: values(m.type) for m in cls.layout.members}
    one, other = (built(cls, data.draw(st.fixed_dictionaries(fields))) for _ in range(2))
    assert rebuilt(one) == attrs.evolve(one) == pickle.loads(pickle.dumps(one)) == one
    for name in fields:
        alike(one, name, other)


def test_every_class_with_a_constructor_of_its_own_is_tried() -> None:
    own = {
        cls
        for cls in CLASSES
        if cls.__module__.startswith(OWN)
        and not issubclass(cls, Struct)
        and hasattr(cls, "__attrs_init__")
    }
    assert own <= OBJECTS.keys()
