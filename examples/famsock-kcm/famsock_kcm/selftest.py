"""The self-test: two multiplexors, joined by a TCP connection. It needs CAP_BPF."""

from __future__ import annotations

import os
import socket as stdlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from famsock.plugin import selftest
from famsock_kcm.programs import length_program
from famsock_kcm.sockets import KcmSocket


@contextmanager
def joined(kind: int = stdlib.SOCK_DGRAM) -> Iterator[tuple[KcmSocket, KcmSocket]]:
    """Yield two sockets of a type, each with an end of a TCP connection attached.

    A message is its length in two bytes, in big-endian, and as many more.
    """
    with ExitStack() as stack:
        near, far = (stack.enter_context(KcmSocket(type=kind)) for _ in range(2))
        listener = stack.enter_context(stdlib.create_server(("127.0.0.1", 0)))
        one = stack.enter_context(stdlib.create_connection(listener.getsockname()))
        other = stack.enter_context(listener.accept()[0])
        program = length_program()
        stack.callback(os.close, program)
        for sock, transport in ((near, one), (far, other)):
            sock.settimeout(selftest.TIMEOUT_S)
            sock.attach(transport, program)
        yield near, far


def framed(payload: bytes) -> bytes:
    """Return a message of these sockets."""
    return len(payload).to_bytes(2, "big") + payload


@contextmanager
def multiplexed() -> Iterator[selftest.RoundTrip]:
    """Yield a round trip of two messages of different lengths."""
    with joined() as (near, far):
        yield selftest.echo(near, far, framed(bytes(range(256))), framed(b"answer"))
