"""A relay between two endpoints of any families: what `famsock relay` runs.

One thread moves the bytes of all connections. Two streams are joined by splice(2), so that the
bytes never reach Python. Datagrams, packets and frames are copied one by one.

    with Relay("tcp://127.0.0.1:8080", "unix:///run/app") as relay:
        relay.run()
"""

from __future__ import annotations

from famsock.relay._options import Counters, End, Options, Role, Tls
from famsock.relay._relay import Event, Relay

__all__ = [
    "Counters",
    "End",
    "Event",
    "Options",
    "Relay",
    "Role",
    "Tls",
]
