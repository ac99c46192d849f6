"""A round trip of two tasks of trio: `famsock.trio`'s streams against trio's own SocketStream."""

from __future__ import annotations

import socket as stdlib
import time
from functools import partial
from typing import Any

import trio

import famsock
from benchmarks.measure import Pairs, alternate
from famsock.trio import StreamConnection

_ROUND_TRIPS = 200
_PARTS = 20
_PAYLOAD = bytes(100)


def round_trip_ns(ours: bool) -> float:
    """Return the nanoseconds of CPU of a round trip of 100 bytes, by a unix socket pair.

    Of twenty parts the two fastest count.
    """

    async def main() -> list[int]:
        one: Any
        other: Any
        if ours:
            one, other = map(StreamConnection, famsock.socketpair(famsock.AF_UNIX))
        else:
            pair = map(trio.socket.from_stdlib_socket, stdlib.socketpair())
            one, other = map(trio.SocketStream, pair)
        spent_ns = []

        async def echo() -> None:
            async for data in other:
                await other.send_all(data)

        async with one, other, trio.open_nursery() as nursery:
            nursery.start_soon(echo)
            for _ in range(_PARTS):
                start_ns = time.process_time_ns()
                for _ in range(_ROUND_TRIPS):
                    await one.send_all(_PAYLOAD)
                    await one.receive_some(65536)
                spent_ns.append(time.process_time_ns() - start_ns)
            await one.send_eof()
        return spent_ns

    fastest = sorted(trio.run(main))[:2]
    return sum(fastest) / len(fastest) / _ROUND_TRIPS


def round_trips(rounds: int) -> Pairs:
    """Return pairs of such figures, trio's first."""
    return alternate(partial(round_trip_ns, False), partial(round_trip_ns, True), rounds)
