"""The conformance suite: tests that every address family's plugin inherits and must pass.

Subclass `Conformance` in a test module. State the family's name, examples of its addresses and
inputs that it must refuse. pytest collects all tests below :mod:`famsock.testing.checks`. A test
that does not apply to the family (no options, no self-test) is not collected.
"""

from __future__ import annotations

from famsock.testing.checks.addresses import AddressChecks
from famsock.testing.checks.bad_input import BadInputChecks
from famsock.testing.checks.batches import BatchChecks
from famsock.testing.checks.definitions import RoomChecks
from famsock.testing.checks.description import DescriptionChecks
from famsock.testing.checks.headers import HeaderChecks
from famsock.testing.checks.imports import ImportChecks
from famsock.testing.checks.live import LiveChecks


class Conformance(
    DescriptionChecks,
    AddressChecks,
    BadInputChecks,
    RoomChecks,
    HeaderChecks,
    ImportChecks,
    LiveChecks,
    BatchChecks,
):
    """The complete suite; `famsock.testing.checks.base.Checks` lists what a subclass states."""
