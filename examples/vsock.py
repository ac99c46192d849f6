"""Two sockets of one machine talk over vsock's loopback; without it, the hint is printed."""

from famsock_vsock.addresses import VsockAddress

import famsock as socket

ANY_PORT = socket.VMADDR_PORT_ANY

try:
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as listener:
        listener.settimeout(5)
        print("this machine's CID:", listener.local_cid())
        listener.bind(VsockAddress(socket.VMADDR_CID_LOCAL, ANY_PORT))
        listener.listen()
        print(f"listening on vsock://{listener.local_address}")

        with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            client.set_option("SO_VM_SOCKETS_BUFFER_SIZE", 65536)
            client.connect(listener.local_address)
            server, peer = listener.accept()
            with server:
                client.sendall(b"ping")
                print("from", peer, "came", server.recv(16))
except OSError as error:
    print("no vsock loopback here:", error, *getattr(error, "__notes__", []))
