"""Every cause of an error of AF_ALG, provoked: what its hint may say and may not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import SOCK_SEQPACKET, SOCK_STREAM
from typing import Any

import pytest
from famsock_alg import AlgSocket, _hints
from famsock_alg.constants import AF_ALG

import famsock
from famsock._registry.creation_hints import add_creation_hint
from famsock.testing.hints import Cause, check_cause, unprovoked

Call = Callable[[ExitStack], object]
KEY, BLOCK = bytes(16), bytes(16)
ABSENT, RESTRICT = "the kernel has no such algorithm", "af_alg_restrict"
NEEDS_KEY, SIZE, BUSY = "needs a key first", "does not take this size", "a request is open: close"


def _bound(stack: ExitStack, *address: Any, key: bytes = b"") -> AlgSocket:
    sock = stack.enter_context(AlgSocket())
    sock.bind(address)
    if key:
        sock.set_key(key)
    return sock


def _bind(*address: Any) -> Call:
    return lambda stack: _bound(stack, *address)


def _busy(call: Callable[[AlgSocket], object]) -> Call:
    def provoke(stack: ExitStack) -> None:
        sock = _bound(stack, "skcipher", "cbc(aes)", key=KEY)
        stack.enter_context(sock.accept()[0])
        call(sock)

    return provoke


def _another_type(stack: ExitStack) -> None:
    stack.enter_context(famsock.socket(AF_ALG, SOCK_STREAM))


CAUSES = (
    Cause("no algorithm", _bind("hash", "famsock-none"), errno.ENOENT, "modprobe -a algif_hash"),
    Cause("no kind", _bind("famsock", "sha256"), errno.ENOENT, ABSENT),
    Cause("a key while in use", _busy(lambda s: s.set_key(KEY)), errno.EBUSY, BUSY),
    Cause("bound again in use", _busy(lambda s: s.bind(("hash", "sha256"))), errno.EBUSY, BUSY),
    Cause(
        "no key",
        lambda stack: _bound(stack, "hash", "hmac(sha256)").digest(b"x"),
        errno.ENOKEY,
        NEEDS_KEY,
        (SIZE,),
    ),
    Cause(
        "a part of a block",
        lambda stack: _bound(stack, "skcipher", "cbc(aes)", key=KEY).encrypt(b"x", BLOCK),
        errno.EINVAL,
        SIZE,
        (NEEDS_KEY,),
    ),
    Cause(
        "a key of a wrong size",
        lambda stack: _bound(stack, "skcipher", "cbc(aes)", key=b"short"),
        errno.EINVAL,
    ),
    Cause("another type", _another_type, errno.ESOCKTNOSUPPORT, "is opened with the type"),
)


def _refused(stack: ExitStack) -> None:
    """Fail as the kernel does that has no AF_ALG, or whose sysctl lets programs open no socket."""
    error = OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    add_creation_hint(error, AF_ALG, SOCK_SEQPACKET, 0)
    raise error


_NONE = _bind("hash", "famsock-none")
RESTRICTED = {
    "0": Cause("no list", _NONE, errno.ENOENT, ABSENT, (RESTRICT,)),
    "1": Cause("an allow list", _NONE, errno.ENOENT, "lets programs use few of the"),
    "2": Cause("nothing allowed", _NONE, errno.ENOENT, "lets programs use no algorithm", (ABSENT,)),
    "": Cause("an older kernel", _NONE, errno.ENOENT, ABSENT, (RESTRICT,)),
}
CLOSED, LACKING = "lets programs open no socket of AF_ALG", "lacks the module af_alg"
NOT_OPENED = {
    ("2", True): Cause("no socket allowed", _refused, errno.EAFNOSUPPORT, CLOSED, (LACKING,)),
    ("2", False): Cause("no socket allowed", _refused, errno.EAFNOSUPPORT, CLOSED, (LACKING,)),
    ("1", True): Cause("another cause", _refused, errno.EAFNOSUPPORT),
    ("", False): Cause("no module", _refused, errno.EAFNOSUPPORT, LACKING, (CLOSED, RESTRICT)),
}


@pytest.mark.needs_family("AF_ALG")
@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_cause(cause: Cause) -> None:
    check_cause(cause)


@pytest.mark.needs_family("AF_ALG")
@pytest.mark.parametrize("level", RESTRICTED)
def test_a_kernel_with_an_allow_list(
    level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux 7.3 has the sysctl, and answers ENOENT for algorithms that /proc/crypto lists."""
    sysctl = tmp_path / "af_alg_restrict"
    if level:
        sysctl.write_text(f"{level}\n")
    monkeypatch.setattr(_hints, "_RESTRICTION", str(sysctl))
    check_cause(RESTRICTED[level])


@pytest.mark.parametrize(("level", "has_module"), NOT_OPENED)
def test_a_socket_that_is_not_opened(
    level: str, has_module: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same errno where there is no module and where the sysctl refuses all sockets."""
    sysctl = tmp_path / "af_alg_restrict"
    if level:
        sysctl.write_text(f"{level}\n")
    monkeypatch.setattr(_hints, "_RESTRICTION", str(sysctl))
    monkeypatch.setattr(_hints, "_MODULE", str(tmp_path if has_module else tmp_path / "none"))
    check_cause(NOT_OPENED[level, has_module])


def test_every_hint_is_provoked() -> None:
    provoked = (*CAUSES, *RESTRICTED.values(), *NOT_OPENED.values())
    assert unprovoked("famsock_alg", provoked) == []


SYSCTL = Path("/proc/sys/crypto/af_alg_restrict")
if os.environ.get("FAMSOCK_LAB") and SYSCTL.exists():

    @pytest.fixture
    def restrict() -> Iterator[Callable[[int], object]]:
        """Set the sysctl of a guest, which no other test of the guest sees."""
        before = SYSCTL.read_text()
        yield lambda level: SYSCTL.write_text(str(level))
        SYSCTL.write_text(before)

    def test_what_a_kernel_with_an_allow_list_refuses(restrict: Callable[[int], object]) -> None:
        refused, listed = ("aead", "gcm(aes)"), ("hash", "sha256")
        allowed = (listed, ("aead", "ccm(aes)"))
        with ExitStack() as stack:
            for address in (refused, *allowed):
                _bound(stack, *address)
            restrict(1)
            says = RESTRICTED["1"].says
            for address in (refused, ("rng", "stdrng")):
                check_cause(Cause("refused", _bind(*address), errno.ENOENT, says))
            for address in allowed:
                _bound(stack, *address)

    def test_what_a_kernel_that_allows_nothing_refuses(restrict: Callable[[int], object]) -> None:
        """A socket, and an algorithm for one that was opened before."""
        with AlgSocket() as before:
            restrict(2)
            check_cause(Cause("a socket", lambda _: AlgSocket(), errno.EAFNOSUPPORT, CLOSED))
            bind = Cause(
                "refused", lambda _: before.bind(("hash", "sha256")), errno.ENOENT,
                RESTRICTED["2"].says,
            )  # fmt: skip
            check_cause(bind)
