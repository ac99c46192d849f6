"""Addresses: the four shapes of one address lead to each other, for the examples and for any."""

from __future__ import annotations

import copy
import pickle
from string import printable
from typing import Any

import pytest
from hypothesis import strategies as st

from famsock import endpoints
from famsock.address import Address, Lookup
from famsock.testing import strategies
from famsock.testing._checks.base import Checks, asks_no_kernel, for_all
from famsock.testing._examples import Shapes

_WORDS = (*":[]?&=\\/%", "::", "://", "0x", "-1", "1", str(1 << 80), "name")
"""Characters that occur in texts of addresses and that readers of them may get wrong."""


class AddressChecks(Checks):
    """Round trips between the shapes, and what a value object owes."""

    @asks_no_kernel
    def test_typed_packs_to_sockaddr(self, shapes: Shapes) -> None:
        if shapes.sockaddr is not None:
            assert shapes.typed.pack(Lookup("bind")).hex() == shapes.sockaddr.hex()

    @asks_no_kernel
    def test_sockaddr_unpacks_to_typed(self, shapes: Shapes, makes: type[Address]) -> None:
        if shapes.sockaddr is not None:
            unpacked = makes.unpack(shapes.sockaddr, Lookup("decode"))
            assert unpacked in (shapes.typed, shapes.unpacked)
            without_lookup = makes.unpack(shapes.sockaddr)
            assert without_lookup in (shapes.typed, shapes.unpacked)

    @asks_no_kernel
    def test_stdlib_form_makes_typed(self, shapes: Shapes, makes: type[Address]) -> None:
        if shapes.stdlib is not None:
            assert makes.from_stdlib(shapes.stdlib, Lookup("bind")) == shapes.typed

    @asks_no_kernel
    def test_typed_gives_stdlib_form(self, shapes: Shapes) -> None:
        if shapes.stdlib is not None:
            for typed in (shapes.typed, shapes.unpacked):
                form = typed.to_stdlib(Lookup("decode"))
                assert (form, type(form)) == (shapes.stdlib, type(shapes.stdlib))

    @asks_no_kernel
    def test_other_stdlib_forms_make_the_same_sockaddr(
        self, shapes: Shapes, makes: type[Address]
    ) -> None:
        for form in shapes.also_stdlib:
            made = makes.from_stdlib(form, Lookup("bind"))
            assert made.pack(Lookup("bind")) == shapes.typed.pack(Lookup("bind")), form

    @asks_no_kernel
    def test_text(self, shapes: Shapes, makes: type[Address]) -> None:
        if shapes.text is not None:
            assert str(shapes.typed) == shapes.text
            assert makes.parse(shapes.text) == shapes.typed

    @asks_no_kernel
    def test_other_texts_make_the_same_sockaddr(self, shapes: Shapes, makes: type[Address]) -> None:
        for text in shapes.also_text:
            made = makes.parse(text)
            assert made.pack(Lookup("bind")) == shapes.typed.pack(Lookup("bind")), text

    @asks_no_kernel
    def test_text_behind_a_scheme(self, shapes: Shapes, makes: type[Address]) -> None:
        protocol = self.subject().protocol(shapes.protocol)
        if protocol.scheme and shapes.text is not None:
            text = f"{protocol.scheme}://{shapes.text}"
            assert makes.parse(text) == shapes.typed
            endpoint = endpoints.parse(text)
            assert endpoint.address == shapes.typed
            assert endpoint.family == self.subject().family.number
            assert str(endpoint) == text
            for kind in protocol.types:
                other = endpoints.parse(
                    f"{protocol.scheme.upper()}+type{int(kind)}://{shapes.text}"
                )
                assert (other.family, other.type) == (endpoint.family, kind)
                assert endpoints.parse(str(other)) == other
            path = shapes.typed.bound_path
            assert path is None or (isinstance(path, str) and path)

    def test_codec_carries_an_example(self, shapes: Shapes) -> None:
        subject = self.subject()
        protocol = subject.protocol(shapes.protocol)
        codec = subject.codec(protocol)
        packed = shapes.packed
        forms = [form for form in (shapes.stdlib, *shapes.also_stdlib) if form is not None]
        with subject.any_socket(protocol) as sock:
            for _cold_then_cached in range(2):
                for form in (shapes.typed, *forms):
                    assert codec.encode(sock, "bind", form) == packed, form
                if subject.family.here and shapes.stdlib is not None:
                    assert codec.decode(sock, packed) == shapes.stdlib

    @asks_no_kernel
    def test_example_is_a_value(self, shapes: Shapes) -> None:
        is_a_value(shapes.typed)

    @asks_no_kernel
    def test_any_address_survives_its_sockaddr(self, address_class: type[Address]) -> None:
        def check(address: Address) -> None:
            packed = address.pack(Lookup("bind"))
            again = address_class.unpack(packed)
            assert again == address
            assert hash(again) == hash(address)

        for_all(strategies.structs(address_class, self.strategies), check)

    @asks_no_kernel
    def test_any_address_survives_its_text(self, address_class: type[Address]) -> None:
        def check(address: Address) -> None:
            assert address_class.parse(str(address)) == address

        for_all(strategies.structs(address_class, self.strategies), check)

    @asks_no_kernel
    def test_any_text_is_no_trouble(self, address_class: type[Address]) -> None:
        def check(text: str) -> None:
            try:
                made = address_class.parse(text)
            except (ValueError, OverflowError, OSError):
                return
            assert address_class.parse(str(made)) == made

        words = st.sampled_from(_WORDS) | st.text(printable, max_size=3)
        for_all(st.lists(words, max_size=6).map("".join), check)

    @asks_no_kernel
    def test_any_stdlib_form_is_taken_back(self, address_class: type[Address]) -> None:
        def check(address: Address) -> None:
            form = address.to_stdlib(Lookup("decode"))
            again = address_class.from_stdlib(form, Lookup("bind"))
            assert again.to_stdlib(Lookup("decode")) == form

        for_all(strategies.structs(address_class, self.strategies), check)

    @asks_no_kernel
    def test_any_address_is_a_value(self, address_class: type[Address]) -> None:
        for_all(strategies.structs(address_class, self.strategies), is_a_value)


def is_a_value(address: Any) -> None:
    """Assert that an address compares, hashes, copies, pickles and prints as a value does."""
    for twin in (copy.copy(address), copy.deepcopy(address), *_pickled(address)):
        assert twin == address
        assert hash(twin) == hash(address)
        assert type(twin) is type(address)
    assert address != object()
    assert address != tuple(getattr(address, a.name) for a in address.__attrs_attrs__)
    shown = repr(address)
    assert shown.startswith(type(address).__name__)
    for attribute in address.__attrs_attrs__:
        value = getattr(address, attribute.name)
        written = {repr(value), hex(value) if isinstance(value, int) else repr(value)}
        assert not attribute.repr or any(f"{attribute.name}={w}" in shown for w in written)
        with pytest.raises(AttributeError):
            setattr(address, attribute.name, value)
    with pytest.raises(AttributeError):
        address.no_such_field = None


def _pickled(address: Any) -> list[Any]:
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    return [pickle.loads(pickle.dumps(address, version)) for version in protocols]
