"""A relay on asyncio: datagrams of one family become packets of another, by two tasks.

``python examples/asyncio_relay.py udp://127.0.0.1:9000 unix+seqpacket:///run/peer`` connects to the
second endpoint and passes on, both ways, what comes to the first one. Without arguments it shows
itself at work.
"""

from __future__ import annotations

import asyncio
import sys

from famsock import aio


async def relay(datagrams: aio.DatagramSocket, packets: aio.Connection) -> None:
    """Pass on datagrams as packets, and packets to who sent the last datagram."""
    sender: object = None

    async def out() -> None:
        nonlocal sender
        async for data, address in datagrams:
            sender = address
            await packets.send(data)

    async def back() -> None:
        async for packet in packets:
            await datagrams.send(packet, sender)

    passing = [asyncio.create_task(out()), asyncio.create_task(back())]
    try:
        await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)


async def echo_once(listener: aio.Listener) -> None:
    """Send a connection's first packet back, in capitals, and end it."""
    async with await listener.accept() as connection:
        await connection.send((await connection.receive()).upper())


async def show() -> None:
    """Send a datagram through a relay to a server of packets and back."""
    where = "unix+seqpacket://@famsock-asyncio-relay"
    async with (
        asyncio.timeout(30),
        await aio.listen(where) as listener,
        await aio.open_datagram("udp://127.0.0.1:0") as datagrams,
        await aio.open_datagram(peer=datagrams.local_address) as client,
        await aio.connect(where) as packets,
    ):
        serving = asyncio.create_task(echo_once(listener))
        relaying = asyncio.create_task(relay(datagrams, packets))
        await client.send(b"hello")
        print((await client.receive())[0])
        await serving
        await relaying


async def main(*texts: str) -> None:
    """Relay between two endpoints, or show it."""
    if not texts:
        await show()
        return
    here, there = texts
    async with await aio.open_datagram(here) as datagrams, await aio.connect(there) as packets:
        await relay(datagrams, packets)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
