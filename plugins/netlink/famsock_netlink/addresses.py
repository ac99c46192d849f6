"""Addresses of AF_NETLINK: a port and a mask of multicast groups. Source: netlink(7)."""

from __future__ import annotations

from famsock.plugin import Address, cstruct, sockaddr
from famsock_netlink.constants import AF_NETLINK

__all__ = [
    "NetlinkAddress",
]


@sockaddr(
    "struct sockaddr_nl",
    header="linux/netlink.h",
    family=AF_NETLINK,
    family_name="AF_NETLINK",
    size=12,
)
class NetlinkAddress(Address):
    """A port of a netlink protocol, or a set of its multicast groups.

    ``pid`` (0-4294967295) is the port: 0 is the kernel as a destination, and asks for a free port
    in bind; a process's first socket usually gets its process id. ``groups`` (0-4294967295) is a
    mask of the multicast groups 1-32, group n being bit n - 1; groups beyond 32 are joined by
    ``sock.join_group``. The stdlib's form is ``(pid, groups)``, in which -1 is all ones.

    Wire layout, 12 bytes in host order: family (u16), 2 zero bytes, pid (u32), groups (u32). Raises
    OverflowError for an integer out of range (the stdlib masks it), TypeError for anything else.
    Source: netlink(7), linux/netlink.h.
    """

    pid: int = cstruct.u32("nl_pid", offset=4)
    groups: int = cstruct.u32("nl_groups", default=0)

    @classmethod
    def required_fields(cls) -> int:
        """Return 2: the stdlib's form is a pair."""
        return 2
