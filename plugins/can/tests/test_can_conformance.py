"""AF_CAN proves itself by the conformance suite."""

from __future__ import annotations

import struct
from typing import ClassVar

import pytest
from famsock_can import constants as c
from famsock_can.addresses import CanAddress, IsotpAddress, J1939Address
from famsock_can.isotp import IsotpLinkLayer
from hypothesis import strategies as st

from famsock.testing import BadAddress, Conformance, Example

_VCAN0 = (pytest.mark.needs_interface("vcan0"),)
_LINK_LAYERS = [IsotpLinkLayer(), *(IsotpLinkLayer(72, n, 1) for n in (8, 12, 20, 48, 64))]


def _sockaddr(layout: str, *fields: int) -> bytes:
    return struct.pack(f"=Hxx{layout}", c.AF_CAN, *fields).ljust(24, b"\0")


class TestCan(Conformance):
    family = "AF_CAN"
    newer: ClassVar = {
        "6.12": (
            "CANXL_VCID_MASK",
            "CANXL_VCID_OFFSET",
            "CANXL_VCID_VAL_MASK",
            "CAN_ISOTP_DYN_FC_PARMS",
            "CAN_RAW_XL_VCID_OPTS",
            "CAN_RAW_XL_VCID_RX_FILTER",
            "CAN_RAW_XL_VCID_TX_PASS",
            "CAN_RAW_XL_VCID_TX_SET",
            "struct can_raw_vcid_options",
        ),
        "7.3": (
            "CANXL_RRS",
            "CAN_CTRLMODE_RESTRICTED",
            "CAN_CTRLMODE_XL",
            "CAN_CTRLMODE_XL_TDC_AUTO",
            "CAN_CTRLMODE_XL_TDC_MANUAL",
            "CAN_CTRLMODE_XL_TMS",
            "IFLA_CAN_PWM_PWML",
            "IFLA_CAN_PWM_PWML_MAX",
            "IFLA_CAN_PWM_PWML_MIN",
            "IFLA_CAN_PWM_PWMO",
            "IFLA_CAN_PWM_PWMO_MAX",
            "IFLA_CAN_PWM_PWMO_MIN",
            "IFLA_CAN_PWM_PWMS",
            "IFLA_CAN_PWM_PWMS_MAX",
            "IFLA_CAN_PWM_PWMS_MIN",
            "IFLA_CAN_PWM_UNSPEC",
            "IFLA_CAN_XL_DATA_BITRATE_CONST",
            "IFLA_CAN_XL_DATA_BITTIMING",
            "IFLA_CAN_XL_DATA_BITTIMING_CONST",
            "IFLA_CAN_XL_PWM",
            "IFLA_CAN_XL_TDC",
        ),
    }
    batched = ("raw", "isotp", "j1939")
    examples = (
        Example(
            protocol="raw",
            typed=CanAddress(""),
            stdlib=("",),
            sockaddr=_sockaddr("i", 0),
            text="",
            also_stdlib=((b"",),),
        ),
        Example(
            protocol="raw",
            needs_interface="lo",
            typed=CanAddress("lo"),
            stdlib=("lo",),
            sockaddr=lambda index: _sockaddr("i", index),
            text="lo",
            also_stdlib=((b"lo",),),
        ),
        Example(
            protocol="bcm",
            typed=CanAddress(0x7FFFFFFF),
            stdlib=None,
            sockaddr=_sockaddr("i", 0x7FFFFFFF),
            text="ifindex/2147483647",
            reason="the stdlib's form has no index; what it gives for one without a name is ''",
        ),
        Example(
            protocol="isotp",
            needs_interface="lo",
            typed=IsotpAddress("lo", 0x123, c.CAN_EFF_FLAG | 0x18DA10F1),
            stdlib=("lo", 0x123, 0x98DA10F1),
            sockaddr=lambda index: _sockaddr("iII", index, 0x123, 0x98DA10F1),
            text="lo:0x123:0x98da10f1",
            also_text=(f"lo:291:{0x98DA10F1}",),
        ),
        Example(
            protocol="j1939",
            needs_interface="lo",
            typed=J1939Address("lo", 0x8000030000E00001, 0x1EE00, 0x80),
            stdlib=("lo", 0x8000030000E00001, 0x1EE00, 0x80),
            sockaddr=lambda index: _sockaddr("iQIB", index, 0x8000030000E00001, 0x1EE00, 0x80),
            text="lo:0x8000030000e00001:0x1ee00:128",
        ),
        Example(
            protocol="j1939",
            typed=J1939Address(""),
            stdlib=("", c.J1939_NO_NAME, c.J1939_NO_PGN, c.J1939_NO_ADDR),
            sockaddr=_sockaddr("iQIB", 0, 0, 0x40000, 0xFF),
            text="",
            also_text=(":0:0x40000:255",),
        ),
    )
    bad = (
        BadAddress(protocol="raw", form="vcan0", error=TypeError, match="must be a tuple"),
        BadAddress(protocol="raw", form=["vcan0"], error=TypeError, match="not list"),
        BadAddress(protocol="raw", form=(), error=TypeError, match="1 items, not 0"),
        BadAddress(protocol="raw", form=("lo", 1), error=TypeError, match="1 items, not 2"),
        BadAddress(protocol="bcm", form=(None,), error=TypeError, match="not NoneType"),
        BadAddress(protocol="raw", form=("x" * 16,), error=OSError, match="at most 15 bytes"),
        BadAddress(protocol="raw", form=("é" * 8,), error=OSError, match="at most 15 bytes"),
        BadAddress(protocol="raw", form=(5,), error=TypeError, match="name in a tuple, not 5"),
        BadAddress(protocol="raw", form=("a\0b",), error=ValueError, match="null character"),
        BadAddress(protocol="raw", form=("a/b",), error=OSError, match="slash"),
        BadAddress(protocol="raw", form=("nosuch0",), error=OSError, match="such device|no int"),
        BadAddress(protocol="isotp", form=("lo", 1), error=TypeError, match="3 items, not 2"),
        BadAddress(
            protocol="isotp",
            form=("lo", -2, 1),
            error=OverflowError,
            match=r"AF_CAN rx_id must be 0-4294967295, not -2",
        ),
        BadAddress(protocol="isotp", form=("lo", 1, 1 << 32), error=OverflowError, match="tx_id"),
        BadAddress(protocol="isotp", form=("lo", 1, "1"), error=TypeError, match="tx_id"),
        BadAddress(protocol="j1939", form=("lo", 0, 0), error=TypeError, match="4 items, not 3"),
        BadAddress(protocol="j1939", form=("lo", 1 << 64, 0, 0), error=OverflowError, match="name"),
        BadAddress(
            protocol="j1939", form=("lo", 0, 0x40001, 0), error=OverflowError, match="pgn must be"
        ),
        BadAddress(protocol="j1939", form=("lo", 0, 0, 256), error=OverflowError, match="addr"),
        BadAddress(protocol="j1939", form=("lo", 0, 0, 300), error=OverflowError, match="0-255"),
    )
    redefines: ClassVar = {
        "bind": "CAN_RAW sets the filters again that the kernel has dropped",
        "set_option": "CAN_RAW remembers the filters",
        "setsockopt": "CAN_RAW remembers the filters",
        "connect": "CAN_BCM forgets the jobs of the former interface",
        "connect_ex": "CAN_BCM forgets the jobs of the former interface",
        "recv": "an error of ISO-TP or J1939 may tell of an earlier message: hints",
        "send": "as recv",
        "sendall": "as recv",
        "sendmsg": "as recv",
    }
    strategies: ClassVar = {
        "IsotpOptions.flags": st.integers(0, c.CAN_ISOTP_SF_BROADCAST - 1),
        "IsotpLinkLayer": st.sampled_from(_LINK_LAYERS),
    }
    selftest_marks: ClassVar = dict.fromkeys(("raw", "bcm", "isotp", "j1939"), _VCAN0)
