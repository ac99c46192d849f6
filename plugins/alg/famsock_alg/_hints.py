"""Hints for failures of AF_ALG, each true for every cause of its errno in its call.

Causes are those of the kernel's crypto/af_alg.c (alg_create, alg_bind, alg_setsockopt) and
algif_*.c.
"""

from __future__ import annotations

import os
from errno import EAFNOSUPPORT, EBUSY, EINVAL, ENOENT, ENOKEY

from famsock.plugin import Hint, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RESTRICTION = "/proc/sys/crypto/af_alg_restrict"
_MODULE = "/sys/module/af_alg"

_ABSENT = Hint(
    "the kernel has no such algorithm, or lacks a module",
    "modprobe -a algif_hash algif_skcipher algif_aead algif_rng, and the algorithm's own",
    check="grep name /proc/crypto lists the algorithms that are there",
    possible=True,
)
_MODPROBE = Hint(
    "the kernel lacks the module af_alg",
    "modprobe af_alg",
    check=f"ls -d {_MODULE}",
    possible=True,
)
# Since Linux 7.3: 0 lets programs use all algorithms, 1 those of a list, of which some need
# CAP_NET_ADMIN or CAP_SYS_ADMIN, 2 none. The names of that list cannot be asked for. With 2 no
# socket is opened any more, and one that was open before finds no algorithm.
_FEW = Hint(
    _ABSENT.cause,
    _ABSENT.cure,
    check=_ABSENT.check,
    possible=True,
    another=Hint(
        "the sysctl crypto.af_alg_restrict lets programs use few of the algorithms in /proc/crypto "
        "(0 lets them use all)",
        check="sysctl crypto.af_alg_restrict tells 1",
        possible=True,
    ),
)
_NONE = Hint(
    "the sysctl crypto.af_alg_restrict lets programs use no algorithm (0 lets them use all)",
    check="sysctl crypto.af_alg_restrict tells 2",
)
_CLOSED = Hint(
    "the sysctl crypto.af_alg_restrict lets programs open no socket of AF_ALG (0 lets them use all "
    "algorithms)",
    check="sysctl crypto.af_alg_restrict tells 2",
)
_RESTRICTED = {"1": _FEW, "2": _NONE}
_BUSY = Hint(
    "a request is open",
    "close the sockets, hashers and ciphers of this socket first, or give each thread a socket of "
    "its own",
)

_NEEDS_KEY = Hint("the algorithm needs a key first", "sock.set_key()")
_SIZE = Hint(
    "the algorithm does not take this size of data, iv or tag, or it is a generator not seeded yet",
    "sock.set_key()",
    check="/proc/crypto tells blocksize, ivsize and maxauthsize of the algorithm",
    possible=True,
)


def _level() -> str:
    """Return what the sysctl tells; "0" on a kernel that has none."""
    try:
        with open(_RESTRICTION) as file:
            return file.read().strip()
    except (OSError, ValueError):
        return "0"


@one_of(_ABSENT, _FEW, _NONE)
def _not_found(sock: Any, address: Any) -> str:
    return _RESTRICTED.get(_level(), _ABSENT)


@one_of(_CLOSED, _MODPROBE)
def _not_opened(sock: Any, address: Any) -> str | None:
    if _level() == "2":
        return _CLOSED
    return None if os.path.isdir(_MODULE) else _MODPROBE


HINTS: dict[Any, Any] = {
    ("socket", EAFNOSUPPORT): _not_opened,
    ("bind", ENOENT): _not_found,
    ("bind", EBUSY): _BUSY,
    ("set_option", EBUSY): _BUSY,
    **{
        (request, number): hint
        for request in ("digest", "encrypt", "decrypt", "seal", "unseal", "random")
        for number, hint in ((ENOKEY, _NEEDS_KEY), (EINVAL, _SIZE))
    },
}
