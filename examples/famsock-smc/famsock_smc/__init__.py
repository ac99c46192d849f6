"""AF_SMC for famsock: TCP's sockets over shared memory, with AF_INET's and AF_INET6's addresses.

Addresses, options and control messages are those of famsock-inet.
"""

from __future__ import annotations

from socket import SOCK_STREAM

from famsock.plugin import Family, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_smc.sockets import Smc6Socket as Smc6Socket
    from famsock_smc.sockets import SmcSocket as SmcSocket
else:
    __getattr__, __dir__ = exports(__name__, Smc6Socket="sockets", SmcSocket="sockets")


def _protocol(suffix: str, number: int) -> Protocol:
    """Return the protocol over AF_INET (``suffix`` "") or AF_INET6 ("6")."""
    return Protocol(
        f"smc{suffix}",
        number,
        (SOCK_STREAM,),
        address=f"famsock_inet.addresses:Inet{suffix}Address",
        address_family=f"AF_INET{suffix}",
        options=f"famsock_inet.options:INET{suffix}",
        control="famsock_inet.control",
        socket=f"famsock_smc.sockets:Smc{suffix}Socket",
        scheme=f"smc{suffix}",
        selftest=f"famsock_smc.selftest:smc{suffix}",
    )


FAMILY = Family(
    "AF_SMC",
    43,
    (_protocol("", 0), _protocol("6", 1)),
    constants="famsock_smc.constants",
    options="famsock_smc.options",
    modules=("smc",),
    api_version=3,
)
