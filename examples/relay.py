"""Give a unix server a TCP port, for this machine only, and serve one connection."""

import socket
import tempfile
import threading
from pathlib import Path

from famsock.relay import End, Options, Relay

with (
    tempfile.TemporaryDirectory() as folder,
    socket.socket(socket.AF_UNIX) as server,
):
    server.bind(str(Path(folder, "app")))
    server.listen()

    near = End("tcp://127.0.0.1:0", allow=["127.0.0.0/8"])
    with Relay(near, f"unix://{folder}/app", Options(sessions=1)) as relay:
        thread = threading.Thread(target=relay.run)
        thread.start()

        host, _, port = relay.addresses[0].removeprefix("tcp://").rpartition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"question")
            far, _ = server.accept()
            with far:
                far.sendall(far.recv(100).replace(b"question", b"answer"))
            print(client.recv(100))
        thread.join()
        print(relay.counters)
