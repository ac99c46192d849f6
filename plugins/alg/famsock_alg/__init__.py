"""AF_ALG for famsock: the kernel's hashes, ciphers, AEAD and random numbers."""

from __future__ import annotations

from socket import SOCK_SEQPACKET

from famsock.plugin import Family, Protocol, exports
from famsock_alg._hints import HINTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from famsock_alg.addresses import AlgAddress as AlgAddress
    from famsock_alg.sockets import AlgSocket as AlgSocket
else:
    __getattr__, __dir__ = exports(__name__, AlgAddress="addresses", AlgSocket="sockets")

__all__ = [
    "FAMILY",
    "AlgAddress",
    "AlgSocket",
]

FAMILY = Family(
    "AF_ALG",
    38,
    (
        Protocol(
            "alg",
            0,
            (SOCK_SEQPACKET,),
            "famsock_alg.addresses:AlgAddress",
            socket="famsock_alg.sockets:AlgSocket",
            scheme="alg",
            hints=HINTS,
            accepts_address=False,
            selftest={
                "hash": "famsock_alg.selftest:hash",
                "skcipher": "famsock_alg.selftest:skcipher",
                "aead": "famsock_alg.selftest:aead",
                "rng": "famsock_alg.selftest:rng",
            },
        ),
    ),
    constants="famsock_alg.constants",
    options="famsock_alg.options",
    control="famsock_alg.control",
    modules=("af_alg",),
)
