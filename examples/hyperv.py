"""A Hyper-V service's address in its four shapes. No socket is opened."""

from famsock_hyperv import HypervAddress
from famsock_hyperv.constants import HV_GUID_PARENT

address = HypervAddress(HV_GUID_PARENT, "00000400-facb-11e6-bd58-64006a7986d3")
print("typed:   ", address)
print("sockaddr:", address.pack().hex())
assert HypervAddress.parse(str(address)) == address
assert HypervAddress.unpack(address.pack()) == address
