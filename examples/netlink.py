"""The network interfaces of this machine with their addresses, and the generic families."""

from famsock_netlink import GenericNetlinkSocket, RouteSocket

with RouteSocket() as sock:
    for link in sock.links():
        state = "up" if link.is_up else "down"
        print(
            f"{link.index}: {link.name} {link.kind} mtu {link.mtu} {state} {link.address.hex(':')}"
        )
        for address in sock.addresses(link.index):
            print("  ", address.address, "prefix", address.prefix_length)

    try:
        sock.link("no-such-link")
    except OSError as error:
        print("no-such-link:", error.strerror)

with GenericNetlinkSocket() as generic:
    print("generic families:", ", ".join(family.name for family in generic.generic_families()))
