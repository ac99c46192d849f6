"""AF_KCM for famsock: the kernel connection multiplexor, which has no addresses."""

from __future__ import annotations

from errno import EINVAL, EOPNOTSUPP
from socket import SOCK_DGRAM, SOCK_SEQPACKET

from famsock.plugin import Family, Protocol, exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_kcm.programs import length_program as length_program
    from famsock_kcm.sockets import KcmSocket as KcmSocket
else:
    __getattr__, __dir__ = exports(__name__, KcmSocket="sockets", length_program="programs")

_ATTACH = "KCM has no addresses: attach() a connected TCP socket"

FAMILY = Family(
    "AF_KCM",
    41,
    (
        Protocol(
            "kcm",
            0,
            (SOCK_DGRAM, SOCK_SEQPACKET),
            address=None,
            socket="famsock_kcm.sockets:KcmSocket",
            hints={  # EINVAL is a security module's, which looks first
                (operation, number): _ATTACH
                for operation in ("bind", "connect")
                for number in (EINVAL, EOPNOTSUPP)
            },
            selftest="famsock_kcm.selftest:multiplexed",
        ),
    ),
    constants="famsock_kcm.constants",
    options="famsock_kcm.options",
    modules=("kcm",),
    api_version=3,
)
