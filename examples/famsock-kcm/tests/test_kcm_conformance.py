"""AF_KCM by the conformance suite: there is no address to state."""

from __future__ import annotations

from famsock.testing import Conformance


class TestKcm(Conformance):
    family = "AF_KCM"
