"""Codecs of option values and control messages."""

from __future__ import annotations

import pytest

from famsock import codecs
from famsock.codecs import Codec


@pytest.mark.parametrize(
    ("reference", "error"), [("json:No", AttributeError), ("kit_nowhere:No", ImportError)]
)
def test_a_name_of_nothing(reference: str, error: type[Exception]) -> None:
    codec: Codec[object] = codecs.deferred(reference)
    for _ in range(2):
        with pytest.raises(error, match=r"No|kit_nowhere"):
            _ = codec.size_bytes


def test_an_integer_in_range() -> None:
    assert codecs.check_int("AF_KIT port", 255, 255) == 255
    assert codecs.check_int("AF_KIT port", True, 255, 1) == 1
    with pytest.raises(OverflowError, match=r"^AF_KIT port must be 1-255, not 0$"):
        codecs.check_int("AF_KIT port", 0, 255, 1)
    with pytest.raises(OverflowError, match=r"^AF_KIT port must be 0-0xff, not 0x100$"):
        codecs.check_int("AF_KIT port", 256, 255, form=hex)
    with pytest.raises(TypeError, match=r"^AF_KIT port must be an integer 0-255, not float$"):
        codecs.check_int("AF_KIT port", 1.0, 255)
