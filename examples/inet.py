"""A server learns all about a datagram, and a client why one did not arrive."""

import errno
import select

from famsock_inet import Inet6Address, Udp6Socket, control

import famsock as socket
from famsock.control import SCM_TIMESTAMPNS

with Udp6Socket() as server, Udp6Socket() as client:
    server.settimeout(10)
    server.bind(Inet6Address("::1", 0))
    server.enable_packet_info()
    server.enable_hop_limit()
    server.enable_timestamps()
    print("listening at", server.local_address)

    client.connect(server.local_address)
    client.send_message(b"hello", control=[control.IPV6_HOPLIMIT(7)])
    message = server.recv_message()
    info = message.get(control.IPV6_PKTINFO)
    assert info is not None  # as asked by enable_packet_info
    print(message.data, "from", message.address, "to", info.addr)
    print("by interface", socket.if_indextoname(info.ifindex), end=", ")
    print("with", message.get(control.IPV6_HOPLIMIT), "hops to go", end=", ")
    print("at", message.get(SCM_TIMESTAMPNS), "ns")

    server.close()
    client.enable_errors()
    client.send(b"is anybody there?")
    select.select([client], [], [], 10)  # the error comes back some time after
    (failed,) = client.recv_errors()
    print(failed.message.data, "failed:", failed)
    assert failed.errno == errno.ECONNREFUSED
