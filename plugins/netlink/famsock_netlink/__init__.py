"""AF_NETLINK for famsock: messages to and from the kernel's subsystems."""

from __future__ import annotations

from socket import SOCK_DGRAM, SOCK_RAW

from famsock.plugin import ANY_PROTOCOL, Family, Protocol, exports
from famsock_netlink._hints import HINTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_netlink.addresses import NetlinkAddress as NetlinkAddress
    from famsock_netlink.generic import GenericNetlinkSocket as GenericNetlinkSocket
    from famsock_netlink.route import RouteSocket as RouteSocket
    from famsock_netlink.sockets import NetlinkSocket as NetlinkSocket
    from famsock_netlink.uevent import UeventSocket as UeventSocket
else:
    __getattr__, __dir__ = exports(
        __name__,
        GenericNetlinkSocket="generic",
        NetlinkAddress="addresses",
        NetlinkSocket="sockets",
        RouteSocket="route",
        UeventSocket="uevent",
    )

__all__ = [
    "FAMILY",
    "GenericNetlinkSocket",
    "NetlinkAddress",
    "NetlinkSocket",
    "RouteSocket",
    "UeventSocket",
]


def _protocol(
    name: str,
    number: int | None,
    modules: tuple[str, ...] = (),
    socket: str = "sockets:NetlinkSocket",
    selftest: str | None = None,
) -> Protocol:
    return Protocol(
        name,
        number,
        (SOCK_RAW, SOCK_DGRAM),
        "famsock_netlink.addresses:NetlinkAddress",
        layout="famsock_netlink._layouts:NETLINK",
        socket=f"famsock_netlink.{socket}",
        scheme="netlink" if number is None else f"netlink-{name.replace('_', '-')}",
        modules=modules,
        hints=HINTS,
        selftest=selftest and f"famsock_netlink.selftest:{selftest}",
    )


FAMILY = Family(
    "AF_NETLINK",
    16,
    (
        _protocol("route", 0, socket="route:RouteSocket", selftest="route"),
        _protocol("usersock", 2, selftest="usersock"),
        _protocol("sock_diag", 4, ("inet_diag", "tcp_diag", "udp_diag", "unix_diag")),
        _protocol("xfrm", 6, ("xfrm_user",)),
        _protocol("selinux", 7),
        _protocol("iscsi", 8, ("scsi_transport_iscsi",)),
        _protocol("audit", 9),
        _protocol("fib_lookup", 10),
        _protocol("connector", 11, ("cn",)),
        _protocol("netfilter", 12, ("nfnetlink",)),
        _protocol("kobject_uevent", 15, socket="uevent:UeventSocket"),
        _protocol("generic", 16, socket="generic:GenericNetlinkSocket", selftest="generic"),
        _protocol("scsitransport", 18, ("scsi_mod",)),
        _protocol("rdma", 20, ("ib_core",)),
        _protocol("crypto", 21, ("crypto_user",)),
        _protocol("any", ANY_PROTOCOL),
    ),
    constants="famsock_netlink.constants",
    options="famsock_netlink.options",
    control="famsock_netlink.control",
)
