"""A service found by its name, and the topology service telling when it comes and goes."""

from famsock_tipc.addresses import ServiceAddress, ServiceRange

import famsock

with (
    famsock.socket(famsock.AF_TIPC, famsock.SOCK_SEQPACKET) as watcher,
    famsock.socket(famsock.AF_TIPC, famsock.SOCK_RDM) as client,
):
    watcher.subscribe(ServiceRange(18888, 0, 4294967295))
    with famsock.socket(famsock.AF_TIPC, famsock.SOCK_RDM) as server:
        server.bind(ServiceRange(18888, 0, 99, famsock.TIPC_NODE_SCOPE))
        print("published", watcher.recv_event().service)

        client.sendto(b"what is the answer?", ServiceAddress(18888, 42))
        question, sender = server.recvfrom(100)
        server.sendto(b"42", sender)
        print(question.decode(), client.recv(100).decode())
    print("withdrawn", watcher.recv_event().service)
