"""Bad input: refused with the right exception and words, on every call, with nothing leaked."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st

from famsock._sockets import socket
from famsock._struct import Struct
from famsock.address import Address, AddressCodec, Lookup, RawAddress, family_head
from famsock.cstruct import BOOL, Member
from famsock.testing import strategies
from famsock.testing._checks.base import IN_LAB, Checks, asks_no_kernel, for_all
from famsock.testing._examples import BadAddress, Shapes

CALLS: dict[str, Callable[[Any, Any], object]] = {
    "bind": lambda sock, address: sock.bind(address),
    "connect": lambda sock, address: sock.connect(address),
    "connect_ex": lambda sock, address: sock.connect_ex(address),
    "sendto": lambda sock, address: sock.sendto(b"", address),
    "sendmsg": lambda sock, address: sock.sendmsg([b""], [], 0, address),
}
_NEVER_A_FIELD = (1.0, 1j, None, [1], object())
_NEVER_AN_INTEGER = (*_NEVER_A_FIELD, "1", b"1")
_LONGEST_SOCKADDR = 130
_NO_FIELD_HOLDS = 1 << 80
_REFUSALS = (TypeError, ValueError, OverflowError, OSError)
# CPython 3.15 does so and takes the low bits. Where the warning is an error, the stdlib has another
# one for some families.
_STDLIB_WARNS = pytest.mark.filterwarnings("ignore:integer value out of range:DeprecationWarning")


class BadInputChecks(Checks):
    """Wrong addresses in, wrong sockaddrs in, wrong values into fields."""

    @asks_no_kernel
    def test_integer_beyond_its_range_is_refused(self, integer_field: tuple[Any, Member]) -> None:
        address, member = integer_field
        low, high = member.type.low, member.type.high
        assert low is not None
        assert high is not None
        cls = type(address)
        for value in (low - 1, high + 1, -(1 << 80), 1 << 80):
            with pytest.raises(OverflowError) as caught:
                changed(address, member.attribute, value)
            message = str(caught.value)
            assert isinstance(caught.value, cls.range_error)
            for word in (cls.label, member.attribute, str(value), str(low), str(high)):
                assert word in message, f"the message names no {word!r}: {message}"

    @asks_no_kernel
    def test_integer_at_its_limits_is_taken(self, integer_field: tuple[Any, Member]) -> None:
        address, member = integer_field
        for value in (member.type.low, member.type.high):
            made = changed(address, member.attribute, value)
            assert getattr(made, member.attribute) == value
            assert getattr(type(made).unpack(made.pack()), member.attribute) == value

    @asks_no_kernel
    def test_wrong_type_is_refused(self, field: tuple[Any, Member]) -> None:
        address, member = field
        if member.type is BOOL:
            return  # every object is true or false
        integer = member.type.low is not None
        for value in _NEVER_AN_INTEGER if integer else _NEVER_A_FIELD:
            if isinstance(value, self._accepted(type(address), member.attribute)):
                continue
            with pytest.raises(TypeError) as caught:
                changed(address, member.attribute, value)
            message = str(caught.value)
            for word in (type(address).label, member.attribute):
                assert word in message, f"the message names no {word!r}: {message}"

    def _accepted(self, cls: type[Any], field: str) -> tuple[type[Any], ...]:
        return self.accepts.get(f"{cls.__name__}.{field}", self.accepts.get(field, ()))

    @_STDLIB_WARNS
    def test_float_never_passes_for_an_integer(self, shapes: Shapes, makes: type[Address]) -> None:
        protocol = self.subject().protocol(shapes.protocol)
        codec = self.subject().codec(protocol)
        with self.subject().any_socket(protocol) as sock:
            for form in (shapes.stdlib, *shapes.also_stdlib):
                for wrong in with_floats(form):
                    codec.encode(sock, "bind", form)
                    refuses_the_type(partial(codec.encode, sock, "bind", wrong))
                    with pytest.raises(TypeError):
                        makes.from_stdlib(wrong, Lookup("bind"))

    @asks_no_kernel
    def test_integer_that_no_field_holds_is_refused(self, field: tuple[Any, Member]) -> None:
        address, member = field
        value = getattr(address, member.attribute)
        if not isinstance(value, int) or isinstance(value, bool):
            return
        for wrong in (-_NO_FIELD_HOLDS, _NO_FIELD_HOLDS):
            with pytest.raises((OverflowError, TypeError, ValueError), match=member.attribute):
                changed(address, member.attribute, wrong)

    @asks_no_kernel
    def test_integer_that_no_field_holds_is_refused_in_the_stdlib_form(
        self, shapes: Shapes, makes: type[Address]
    ) -> None:
        for form in (shapes.stdlib, *shapes.also_stdlib):
            for wrong in with_integers(form, -_NO_FIELD_HOLDS, _NO_FIELD_HOLDS):
                with pytest.raises((OverflowError, OSError, TypeError, ValueError)):
                    makes.from_stdlib(wrong, Lookup("bind")).pack(Lookup("bind"))

    def test_address_of_another_class_is_refused(
        self, shapes: Shapes, makes: type[Address]
    ) -> None:
        protocol = self.subject().protocol(shapes.protocol)
        with self.subject().any_socket(protocol) as sock:
            codec = self.subject().codec(protocol)
            with pytest.raises(TypeError, match=makes.__name__):
                codec.encode(sock, "connect", _Stranger())

    @_STDLIB_WARNS
    def test_bad_address_is_refused(self, bad_address: BadAddress, descriptors: None) -> None:
        subject = self.subject()
        protocol = subject.protocol(bad_address.protocol)
        codec = subject.codec(protocol)
        named = codec.address_class.names_operation
        for operation in bad_address.operations:

            def encode(name: str) -> object:
                return codec.encode(None, name, bad_address.form)  # type: ignore[arg-type]

            refuses(bad_address, operation, encode, named)
            if subject.family.here:
                with subject.any_socket(protocol, bad_address.type) as sock:
                    call = partial(_call, sock, bad_address.form)
                    refuses(bad_address, operation, call, named)

    def test_truncated_sockaddr_is_no_trouble(self, shapes: Shapes) -> None:
        protocol = self.subject().protocol(shapes.protocol)
        codec = self.subject().codec(protocol)
        with self.subject().any_socket(protocol) as sock:
            for size in range(len(shapes.packed)):
                harmless(type(shapes.typed), codec, sock, shapes.packed[:size])

    def test_oversized_sockaddr_is_no_trouble(self, shapes: Shapes) -> None:
        protocol = self.subject().protocol(shapes.protocol)
        codec = self.subject().codec(protocol)
        with self.subject().any_socket(protocol) as sock:
            for more in (1, 2, 7, 64, 400):
                harmless(type(shapes.typed), codec, sock, shapes.packed + bytes(more))
                harmless(type(shapes.typed), codec, sock, shapes.packed + b"\xff" * more)

    def test_any_sockaddr_is_no_trouble(self, address_class: type[Address]) -> None:
        subject = self.subject()
        protocol = subject.address_classes()[address_class]
        codec = subject.codec(protocol)
        rest = st.binary(max_size=_LONGEST_SOCKADDR)
        heads = [family_head(f, 0) for f in (address_class.family, *address_class.sa_families)]
        sockaddrs = st.builds(lambda head, more: head + more, st.sampled_from(heads), rest) | rest
        with subject.any_socket(protocol) as sock:
            for_all(sockaddrs, lambda data: harmless(address_class, codec, sock, data))

    @asks_no_kernel
    def test_structs_survive_any_bytes(self, structs: tuple[type[Struct], ...]) -> None:
        def check(drawn: tuple[type[Struct], bytes]) -> None:
            struct, data = drawn
            try:
                struct.unpack(data)
            except ValueError:
                return

        def with_bytes(struct: type[Struct]) -> st.SearchStrategy[tuple[type[Struct], bytes]]:
            size = struct.layout.size
            whole = st.binary(min_size=size, max_size=size)
            return st.tuples(st.just(struct), whole | st.binary(max_size=size + 4))

        for_all(st.sampled_from(structs).flatmap(with_bytes), check, _times(structs))

    @asks_no_kernel
    def test_structs_survive_their_bytes(self, structs: tuple[type[Struct], ...]) -> None:
        def check(value: Struct) -> None:
            assert type(value).unpack(value.pack()) == value

        made = [
            strategies.structs(struct, self.strategies)
            for struct in structs
            if not issubclass(struct, Address)  # test_any_address_survives_its_sockaddr
        ]
        if made:
            for_all(st.one_of(made), check, _times(structs))


def _times(structs: tuple[type[Struct], ...]) -> int:
    """Return a factor for the number of values if one test covers many structs."""
    return 1 if IN_LAB else 1 + len(structs) // 4


class _Stranger(Address):
    """An address that no protocol takes."""

    __slots__ = ()
    family_name = label = "AF_STRANGER"


def changed(address: Any, field: str, value: object) -> Any:
    """Return a new address like ``address`` with one field changed."""
    fields = {a.name: getattr(address, a.name) for a in address.__attrs_attrs__}
    return type(address)(**{**fields, field: value})


def with_floats(form: Any) -> list[Any]:
    """Return the variants of a stdlib form with one of its integers as an equal float."""
    return _with_each_integer(form, float)


def with_integers(form: Any, *integers: int) -> list[Any]:
    """Return the variants of a stdlib form with one of its integers replaced by each of these."""
    return [made for one in integers for made in _with_each_integer(form, partial(_instead, one))]


def _instead(integer: int, _: int) -> int:
    return integer


def _with_each_integer(form: Any, change: Callable[[int], Any]) -> list[Any]:
    if type(form) is int:
        return [change(form)]
    if not isinstance(form, tuple):
        return []
    return [
        (*form[:at], change(item), *form[at + 1 :])
        for at, item in enumerate(form)
        if isinstance(item, int)
    ]


def _call(sock: socket, form: Any, operation: str) -> object:
    return CALLS[operation](sock, form)


def refuses(
    bad: BadAddress, operation: str, call: Callable[[str], object], names_operation: bool
) -> None:
    """Assert that ``call(operation)`` raises what a bad address must."""
    if sys.implementation.name != "cpython":
        _refuses_in_other_words(bad, partial(call, operation))
        return
    with pytest.raises(bad.error, match=bad.match) as caught:
        call(operation)
    own_words = not getattr(caught.value, "__notes__", ())  # with the stdlib's, ours are a note
    if names_operation and own_words and getattr(caught.value, "errno", None) is None:
        message = str(caught.value)
        assert message.startswith(f"{operation}(): "), f"names no {operation}(): {message}"


def _refuses_in_other_words(bad: BadAddress, call: Callable[[], object]) -> None:
    """Assert that a call raises what it must, or what the stdlib has, with ours as a note.

    The stdlib of another Python than CPython has its own classes and words for wrong forms.
    """
    with pytest.raises(_REFUSALS) as caught:
        call()
    notes = getattr(caught.value, "__notes__", ())
    assert notes or isinstance(caught.value, bad.error), repr(caught.value)
    texts = (str(caught.value), *notes)
    assert any(re.search(bad.match, text) for text in (*texts, "\n".join(texts))), texts


def refuses_the_type(call: Callable[[], object]) -> None:
    """Assert that a call raises TypeError, or the error that the stdlib has for the family.

    A CPython that knows the family may raise OSError without an errno for every wrong form. Our own
    words are its note.
    """
    others = () if sys.implementation.name == "cpython" else _REFUSALS
    with pytest.raises((TypeError, OSError, *others)) as caught:
        call()
    error = caught.value
    if not isinstance(error, TypeError):
        assert getattr(error, "errno", None) is None, repr(error)
        assert getattr(error, "__notes__", ()), f"not the stdlib's: {error!r}"


def harmless(cls: type[Address], codec: AddressCodec, sock: socket, data: bytes) -> None:
    """Assert that a sockaddr unpacks or raises ValueError, and that the codec loses none of it."""
    try:
        cls.unpack(data, Lookup("decode"))
        fits = True
    except ValueError:
        fits = False
    codec.decode(sock, data)
    typed = codec.decode_typed(sock, data)
    assert isinstance(typed, Address)
    if isinstance(typed, RawAddress):
        assert len(data) < 2 or typed.pack() == data
    if not fits:
        assert not isinstance(typed, cls)
