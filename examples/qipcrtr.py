"""A service that is published, found and used, with the kernel's own name service."""

import famsock

with famsock.socket(famsock.AF_QIPCRTR, famsock.SOCK_DGRAM) as client:
    client.new_lookup(service=0x1234)
    assert client.recv_packet().is_end_of_list, "no such service yet"

    with famsock.socket(famsock.AF_QIPCRTR, famsock.SOCK_DGRAM) as server:
        server.publish(service=0x1234, instance=1)
        found = client.recv_packet()
        print(found)

        client.sendto(b"what is the answer?", found.address)
        question = server.recv_packet()
        server.sendto(b"42", question.source)
        print(question.data.decode(), client.recv_packet().data.decode())
    print(client.recv_packet())
