"""Addresses: the four shapes of one address lead to each other, for the examples and for any."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from famsock import endpoints
from famsock.address import Address, Lookup
from famsock.testing import strategies
from famsock.testing.checks.base import Checks, for_all
from famsock.testing.examples import Example


class AddressChecks(Checks):
    """Round trips between the shapes, and what a value object owes."""

    def test_typed_packs_to_sockaddr(self, example: Example) -> None:
        example = example.resolved()
        if example.sockaddr is not None:
            assert example.typed.pack(Lookup("bind")).hex() == example.sockaddr.hex()

    def test_sockaddr_unpacks_to_typed(self, example: Example) -> None:
        example = example.resolved()
        if example.sockaddr is not None:
            unpacked = type(example.typed).unpack(example.sockaddr, Lookup("decode"))
            assert unpacked in (example.typed, example.unpacked)
            without_lookup = type(example.typed).unpack(example.sockaddr)
            assert without_lookup in (example.typed, example.unpacked)

    def test_stdlib_form_makes_typed(self, example: Example) -> None:
        example = example.resolved()
        if example.stdlib is not None:
            assert type(example.typed).from_stdlib(example.stdlib, Lookup("bind")) == example.typed

    def test_typed_gives_stdlib_form(self, example: Example) -> None:
        example = example.resolved()
        if example.stdlib is not None:
            for typed in (example.typed, example.unpacked):
                form = typed.to_stdlib(Lookup("decode"))
                assert (form, type(form)) == (example.stdlib, type(example.stdlib))

    def test_other_stdlib_forms_make_the_same_sockaddr(self, example: Example) -> None:
        example = example.resolved()
        for form in example.also_stdlib:
            made = type(example.typed).from_stdlib(form, Lookup("bind"))
            assert made.pack(Lookup("bind")) == example.typed.pack(Lookup("bind")), form

    def test_text(self, example: Example) -> None:
        example = example.resolved()
        if example.text is not None:
            assert str(example.typed) == example.text
            assert type(example.typed).parse(example.text) == example.typed

    def test_other_texts_make_the_same_sockaddr(self, example: Example) -> None:
        example = example.resolved()
        for text in example.also_text:
            made = type(example.typed).parse(text)
            assert made.pack(Lookup("bind")) == example.typed.pack(Lookup("bind")), text

    def test_text_behind_a_scheme(self, example: Example) -> None:
        example = example.resolved()
        protocol = self.subject().protocol(example.protocol)
        if protocol.scheme and example.text is not None:
            text = f"{protocol.scheme}://{example.text}"
            assert type(example.typed).parse(text) == example.typed
            endpoint = endpoints.parse(text)
            assert endpoint.address == example.typed
            assert endpoint.family == self.subject().family.number
            assert str(endpoint) == text

    def test_codec_carries_an_example(self, example: Example) -> None:
        example = example.resolved()
        protocol = self.subject().protocol(example.protocol)
        codec = self.subject().codec(protocol)
        with self.subject().socket(protocol) as sock:
            for _cold_then_cached in range(2):
                forms = [example.typed, example.stdlib, *example.also_stdlib]
                for form in forms if example.sockaddr is not None else ():
                    if form is not None:
                        assert codec.encode(sock, "bind", form) == example.sockaddr, form
                if example.sockaddr is not None and example.stdlib is not None:
                    assert codec.decode(sock, example.sockaddr) == example.stdlib

    def test_example_is_a_value(self, example: Example) -> None:
        is_a_value(example.resolved().typed)

    def test_any_address_survives_its_sockaddr(self, address_class: type[Address]) -> None:
        def check(address: Address) -> None:
            packed = address.pack(Lookup("bind"))
            again = address_class.unpack(packed)
            assert again == address
            assert hash(again) == hash(address)

        for_all(strategies.structs(address_class, self.strategies), check)

    def test_any_address_survives_its_text(self, address_class: type[Address]) -> None:
        def check(address: Address) -> None:
            assert address_class.parse(str(address)) == address

        for_all(strategies.structs(address_class, self.strategies), check)

    def test_any_stdlib_form_is_taken_back(self, address_class: type[Address]) -> None:
        def check(address: Address) -> None:
            form = address.to_stdlib(Lookup("decode"))
            again = address_class.from_stdlib(form, Lookup("bind"))
            assert again.to_stdlib(Lookup("decode")) == form

        for_all(strategies.structs(address_class, self.strategies), check)

    def test_any_address_is_a_value(self, address_class: type[Address]) -> None:
        for_all(strategies.structs(address_class, self.strategies), is_a_value)


def is_a_value(address: Any) -> None:
    """Assert that an address compares, hashes, copies, pickles and prints as a frozen value does."""
    for twin in (copy.copy(address), copy.deepcopy(address), *_pickled(address)):
        assert twin == address
        assert hash(twin) == hash(address)
        assert type(twin) is type(address)
    assert address != object()
    assert address != tuple(getattr(address, a.name) for a in address.__attrs_attrs__)
    shown = repr(address)
    assert shown.startswith(type(address).__name__)
    for attribute in address.__attrs_attrs__:
        assert not attribute.repr or f"{attribute.name}=" in shown
        with pytest.raises(AttributeError):
            setattr(address, attribute.name, getattr(address, attribute.name))
    with pytest.raises(AttributeError):
        address.no_such_field = None


def _pickled(address: Any) -> list[Any]:
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    return [pickle.loads(pickle.dumps(address, version)) for version in protocols]  # noqa: S301
