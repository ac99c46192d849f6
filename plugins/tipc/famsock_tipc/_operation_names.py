"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_tipc.sockets:TipcOperations": (
        "cancel",
        "events",
        "group",
        "join_group",
        "leave_group",
        "link_name",
        "node_id",
        "recv_event",
        "recv_group",
        "subscribe",
        "withdraw",
    ),
}
