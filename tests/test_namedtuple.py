"""The stand-in for typing.NamedTuple: fields, defaults, methods, no typing imported."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any, get_type_hints

import pytest

from famsock._namedtuple import NamedTuple

pytestmark = pytest.mark.asks_no_kernel


class Point(NamedTuple):
    """A point."""

    x: int
    y: int = 2

    @property
    def total(self) -> int:
        """The sum."""
        return self.x + self.y


def test_it_is_a_named_tuple() -> None:
    point = Point(1)
    assert point == (1, 2) == Point(x=1, y=2)
    assert (point._fields, point._replace(x=5), point.total) == (("x", "y"), (5, 2), 3)
    assert repr(point) == "Point(x=1, y=2)"
    assert Point.__doc__ == "A point."
    assert pickle.loads(pickle.dumps(point)) == point
    assert get_type_hints(Point) == {"x": int, "y": int}


def test_a_field_that_is_missing() -> None:
    made: Any = Point
    with pytest.raises(TypeError, match="x"):
        made()


def test_a_first_socket_imports_no_typing_attrs_or_pluggy() -> None:
    program = """
import sys
before = set(sys.modules)
import famsock
with famsock.socket(famsock.AF_INET, famsock.SOCK_DGRAM) as sock:
    sock.bind(("localhost", 0))
    sock.sendto(b"x", sock.getsockname())
    sock.recvfrom(1)
heavy = {"attr", "attrs", "pluggy"}
if famsock._calls.native is not None:  # ctypes imports typing itself
    heavy.add("typing")
print(*sorted(heavy & (set(sys.modules) - before)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "\n"
