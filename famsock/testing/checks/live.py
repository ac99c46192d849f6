"""The live exchange: two sockets of the kernel talk."""

from __future__ import annotations

import pytest

from famsock.family import Protocol, load
from famsock.testing import requirements
from famsock.testing.checks.base import Checks


class LiveChecks(Checks):
    """Each protocol's own exchange, where the kernel has the protocol."""

    def test_live_exchange(self, exchange: Protocol, alarm: float, descriptors: None) -> None:
        reason = requirements.family(self.family, protocol=exchange.name)
        if not reason and exchange.capability:
            reason = requirements.capability(exchange.capability)
        if reason:
            pytest.skip(reason)
        with load(exchange.exchange)() as round_trip:
            round_trip()
            round_trip()
