"""The network interfaces of this machine, their addresses, the generic families."""

from famsock_netlink import GenericNetlinkSocket, RouteSocket

with RouteSocket() as sock:
    for link in sock.links():
        state = "up" if link.is_up else "down"
        hardware = link.address.hex(":")
        name = f"{link.index}: {link.name} {link.kind}"
        print(f"{name} mtu {link.mtu} {state} {hardware}")
        for address in sock.addresses(link.index):
            print("  ", address.address, "prefix", address.prefix_length)

    try:
        sock.link("no-such-link")
    except OSError as error:
        print("no-such-link:", error.strerror)

with GenericNetlinkSocket() as generic:
    print(
        "generic families:",
        ", ".join(family.name for family in generic.generic_families()),
    )
