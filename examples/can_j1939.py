"""A J1939 control function claims an address by its NAME, and sends, on vcan0."""

from famsock_can import J1939Address, J1939Socket
from famsock_can.claim import AddressClaim
from famsock_can.j1939 import J1939Name

NAME = J1939Name(identity_number=4711, function=130, arbitrary_address_capable=True)
PGN = 0x1A300

with (
    AddressClaim("vcan0", NAME, range(0x80, 0xF8)) as claim,
    J1939Socket() as engine,
    J1939Socket() as display,
):
    display.settimeout(10)
    print(f"claimed address {claim.acquire():#x}")
    engine.bind(J1939Address("vcan0", name=int(NAME)))
    display.bind(J1939Address("vcan0", addr=0x28))
    target = J1939Address("", pgn=PGN, addr=0x28)
    engine.sendto(b"a message that takes several packets", target)
    message = display.recv_pg()
    print(
        message.data.decode(),
        f"from {message.source.addr:#x}, priority {message.priority}",
    )
