"""The names that sockets gain from each class of operations, known before it is imported."""

_ARRIVAL = ("enable_drop_count", "enable_timestamps")

NAMES = {
    "famsock_can.sockets.raw:RawOperations": (
        *_ARRIVAL,
        "enable_frames",
        "recv_frame",
        "recv_frames",
        "send_frame",
        "send_frames",
        "set_error_mask",
        "set_filters",
        "set_loopback",
        "set_vcid",
    ),
    "famsock_can.sockets.bcm:BcmOperations": (
        *_ARRIVAL,
        "answer_requests",
        "recv_event",
        "request_cyclic",
        "request_subscription",
        "send_bcm",
        "send_frame",
        "start_cyclic",
        "stop_cyclic",
        "subscribe",
        "unsubscribe",
        "update_cyclic",
    ),
    "famsock_can.sockets.isotp:IsotpOperations": (*_ARRIVAL, "configure", "recv_pdu"),
    "famsock_can.sockets.j1939:J1939Operations": (
        *_ARRIVAL,
        "enable_progress",
        "recv_pg",
        "recv_progress",
        "set_broadcast",
        "set_filters",
        "set_priority",
        "set_promiscuous",
    ),
}
