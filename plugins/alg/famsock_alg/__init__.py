"""AF_ALG for famsock: the kernel's hashes, ciphers, AEAD and random numbers."""

from __future__ import annotations

from collections.abc import Iterable
from errno import EBUSY, ENOENT, ENOKEY
from socket import SOCK_SEQPACKET

from famsock.plugin import Family, Protocol, hookimpl

_REMEDIES = {
    ENOENT: "the kernel has no such algorithm, or not the module of its type: "
    "modprobe -a algif_hash algif_skcipher algif_aead algif_rng, and the algorithm's own",
    ENOKEY: "needs a key first: sock.set_key()",
    EBUSY: "close the sockets accepted from this one first",
}


@hookimpl
def famsock_families() -> Iterable[Family]:
    return (
        Family(
            "AF_ALG",
            38,
            (
                Protocol(
                    "alg",
                    0,
                    (SOCK_SEQPACKET,),
                    "famsock_alg.addresses:AlgAddress",
                    operations="famsock_alg.operations:AlgOperations",
                    scheme="alg",
                    remedies=_REMEDIES,
                    accepts_address=False,
                    exchange={
                        "hash": "famsock_alg.exchange:hash",
                        "skcipher": "famsock_alg.exchange:skcipher",
                        "aead": "famsock_alg.exchange:aead",
                        "rng": "famsock_alg.exchange:rng",
                    },
                ),
            ),
            constants="famsock_alg.constants",
            operation_names="famsock_alg.operation_names:NAMES",
            options="famsock_alg.options",
            control="famsock_alg.control",
            modules=("af_alg",),
        ),
    )
