"""A service that is published, found and used, by the kernel's name service."""

from famsock_qipcrtr import QipcrtrSocket
from famsock_qipcrtr.packets import Datagram, NewServer

with QipcrtrSocket() as client:
    client.new_lookup(service=0x1234)
    assert client.recv_packet() == NewServer(service=0), "no such service yet"

    with QipcrtrSocket() as server:
        server.publish(service=0x1234, instance=1)
        found = client.recv_packet()
        print(found)
        assert isinstance(found, NewServer)

        client.sendto(b"what is the answer?", found.address)
        question = server.recv_packet()
        assert isinstance(question, Datagram)
        server.sendto(b"42", question.source)
        answer = client.recv(100)
        print(question.data.decode(), answer.decode())
    print(client.recv_packet())
