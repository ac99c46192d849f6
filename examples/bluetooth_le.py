"""Low Energy between two adapters: advertising, scanning, an L2CAP channel, ATT.

Without adapters, emulated ones do: ``modprobe hci_vhci`` and ``btvirt -l2``. Run it
as root.
"""

from famsock_bluetooth import L2capAddress, L2capSocket
from famsock_bluetooth.advertising import structure
from famsock_bluetooth.mgmt import Management, Setting

import famsock

LE, PSM, ATT_CID = famsock.BDADDR_LE_PUBLIC, 0x81, 4
MTU_REQUEST, MTU_RESPONSE = 0x02, 0x03
NAME = structure(famsock.EIR_NAME_COMPLETE, b"famsock")


def l2cap() -> L2capSocket:
    sock = L2capSocket()
    sock.settimeout(20)
    return sock


with Management.open() as management, Management.open() as scanner:
    first, second = management.read_index_list()[:2]
    wanted = Setting.POWERED | Setting.LE | Setting.CONNECTABLE
    here = management.switch_on(first, wanted).bdaddr
    there = management.switch_on(second, Setting.POWERED | Setting.LE).bdaddr

    heard = scanner.devices_found(second, bredr=False)
    management.add_advertising(first, 1, data=NAME)
    for device in heard:
        if device.bdaddr == here and device.name:
            address = L2capAddress(device.bdaddr, PSM, 0, LE)
            print("found", device.name, "at", address)
            break
    heard.close()

    # Fixed channels must be listened to before the link is there.
    with l2cap() as server, l2cap() as att_server, l2cap() as client, l2cap() as att:
        server.bind(L2capAddress(here, PSM, 0, LE))
        server.set_incoming_mtu(512)
        att_server.bind(L2capAddress(here, 0, ATT_CID, LE))
        for listener in (server, att_server):
            listener.listen()
        att.bind(L2capAddress(there, 0, ATT_CID, LE))
        att.connect(L2capAddress(here, 0, ATT_CID, LE))
        client.bind(L2capAddress(there, 0, 0, LE))
        client.connect(L2capAddress(here, PSM, 0, LE))

        with server.accept()[0] as connection:
            client.send(b"hello over LE")
            print(
                client.outgoing_mtu_bytes(),
                "bytes at most:",
                connection.recv(512).decode(),
            )
        with att_server.accept()[0] as bearer:
            att.send(bytes((MTU_REQUEST, 185, 0)))
            print("ATT asks for an MTU of", bearer.recv(512)[1])
            bearer.send(bytes((MTU_RESPONSE, 100, 0)))
            print("and is granted", att.recv(512)[1])
    management.remove_advertising(first, 1)
