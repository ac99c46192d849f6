"""Reliable datagrams between two sockets, and what RDS tells of its connections."""

from famsock_rds import RdsSocket

with RdsSocket() as server, RdsSocket() as client:
    server.bind(("127.0.0.1", 0))
    client.bind(("127.0.0.1", 0))

    client.sendto_uncongested(b"what is the answer?", server.local_address)
    question, sender = server.recvfrom(100)
    server.sendto(b"42", sender)
    print(question.decode(), client.recv(100).decode())

    for connection in client.connections():
        print(
            connection.local_host,
            "-",
            connection.peer_host,
            "over",
            connection.transport,
        )
    print("messages delivered:", client.counters()["recv_delivered"])
