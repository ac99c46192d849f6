"""Framing of messages and attributes: any survives its bytes, and no bytes do harm."""

from __future__ import annotations

import struct
from errno import EINVAL, EPERM

import pytest
from famsock_netlink import attributes, messages
from famsock_netlink import constants as nl
from famsock_netlink.attributes import Attribute, Attributes
from famsock_netlink.constants import (
    NLA_F_NESTED,
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSGERR_ATTR_COOKIE,
    NLMSGERR_ATTR_MISS_TYPE,
    NLMSGERR_ATTR_MSG,
    NLMSGERR_ATTR_OFFS,
)
from famsock_netlink.generic import GenericFamily, GenericMessage
from famsock_netlink.messages import Acknowledgement, MessageHeader, NetlinkMessage
from famsock_netlink.policy import Policy
from famsock_netlink.route import InterfaceAddress, Link
from famsock_netlink.uevent import Uevent
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.asks_no_kernel

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)
MESSAGES = st.lists(
    st.builds(NetlinkMessage, U16, st.binary(max_size=70), U16, U32, U32), max_size=5
)
ATTRIBUTES = st.lists(
    st.builds(Attribute, st.integers(0, attributes.TYPE_MAX), st.binary(max_size=40)), max_size=6
)
few = settings(max_examples=60, deadline=None, database=None)


@few
@given(MESSAGES)
def test_messages_survive_their_bytes(sent: list[NetlinkMessage]) -> None:
    data = b"".join(message.pack() for message in sent)
    assert len(data) % 4 == 0
    assert messages.unpack(data) == sent


@few
@given(MESSAGES, st.integers(0, 400))
def test_a_cut_datagram_is_refused_or_whole(sent: list[NetlinkMessage], at: int) -> None:
    data = b"".join(message.pack() for message in sent)
    ends = [sum(len(m.pack()) for m in sent[:count]) for count in range(len(sent) + 1)]
    cut = data[:at]
    try:
        received = messages.unpack(cut)
    except ValueError:
        assert len(cut) not in ends
    else:
        assert received == sent[: len(received)]
        assert len(cut) >= ends[len(received)] - 3


@few
@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    for parse in (messages.unpack, Attributes.unpack):
        try:
            parse(data)
        except ValueError:
            continue
    for kind in (NLMSG_ERROR, NLMSG_DONE, 0x10):
        for flags in (0, NLM_F_ACK_TLVS, NLM_F_ACK_TLVS | NLM_F_CAPPED):
            message = NetlinkMessage(kind, data, flags)
            for of in (Acknowledgement, GenericMessage, Link, InterfaceAddress):
                try:
                    of.unpack(message)
                except ValueError:
                    continue


@few
@given(ATTRIBUTES)
def test_attributes_survive_their_bytes(sent: list[Attribute]) -> None:
    data = attributes.pack(sent)
    assert len(data) % 4 == 0
    received = Attributes.unpack(data)
    assert received.pairs == tuple((a.type, a.value) for a in sent)
    assert dict(received) == {a.type: a.value for a in sent}
    for kind in received:
        assert received.all(kind) == tuple(a.value for a in sent if a.type == kind)


@few
@given(ATTRIBUTES, st.integers(0, 300))
def test_cut_attributes_are_refused_or_whole(sent: list[Attribute], at: int) -> None:
    data = attributes.pack(sent)
    ends = [len(attributes.pack(sent[:count])) for count in range(len(sent) + 1)]
    try:
        received = Attributes.unpack(data[:at])
    except ValueError:
        assert at not in ends
    else:
        assert received.pairs == tuple((a.type, a.value) for a in sent[: len(received.pairs)])


def test_bytes_of_a_message() -> None:
    message = NetlinkMessage(0x12, b"abcde", 0x301, 7, 9)
    assert message.pack() == struct.pack("=IHHII", 21, 0x12, 0x301, 7, 9) + b"abcde\0\0\0"


def test_bytes_of_attributes() -> None:
    nested = Attribute.nested(18, [Attribute.text(1, "veth"), Attribute.u8(2, 255)])
    assert nested.pack() == (
        struct.pack("=HH", 24, 18 | NLA_F_NESTED)
        + struct.pack("=HH", 9, 1) + b"veth\0\0\0\0"
        + struct.pack("=HH", 5, 2) + b"\xff\0\0\0"
    )  # fmt: skip
    read = Attributes.unpack(nested.pack()).nested(18)
    assert (read.text(1), read.unsigned(2), read.signed(2)) == ("veth", 255, -1)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        (Attribute.u8(1, 200), struct.pack("=B", 200)),
        (Attribute.u16(1, 60000), struct.pack("=H", 60000)),
        (Attribute.u32(1, 2**32 - 1), struct.pack("=I", 2**32 - 1)),
        (Attribute.u64(1, 2**64 - 1), struct.pack("=Q", 2**64 - 1)),
        (Attribute.s32(1, -5), struct.pack("=i", -5)),
        (Attribute.be16(1, 0x0102), b"\1\2"),
        (Attribute.be32(1, 0x01020304), b"\1\2\3\4"),
        (Attribute(1), b""),
    ],
)
def test_values(attribute: Attribute, value: bytes) -> None:
    assert attribute.value == value


def test_reading_values() -> None:
    sent = [Attribute.be32(1, 5), Attribute.s32(2, -5), Attribute.text(3, "ä\udcff"), Attribute(4)]
    read = Attributes.unpack(attributes.pack(sent))
    assert read.big_endian(1) == 5
    assert read.signed(2) == -5
    assert read.text(3) == "ä\udcff"
    assert 4 in read
    assert (read.unsigned(9, 1), read.text(9, "x"), dict(read.nested(9))) == (1, "x", {})
    for reader in (read.unsigned, read.signed, read.big_endian, read.text):
        with pytest.raises(KeyError):
            reader(9)


@pytest.mark.parametrize("make", [Attribute.u8, Attribute.u16, Attribute.u32, Attribute.u64])
def test_integers_out_of_range(make: type[Attribute]) -> None:
    for value in (-1, 2**64):
        with pytest.raises(OverflowError, match=r"AF_NETLINK attribute 7 must be 0-\d+, not"):
            make(7, value)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="AF_NETLINK attribute 7 must be an integer"):
        make(7, 1.5)  # type: ignore[arg-type]


def test_what_does_not_fit() -> None:
    with pytest.raises(OverflowError, match="attribute type must be 0-16383, not 16384"):
        Attribute(16384).pack()
    for flags in (1, 0x10000, -1):
        with pytest.raises(ValueError, match="attribute 7: flags must be of NLA_F_NESTED"):
            Attribute(7, b"", flags).pack()
    with pytest.raises(ValueError, match="at most 65531 bytes, not 65532"):
        Attribute(1, bytes(65532)).pack()
    with pytest.raises(ValueError, match="null character"):
        Attribute.text(1, "a\0b")
    with pytest.raises(OverflowError, match="MessageHeader type must be 0-65535, not 65536"):
        NetlinkMessage(65536).pack()
    with pytest.raises(OverflowError, match="MessageHeader sequence must be 0-4294967295"):
        NetlinkMessage(16, sequence=-1).pack()


def error_message(error: int, flags: int, tail: bytes, request: bytes = b"") -> NetlinkMessage:
    header = MessageHeader(16 + len(request), 0x10, 5, 1, 2).pack()
    return NetlinkMessage(NLMSG_ERROR, struct.pack("=i", -error) + header + request + tail, flags)


WORDS = attributes.pack(
    [
        Attribute.text(NLMSGERR_ATTR_MSG, "too much"),
        Attribute.u32(NLMSGERR_ATTR_OFFS, 36),
        Attribute.u32(NLMSGERR_ATTR_MISS_TYPE, 3),
        Attribute(NLMSGERR_ATTR_COOKIE, b"c"),
    ]
)


@pytest.mark.parametrize("request_bytes", [b"", b"abcdef\0\0"])
def test_acknowledgement_with_words(request_bytes: bytes) -> None:
    flags = NLM_F_ACK_TLVS | (0 if request_bytes else NLM_F_CAPPED)
    found = Acknowledgement.unpack(error_message(EINVAL, flags, WORDS, request_bytes))
    assert found == Acknowledgement(EINVAL, "too much", 36, 3, -1, b"c")
    with pytest.raises(OSError, match=r"\[Errno 22\] Invalid argument: too much") as caught:
        found.raise_for_error()
    assert caught.value.errno == EINVAL
    assert caught.value.__notes__ == [
        "AF_NETLINK: at fault is the attribute at byte 36",
        "AF_NETLINK: attribute 3 is missing",
    ]


def policy(kind: int, *limits: Attribute) -> Policy:
    head = Attribute.u32(nl.NL_POLICY_TYPE_ATTR_TYPE, kind)
    return Policy.unpack(Attributes.unpack(attributes.pack([head, *limits])))


@pytest.mark.parametrize(
    ("found", "expected", "words"),
    [
        (
            policy(
                nl.NL_ATTR_TYPE_U16,
                Attribute.u64(nl.NL_POLICY_TYPE_ATTR_MIN_VALUE_U, 68),
                Attribute.u64(nl.NL_POLICY_TYPE_ATTR_MAX_VALUE_U, 65535),
            ),
            Policy(nl.NL_ATTR_TYPE_U16, 68, 65535),
            "u16, 68-65535",
        ),
        (
            policy(
                nl.NL_ATTR_TYPE_S32,
                Attribute(nl.NL_POLICY_TYPE_ATTR_MIN_VALUE_S, struct.pack("=q", -5)),
                Attribute(nl.NL_POLICY_TYPE_ATTR_MAX_VALUE_S, struct.pack("=q", 0)),
            ),
            Policy(nl.NL_ATTR_TYPE_S32, -5, 0),
            "s32, -5 to 0",
        ),
        (
            policy(
                nl.NL_ATTR_TYPE_BINARY,
                Attribute.u32(nl.NL_POLICY_TYPE_ATTR_MIN_LENGTH, 4),
                Attribute.u32(nl.NL_POLICY_TYPE_ATTR_MAX_LENGTH, 16),
            ),
            Policy(nl.NL_ATTR_TYPE_BINARY, length_min=4, length_max=16),
            "bytes, 4-16 bytes",
        ),
        (
            policy(nl.NL_ATTR_TYPE_U8, Attribute.u64(nl.NL_POLICY_TYPE_ATTR_MASK, 6)),
            Policy(nl.NL_ATTR_TYPE_U8, mask=6),
            "u8, bits 0x6",
        ),
        (policy(99), Policy(99), "of type 99"),
    ],
)
def test_policies(found: Policy, expected: Policy, words: str) -> None:
    assert (found, str(found)) == (expected, words)


def test_acknowledgement_of_a_missing_attribute() -> None:
    where = attributes.pack(
        [
            Attribute.u32(nl.NLMSGERR_ATTR_MISS_TYPE, 3),
            Attribute.u32(nl.NLMSGERR_ATTR_MISS_NEST, 20),
        ]
    )
    found = Acknowledgement.unpack(error_message(EINVAL, NLM_F_ACK_TLVS | NLM_F_CAPPED, where))
    with pytest.raises(OSError, match="Invalid argument") as caught:
        found.raise_for_error()
    assert caught.value.__notes__ == ["AF_NETLINK: attribute 3 is missing in the one at byte 20"]


def test_acknowledgement_without_words() -> None:
    with pytest.raises(PermissionError) as caught:
        Acknowledgement.unpack(error_message(EPERM, 0, b"")).raise_for_error()
    assert "CAP_NET_ADMIN" in caught.value.__notes__[0]
    assert Acknowledgement.unpack(error_message(0, NLM_F_CAPPED, b"")) == Acknowledgement(0)
    assert Acknowledgement.unpack(NetlinkMessage(NLMSG_DONE)) == Acknowledgement(0)
    done = NetlinkMessage(NLMSG_DONE, struct.pack("=i", -EPERM) + WORDS, NLM_F_ACK_TLVS)
    assert Acknowledgement.unpack(done).text == "too much"
    with pytest.raises(ValueError, match="acknowledges nothing"):
        Acknowledgement.unpack(NetlinkMessage(0x10))
    with pytest.raises(ValueError, match="needs 4 bytes, not 3"):
        Acknowledgement.unpack(NetlinkMessage(NLMSG_ERROR, b"abc"))


def test_a_generic_family_of_nothing() -> None:
    assert GenericFamily.unpack(Attributes()) == GenericFamily(0, "", 0, 0, 0, {}, {})


def test_uevents_as_bytes() -> None:
    event = Uevent.unpack(b"add@/devices/x\0ACTION=add\0A=b=c\0EMPTY=\0noise\0")
    assert event == Uevent("add", "/devices/x", {"ACTION": "add", "A": "b=c", "EMPTY": ""})
    for data in (b"", b"libudev\0\xfe\xed", b"add"):
        with pytest.raises(ValueError, match="must begin with ACTION@DEVPATH"):
            Uevent.unpack(data)
