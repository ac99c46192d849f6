"""The names that sockets gain from each class of operations, known before it is imported."""

_LINK = ("phys", "security", "set_defer_setup", "set_security")

NAMES = {
    "famsock_bluetooth.operations:L2capOperations": (
        *_LINK,
        "connection_info",
        "incoming_mtu_bytes",
        "is_le",
        "l2cap_options",
        "mode",
        "outgoing_mtu_bytes",
        "set_incoming_mtu",
        "set_l2cap_options",
        "set_mode",
    ),
    "famsock_bluetooth.hci:HciOperations": (
        "connections",
        "device_down",
        "device_info",
        "device_reset",
        "device_up",
        "devices",
        "filter",
        "inquiry",
        "management",
        "receive_message",
        "receive_packet",
        "send_command",
        "send_packet",
        "set_data_direction",
        "set_filter",
        "set_scan",
        "set_sco_mtu",
        "set_time_stamps",
    ),
    "famsock_bluetooth.operations:ScoOperations": (
        *_LINK,
        "codecs",
        "connection_info",
        "mtu_bytes",
        "set_packet_status",
        "set_voice",
        "voice",
    ),
    "famsock_bluetooth.operations:RfcommOperations": (*_LINK, "connection_info"),
    "famsock_bluetooth.operations:IsoOperations": (*_LINK, "base", "qos", "set_base", "set_qos"),
}
