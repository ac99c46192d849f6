"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_rds.sockets:RdsOperations": (
        "cancel_sent_to",
        "connections",
        "counters",
        "monitor_congestion",
        "queued_for_acknowledgement",
        "queued_to_receive",
        "queued_to_send",
        "sendto_uncongested",
        "set_tos",
        "snapshot",
        "sockets",
        "tcp_sockets",
        "tos",
        "trace_latency",
        "wait_for_congestion_change",
    ),
}
