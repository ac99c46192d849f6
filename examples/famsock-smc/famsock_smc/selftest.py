"""Self-tests: a connection over the loopback interface."""

from __future__ import annotations

from functools import partial
from socket import SOCK_STREAM

from famsock.plugin import selftest
from famsock_smc.constants import AF_SMC, SMCPROTO_SMC, SMCPROTO_SMC6

_connection = partial(selftest.connection, AF_SMC, SOCK_STREAM)

smc = partial(_connection, SMCPROTO_SMC, at=("127.0.0.1", 0))
smc6 = partial(_connection, SMCPROTO_SMC6, at=("::1", 0))
