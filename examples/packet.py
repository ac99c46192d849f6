"""Frames of a protocol for experiments, sent and captured on the loopback interface.

Needs CAP_NET_RAW: run it as root.
"""

from famsock_packet import PacketSocket
from famsock_packet.bpf import parse_program
from famsock_packet.constants import ETH_P_802_EX1, ETH_P_ALL

# What `tcpdump -i lo -ddd 'ether proto 0x88b5'` prints.
EXPERIMENTS_ONLY = "4\n40 0 0 12\n21 0 1 34997\n6 0 0 262144\n6 0 0 0\n"

with PacketSocket() as sender, PacketSocket() as receiver:
    receiver.settimeout(10)
    receiver.capture("lo", ETH_P_ALL, parse_program(EXPERIMENTS_ONLY))
    receiver.set_ignore_outgoing()

    header = bytes(6) + bytes(6) + ETH_P_802_EX1.to_bytes(2, "big")
    for number in range(3):
        sender.sendto(header + f"experiment {number}".encode(), ("lo", 0))

    for _ in range(3):
        frame = receiver.recv_frame()
        print(
            frame.timestamp_ns,
            frame.address,
            frame.length_bytes,
            "bytes",
            frame.data[14:],
        )
    print(receiver.statistics())
