"""AF_NETLINK against famsock's conformance suite."""

from __future__ import annotations

from typing import ClassVar

from famsock_netlink.addresses import NetlinkAddress

from famsock.testing import BadAddress, Conformance, Example


class TestNetlink(Conformance):
    family = "AF_NETLINK"
    newer: ClassVar = {
        "6.12": (
            "FRA_DSCP",
            "IFLA_BRPORT_BACKUP_NHID",
            "IFLA_BRPORT_MAB",
            "IFLA_BRPORT_MCAST_MAX_GROUPS",
            "IFLA_BRPORT_MCAST_N_GROUPS",
            "IFLA_BRPORT_NEIGH_VLAN_SUPPRESS",
            "IFLA_BR_FDB_MAX_LEARNED",
            "IFLA_BR_FDB_N_LEARNED",
            "IFLA_DEVLINK_PORT",
            "IFLA_DPLL_PIN",
            "IFLA_DSA_CONDUIT",
            "IFLA_GRO_IPV4_MAX_SIZE",
            "IFLA_GSO_IPV4_MAX_SIZE",
            "IFLA_GTP_LOCAL",
            "IFLA_GTP_LOCAL6",
            "IFLA_HSR_INTERLINK",
            "IFLA_MACVLAN_BC_CUTOFF",
            "IFLA_NETKIT_MODE",
            "IFLA_NETKIT_PEER_INFO",
            "IFLA_NETKIT_PEER_POLICY",
            "IFLA_NETKIT_PEER_SCRUB",
            "IFLA_NETKIT_POLICY",
            "IFLA_NETKIT_PRIMARY",
            "IFLA_NETKIT_SCRUB",
            "IFLA_NETKIT_UNSPEC",
            "IFLA_VXLAN_LABEL_POLICY",
            "IFLA_VXLAN_LOCALBYPASS",
            "NETKIT_DROP",
            "NETKIT_L2",
            "NETKIT_L3",
            "NETKIT_NEXT",
            "NETKIT_PASS",
            "NETKIT_REDIRECT",
            "NETKIT_SCRUB_DEFAULT",
            "NETKIT_SCRUB_NONE",
            "NL_ATTR_TYPE_SINT",
            "NL_ATTR_TYPE_UINT",
            "NTF_EXT_LOCKED",
            "RTAX_FEATURE_TCP_USEC_TS",
            "VXLAN_LABEL_FIXED",
            "VXLAN_LABEL_INHERIT",
        )
    }
    batched = ("route", "generic", "usersock")
    examples = (
        Example(
            protocol="route",
            typed=NetlinkAddress(0x01020304, 0x11121314),
            stdlib=(0x01020304, 0x11121314),
            sockaddr=b"".join(n.to_bytes(4, "little") for n in (16, 0x01020304, 0x11121314)),
            text="16909060:286397204",
            also_text=("0x01020304:0x11121314",),
        ),
        Example(
            protocol="generic",
            typed=NetlinkAddress(0),
            stdlib=(0, 0),
            sockaddr=bytes.fromhex("100000000000000000000000"),
            text="0",
        ),
        Example(
            protocol="any",
            typed=NetlinkAddress(2**32 - 1, 2**32 - 1),
            stdlib=(2**32 - 1, 2**32 - 1),
            sockaddr=bytes.fromhex("10000000ffffffffffffffff"),
            text="4294967295:4294967295",
        ),
    )
    bad = (
        BadAddress(protocol="route", form=(-2, 0), error=OverflowError, match="pid must be 0-4"),
        BadAddress(protocol="route", form=(2**32, 0), error=OverflowError, match="not 4294967296"),
        BadAddress(protocol="route", form=(0, -2), error=OverflowError, match="groups must be 0-4"),
        BadAddress(protocol="any", form=(0, 2**32), error=OverflowError, match="AF_NETLINK groups"),
        BadAddress(protocol="route", form=(0,), error=TypeError, match="of 2 items, not 1"),
        BadAddress(protocol="route", form=(0, 0, 0), error=TypeError, match="of 2 items, not 3"),
        BadAddress(protocol="route", form=[0, 0], error=TypeError, match="pid, groups., not"),
        BadAddress(protocol="route", form=("0", 0), error=TypeError, match="pid must be an int"),
    )
