"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_vsock.sockets:VsockOperations": (
        "has_loopback",
        "is_guest",
        "is_host",
        "local_cid",
    ),
}
