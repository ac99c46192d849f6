"""AF_BLUETOOTH passes the conformance suite."""

from __future__ import annotations

import contextlib
from typing import ClassVar

import pytest
from famsock_bluetooth.addresses import (
    HciAddress,
    IsoAddress,
    L2capAddress,
    RfcommAddress,
    ScoAddress,
)
from famsock_bluetooth.mgmt import ISO_SOCKET_FEATURE, Management
from hypothesis import strategies as st

from famsock.testing import BadAddress, Conformance, Example

PEER = "00:1B:DC:0F:A2:7E"
PEER_HEX = "7ea20fdc1b00"
EMULATED = (pytest.mark.needs_interface("hci1"), pytest.mark.needs_capability("CAP_NET_ADMIN"))
WRONG_FORMAT = "wrong format: AF_BLUETOOTH"
BAD_BDADDR = "bad bluetooth address: AF_BLUETOOTH bdaddr must be six octets 00-FF"


def refused(protocol: str, form: object, error: type[Exception], match: str) -> BadAddress:
    return BadAddress(protocol=protocol, form=form, error=error, match=match)


KERNEL_HEADERS = tuple(
    f"net/bluetooth/{name}.h"
    for name in (
        "bluetooth",
        "hci_sock",
        "hci",
        "hci_core",
        "hci_mon",
        "l2cap",
        "rfcomm",
        "sco",
        "iso",
        "mgmt",
    )
)


class TestBluetooth(Conformance):
    family = "AF_BLUETOOTH"
    newer: ClassVar = {
        "6.12": (
            "BIS_LINK",
            "BT_ISO_SYNC_TIMEOUT",
            "CIS_LINK",
            "HCI_EVT_LE_BIG_SYNC_ESTABLISHED",
            "HCI_LE_ISO_SYNC_RECEIVER",
            "HCI_MAX_ISO_BIS",
            "HCI_MAX_PER_AD_TOT_LEN",
            "HCI_OP_LE_PA_CREATE_SYNC_CANCEL",
            "HCI_SID_INVALID",
            "HCI_SYNC_HANDLE_INVALID",
            "LE_EXT_ADV_DATA_STATUS_MASK",
            "LE_EXT_ADV_EVT_TYPE_MASK",
            "LE_PA_DATA_COMPLETE",
            "LE_PA_DATA_MORE_TO_COME",
            "LE_PA_DATA_TRUNCATED",
            "MGMT_SETTING_ISO_BROADCASTER",
            "MGMT_SETTING_ISO_SYNC_RECEIVER",
            "PA_LINK",
            "struct bt_iso_qos.bcast.bcode",
            "struct bt_iso_qos.bcast.encryption",
            "struct bt_iso_qos.bcast.mse",
            "struct bt_iso_qos.bcast.options",
            "struct bt_iso_qos.bcast.skip",
            "struct bt_iso_qos.bcast.sync_cte_type",
            "struct bt_iso_qos.bcast.sync_timeout",
            "struct bt_iso_qos.bcast.timeout",
            "struct bt_iso_qos.ucast.cig",
            "struct bt_iso_qos.ucast.cis",
            "struct bt_iso_qos.ucast.framing",
            "struct bt_iso_qos.ucast.in",
            "struct bt_iso_qos.ucast.out",
            "struct bt_iso_qos.ucast.packing",
            "struct bt_iso_qos.ucast.sca",
        ),
        "7.3": (
            "BT_PHY_BREDR_MASK",
            "BT_PHY_LE_MASK",
            "BT_PKT_SEQNUM",
            "BT_SCM_ERROR",
            "BT_SCM_PKT_SEQNUM",
            "HCI_DRV_PKT",
            "HCI_EVT_LE_ALL_REMOTE_FEATURES_COMPLETE",
            "HCI_EVT_LE_BIG_SYNC_LOST",
            "HCI_EVT_LE_CONN_RATE_CHANGE",
            "HCI_EVT_LE_CS_CONFIG_COMPLETE",
            "HCI_EVT_LE_CS_PROCEDURE_ENABLE_COMPLETE",
            "HCI_EVT_LE_CS_READ_RMT_FAE_TABLE_COMPLETE",
            "HCI_EVT_LE_CS_READ_RMT_SUPP_CAP_COMPLETE",
            "HCI_EVT_LE_CS_SECURITY_ENABLE_COMPLETE",
            "HCI_EVT_LE_CS_SUBEVENT_RESULT",
            "HCI_EVT_LE_CS_SUBEVENT_RESULT_CONTINUE",
            "HCI_EVT_LE_CS_TEST_END_COMPLETE",
            "HCI_EV_LE_PAST_RECEIVED",
            "HCI_EV_LE_PA_SYNC_LOST",
            "HCI_IPC",
            "HCI_LE_CS",
            "HCI_LE_CS_HOST",
            "HCI_LE_LL_EXT_FEATURE",
            "HCI_LE_PAST_RECEIVER",
            "HCI_LE_PAST_SENDER",
            "HCI_LE_SCI",
            "HCI_LE_SCI_HOST",
            "HCI_MAX_EVENT_PLEN",
            "HCI_MON_DRV_RX_PKT",
            "HCI_MON_DRV_TX_PKT",
            "HCI_OP_LE_CONN_RATE",
            "HCI_OP_LE_CS_CREATE_CONFIG",
            "HCI_OP_LE_CS_RD_LOCAL_SUPP_CAP",
            "HCI_OP_LE_CS_RD_RMT_FAE_TABLE",
            "HCI_OP_LE_CS_RD_RMT_SUPP_CAP",
            "HCI_OP_LE_CS_REMOVE_CONFIG",
            "HCI_OP_LE_CS_SEC_ENABLE",
            "HCI_OP_LE_CS_SET_CH_CLASSIFICATION",
            "HCI_OP_LE_CS_SET_DEFAULT_SETTINGS",
            "HCI_OP_LE_CS_SET_PROC_ENABLE",
            "HCI_OP_LE_CS_SET_PROC_PARAM",
            "HCI_OP_LE_CS_TEST",
            "HCI_OP_LE_CS_TEST_END",
            "HCI_OP_LE_CS_WR_CACHED_RMT_FAE_TABLE",
            "HCI_OP_LE_CS_WR_CACHED_RMT_SUPP_CAP",
            "HCI_OP_LE_PAST",
            "HCI_OP_LE_PAST_PARAMS",
            "HCI_OP_LE_PAST_SET_INFO",
            "HCI_OP_LE_READ_ALL_LOCAL_FEATURES",
            "HCI_OP_LE_READ_ALL_REMOTE_FEATURES",
            "HCI_OP_LE_READ_CONN_INTERVAL",
            "HCI_OP_LE_SET_DEF_RATE",
            "HCI_OP_LE_SET_HOST_FEATURE_V2",
            "HCI_OP_LE_SET_PHY",
            "MGMT_EV_CONN_SUBRATE",
            "MGMT_HCI_CMD_SYNC_SIZE",
            "MGMT_LOAD_CONN_SUBRATE_SIZE",
            "MGMT_OP_HCI_CMD_SYNC",
            "MGMT_OP_LOAD_CONN_SUBRATE",
            "MGMT_SETTING_LL_PRIVACY",
            "MGMT_SETTING_PAST_RECEIVER",
            "MGMT_SETTING_PAST_SENDER",
            "MGMT_SETTING_SCI",
            "struct bt_iso_io_qos.phys",
        ),
    }
    kernel_headers: ClassVar = dict.fromkeys(KERNEL_HEADERS, ("*",))
    examples = (
        Example(
            protocol="l2cap",
            typed=L2capAddress(PEER, 0x1001),
            stdlib=(PEER, 0x1001),
            sockaddr=bytes.fromhex(f"1f00 0110 {PEER_HEX} 0000 00 00"),
            text=f"[{PEER}]:4097",
            also_stdlib=(
                (PEER.lower(), 0x1001),
                (PEER, 0x1001, 0),
                (PEER, 0x1001, 0, 0),
                ("0:1b:dc:F:0xa2:7e", 0x1001),
            ),
            also_text=(f"[{PEER}]:0x1001:0:0",),
        ),
        Example(
            protocol="l2cap",
            typed=L2capAddress(PEER, 0, 4),
            stdlib=(PEER, 0, 4),
            sockaddr=bytes.fromhex(f"1f00 0000 {PEER_HEX} 0400 00 00"),
            text=f"[{PEER}]:0:4",
        ),
        Example(
            protocol="l2cap",
            typed=L2capAddress(PEER, 0x81, 0, 2),
            stdlib=(PEER, 0x81, 0, 2),
            sockaddr=bytes.fromhex(f"1f00 8100 {PEER_HEX} 0000 02 00"),
            text=f"[{PEER}]:129:0:2",
        ),
        Example(
            protocol="rfcomm",
            typed=RfcommAddress(PEER, 30),
            stdlib=(PEER, 30),
            sockaddr=bytes.fromhex(f"1f00 {PEER_HEX} 1e 00"),
            text=f"[{PEER}]:30",
        ),
        Example(
            protocol="hci",
            typed=HciAddress(1),
            stdlib=1,
            sockaddr=bytes.fromhex("1f00 0100 0000"),
            text="1",
            also_stdlib=((1,), (1, 0)),
        ),
        Example(
            protocol="hci",
            typed=HciAddress(0xFFFF, 3),
            stdlib=(0xFFFF, 3),
            sockaddr=bytes.fromhex("1f00 ffff 0300"),
            text="65535:3",
        ),
        Example(
            protocol="sco",
            typed=ScoAddress(PEER),
            stdlib=PEER,
            sockaddr=bytes.fromhex(f"1f00 {PEER_HEX}"),
            text=f"[{PEER}]",
            also_stdlib=(PEER.encode(), PEER.lower()),
        ),
        Example(
            protocol="iso",
            typed=IsoAddress(PEER, 2),
            stdlib=(PEER, 2),
            sockaddr=bytes.fromhex(f"1f00 {PEER_HEX} 02 00"),
            text=f"[{PEER}]:2",
        ),
    )
    bad = (
        refused("l2cap", (PEER,), OSError, WRONG_FORMAT),
        refused("l2cap", (PEER, 0, 0, 0, 0), OSError, WRONG_FORMAT),
        refused("l2cap", PEER, OSError, WRONG_FORMAT),
        refused("l2cap", [PEER, 1], OSError, WRONG_FORMAT),
        refused("l2cap", (PEER.encode(), 1), OSError, "bdaddr must be str, not bytes"),
        refused("l2cap", ("\ud812", 1), OSError, BAD_BDADDR),
        refused("l2cap", (PEER, -1), OverflowError, "AF_BLUETOOTH psm must be 0-65535, not -1"),
        refused("l2cap", (PEER, 0x10000), OSError, "psm must be 0-65535, not 65536"),
        refused("l2cap", (PEER, 1, 0x10000), OverflowError, "cid must be 0-65535, not 65536"),
        refused("l2cap", (PEER, 1, 0, 256), OverflowError, "bdaddr_type must be 0-255, not 256"),
        refused("rfcomm", (PEER, 256), OverflowError, "channel must be 0-255, not 256"),
        refused("rfcomm", (PEER, -1), OSError, "channel must be 0-255, not -1"),
        refused("rfcomm", (PEER,), OSError, WRONG_FORMAT),
        refused("rfcomm", (PEER, 0, 0), OSError, WRONG_FORMAT),
        refused("rfcomm", (PEER + "\0", 0), OSError, BAD_BDADDR),
        refused("rfcomm", (PEER + " ", 0), OSError, BAD_BDADDR),
        refused("rfcomm", (PEER + ":00", 0), OSError, BAD_BDADDR),
        refused("rfcomm", ("00:1B:DC:0F:A2:100", 0), OSError, BAD_BDADDR),
        refused("rfcomm", ("00:1B:DC:0F:A2:-1", 0), OSError, BAD_BDADDR),
        refused("rfcomm", ("invalid", 0), OSError, BAD_BDADDR),
        refused("hci", (), OSError, WRONG_FORMAT),
        refused("hci", (0, 0, 0), OSError, WRONG_FORMAT),
        refused("hci", PEER, OSError, WRONG_FORMAT),
        refused("hci", PEER.encode(), OSError, WRONG_FORMAT),
        refused("hci", 0x10000, OverflowError, "dev must be 0-65535, not 65536"),
        refused("hci", (0, -1), OverflowError, "channel must be 0-65535, not -1"),
        refused("sco", (PEER,), OSError, WRONG_FORMAT),
        refused("sco", bytearray(PEER.encode()), OSError, WRONG_FORMAT),
        refused("sco", PEER + "\0", ValueError, BAD_BDADDR),
        refused("sco", PEER.encode() + b"\0", ValueError, BAD_BDADDR),
        refused("sco", "invalid", OSError, BAD_BDADDR),
        refused("sco", b"invalid", OSError, BAD_BDADDR),
        refused("iso", (PEER, 256), OverflowError, "bdaddr_type must be 0-255, not 256"),
        refused("iso", (PEER, 1, PEER, 1, 0, (32,)), OverflowError, "bc_bis must hold 1-31"),
    )
    strategies: ClassVar = {
        "HciDevInfo.name": st.from_regex(r"[a-z]{0,6}[0-9]?", fullmatch=True),
        "BtIsoIoQos.interval": st.just(0) | st.integers(255, 1048575),
        "BtIsoIoQos.latency": st.just(0) | st.integers(5, 4000),
        "BtIsoIoQos.phy": st.integers(1, 7),
        "BtIsoQos.group": st.just(255) | st.integers(0, 239),
        "BtIsoQos.stream": st.just(255) | st.integers(0, 239),
        "BtIsoQos.sync_timeout": st.just(0) | st.integers(10, 16384),
        "BtIsoQos.timeout": st.just(0) | st.integers(10, 16384),
    }
    selftest_marks: ClassVar = {
        **dict.fromkeys(("l2cap", "l2cap le", "rfcomm", "hci"), EMULATED),
        "sco": (pytest.mark.needs_capability("CAP_NET_ADMIN"),),
        "iso": (*EMULATED, pytest.mark.needs_kernel("6.0")),
    }
    unreadable_options: ClassVar = {
        "BT_CHANNEL_POLICY": "gone from the kernel with AMP",
        "BT_CODEC": "needs codec offload",
        "BT_DEFER_SETUP": "for a bound or listening socket: test_l2cap_deferred_setup",
        "BT_FLUSHABLE": "cannot be set without a connection",
        "BT_ISO_BASE": "needs ISO to be switched on: test_iso_qos",
        "BT_ISO_QOS": "needs ISO to be switched on: test_iso_qos",
        "BT_MODE": "needs the module parameter enable_ecred",
        "BT_PHY": "needs a connection: test_l2cap_names_both_ends",
        "BT_RCVMTU": "of LE sockets: test_l2cap_low_energy_channel",
        "BT_SNDMTU": "of LE sockets: test_l2cap_low_energy_channel",
        "L2CAP_CONNINFO": "needs a connection: test_link_shows_among_connections",
        "RFCOMM_CONNINFO": "needs a connection: test_rfcomm_stream",
        "SCO_CONNINFO": "needs a connection: test_sco_connection",
        "SCO_OPTIONS": "needs a connection: test_sco_connection",
    }


@pytest.fixture(autouse=True, scope="session")
def iso_sockets_are_on() -> None:
    """The ISO protocol is an experimental feature; where it can be switched on, it is."""
    with contextlib.suppress(OSError), Management.open() as management:
        management.set_experimental_feature(ISO_SOCKET_FEATURE, True)
