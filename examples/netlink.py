"""The network interfaces of this machine with their addresses, and the generic families."""

import famsock as socket

with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
    for link in sock.links():
        state = "up" if link.is_up else "down"
        print(
            f"{link.index}: {link.name} {link.kind} mtu {link.mtu} {state} {link.address.hex(':')}"
        )
        for address in sock.addresses(link.index):
            print(f"   {address.address}/{address.prefix_length}")

    try:
        sock.link("no-such-link")
    except OSError as error:
        print("no-such-link:", error.strerror)

with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_GENERIC) as sock:
    print("generic families:", ", ".join(family.name for family in sock.generic_families()))
