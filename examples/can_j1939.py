"""A J1939 control function claims an address and sends from it, by its NAME, on vcan0."""

from famsock_can.addresses import J1939Address
from famsock_can.claim import AddressClaim
from famsock_can.j1939 import J1939Name

import famsock as socket

NAME = J1939Name(identity_number=4711, function=130, arbitrary_address_capable=True)
PGN = 0x1A300


def j1939_socket() -> socket.socket:
    sock = socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_J1939)
    sock.settimeout(10)
    return sock


with (
    AddressClaim("vcan0", NAME, range(0x80, 0xF8)) as claim,
    j1939_socket() as engine,
    j1939_socket() as display,
):
    print(f"claimed address {claim.acquire():#x}")
    engine.bind(J1939Address("vcan0", name=int(NAME)))
    display.bind(J1939Address("vcan0", addr=0x28))
    engine.sendto(b"a message that takes several packets", J1939Address("", pgn=PGN, addr=0x28))
    message = display.recv_pg()
    print(message.data.decode(), f"from {message.source.addr:#x}, priority {message.priority}")
