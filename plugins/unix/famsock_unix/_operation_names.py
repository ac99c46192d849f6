"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_unix.sockets:UnixOperations": (
        "bind_replacing_stale",
        "bound_path",
        "peer_credentials",
        "peer_groups",
        "peer_pidfd",
        "peer_security",
        "recv_descriptors",
        "send_credentials",
        "send_descriptors",
    ),
}
