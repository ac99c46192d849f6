"""Two adapters of one machine talk over RFCOMM, on any Python.

Without adapters, emulated ones do: ``modprobe hci_vhci`` and ``btvirt -l2``. Run it
as root.
"""

from famsock_bluetooth import HciAddress, HciSocket, RfcommAddress, RfcommSocket
from famsock_bluetooth.mgmt import Management, Setting
from famsock_bluetooth.packets import CommandComplete

import famsock

with Management.open() as management:
    first, second = management.read_index_list()[:2]
    ready = Setting.POWERED | Setting.CONNECTABLE | Setting.BONDABLE
    here = management.switch_on(first, ready).bdaddr
    there = management.switch_on(second, ready).bdaddr

with RfcommSocket() as server, RfcommSocket() as client:
    server.bind(RfcommAddress(here, 0))
    server.listen()
    print("listening at", server.local_address)
    client.bind(RfcommAddress(there, 0))
    client.connect(server.getsockname())
    connection, peer = server.accept()
    with connection:
        client.sendall(b"hello over RFCOMM")
        print(peer[0], "says", connection.recv(100).decode())

with HciSocket() as hci:
    hci.bind(HciAddress(first))
    answer = hci.send_command(famsock.HCI_OP_READ_LOCAL_VERSION)
    assert isinstance(answer, CommandComplete)
    print("the controller speaks HCI version", answer.parameters[0])
