"""Frames over CAN_RAW, a cyclic frame by the broadcast manager, on vcan0."""

from famsock_can import BcmSocket, CanAddress, CanRawSocket
from famsock_can.filters import CanFilter
from famsock_can.frames import CanFrame, parse_frame

INTERFACE = CanAddress("vcan0")

with CanRawSocket() as sender, CanRawSocket() as receiver, BcmSocket() as manager:
    receiver.settimeout(10)
    receiver.set_filters([CanFilter.exact(0x123), CanFilter.parse("400:7F0")])
    receiver.enable_timestamps()
    for sock in (sender, receiver):
        sock.bind(INTERFACE)
    manager.connect(INTERFACE)

    sender.send_frame(CanFrame(0x124, b"filtered"))
    sender.send_frame(parse_frame("123#DEADBEEF"))
    received = receiver.recv_frame()
    print(
        received,
        "at",
        received.arrival.timestamp_ns,
        "ns, local:",
        received.arrival.is_local,
    )

    frames = [CanFrame(0x400, b"tick"), CanFrame(0x400, b"tock")]
    manager.start_cyclic(frames, 20_000)
    for _ in range(4):
        print(receiver.recv_frame())
    manager.stop_cyclic(0x400)
