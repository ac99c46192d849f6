"""Addresses in the stdlib's forms, given to this Python's own socket and to famsock's.

``LD_PRELOAD=CAPTURE python tests/stdlib_forms.py CAPTURE EXAMPLES SEED`` draws forms for each
family that this Python knows, right ones and wrong ones, and passes each to bind, connect,
connect_ex, sendto and sendmsg of both. So it does with the right form of each family, in each place
of which each of `OTHERS` stands once. CAPTURE is ``captured_sockaddr.c``, compiled. Both must take
the form and give the kernel the same sockaddr, or both must refuse it, with the same type of
exception and the same text. `EXCEPTIONS` has all that differs. Prints JSON: how many forms were
tried of each family and taken, how many have another object in a place, and what differed.
"""

from __future__ import annotations

import _socket
import ctypes
import json
import sys
from array import array
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import IntEnum
from fractions import Fraction
from itertools import cycle, product
from operator import index
from pathlib import PurePosixPath
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import famsock
from famsock.testing.namespaces import unshare_network


class Number(IntEnum):
    ONE = 1


class Index:
    """An object that is used as an integer, and is none."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Index({self.value})"


class Text(str):
    """A subclass of str, whose own methods must not matter."""

    __slots__ = ()

    def __str__(self) -> str:
        return "no such text"


class Octets(bytes):
    __slots__ = ()


Pair = namedtuple("Pair", "first second")
STRIDED, RELEASED = memoryview(b"12345678")[::2], memoryview(b"12345678")
RELEASED.release()

INTEGERS = [
    *(-1, 0, 1, 2, 3, 5, 7, 0x7F, 0xFF, 0x100, 0xFFF, 0x10000, 0xFFFF, 0xFFFFF, 0x100000),
    *((1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63),
    *((1 << 64) - 1, 1 << 64, 1 << 70, -2, -(1 << 31), -(1 << 31) - 1, -(1 << 63), -(1 << 70)),
]
TEXTS = [
    *("", "127.0.0.1", "::1", "fe80::1%7", "localhost", "<broadcast>", "255.255.255.255", "1.2.3"),
    *("::ffff:1.2.3.4", "host with blanks", "a\0b", "\0abstract", "\udc80", "b\xfccher", "x" * 14),
    *("eth0", "eth1", "lo/", "eth0:1", "x" * 15, "x" * 16, "x" * 63, "x" * 64, "/tmp/" + "x" * 102),
    *(
        "/tmp/" + "x" * 103,
        "\0" + "x" * 107,
        "\0" + "x" * 108,
        "hash",
        "sha256",
        "00:11:22:33:44:55",
    ),
    *("0:1:2:3:4:5", "00:11:22:33:44", "00:11:22:33:44:5g", "00:11:22:33:44:100", " 0: 1:2:3:4:5"),
]
integers = st.sampled_from(INTEGERS) | st.integers(-(1 << 33), 1 << 33)
numbers: st.SearchStrategy[Any] = (
    integers
    | integers.map(Index)
    | st.booleans()
    | st.just(Number.ONE)
    | st.sampled_from([None, 1.0, "1", b"1"])
)
texts: st.SearchStrategy[Any] = (
    st.sampled_from(TEXTS)
    | st.sampled_from(TEXTS).map(Text)
    | st.sampled_from(TEXTS).map(lambda t: t.encode("utf-8", "surrogateescape"))
    | st.sampled_from(TEXTS).map(lambda t: Octets(t.encode("utf-8", "surrogateescape")))
    | st.sampled_from(TEXTS).map(lambda t: bytearray(t.encode("utf-8", "surrogateescape")))
    | st.sampled_from(TEXTS).map(lambda t: memoryview(t.encode("utf-8", "surrogateescape")))
    | st.sampled_from(TEXTS).map(PurePosixPath)
    | st.text(max_size=5)
)
anything: st.SearchStrategy[Any] = texts | numbers | st.just(()) | st.just({}) | st.just(STRIDED)


def tuples(*usual: Any) -> st.SearchStrategy[Any]:
    """Tuples near a form: its fields ("n" a number, "t" a text, or values), more, fewer, others."""
    fields = [
        numbers if field == "n" else texts if field == "t" else st.sampled_from(field)
        for field in usual
    ]
    right = st.integers(0, len(fields)).flatmap(lambda n: st.tuples(*fields[:n]))
    plain = [
        st.sampled_from([0, 1, 5, 0xFF]) if field == "n" else texts if field == "t" else drawn
        for field, drawn in zip(usual, fields, strict=True)
    ]
    whole = st.tuples(*plain) | st.tuples(*fields)
    near = st.tuples(*(field | anything for field in fields))
    one_other = st.integers(0, len(plain) - 1).flatmap(
        lambda place: st.tuples(*plain[:place], anything, *plain[place + 1 :])
    )
    longer = st.tuples(*fields, anything)
    bases = whole | whole | near | one_other | right | longer
    return (
        bases
        | bases.map(list)
        | st.tuples(anything, anything).map(lambda pair: Pair(*pair))
        | anything
    )


SMALL = [0, 1, 5, 0xFF]
PORTS = [0, 1, 80, 0xFFFF]
DEVICES = ["00:11:22:33:44:55", "aa:bb:CC:dd:ee:ff"]
HOSTS = ["127.0.0.1", "", "localhost", "10.0.0.1", "<broadcast>"]
HOSTS6 = ["::1", "", "localhost", "fe80::1", "2001:db8::1"]

FORMS: dict[str, tuple[tuple[int, int, int], st.SearchStrategy[Any]]] = {
    "AF_INET": ((2, 1, 0), tuples(HOSTS, PORTS) | tuples("t", "n") | tuples(HOSTS, "n")),
    "AF_INET6": (
        (10, 1, 0),
        tuples(HOSTS6, PORTS, "n", "n") | tuples("t", "n") | tuples(HOSTS6, PORTS, [0], "n"),
    ),
    "AF_UNIX": ((1, 1, 0), texts | anything | tuples("t")),
    "AF_NETLINK": ((16, 3, 0), tuples("n", "n") | tuples(SMALL, [-1, 1 << 31])),
    "AF_PACKET": (
        (17, 3, 0),
        tuples(["eth0"], "n", "n", "n", [b"\1\2\3\4\5\6", b"", b"12345678", b"123456789"])
        | tuples("t", PORTS)
        | tuples(["eth0"], PORTS, SMALL, SMALL, "t"),
    ),
    "AF_CAN raw": ((29, 3, 1), tuples("t") | tuples(["eth0", "", b"eth0"])),
    "AF_CAN bcm": ((29, 2, 2), tuples("t") | tuples(["eth0", "", b"eth0"])),
    "AF_CAN isotp": ((29, 2, 6), tuples(["eth0", ""], "n", "n") | tuples("t", SMALL, SMALL)),
    "AF_CAN j1939": (
        (29, 2, 7),
        tuples(["eth0", ""], "n", "n", "n") | tuples("t", SMALL, SMALL, SMALL),
    ),
    "AF_RDS": ((21, 5, 0), tuples(HOSTS, PORTS) | tuples("t", "n")),
    "AF_TIPC": (
        (30, 4, 0),
        tuples([1, 2, 3], "n", "n", "n", [1, 2, 3]) | tuples("n", "n", "n", "n", "n"),
    ),
    "AF_ALG": ((38, 5, 0), tuples(["hash", "aead"], ["sha256"], "n", "n") | tuples("t", "t")),
    "AF_VSOCK": ((40, 1, 0), tuples("n", "n")),
    "AF_QIPCRTR": ((42, 2, 0), tuples("n", "n")),
    "AF_BLUETOOTH l2cap": ((31, 5, 0), tuples(DEVICES, "n", "n", "n") | tuples("t", SMALL)),
    "AF_BLUETOOTH hci": ((31, 3, 1), tuples("n", "n") | numbers | tuples([0, 1, 0xFFFF])),
    "AF_BLUETOOTH sco": (
        (31, 5, 2),
        texts | st.sampled_from([*DEVICES, b"00:11:22:33:44:55", b"0:1:2:3:4:5"]),
    ),
    "AF_BLUETOOTH rfcomm": ((31, 1, 3), tuples(DEVICES, "n") | tuples("t", SMALL)),
}
"""The families, with socket(2)'s arguments and forms of their addresses."""

RIGHT: dict[str, Any] = {
    "AF_INET": ("127.0.0.1", 80),
    "AF_INET6": ("::1", 80, 0, 0),
    "AF_UNIX": "/tmp/x",
    "AF_NETLINK": (5, 1),
    "AF_PACKET": ("eth0", 80, 1, 1, b"123456"),
    "AF_CAN raw": ("eth0",),
    "AF_CAN bcm": ("eth0",),
    "AF_CAN isotp": ("eth0", 1, 5),
    "AF_CAN j1939": ("eth0", 1, 0, 5),
    "AF_RDS": ("127.0.0.1", 80),
    "AF_TIPC": (1, 5, 1, 5, 2),
    "AF_ALG": ("hash", "sha256", 1, 1),
    "AF_VSOCK": (5, 80),
    "AF_QIPCRTR": (5, 80),
    "AF_BLUETOOTH l2cap": (DEVICES[0], 1, 1, 1),
    "AF_BLUETOOTH hci": (1, 1),
    "AF_BLUETOOTH sco": DEVICES[0],
    "AF_BLUETOOTH rfcomm": (DEVICES[0], 1),
}
"""The longest form of each family, which CPython takes; of Bluetooth's, one of Python 3.14."""

OTHERS: list[Any] = [
    *(None, True, False, Number.ONE, Index(1), 0, 5, -1, 1 << 32, 1 << 70, 1.0, 1j, Fraction(1)),
    *("", "1", "eth0", Text("eth0"), b"eth0", Octets(b"eth0"), bytearray(b"eth0")),
    *(memoryview(b"eth0"), PurePosixPath("eth0"), Text("127.0.0.1"), Text(DEVICES[0]), Text()),
    *((), [], {}, ("eth0",), ["eth0"], Text, Ellipsis, array("B", b"eth0"), array("I", [1])),
    *(STRIDED, RELEASED),
]
"""Objects of all kinds, for every place of a form."""


def with_others(right: Any) -> Iterator[Any]:
    """Yield a form, cut after each of its items, with each of `OTHERS` in each place of it."""
    yield from OTHERS
    yield from ((other,) for other in OTHERS)
    if not isinstance(right, tuple):
        yield right
        return
    for length in range(1, len(right) + 1):
        yield right[:length]
        for place, other in product(range(length), OTHERS):
            yield (*right[:place], other, *right[place + 1 : length])


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "bind": lambda sock, form: sock.bind(form),
    "connect": lambda sock, form: sock.connect(form),
    "connect_ex": lambda sock, form: sock.connect_ex(form),
    "sendto": lambda sock, form: sock.sendto(b"x", form),
    "sendmsg": lambda sock, form: sock.sendmsg([b"x"], [], 0, form),
}


U8, U16, U32, U64 = 0xFF, 0xFFFF, 0xFFFFFFFF, (1 << 64) - 1
LIMITS: dict[str, dict[int, int]] = {
    "AF_INET": {},
    "AF_INET6": {2: 0xFFFFF, 3: U32},
    "AF_NETLINK": {0: U32, 1: U32},
    "AF_PACKET": {2: U8, 3: U16},
    "AF_CAN isotp": {1: U32, 2: U32},
    "AF_CAN j1939": {1: U64, 2: 0x40000, 3: U8},
    "AF_TIPC": {0: U32, 1: U32, 2: U32, 3: U32, 4: 0x7F},
    "AF_ALG": {2: U32, 3: U32},
    "AF_VSOCK": {0: U32, 1: U32},
    "AF_QIPCRTR": {0: U32, 1: U32},
    "AF_BLUETOOTH l2cap": {1: U16, 2: U16, 3: U8},
    "AF_BLUETOOTH hci": {0: U16, 1: U16},
    "AF_BLUETOOTH rfcomm": {1: U8},
}
"""The highest value of each field of which CPython cuts off what does not fit."""

PADS: dict[str, list[tuple[int, int]]] = {
    "AF_NETLINK": [(2, 4)],
    "AF_QIPCRTR": [(2, 4)],
    "AF_CAN raw": [(2, 4), (8, 24)],
    "AF_CAN bcm": [(2, 4), (8, 24)],
    "AF_CAN isotp": [(2, 4), (16, 24)],
    "AF_CAN j1939": [(2, 4), (21, 24)],
    "AF_BLUETOOTH l2cap": [(13, 14)],
    "AF_BLUETOOTH rfcomm": [(9, 10)],
}
"""The bytes of each sockaddr that CPython leaves as they were in memory."""


def without_pads(family: str, sockaddr: bytes) -> bytes:
    octets = bytearray(sockaddr)
    for start, end in PADS.get(family, ()):
        octets[start:end] = bytes(len(octets[start:end]))
    if family == "AF_PACKET" and octets:
        end = min(12 + octets[11], len(octets))
        octets[end:] = bytes(len(octets) - end)
    return bytes(octets)


def is_cut_off(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """CPython cuts off what does not fit a field; famsock refuses all but -1 in 32 bits."""
    refused = not isinstance(ours, bytes) and ours[0] in ("OverflowError", "OSError")
    items = form if isinstance(form, tuple) else (form,)
    for place, highest in LIMITS.get(family, {}).items():
        if place < len(items) and hasattr(type(items[place]), "__index__"):
            number = index(items[place])
            low = -0x80 if family == "AF_TIPC" and place == 4 else 0
            usual = number == -1 and highest == U32
            if refused and not usual and not low <= number <= highest:
                return True
    return False


def is_cut_to_16_bits(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """CPython cuts AF_ALG's feat and mask to 16 bits; the kernel's fields have 32."""
    numbers = form[2:4] if family == "AF_ALG" and isinstance(form, tuple) else ()
    return any(hasattr(type(n), "__index__") and not 0 <= index(n) <= U16 for n in numbers)


def is_an_index(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """CPython's formats k and K take no object with ``__index__``, other formats do; famsock does
    everywhere."""
    return (
        family in ("AF_CAN isotp", "AF_CAN j1939")
        and isinstance(form, tuple)
        and any(isinstance(item, Index) for item in form)
        and "must be int, not Index" in str(theirs)
    )


def is_a_list(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """CPython has a SystemError for a form that is no tuple, where it forgot to look."""
    return bool(theirs[:1] == ("SystemError",) and ours[:1] == ("TypeError",))


def ends_at_a_null_byte(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """A path ends at its first null byte for the kernel; CPython sends what follows, too."""
    return (
        family == "AF_UNIX"
        and isinstance(theirs, bytes)
        and isinstance(ours, bytes)
        and theirs[2:].partition(b"\0")[0] == ours[2:].partition(b"\0")[0] != b""
    )


def is_ipv6(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """AF_RDS takes IPv6 addresses, as CPython gives them and does not take them back."""
    return family == "AF_RDS" and isinstance(form, tuple) and 3 <= len(form) <= 4


def is_a_long_path(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """AF_UNIX takes paths that are too long for a sockaddr, through a descriptor."""
    return family == "AF_UNIX" and "AF_UNIX path too long" in str(theirs)


def has_a_zone(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """The zone of an AF_INET6 host gives the scope, if the form gives none; CPython drops it."""
    return family == "AF_INET6" and isinstance(form, tuple) and "%" in str(form[:1])


def is_no_utf_8(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """AF_ALG takes back each name that it gives, also one that is no UTF-8; AF_PACKET asks the
    kernel for an interface of any name, as os.if_nametoindex does."""
    return family in ("AF_ALG", "AF_PACKET") and "\udc80" in str(form).replace("\\udc80", "\udc80")


def is_a_newer_form(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """AF_BLUETOOTH takes the forms of Python 3.14 on every Python."""
    if sys.version_info >= (3, 14) or "wrong format" not in str(theirs):
        return False
    items = len(form) if isinstance(form, tuple) else 0
    if family == "AF_BLUETOOTH l2cap":
        return items in (3, 4)
    if family == "AF_BLUETOOTH hci":
        return items == 2 or hasattr(type(form), "__index__")
    return family == "AF_BLUETOOTH sco" and isinstance(form, str)


def is_a_str_of_its_own_class(family: str, form: Any, theirs: Any, ours: Any) -> bool:
    """CPython encodes the host by IDNA if it is of a subclass of str, also in ASCII."""
    return (
        isinstance(form, tuple)
        and any(isinstance(item, Text) for item in form)
        and "encoding of hostname failed" in str(theirs)
    )


EXCEPTIONS = [
    is_cut_off,
    is_cut_to_16_bits,
    is_an_index,
    is_a_list,
    ends_at_a_null_byte,
    is_ipv6,
    is_a_long_path,
    has_a_zone,
    is_no_utf_8,
    is_a_newer_form,
    is_a_str_of_its_own_class,
]
"""All that differs from CPython, each with its reason."""


def known(family: str) -> bool:
    """Whether this Python converts the addresses of a family."""
    sock = _socket.socket(*FORMS[family][0])
    try:
        sock.bind(())
    except OSError as error:
        return "bad family" not in str(error)
    except TypeError:
        return True
    finally:
        sock.close()
    return False


def main(library: str, examples: int, chosen: int) -> None:
    with suppress(OSError):  # where it may: no name server is asked from there
        unshare_network()
    shim = ctypes.CDLL(library)
    length = ctypes.c_int.in_dll(shim, "captured_length")
    octets = (ctypes.c_char * 512).in_dll(shim, "captured")
    differing: list[str] = []
    counts: dict[str, list[int]] = {}
    replaced = [0]

    def outcome(sock: Any, call: Callable[[Any, Any], Any], form: Any) -> Any:
        length.value = -1
        try:
            call(sock, form)
        except Exception as error:
            kind = next(c for c in type(error).__mro__ if c.__module__ in ("builtins", "socket"))
            return kind.__name__, str(error)
        return octets.raw[: length.value]

    def compare(family: str) -> None:
        kind, forms = FORMS[family]
        theirs_on, ours_on = _socket.socket(*kind), famsock.socket(*kind)
        assert ours_on._served is not None, family
        tried = counts[family] = [0, 0]

        def compare_form(form: Any, name: str) -> bool:
            """Note what differs of a form; return whether the stdlib takes it."""
            theirs = outcome(theirs_on, CALLS[name], form)
            if isinstance(theirs, bytes):
                theirs = without_pads(family, theirs)
            for _ in range(2):  # the second time, what is kept of the first may answer
                ours = outcome(ours_on, CALLS[name], form)
                if ours != theirs and not any(
                    holds(family, form, theirs, ours) for holds in EXCEPTIONS
                ):
                    differing.append(f"{family}: {name}({form!r}): {ours!r}, not {theirs!r}")
            return isinstance(theirs, bytes)

        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(form=forms, name=st.sampled_from(list(CALLS)))
        def both(form: Any, name: str) -> None:
            tried[0] += 1
            tried[1] += compare_form(form, name)

        for attempt in range(10):  # until the stdlib took one of the forms
            if not tried[1]:
                seed(chosen + attempt)(both)()
        for form, name in zip(with_others(RIGHT[family]), cycle(CALLS)):
            compare_form(form, name)
            replaced[0] += 1

    for family in filter(known, FORMS):
        compare(family)
    print(json.dumps({"counts": counts, "replaced": replaced[0], "differing": differing}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
