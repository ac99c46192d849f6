"""An echo server and its client over Bluetooth, for a Python whose socket module knows Bluetooth.

echo.py server|client rfcomm|l2cap LOCAL-ADDRESS PEER-ADDRESS CHANNEL-OR-PSM
"""

import socket
import sys

role, protocol, local, peer, port = sys.argv[1:]
if protocol == "rfcomm":
    sock = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_RFCOMM)
else:
    sock = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP)

with sock:
    if role == "server":
        sock.bind((local, int(port)))
        sock.listen(1)
        print("listening at", sock.getsockname(), flush=True)
        connection, address = sock.accept()
        with connection:
            print("connected by", address[0], flush=True)
            try:
                while data := connection.recv(1024):
                    connection.send(data)
            except ConnectionResetError:
                pass
    else:
        sock.bind((local, 0))
        sock.connect((peer, int(port)))
        print("connected to", sock.getpeername()[0])
        for word in (b"one", b"two", b"three"):
            sock.send(word)
            print("received", sock.recv(1024).decode())
