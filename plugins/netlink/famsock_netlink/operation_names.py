"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_netlink.route:RouteOperations": (
        "addresses",
        "dump",
        "groups",
        "join_group",
        "leave_group",
        "link",
        "links",
        "receive_messages",
        "request",
        "send_messages",
    ),
    "famsock_netlink.operations:NetlinkOperations": (
        "dump",
        "groups",
        "join_group",
        "leave_group",
        "receive_messages",
        "request",
        "send_messages",
    ),
    "famsock_netlink.generic:GenericOperations": (
        "dump",
        "generic_dump",
        "generic_families",
        "generic_family",
        "generic_request",
        "groups",
        "join_group",
        "leave_group",
        "receive_messages",
        "request",
        "send_messages",
    ),
}
