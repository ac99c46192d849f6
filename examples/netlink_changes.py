"""Changes in a new network namespace: a link, its addresses, routes. As root."""

import ctypes
from socket import AF_INET

from famsock_netlink import RouteSocket
from famsock_netlink.constants import RT_TABLE_MAIN
from famsock_netlink.routing import Route

if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
    raise SystemExit("needs CAP_SYS_ADMIN")

with RouteSocket() as sock:
    sock.set_link("lo", up=True)
    sock.add_address("lo", "192.0.2.1/24")
    sock.set_link("lo", mtu=9000)
    print(
        "lo:",
        sock.link("lo").mtu,
        [str(a.address) for a in sock.addresses(family=AF_INET)],
    )

    link_index = sock.link("lo").index
    sock.add_route(Route("198.51.100.0/24", "192.0.2.254", link_index, priority=10))
    sock.add_route(Route("0.0.0.0/0", "192.0.2.253"))
    for route in sock.routes(AF_INET, RT_TABLE_MAIN):
        print(route.destination, "via", route.gateway, "priority", route.priority)

    try:
        sock.add_route(Route("198.51.100.0/24", "203.0.113.1"))
    except OSError as error:
        print("refused:", error.strerror)

    sock.delete_route(Route("198.51.100.0/24"))
    sock.delete_address("lo", "192.0.2.1/24")
    print("rules:", [(rule.priority, rule.table) for rule in sock.rules(AF_INET)])
