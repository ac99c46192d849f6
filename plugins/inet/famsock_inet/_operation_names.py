"""The names that sockets gain from each class of operations, known before it is imported."""

_IP = (
    "enable_errors",
    "enable_hop_limit",
    "enable_original_destination",
    "enable_packet_info",
    "enable_timestamps",
    "enable_traffic_class",
    "recv_errors",
)
_MULTICAST = (
    *_IP,
    "block_source",
    "join_group",
    "leave_group",
    "set_multicast_hops",
    "set_multicast_interface",
    "set_multicast_loop",
    "unblock_source",
)
_ZEROCOPY = ("send_zerocopy", "zerocopy_completions")
_TRANSMIT_TIME = ("send_at", "set_transmit_clock")
_TCP = (*_IP, *_ZEROCOPY, "set_keepalive", "tcp_info")

NAMES = {
    "famsock_inet.sockets.tcp:TcpOperations": _TCP,
    "famsock_inet.sockets.udp:UdpOperations": (
        *_MULTICAST,
        *_ZEROCOPY,
        *_TRANSMIT_TIME,
        "enable_segments",
        "recv_segments",
        "send_segments",
    ),
    "famsock_inet.sockets.mptcp:MptcpOperations": (
        *_TCP,
        "mptcp_info",
        "subflow_tcp_infos",
        "subflows",
    ),
    "famsock_inet.sockets.sctp:SctpOperations": (
        *_IP,
        "add_local_addresses",
        "enable_stream_info",
        "local_addresses",
        "peel_off",
        "peer_addresses",
        "remove_local_addresses",
        "reset_streams",
        "sctp_status",
        "send_on_stream",
    ),
    "famsock_inet.sockets.raw:PingOperations": _MULTICAST,
    "famsock_inet.sockets.raw:RawOperations": (*_MULTICAST, *_TRANSMIT_TIME),
}
