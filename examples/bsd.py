"""Addresses of macOS and FreeBSD in their shapes. No socket is opened."""

from famsock_bsd import ControlAddress, DivertAddress, LinkAddress

for address in (
    ControlAddress(5, 1),
    LinkAddress(4, 6, "en0", bytes.fromhex("a45e60c2d3f4")),
    DivertAddress("10.0.0.1", 8668),
):
    print(type(address).__name__, address, address.pack().hex())
    assert type(address).unpack(address.pack()) == address
