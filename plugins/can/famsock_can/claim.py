"""Claim and defence of a J1939 address (SAE J1939-81).

The kernel resolves NAMEs to addresses from the Address Claimed messages that it sees, but claims
none itself. `AddressClaim` does that in a program. Once it holds an address, any socket of this
machine bound to ``(interface, name, J1939_NO_PGN, J1939_NO_ADDR)`` sends from it. Sources:
j1939.rst ("Dynamic addressing"), SAE J1939-81, can-utils' j1939acd.
"""

from __future__ import annotations

import errno
import random
import select
import time
from collections.abc import Iterable, Iterator
from socket import SO_ERROR, SOL_SOCKET
from typing import Self

from famsock.plugin import codecs
from famsock_can import constants as c
from famsock_can.addresses import J1939Address
from famsock_can.filters import J1939Filter
from famsock_can.j1939 import J1939Message, J1939Name
from famsock_can.sockets.j1939 import J1939Socket

__all__ = [
    "AddressClaim",
]

_ANSWERS_NS = 1_250_000_000
"""The time for others to answer the request for their claims, as j1939acd waits."""
_CONTENTION_NS = 250_000_000
"""The time for others to object to a claim before the address is ours."""
_RESOLUTION_NS = 250_000_000
"""The time beyond that for the kernel until it sends from the address."""
_RETRY_S = 0.01
_CANNOT_CLAIM_DELAY_S = 0.153
"""The longest random delay before Cannot Claim, which keeps several losers from sending at once."""
_CLOSE_S = 0.1

_WHOLE_PGN = 0x3FFFF
_WATCHED = (
    c.J1939_PGN_ADDRESS_CLAIMED,
    c.J1939_PGN_REQUEST,
    c.J1939_PGN_ADDRESS_COMMANDED,
)
_REQUEST_FOR_CLAIMS = c.J1939_PGN_ADDRESS_CLAIMED.to_bytes(3, "little")
_NAME_BYTES = 8


class AddressClaim:
    """The claim of one NAME to an address on one interface.

    :param interface: the CAN interface's name.
    :param name: the 64-bit NAME, or a `J1939Name`; the lower one wins an address.
    :param addresses: the addresses to try, 0-253, in this order.
    :raises OverflowError: for a NAME or an address out of range.
    :raises ValueError: for no addresses.
    :raises OSError: if the socket cannot be opened or bound.

    ``with AddressClaim("can0", name, [0x80, *range(128, 248)]) as claim: claim.acquire()``; then
    call `serve` whenever `fileno` is readable, for as long as the address is needed. ``holders``
    are the NAMEs seen, by their addresses. Closing gives the address up. A node without an address
    must still answer requests: keep calling `serve`.
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
        self._address: int | None = None
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

    @property
    def address(self) -> int | None:
        """The address held; None without one, and once the interface has gone down or away.

        The kernel forgets the claim then, also if the interface comes back: `acquire` it again.
        """
        if self._address is not None and self._has_failed():
            self._address = None
        return self._address

    def acquire(self) -> int:
        """Claim the first of the addresses that is free, otherwise one that only higher NAMEs have.

        Asks the others for their claims first, and waits 1.25 s for the answers. Returns the
        address after 250 ms without objection, once the kernel sends from it. Raises OSError:
        EADDRNOTAVAIL if lower NAMEs have them all, EBUSY if the kernel does not take the claim
        (Cannot Claim was sent then), ENETDOWN and ENODEV of the interface, and what sendmsg(2)
        raises.

        The kernel ignores a claim of the address that the NAME had last, after the interface was
        down or the address was given up, while any socket is bound to the NAME. Then another of the
        addresses is taken; without one, close those sockets for a moment.
        """
        self._address = None
        with J1939Socket() as fresh:  # a bound socket is not told that its interface is down
            fresh.bind(J1939Address(self._interface))
        self._sock.getsockopt(SOL_SOCKET, SO_ERROR)  # what happened before no longer counts
        self._sock.bind(J1939Address(self._interface))  # the kernel forgets the NAME's last address
        self._bind(c.J1939_IDLE_ADDR)
        self._broadcast(c.J1939_PGN_REQUEST, _REQUEST_FOR_CLAIMS)
        deadline = time.monotonic_ns() + _ANSWERS_NS
        while (left := deadline - time.monotonic_ns()) > 0:
            self._answer_without_address(self._receive(left / 1e9))
        return self._take(self._candidates())

    def serve(self, timeout_s: float | None = 0.0) -> int | None:
        """Deal with at most one message: answer a request, defend the address or claim another.

        Waits up to ``timeout_s`` for a message, None for ever. Returns the current address; None,
        after Cannot Claim was sent, if it was lost and there is no other. A Commanded Address for
        this NAME is followed: that address is claimed, and the former one again if it has a lower
        NAME. Each attempt to claim another address takes 250 ms, as in `acquire`. Without an
        address, requests to all are answered with Cannot Claim, from J1939_IDLE_ADDR. `acquire`
        tries the addresses again. Raises OSError ENETDOWN or ENODEV once when the interface goes
        down or away, after which there is no address.
        """
        message = self._receive(timeout_s)
        held = self.address
        if message is None:
            return held
        wanted: Iterable[int]
        if (commanded := self._commanded(message)) not in (None, held):
            assert commanded is not None
            wanted = [commanded, *([] if held is None else [held]), *self._addresses]
        elif held is None:
            self._answer_without_address(message)
            return None
        elif self._loses(message, held):
            wanted = self._candidates()
        else:
            return held
        self._address = None
        try:
            return self._take(wanted)
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EBUSY):
                raise
        return None

    def _candidates(self) -> Iterator[int]:
        """The addresses to try: those that are free, then those that only higher NAMEs have."""
        for address in self._addresses:
            if self.holders.get(address, self.name) == self.name:
                yield address
        for address in self._addresses:
            if self.holders.get(address, self.name) > self.name:
                yield address

    def _take(self, addresses: Iterable[int]) -> int:
        """Claim the first of the addresses that nobody with a lower NAME wants."""
        ignored = []
        for address in addresses:
            if self.holders.get(address, self.name) >= self.name and self._contend(address):
                if self._is_resolved(address):
                    self._address, self._lost = address, False
                    return address
                ignored.append(address)
        self._give_up()
        if ignored:
            shown = ", ".join(f"{address:#04x}" for address in ignored)
            raise OSError(
                errno.EBUSY,
                f"J1939 NAME {self.name:#018x} cannot have {shown} again while sockets are bound "
                "to the NAME: close them for a moment, or give another address to claim",
            )
        raise OSError(
            errno.EADDRNOTAVAIL,
            f"J1939 NAME {self.name:#018x} lost every one of its {len(self._addresses)} addresses",
        )

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

    def _is_resolved(self, address: int) -> bool:
        """Return whether the kernel knows the NAME's address, with a request to this node itself.

        The kernel ignores a claim that does not change what it has of the NAME, even if it has
        taken the address away: then the request fails and is not sent. One that is sent is awaited
        here. Otherwise a socket that is bound to the NAME at once would receive it.
        """
        deadline = time.monotonic_ns() + _RESOLUTION_NS
        own = J1939Address(self._interface, self.name, c.J1939_PGN_REQUEST)
        is_sent = False
        with J1939Socket() as asking:  # no socket receives what it sent itself
            asking.settimeout(_RESOLUTION_NS / 1e9)
            asking.bind(J1939Address(self._interface, self.name))
            while True:
                try:
                    if not is_sent:
                        asking.sendto(_REQUEST_FOR_CLAIMS, own)
                        is_sent = True
                except OSError as error:
                    if error.errno != errno.EADDRNOTAVAIL:
                        raise
                if time.monotonic_ns() >= deadline:
                    return is_sent
                message = self._receive(_RETRY_S)
                if message is None:
                    continue
                if is_sent and message.source.name == self.name and _is_request(message):
                    return True
                if self._loses(message, address):
                    return False

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

    def _commanded(self, message: J1939Message) -> int | None:
        """Return the address that a Commanded Address gives to this NAME; None if it is none."""
        if (
            message.source.pgn != c.J1939_PGN_ADDRESS_COMMANDED
            or len(message.data) != _NAME_BYTES + 1
            or message.data[:_NAME_BYTES] != self._packed_name
            or message.data[_NAME_BYTES] > c.J1939_MAX_UNICAST_ADDR
        ):
            return None
        return message.data[_NAME_BYTES]

    def _answer_without_address(self, message: J1939Message | None) -> None:
        """Answer a request to all by Cannot Claim, if the address was lost."""
        if message is None or not self._lost or message.destination != c.J1939_NO_ADDR:
            return
        if _is_request(message):
            self._cannot_claim()

    def _give_up(self) -> None:
        self._address, self._lost = None, True
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
        except OSError:
            self._address = None
            raise
        if (claimant := _claimant(message)) is not None:
            self.holders = {a: name for a, name in self.holders.items() if name != claimant}
            if message.source.addr <= c.J1939_MAX_UNICAST_ADDR:
                self.holders[message.source.addr] = claimant
        return message

    def _has_failed(self) -> bool:
        """Return whether the socket has an error that was not received yet."""
        poller = select.poll()
        poller.register(self._sock, 0)
        return bool(poller.poll(0))

    def _bind(self, address: int) -> None:
        self._sock.bind(J1939Address(self._interface, self.name, c.J1939_NO_PGN, address))

    @property
    def _packed_name(self) -> bytes:
        return self.name.to_bytes(_NAME_BYTES, "little")

    def _claim(self) -> None:
        self._broadcast(c.J1939_PGN_ADDRESS_CLAIMED, self._packed_name)

    def _broadcast(self, pgn: int, data: bytes, timeout_s: float | None = None) -> None:
        self._sock.settimeout(timeout_s)
        try:
            self._sock.sendto(data, J1939Address(self._interface, pgn=pgn))
        except OSError:
            self._address = None
            raise

    def fileno(self) -> int:
        """Return the descriptor to wait on (select, poll) before `serve`."""
        return self._sock.fileno()

    def close(self) -> None:
        """Give the address up: send Cannot Claim, as j1939acd does, and stop defending it.

        It is not sent if the interface is down or its queue is full.
        """
        try:
            if self._sock.fileno() != -1 and self.address is not None:
                self._bind(c.J1939_IDLE_ADDR)
                self._broadcast(c.J1939_PGN_ADDRESS_CLAIMED, self._packed_name, _CLOSE_S)
        except OSError:
            pass  # the address is of no use to anybody then
        finally:
            self._address = None
            self._sock.close()

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
