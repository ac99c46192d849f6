"""Two sockets of one machine talk over vsock's loopback, or the hint is printed."""

from famsock_vsock import VsockAddress, VsockStreamSocket
from famsock_vsock.constants import VMADDR_CID_LOCAL, VMADDR_PORT_ANY
from famsock_vsock.options import SO_VM_SOCKETS_BUFFER_SIZE

try:
    with VsockStreamSocket() as listener:
        listener.settimeout(5)
        print("this machine's CID:", listener.local_cid())
        listener.bind(VsockAddress(VMADDR_CID_LOCAL, VMADDR_PORT_ANY))
        listener.listen()
        print(f"listening on vsock://{listener.local_address}")

        with VsockStreamSocket() as client:
            client.settimeout(5)
            client.set_option(SO_VM_SOCKETS_BUFFER_SIZE, 65536)
            client.connect(listener.local_address)
            server, peer = listener.accept()
            with server:
                client.sendall(b"ping")
                print("from", peer, "came", server.recv(16))
except OSError as error:
    print("no vsock loopback here:", error, *getattr(error, "__notes__", []))
