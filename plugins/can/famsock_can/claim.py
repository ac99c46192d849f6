"""Claim and defence of a J1939 address (SAE J1939-81).

The kernel resolves NAMEs to addresses from the Address Claimed messages that it sees, but claims
none itself. `AddressClaim` does that in a program. Once it holds an address, any socket of this
machine bound to ``(interface, name, J1939_NO_PGN, J1939_NO_ADDR)`` sends from it. Sources:
j1939.rst ("Dynamic addressing"), SAE J1939-81, can-utils' j1939acd.
"""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Iterable
from typing import Self

from famsock.plugin import codecs
from famsock_can import constants as c
from famsock_can.addresses import J1939Address
from famsock_can.filters import J1939Filter
from famsock_can.j1939 import J1939Message, J1939Name
from famsock_can.sockets.j1939 import J1939Socket

_CONTENTION_NS = 250_000_000
"""How long others may object to a claim before the address is ours."""
_CANNOT_CLAIM_DELAY_S = 0.153
"""The longest random delay before Cannot Claim, which keeps several losers from sending at once."""

_WHOLE_PGN = 0x3FFFF
_WATCHED = (c.J1939_PGN_ADDRESS_CLAIMED, c.J1939_PGN_REQUEST)
_REQUEST_FOR_CLAIMS = c.J1939_PGN_ADDRESS_CLAIMED.to_bytes(3, "little")


class AddressClaim:
    """The claim of one NAME to an address on one interface.

    :param interface: the CAN interface's name.
    :param name: the 64-bit NAME, or a `J1939Name`; the lower one wins an address.
    :param addresses: the addresses to try, 0-253, in this order.
    :raises OverflowError: for a NAME or an address out of range.
    :raises ValueError: for no addresses.
    :raises OSError: if the socket cannot be opened or bound.

    ``with AddressClaim("can0", name, [0x80, *range(128, 248)]) as claim: claim.acquire()``; then
    call `serve` whenever `fileno` is readable, for as long as the address is needed. ``address`` is
    the address held, or None; ``holders`` are the NAMEs seen, by their addresses. Closing gives the
    address up. A node without an address must still answer requests: keep calling `serve`.
    """

    def __init__(self, interface: str, name: int | J1939Name, addresses: Iterable[int]) -> None:
        self._interface = interface
        self.name = codecs.check_int("J1939 NAME", name, (1 << 64) - 1)
        self._addresses = [
            codecs.check_int("J1939 address", address, c.J1939_MAX_UNICAST_ADDR)
            for address in addresses
        ]
        if not self._addresses:
            raise ValueError("J1939 address claim needs at least one address to try")
        self.address: int | None = None
        self.holders: dict[int, int] = {}
        self._lost = False
        self._sock = J1939Socket()
        try:
            self._prepare()
        except BaseException:
            self._sock.close()
            raise

    def _prepare(self) -> None:
        self._sock.set_filters([J1939Filter(pgn=pgn, pgn_mask=_WHOLE_PGN) for pgn in _WATCHED])
        self._sock.set_broadcast(True)
        self._sock.set_promiscuous(True)
        self._bind(c.J1939_IDLE_ADDR)

    def acquire(self) -> int:
        """Claim the first of the addresses that no lower NAME has or wants.

        Returns it after 250 ms without objection. Raises OSError: EADDRNOTAVAIL if there is none
        (Cannot Claim was sent to all others), and what sendmsg(2) raises.
        """
        self._broadcast(c.J1939_PGN_REQUEST, _REQUEST_FOR_CLAIMS)
        for address in self._addresses:
            if self.holders.get(address, self.name) >= self.name and self._contend(address):
                self.address, self._lost = address, False
                return address
        self._give_up()
        raise OSError(
            errno.EADDRNOTAVAIL,
            f"J1939 NAME {self.name:#018x} lost every one of its {len(self._addresses)} addresses",
        )

    def serve(self, timeout_s: float | None = 0.0) -> int | None:
        """Deal with at most one message: answer a request, defend the address or claim another.

        Waits up to ``timeout_s`` for a message, None for ever. Returns the current address; None,
        after Cannot Claim was sent, if it was lost and there is no other. Each attempt to claim
        another address takes 250 ms, as in `acquire`. Without an address, requests to all are
        answered with Cannot Claim, from J1939_IDLE_ADDR. `acquire` tries the addresses again.
        """
        message = self._receive(timeout_s)
        if message is None:
            return self.address
        if self.address is None:
            if self._lost and _is_request(message) and message.destination == c.J1939_NO_ADDR:
                self._cannot_claim()
            return None
        if self._loses(message, self.address):
            self.address = None
            try:
                return self.acquire()
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
        return self.address

    def _contend(self, address: int) -> bool:
        """Claim an address, and hold on to it for as long as others may object."""
        self._bind(address)
        self._claim()
        deadline = time.monotonic_ns() + _CONTENTION_NS
        while (left := deadline - time.monotonic_ns()) > 0:
            message = self._receive(left / 1e9)
            if message is not None and self._loses(message, address):
                return False
        return True

    def _loses(self, message: J1939Message, address: int) -> bool:
        """Answer a message; return whether another's lower NAME claims our address."""
        rival = _claimant(message)
        if rival is None:
            if _is_request(message) and message.destination in (address, c.J1939_NO_ADDR):
                self._claim()
        elif message.source.addr == address and rival != self.name:
            if rival < self.name:
                return True
            self._claim()
        return False

    def _give_up(self) -> None:
        self.address, self._lost = None, True
        self._bind(c.J1939_IDLE_ADDR)
        self._cannot_claim()

    def _cannot_claim(self) -> None:
        """Send Address Claimed from the idle address, after a random delay: every loser does so."""
        time.sleep(random.uniform(0, _CANNOT_CLAIM_DELAY_S))
        self._claim()

    def _receive(self, timeout_s: float | None) -> J1939Message | None:
        """Return the next message, its claim noted; None if there is none in time."""
        self._sock.settimeout(timeout_s)
        try:
            message = self._sock.recv_pg()
        except (TimeoutError, BlockingIOError):
            return None
        if (claimant := _claimant(message)) is not None:
            self.holders = {a: name for a, name in self.holders.items() if name != claimant}
            if message.source.addr <= c.J1939_MAX_UNICAST_ADDR:
                self.holders[message.source.addr] = claimant
        return message

    def _bind(self, address: int) -> None:
        self._sock.bind(J1939Address(self._interface, self.name, c.J1939_NO_PGN, address))

    def _claim(self) -> None:
        self._broadcast(c.J1939_PGN_ADDRESS_CLAIMED, self.name.to_bytes(8, "little"))

    def _broadcast(self, pgn: int, data: bytes) -> None:
        self._sock.settimeout(None)
        self._sock.sendto(data, J1939Address(self._interface, pgn=pgn))

    def fileno(self) -> int:
        """Return the descriptor to wait on (select, poll) before `serve`."""
        return self._sock.fileno()

    def close(self) -> None:
        """Stop defending the address."""
        self._sock.close()
        self.address = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _claimant(message: J1939Message) -> int | None:
    """Return the NAME in an Address Claimed message; None for any other or a truncated one."""
    if message.source.pgn != c.J1939_PGN_ADDRESS_CLAIMED or len(message.data) != 8:
        return None
    return int.from_bytes(message.data, "little")


def _is_request(message: J1939Message) -> bool:
    return message.source.pgn == c.J1939_PGN_REQUEST and message.data == _REQUEST_FOR_CLAIMS
