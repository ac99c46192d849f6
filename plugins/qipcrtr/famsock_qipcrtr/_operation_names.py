"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_qipcrtr.sockets:QipcrtrOperations": (
        "del_lookup",
        "local_node",
        "lookup",
        "new_lookup",
        "publish",
        "recv_packet",
        "send_control",
        "withdraw",
    ),
}
