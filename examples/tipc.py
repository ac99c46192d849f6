"""A service found by its name; the topology service tells when it comes and goes."""

from famsock_tipc import (
    ServiceAddress,
    ServiceRange,
    TipcRdmSocket,
    TipcSeqpacketSocket,
)

import famsock

with TipcSeqpacketSocket() as watcher, TipcRdmSocket() as client:
    watcher.subscribe(ServiceRange(18888, 0, 4294967295))
    with TipcRdmSocket() as server:
        server.bind(ServiceRange(18888, 0, 99, famsock.TIPC_NODE_SCOPE))
        print("published", watcher.recv_event().service)

        client.sendto(b"what is the answer?", ServiceAddress(18888, 42))
        question, sender = server.recvfrom(100)
        server.sendto(b"42", sender)
        print(question.decode(), client.recv(100).decode())
    print("withdrawn", watcher.recv_event().service)
