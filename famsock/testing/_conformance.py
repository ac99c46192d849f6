"""The conformance suite: what every address family's plugin must prove, inherited as tests.

Subclass `Conformance` in a test module, state the family's name, examples of its addresses and
inputs that it must refuse; pytest collects the tests of every class below. A test
for which the family has nothing (no options, no exchange) is not collected, rather than skipped.
"""

from __future__ import annotations

from famsock.testing._checks.addresses import AddressChecks
from famsock.testing._checks.bad_input import BadInputChecks
from famsock.testing._checks.batches import BatchChecks
from famsock.testing._checks.definitions import DefinitionChecks
from famsock.testing._checks.description import DescriptionChecks
from famsock.testing._checks.exports import ExportChecks
from famsock.testing._checks.headers import HeaderChecks
from famsock.testing._checks.imports import ImportChecks
from famsock.testing._checks.live import LiveChecks
from famsock.testing._checks.sockaddr_layouts import SockaddrLayoutChecks
from famsock.testing._checks.socket_classes import SocketClassChecks


class Conformance(
    DescriptionChecks,
    AddressChecks,
    SockaddrLayoutChecks,
    SocketClassChecks,
    BadInputChecks,
    DefinitionChecks,
    ExportChecks,
    HeaderChecks,
    ImportChecks,
    LiveChecks,
    BatchChecks,
):
    """The whole suite: a subclass states its family, and inherits every test.

    ``family`` is the family's name. ``examples`` need one address of each address class at least.
    ``bad`` are addresses that must be refused. The other attributes are for what only this family
    has:

    ``strategies``: hypothesis strategies for fields, see `famsock.testing.strategies`.
    ``accepts``: types that a field takes beyond what its C type suggests, by "field" or
    "Class.field"; the suite offers float, complex, None, list and object to every field, str and
    bytes to integer fields too, and expects TypeError.
    ``selftest_marks``: pytest marks that a self-test needs, by its label (the protocol's name,
    unless ``Protocol.selftest`` gives others).
    ``batched``: the labels of the self-tests that are datagrams, from one socket to another or to
    the kernel, which answers each; the suite sends them in batches too.
    ``network_namespace``: whether the tests run in their own network namespace, where the
    process may make one: for sockets that receive what other programs send, as raw sockets do.
    ``redefines``: names of `famsock.socket` that the family's classes of sockets may redefine, with
    the reason.
    ``unreadable_options``: options that a plain socket cannot read, by name, with the reason.
    ``newer``: names that older headers lack, by the Linux version of headers that have them: a
    constant, ``"struct x"``, ``"struct x.member"`` or a header.
    ``removed``: names that later headers lack, by the Linux version of the first headers without
    them, as in ``newer``.
    ``kernel_headers``: headers that are the kernel's own, which no machine has installed, and
    shell patterns of the names that they declare: ``{"net/udplite.h": ("UDPLITE_*",)}``. Such a
    name cannot be checked without them, and the test is skipped.
    ``exceptions``: checks that the family cannot pass, with the reason: a check's name, or name and
    parameter, as pytest shows them (``test_batches_say_what_was_cut[llc]``). Such a check runs and
    must fail (pytest's xfail); it is a failure if it passes, because it is no exception then.
    """
