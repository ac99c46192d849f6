"""The conformance suite: what every address family's plugin must prove, inherited as tests.

Subclass `Conformance` in a test module, state the family's name, examples of its addresses and
inputs that it must refuse; pytest collects all tests below :mod:`famsock.testing.checks`. A test
for which the family has nothing (no options, no self-test) is not collected, rather than skipped.
"""

from __future__ import annotations

from famsock.testing.checks.addresses import AddressChecks
from famsock.testing.checks.bad_input import BadInputChecks
from famsock.testing.checks.batches import BatchChecks
from famsock.testing.checks.definitions import DefinitionChecks
from famsock.testing.checks.description import DescriptionChecks
from famsock.testing.checks.headers import HeaderChecks
from famsock.testing.checks.imports import ImportChecks
from famsock.testing.checks.live import LiveChecks
from famsock.testing.checks.sockaddr_layouts import SockaddrLayoutChecks


class Conformance(
    DescriptionChecks,
    AddressChecks,
    SockaddrLayoutChecks,
    BadInputChecks,
    DefinitionChecks,
    HeaderChecks,
    ImportChecks,
    LiveChecks,
    BatchChecks,
):
    """The whole suite; `famsock.testing.checks.base.Checks` describes what a subclass states."""
