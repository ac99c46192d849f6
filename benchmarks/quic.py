"""A bulk transfer by aioquic, over asyncio's datagram endpoint and over ours.

``python -m benchmarks.quic asyncio|ours`` prints the nanoseconds of CPU that client and server
spend on a megabyte, both in that process. Of four transfers the fastest counts: whatever else runs
on the machine disturbs the others.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
import sys
import time
from functools import partial
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.server import serve
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.measure import Pairs, alternate
from benchmarks.processes import run
from famsock.aio import create_datagram_endpoint

MEGABYTE = 1_000_000
_MEGABYTES = 3
_TRANSFERS = 4
_WINDOW_BYTES = 1 << 24


def _configurations() -> tuple[QuicConfiguration, QuicConfiguration]:
    """A server's configuration, with its own certificate, and a client's that trusts all."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .sign(key, hashes.SHA256())
    )
    server = QuicConfiguration(is_client=False, certificate=certificate, private_key=key)
    client = QuicConfiguration(is_client=True, verify_mode=ssl.CERT_NONE, server_name="localhost")
    for one in (server, client):
        one.max_data = one.max_stream_data = _WINDOW_BYTES
    return server, client


async def _count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    count = 0
    while data := await reader.read(1 << 20):
        count += len(data)
    writer.write(b"%d" % count)
    writer.write_eof()


async def transfer(size_bytes: int, *, ours: bool) -> int:
    """Send so many bytes to a server in this process; return the nanoseconds of CPU for them.

    With ``ours`` both sides use famsock's endpoint, as aioquic asks its loop for one.
    """
    loop: Any = asyncio.get_running_loop()
    if ours:
        loop.create_datagram_endpoint = create_datagram_endpoint
    tasks = set()

    def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(loop.create_task(_count(reader, writer)))

    for_server, for_client = _configurations()
    server = await serve("127.0.0.1", 0, configuration=for_server, stream_handler=served)
    transport: Any = server._transport
    port = transport.get_extra_info("sockname")[1]
    async with connect("127.0.0.1", port, configuration=for_client) as client:
        reader, writer = await client.create_stream()
        start_ns = time.process_time_ns()
        writer.write(bytes(size_bytes))
        writer.write_eof()
        assert await reader.read() == b"%d" % size_bytes
        spent_ns = time.process_time_ns() - start_ns
    server.close()
    await asyncio.gather(*tasks)
    await asyncio.sleep(0)  # in which the transports close their sockets
    return spent_ns


def measured(rounds: int) -> Pairs:
    """Pairs of such figures, each of a fresh process; there are nine rounds at most."""
    theirs, ours = (
        partial(lambda side: float(run("-m", "benchmarks.quic", side)), side)
        for side in ("asyncio", "ours")
    )
    return alternate(theirs, ours, min(rounds, 9))


def main(side: str) -> None:
    """Print a figure."""
    bytes(1 << 18)  # as large as what asyncio receives: malloc(3) keeps such blocks from now on
    size_bytes = _MEGABYTES * MEGABYTE
    runs = [asyncio.run(transfer(size_bytes, ours=side == "ours")) for _ in range(_TRANSFERS)]
    print(min(runs) / _MEGABYTES)


if __name__ == "__main__":
    main(*sys.argv[1:])
