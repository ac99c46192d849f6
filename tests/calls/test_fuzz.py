"""Random calls on both implementations and on the stdlib.

`differential` and `differential_methods` make the calls. `fuzz` guides the same by coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from famsock import _calls
from tests.calls import differential, differential_methods

T = TypeVar("T")


class Drawn:
    """Chance from hypothesis, which then finds the shortest sequence of calls that fails."""

    def __init__(self, data: st.DataObject) -> None:
        self._draw = data.draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def pick(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))

    def data(self, most: int) -> bytes:
        return self._draw(st.binary(max_size=most))


@pytest.mark.compiled_layer
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_both_layers_agree(data: st.DataObject) -> None:
    assert _calls.native is not None
    differential.play(_calls.native, Drawn(data), steps=data.draw(st.integers(1, 12)))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_sockets_do_what_the_stdlib_s_do(data: st.DataObject) -> None:
    differential_methods.play(Drawn(data), steps=data.draw(st.integers(1, 12)))
