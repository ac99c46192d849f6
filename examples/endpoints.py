"""One server for any endpoint: a clock in the families that its caller names."""

import threading
import time

import famsock

TEXTS = (
    "tcp://127.0.0.1:0?TCP_NODELAY=1",
    "unix+seqpacket://@famsock-clock?backlog=5",
)


def serve(server: famsock.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(time.strftime("%Y").encode())


for text in TEXTS:
    with famsock.listen(text) as server:
        address = server.local_address
        assert address is not None
        endpoint = famsock.endpoints.of(server, address)
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        with famsock.connect(endpoint, timeout=10) as client:
            print(endpoint.scheme, "says", client.recv(100).decode())
        thread.join()

try:
    famsock.connect("vsokc://2:1024")
except ValueError as error:
    print(str(error).partition("; ")[2].partition("; ")[2])
