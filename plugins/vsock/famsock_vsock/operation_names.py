"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_vsock.operations:VsockOperations": (
        "is_guest",
        "local_cid",
    ),
}
