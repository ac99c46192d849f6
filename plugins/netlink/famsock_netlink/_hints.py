"""Hints for failures of AF_NETLINK, each true for every cause of its errno in its call.

Causes are those of the kernel's net/netlink/af_netlink.c: netlink_bind, netlink_connect,
netlink_sendmsg, netlink_setsockopt, netlink_overrun; and of netlink_net_capable in what answers.
"""

from __future__ import annotations

from errno import ENOBUFS, EPERM

from famsock.plugin import Hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_OWNER = "in the user namespace that owns the network namespace"
_DROPS = "the column Drops of /proc/net/netlink counts what each socket has lost"

_GROUPS = Hint(
    f"CAP_NET_ADMIN is missing {_OWNER} (for NETLINK_AUDIT CAP_AUDIT_READ)", possible=True
)
_TO_OTHERS = Hint(
    f"sending to a port other than the kernel's, or to a group, needs CAP_NET_ADMIN {_OWNER}",
    possible=True,
)
_OPTIONS = Hint(
    f"CAP_NET_ADMIN is missing {_OWNER} (for NETLINK_LISTEN_ALL_NSID CAP_NET_BROADCAST)",
    possible=True,
)
CHANGE = Hint(f"a change needs CAP_NET_ADMIN {_OWNER}", possible=True)
LOST = Hint("messages were lost", "read faster, or raise SO_RCVBUF", check=_DROPS)
LOST_ANSWER = Hint("the answer was lost; whether the kernel did it is not known", check=_DROPS)

HINTS: dict[Any, Any] = {
    ("bind", EPERM): _GROUPS,
    **{
        (operation, EPERM): _TO_OTHERS for operation in ("connect", "sendto", "sendmsg", "sendmmsg")
    },
    ("set_option", EPERM): _OPTIONS,
    ("request", EPERM): CHANGE,
    ("request", ENOBUFS): LOST_ANSWER,
    ("recv_messages", ENOBUFS): LOST,
}
