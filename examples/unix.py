"""A server hands an open file to its client, after looking who the client is."""

import os
import tempfile
import threading
from pathlib import Path

from famsock_unix import UnixAddress, UnixSeqpacketSocket

with tempfile.TemporaryDirectory() as directory:
    server = UnixSeqpacketSocket()
    server.bind_replacing_stale(UnixAddress(Path(directory, "files.sock")))
    server.listen()
    print("listening at", server.local_address)

    def serve() -> None:
        connection, _ = server.accept()
        with connection, open("/etc/hostname", "rb") as file:
            print(
                "client has pid",
                connection.peer_credentials().pid,
                "- ours is",
                os.getpid(),
            )
            connection.send_descriptors(b"/etc/hostname", [file])

    thread = threading.Thread(target=serve)
    thread.start()
    with UnixSeqpacketSocket() as client:
        client.connect(server.local_address)
        (descriptor,), message = client.recv_descriptors()
        with open(descriptor, "rb") as file:
            print(message.data.decode(), "holds", file.read())
    thread.join()
    server.close()
