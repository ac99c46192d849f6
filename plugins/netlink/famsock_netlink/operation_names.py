"""The names that sockets gain from each class of operations, known before it is imported."""

_MESSAGES = (
    "dump",
    "groups",
    "join_group",
    "leave_group",
    "receive_messages",
    "request",
    "send_messages",
)

NAMES = {
    "famsock_netlink.operations:NetlinkOperations": _MESSAGES,
    "famsock_netlink.route:RouteOperations": (*_MESSAGES, "addresses", "link", "links"),
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
        "receive_uevent",
    ),
}
