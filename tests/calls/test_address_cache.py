"""Results of address conversions on each layer: which are kept, and what a look-up never does."""

from __future__ import annotations

import enum
import errno
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import famsock
from famsock import _calls
from famsock._calls import address_cache
from famsock._calls.layout import SockaddrLayout, integer_field
from famsock.address import AddressCodec
from tests.programs import run

NATIVE = _calls.native
CACHES = [address_cache.AddressCache] if NATIVE is None else [
    address_cache.AddressCache, NATIVE.AddressCache,
]  # fmt: skip
SLOTS = address_cache.SLOTS
LAYERS = ["ctypes"] if NATIVE is None else ["ctypes", "native"]
HEAD = b"\x2e\x00"
LAYER = pytest.mark.parametrize("layer", LAYERS)


class NotAskedError(Exception):
    """The exception of an object that nobody may hash or compare."""


class Silent:
    """An object that is neither to be hashed nor to be compared."""

    def __hash__(self) -> int:
        raise NotAskedError

    def __eq__(self, other: object) -> bool:
        raise NotAskedError


@pytest.fixture(params=CACHES, ids=lambda cls: cls.__module__.rpartition(".")[2])
def cache(request: pytest.FixtureRequest) -> Any:
    """A cache without a layout that counts what it has to convert."""

    base: Any = request.param

    class Counting(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoded: list[Any] = []
            self.decoded: list[bytes] = []
            self.keep, self.sockaddr = True, HEAD + b"1234"

        def load_layout(self) -> None:
            return None

        def encode_unusual(self, sock: Any, operation: str, address: Any) -> tuple[bytes, bool]:
            self.encoded.append(address)
            return self.sockaddr, self.keep

        def decode_unusual(self, sock: Any, sockaddr: bytes) -> tuple[Any, bool]:
            self.decoded.append(sockaddr)
            return ("form", len(self.decoded)), self.keep

    return Counting()


def is_kept(cache: Any, address: Any) -> bool:
    """Whether an address that was encoded need not be encoded again."""
    cache.encode(None, "bind", address)
    before = len(cache.encoded)
    cache.encode(None, "bind", address)
    return len(cache.encoded) == before


# What is kept


@pytest.mark.parametrize(
    "address",
    [("host", 9), ("host", 9, 0, 1), ("host",), (9,), (), "path", "", "\0abstract", "p" * 128,
     ("h" * 128,), ((1 << 63) - 1, -(1 << 63)), tuple(range(8)), ("\udcff", 1)],
)  # fmt: skip
def test_plain_addresses_are_kept(cache: Any, address: Any) -> None:
    assert cache.encode(None, "bind", address) == cache.sockaddr
    assert is_kept(cache, address)
    equal = (*address,) if type(address) is tuple else "".join([*address])
    assert cache.encode(None, "sendto", equal) == cache.sockaddr
    assert len(cache.encoded) == 1


class Port(enum.IntEnum):
    DISCARD = 9


class Text(str):
    __slots__ = ()


class Pair(tuple[Any, ...]):
    __slots__ = ()


@pytest.mark.parametrize(
    "address",
    [("host", True), ("host", 9.0), ("host", Port.DISCARD), (Text("host"), 9), Text("path"),
     Pair(("host", 9)), ["host", 9], (b"host", 9), b"path", bytearray(b"path"), None, 9, 1.0,
     ("host", ("host", 9)), ("host", None), {"host": 9}, object(), "p" * 129, ("h" * 129, 9),
     tuple(range(9)), ("host", 1 << 63), ("host", 1 << 100_000), ("host", -(1 << 63) - 1)],
    ids=lambda address: type(address).__name__,
)  # fmt: skip
def test_other_addresses_are_not_kept(cache: Any, address: Any) -> None:
    assert not is_kept(cache, address)


@pytest.mark.parametrize(
    ("known", "others"),
    [
        (("host", 1), [("host", True), ("host", 1.0), (Text("host"), 1), Pair(("host", 1))]),
        (("host", 0), [("host", False), ("host", 0.0), ("host", -0.0)]),
        ((9,), [(Port.DISCARD,), (9.0,)]),
        ("path", [Text("path"), b"path"]),
        (("host", 9), [(b"host", 9), ["host", 9]]),
    ],
)
def test_equal_addresses_of_other_types_are_converted(
    cache: Any, known: Any, others: list[Any]
) -> None:
    assert is_kept(cache, known)
    cache.encoded.clear()
    for other in others:
        cache.encode(None, "bind", other)
    assert [type(address) for address in cache.encoded] == [type(other) for other in others]
    assert is_kept(cache, known)


def test_objects_are_neither_hashed_nor_compared(cache: Any) -> None:
    class Meta(type):
        __hash__ = Silent.__hash__
        __eq__ = Silent.__eq__

    class Strange(metaclass=Meta):
        pass

    class SilentText(str):
        __hash__ = Silent.__hash__
        __eq__ = Silent.__eq__

    class SilentInt(int):
        __hash__ = Silent.__hash__
        __eq__ = Silent.__eq__

    class SilentPair(tuple[Any, ...]):
        __hash__ = Silent.__hash__
        __eq__ = Silent.__eq__

    assert is_kept(cache, ("host", 9))
    strange = (
        Silent(), ("host", Silent()), (Silent(), 9), Strange(), ("host", Strange()),
        SilentText("host"), (SilentText("host"), 9), ("host", SilentInt(9)),
        SilentPair(("host", 9)), (SilentPair(()),),
    )  # fmt: skip
    for address in strange:
        for _ in range(2):
            cache.encode(None, "bind", address)
            cache.forget(address)
    assert len(cache.encoded) == 1 + 2 * len(strange)


def test_a_typed_address_is_known_by_identity(cache: Any) -> None:
    class Typed(Silent):
        pass

    first, second = Typed(), Typed()
    assert not is_kept(cache, first)  # the class was not loaded
    cache.loaded_class = Typed
    assert is_kept(cache, first)
    assert is_kept(cache, second)
    cache.forget(first)
    before = len(cache.encoded)
    cache.encode(None, "bind", first)
    assert len(cache.encoded) == before + 1
    assert cache.encoded[-1] is first


def test_an_object_of_a_subclass_is_no_known_typed_address(cache: Any) -> None:
    class Typed:
        pass

    class Other(Typed):
        pass

    cache.loaded_class = Typed
    assert is_kept(cache, Typed())
    assert not is_kept(cache, Other())


@pytest.mark.parametrize("address", [("host", 9), "path"])
def test_what_was_forgotten_is_converted_again(cache: Any, address: Any) -> None:
    assert is_kept(cache, address)
    cache.forget(address)
    cache.encode(None, "bind", address)
    assert len(cache.encoded) == 2


def test_what_depends_on_the_system_is_not_kept(cache: Any) -> None:
    cache.keep = False
    assert not is_kept(cache, ("host", 9))
    assert cache.decode(None, HEAD) != cache.decode(None, HEAD)


def test_long_sockaddrs_are_not_kept(cache: Any) -> None:
    cache.sockaddr = HEAD + bytes(126)
    assert is_kept(cache, ("short", 1))
    cache.sockaddr += b"\0"
    assert not is_kept(cache, ("long", 1))
    assert cache.decode(None, bytes(128)) is cache.decode(None, bytes(128))
    assert cache.decode(None, bytes(129)) is not cache.decode(None, bytes(129))


def test_sockaddrs_are_kept(cache: Any) -> None:
    form = cache.decode(None, HEAD + b"1")
    assert form == ("form", 1)
    assert cache.decode(None, HEAD + b"2") == ("form", 2)
    assert cache.decode(None, HEAD + bytes(bytearray(b"1"))) is form
    assert cache.decode(None, b"") is None


def test_failures_are_not_kept(cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        raise OSError("no such host")

    with monkeypatch.context() as patched:
        patched.setattr(type(cache), "encode_unusual", fail)
        patched.setattr(type(cache), "decode_unusual", fail)
        for _ in range(2):
            with pytest.raises(OSError, match="no such host"):
                cache.encode(None, "bind", ("host", 9))
            with pytest.raises(OSError, match="no such host"):
                cache.decode(None, HEAD)
    assert cache.encode(None, "bind", ("host", 9)) == cache.sockaddr


# Bounds


def test_one_entry_is_replaced_at_a_time(cache: Any) -> None:
    addresses = [("host", number) for number in range(SLOTS)]
    for address in addresses:
        cache.encode(None, "bind", address)
    cache.encoded.clear()
    for address in addresses:
        cache.encode(None, "bind", address)
    assert len(cache.encoded) < SLOTS  # many share no slot, and are still there


def test_no_more_is_kept_than_there_are_slots(cache: Any) -> None:
    class Typed:
        pass

    cache.loaded_class = Typed
    gone: list[weakref.ref[Typed]] = []
    for _ in range(5 * SLOTS):
        address = Typed()
        gone.append(weakref.ref(address))
        cache.encode(None, "bind", address)
        cache.encoded.clear()
        del address
    assert 0 < sum(reference() is not None for reference in gone) <= SLOTS


def test_results_are_right_when_threads_share_slots(cache: Any) -> None:
    layout = SockaddrLayout(HEAD, 24, (("host", "ipv6", 8, 0), integer_field("port", "be16", 2)))
    type(cache).load_layout = lambda self: layout
    addresses = [("::1", number) for number in range(4 * SLOTS)]
    failures: list[object] = []
    start = threading.Barrier(4)

    def convert(first: int) -> None:
        start.wait()
        for address in addresses[first:] + addresses[:first]:
            sockaddr = cache.encode(None, "bind", address)
            if sockaddr[2:4] != address[1].to_bytes(2) or cache.decode(None, sockaddr) != address:
                failures.append((address, sockaddr))
            cache.forget(addresses[-address[1]])

    threads = [threading.Thread(target=convert, args=(n * SLOTS,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert cache.encoded == []


def test_a_cache_that_was_not_initialized_fails_and_no_more(cache: Any) -> None:
    kind: Any = type(cache)
    bare = kind.__new__(kind)
    calls: list[Callable[[], object]] = [
        lambda: bare.encode(None, "bind", ("host", 9)),
        lambda: bare.decode(None, HEAD),
        lambda: bare.forget(("host", 9)),
    ]
    for call in calls:
        with suppress(AttributeError):
            call()


# On sockets


class Counting(AddressCodec):
    """A codec of paths that counts what it converts itself."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        super().__init__(lambda: famsock.RawAddress, lambda family: None)
        self.calls = 0

    def encode_unusual(self, socket: Any, operation: str, address: Any) -> tuple[bytes, bool]:
        self.calls += 1
        return famsock.AF_UNIX.to_bytes(2, "little") + address.encode() + b"\0", True


CALLS: dict[str, Any] = {
    "bind": lambda sock, path: sock.bind(path),
    "connect": lambda sock, path: sock.connect(path),
    "connect_ex": lambda sock, path: sock.connect_ex(path),
    "sendto": lambda sock, path: sock.sendto(b"x", path),
    "sendmsg": lambda sock, path: sock.sendmsg([b"x"], [], 0, path),
    "sendmmsg": lambda sock, path: sock.sendmmsg([(b"x", path)]),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_kept_that_the_kernel_refused(
    socket_module: Any, descriptors: None, tmp_path: Path, name: str
) -> None:
    codec = Counting()
    with socket_module.socket(famsock.AF_UNIX, famsock.SOCK_DGRAM) as sock:
        sock._codec = codec
        for attempt in range(1, 4):
            with suppress(FileNotFoundError):
                assert CALLS[name](sock, str(tmp_path / "nowhere" / "path")) == errno.ENOENT
            assert codec.calls == attempt


@pytest.mark.parametrize("name", ["connect", "connect_ex", "sendto", "sendmsg", "sendmmsg"])
def test_what_the_kernel_took_is_kept(
    socket_module: Any, descriptors: None, tmp_path: Path, name: str
) -> None:
    codec, path = Counting(), str(tmp_path / "path")
    with (
        socket_module.socket(famsock.AF_UNIX, famsock.SOCK_DGRAM) as receiver,
        socket_module.socket(famsock.AF_UNIX, famsock.SOCK_DGRAM) as sock,
    ):
        receiver.bind(path)
        sock._codec = codec
        for _ in range(3):
            CALLS[name](sock, path)
        assert codec.calls == 1


BYTES_AND_TEXT = """
import famsock, os, tempfile
for family, host in ((famsock.AF_INET, "127.0.0.1"), (famsock.AF_INET6, "::1")):
    with famsock.socket(family, famsock.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        port = sock.getsockname()[1]
        for form in ((host, port), (host.encode(), port), (bytearray(host.encode()), port)) * 2:
            sock.sendto(b"x", form)
            assert sock.recvfrom(1)[1][:2] == (host, port)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "s")
    with famsock.socket(famsock.AF_UNIX, famsock.SOCK_DGRAM) as sock:
        sock.bind(path)
        for form in (path, path.encode(), bytearray(path.encode())) * 2:
            sock.sendto(b"x", form)
            assert sock.recvfrom(1)[1] == path
print("sent")
"""


@LAYER
def test_bytes_beside_text_are_no_warning(layer: str) -> None:
    assert run(BYTES_AND_TEXT, "-bb", "-W", "error", FAMSOCK_SYSCALLS=layer) == "sent"


STRANGE = """
import famsock

class Silent:
    def __hash__(self): raise LookupError("hashed")
    def __eq__(self, other): raise LookupError("compared")

class Meta(type):
    def __hash__(cls): raise LookupError("hashed")

class Strange(metaclass=Meta): pass

with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
    sock.bind(("127.0.0.1", 0))
    sock.sendto(b"x", sock.getsockname())
    calls = (
        sock.bind, sock.connect, sock.connect_ex, lambda form: sock.sendto(b"", form),
        lambda form: sock.sendmsg([b""], [], 0, form), lambda form: sock.sendmmsg([(b"", form)]),
    )
    for codec, served in ((sock._codec, sock._served), (None, None)):
        sock._codec, sock._served = codec, served
        for call in calls if codec else calls[:-1]:
            for form in (Silent(), (Silent(), 9), ("127.0.0.1", Silent()), Strange()):
                try:
                    call(form)
                except TypeError:
                    pass
                else:
                    raise AssertionError(form)
print("refused")
"""


@LAYER
def test_strange_objects_are_refused_as_types(layer: str) -> None:
    assert run(STRANGE, FAMSOCK_SYSCALLS=layer) == "refused"


GROWTH = """
import famsock, resource
def rss_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

with famsock.socket(famsock.AF_INET6, famsock.SOCK_DGRAM) as sock:
    sock.bind(("::1", 0))
    port = sock.getsockname()[1]
    typed = sock.local_address
    def send(start, count):
        for number in range(start, start + count):
            sock.sendto(b"", ("::1", port, number))
    send(0, 2000)
    before = rss_bytes()
    send(2000, 100_000)
    print(rss_bytes() - before)
"""
MOST_GROWTH_BYTES = 10 * 10**6


@pytest.mark.skipif(
    "ASAN_OPTIONS" in os.environ, reason="AddressSanitizer keeps freed memory for a while"
)
@LAYER
def test_memory_does_not_grow_with_addresses(layer: str) -> None:
    assert int(run(GROWTH, FAMSOCK_SYSCALLS=layer)) < MOST_GROWTH_BYTES


@pytest.mark.parametrize("base", CACHES, ids=lambda cls: cls.__module__.rpartition(".")[2])
def test_no_address_is_none_also_after_another(base: Any) -> None:
    class Paths(base):  # type: ignore[misc]
        def load_layout(self) -> SockaddrLayout:
            return SockaddrLayout(HEAD, 110, (("path", "path", 2, 0),))

    cache = Paths()
    for _ in range(2):
        assert cache.decode(None, b"") is None
        assert cache.decode(None, HEAD + b"/a\0") == "/a"
