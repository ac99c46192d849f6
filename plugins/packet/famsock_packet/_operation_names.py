"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_packet.sockets:PacketOperations": (
        "add_unicast",
        "capture",
        "fanout",
        "filter",
        "join_fanout",
        "join_multicast",
        "leave_multicast",
        "lock_filter",
        "receive_ring",
        "recv_frame",
        "remove_filter",
        "remove_unicast",
        "rollover_statistics",
        "set_all_multicast",
        "set_fanout_program",
        "set_filter",
        "set_ignore_outgoing",
        "set_promiscuous",
        "set_qdisc_bypass",
        "statistics",
        "transmit_ring",
    ),
}
