"""The names that sockets gain from each class of operations, known before it is imported."""

_MESSAGES = (
    "check_strictly",
    "dump",
    "groups",
    "join_group",
    "leave_group",
    "pending_messages",
    "recv_messages",
    "request",
    "send_messages",
)

NAMES = {
    "famsock_netlink.sockets:NetlinkOperations": _MESSAGES,
    "famsock_netlink.route:RouteOperations": (
        *_MESSAGES,
        "add_address",
        "add_route",
        "addresses",
        "delete_address",
        "delete_route",
        "link",
        "links",
        "neighbors",
        "routes",
        "rules",
        "set_link",
    ),
    "famsock_netlink.generic:GenericOperations": (
        *_MESSAGES,
        "generic_dump",
        "generic_families",
        "generic_family",
        "generic_request",
    ),
    "famsock_netlink.uevent:UeventOperations": (
        *_MESSAGES,
        "join_kernel_events",
        "recv_uevent",
    ),
}
