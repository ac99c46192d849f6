"""Checks that run a family's self-tests between two sockets of the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from famsock._hints import UNSUPPORTED
from famsock._lazy import load
from famsock.family import ANY_PROTOCOL, Protocol
from famsock.selftest import RoundTrip, verify
from famsock.testing import requirements
from famsock.testing._checks.base import Checks


@contextmanager
def running(selftest: tuple[Protocol, str], family: str) -> Iterator[RoundTrip]:
    """Yield a self-test of a family; skip the test if the kernel does not have the protocol."""
    protocol, reference = selftest
    reason = ""
    if protocol.number is not ANY_PROTOCOL:
        reason = requirements.family(family, protocol=protocol.name)
    if not reason and protocol.capability:
        reason = requirements.capability(protocol.capability)
    if reason:
        pytest.skip(reason)
    try:
        with load(reference)() as round_trip:
            yield round_trip
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        pytest.skip(f"{family} {protocol.name}: {requirements.words(error)}")


class LiveChecks(Checks):
    """Each protocol's own self-test, if the kernel has the protocol."""

    def test_selftest(
        self, selftest: tuple[Protocol, str], alarm: float, descriptors: None
    ) -> None:
        with running(selftest, self.family) as round_trip:
            for _ in range(2):
                verify(round_trip, self.subject().family.number)
