"""Sockaddr layouts: the compiled conversion, the one in Python and the address class agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st

import famsock
from famsock import _calls
from famsock._calls.converter import Converter
from famsock._calls.layout import WIDTHS, SockaddrLayout
from famsock._lazy import load
from famsock.address import Address, AddressCodec, Lookup, RawAddress
from famsock.family import Protocol
from famsock.testing import strategies
from famsock.testing._checks.base import Checks, asks_no_kernel, for_all

_TEXTS = ("", "lo", "127.0.0.1", "::1", "fe80::1%lo", "localhost", "no/such", "\0", "\xe9", "256")


class Layout(NamedTuple):
    """A protocol's layout, what converts by it, and the class that it stands for."""

    layout: SockaddrLayout
    converters: tuple[Any, ...]
    address_class: type[Address]

    @classmethod
    def of(cls, protocol: Protocol) -> Layout | None:
        """Return the layout of a protocol; None if it has none."""
        if not protocol.layout:
            return None
        layout = load(protocol.layout)
        compiled = () if _calls.native is None else (_calls.native.Converter(layout),)
        return cls(layout, (Converter(layout), *compiled), load(protocol.address))


class SockaddrLayoutChecks(Checks):
    """Compare what a layout converts with what the address class makes of it, both ways."""

    @pytest.fixture
    def asking(self) -> Iterator[famsock.socket]:
        """A socket to ask for interfaces."""
        with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
            yield sock

    @asks_no_kernel
    def test_layout_has_the_members_of_the_class(self, sockaddr_layout: Layout) -> None:
        layout, _, makes = sockaddr_layout
        assert layout.head == makes.layout.head
        assert layout.names == makes.stdlib_fields
        members = {member.attribute: member for member in makes.layout.members}
        for name, kind, offset, _ in layout.fields:
            start = members[name].offset + (kind == "counted8")
            assert offset == start, name
            assert kind in ("counted8", "path") or WIDTHS[kind] == members[name].type.size, name

    def test_layout_reads_what_the_class_reads(
        self, sockaddr_layout: Layout, asking: famsock.socket
    ) -> None:
        layout, converters, makes = sockaddr_layout

        def check(data: bytes) -> None:
            results = [converter.decode(asking, data) for converter in converters]
            assert results.count(results[0]) == len(results), results
            if results[0] is not None:
                lookup = Lookup("decode", asking)
                assert results[0] == makes.unpack(data, lookup).to_stdlib(lookup)

        sizes = st.integers(0, layout.size_bytes + 4)
        octets = sizes.flatmap(lambda n: st.binary(min_size=n, max_size=n))
        for_all(octets.map(lambda rest: layout.head + rest), check, times=2)
        for length in (*range(layout.size_bytes + 2), 128):
            check(layout.head.ljust(length, b"\0")[:length])
        assert all(c.decode(asking, b"\xff\xfe" + bytes(126)) is None for c in converters)

    def test_layout_converts_the_addresses_of_the_class(
        self, sockaddr_layout: Layout, asking: famsock.socket
    ) -> None:
        _, converters, makes = sockaddr_layout
        read, written = Counter[str](), Counter[str]()

        def check(address: Address) -> None:
            lookup = Lookup("bind", asking)
            data, form = address.pack(lookup), address.to_stdlib(lookup)
            of_form = makes.from_stdlib(form, lookup).pack(lookup)
            for converter in converters:
                name = type(converter).__module__
                if (made := converter.encode(asking, form)) is not None:
                    assert made == of_form, f"{name} writes {form!r} otherwise than the class"
                    written[name] += 1
                if (got := converter.decode(asking, data)) is not None:
                    assert got == makes.unpack(data, lookup).to_stdlib(lookup), name
                    read[name] += 1

        for_all(strategies.structs(makes, self.strategies), check, times=2)
        for counted, verb in ((read, "reads"), (written, "writes")):
            assert len(counted) == len(converters), f"the layout {verb} no address of the class"
            assert len({*counted.values()}) == 1, f"not each {verb} the same addresses: {counted}"

    def test_layout_makes_the_typed_address(
        self, sockaddr_layout: Layout, asking: famsock.socket
    ) -> None:
        layout, _, makes = sockaddr_layout
        if not layout.typed:
            return
        members = {member.attribute for member in makes.layout.members}
        assert members == {*layout.names}, "a typed layout has all fields of the address class"
        codec = AddressCodec(lambda: makes, lambda family: None, lambda: layout)
        assert codec.address_class is makes

        def check(data: bytes) -> None:
            expected: Address
            try:
                expected = makes.unpack(data, Lookup("decode", asking))
            except ValueError:
                expected = RawAddress.unpack(data)
            got = codec.decode_typed(asking, data)
            assert (type(got), got, repr(got)) == (type(expected), expected, repr(expected))

        sizes = st.integers(0, layout.size_bytes + 4)
        octets = sizes.flatmap(lambda n: st.binary(min_size=n, max_size=n))
        for_all(octets.map(lambda rest: layout.head + rest), check, times=2)
        addresses = strategies.structs(makes, self.strategies)
        for_all(addresses.map(lambda address: address.pack(Lookup("bind", asking))), check, times=2)

    def test_layout_writes_what_the_class_writes(
        self, sockaddr_layout: Layout, asking: famsock.socket
    ) -> None:
        layout, converters, makes = sockaddr_layout
        numbers = st.sampled_from(
            [-1, 0, 1, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, 1 << 64]
        )
        others = st.sampled_from(
            [*_TEXTS, True, 1.0, None, b"", b"\1\2\3", b"123456789", "a" * 108]
        )
        item = numbers | others | st.text(max_size=8) | st.binary(max_size=8)
        forms = item if layout.is_path else st.tuples(item) | st.lists(item, max_size=6).map(tuple)
        usual = st.tuples(
            *(numbers if kind[0] in "ub" else others for _, kind, _, _ in layout.fields)
        )

        def check(form: Any) -> None:
            results = [converter.encode(asking, form) for converter in converters]
            assert results.count(results[0]) == len(results), results
            if results[0] is not None:
                lookup = Lookup("bind", asking)
                assert results[0] == makes.from_stdlib(form, lookup).pack(lookup)

        for_all(forms, check, times=2)
        if not layout.is_path:
            for_all(usual, check, times=2)
