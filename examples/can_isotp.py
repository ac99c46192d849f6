"""A diagnostic request and its answer over ISO-TP (ISO 15765-2), on vcan0."""

from famsock_can import IsotpAddress, IsotpSocket
from famsock_can.isotp import IsotpFlowControl, IsotpOptions

TESTER, ECU = 0xF1, 0x10

with IsotpSocket() as tester, IsotpSocket() as ecu:
    for sock in (tester, ecu):
        sock.settimeout(10)
        sock.configure(
            IsotpOptions.make(tx_padding=0xAA, frame_txtime_ns=50_000),
            IsotpFlowControl.for_time(100_000, block_size=8),
        )
    tester.bind(IsotpAddress.normal_fixed("vcan0", source=TESTER, target=ECU))
    ecu.bind(IsotpAddress.normal_fixed("vcan0", source=ECU, target=TESTER))

    tester.send(b"\x22\xf1\x90")
    print("request:", ecu.recv(4095).hex(" "))
    ecu.send(b"\x62\xf1\x90FAMSOCK0123456789")
    answer = tester.recv_pdu()
    print("answer:", answer.data[3:].decode(), "by", answer.arrival.interface)
