"""A family's definitions: rows in any collection, merged with those that every family has."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from famsock import options
from famsock._definitions import COMMON, Definitions
from famsock.control import SCM_TIMESTAMPNS
from famsock.plugin import ControlType, Option, codecs

pytestmark = pytest.mark.asks_no_kernel

OPTION: Option[int] = Option("SO_KIT", 7, 3, codecs.INT)
KIND: ControlType[int] = ControlType("KIT", 7, 4, codecs.INT)


def definitions(**given: Any) -> Definitions:
    return Definitions("AF_KIT", **given)


@pytest.mark.parametrize("shape", [list, tuple, frozenset])
def test_rows_come_in_any_collection(shape: Any) -> None:
    found = definitions(options=shape([OPTION]), control=shape([KIND]))
    assert found.option("SO_KIT") is OPTION
    assert found.control[7, 4] is KIND
    assert found.option("SO_RCVBUF") is options.SO_RCVBUF
    assert found.control[SCM_TIMESTAMPNS.level, SCM_TIMESTAMPNS.number] is SCM_TIMESTAMPNS


def test_a_familys_own_row_comes_before_that_of_every_family() -> None:
    own: Option[int] = Option("SO_RCVBUF", 7, 3, codecs.INT)
    assert definitions(options=[own]).option("SO_RCVBUF") is own
    assert COMMON.option("SO_RCVBUF") is options.SO_RCVBUF


def test_rows_of_a_module_that_is_named_and_of_none() -> None:
    assert definitions(options="famsock.options").options == COMMON.options
    assert definitions().options == COMMON.options
    assert definitions().control == COMMON.control


def test_a_name_that_no_row_has() -> None:
    with pytest.raises(LookupError, match=r"AF_KIT has no option 'SO_KITT'; did you mean SO_KIT\?"):
        definitions(options=[OPTION]).option("SO_KITT")
    with pytest.raises(LookupError, match="a family that no plugin serves has no option 'nothing'"):
        COMMON.option("nothing")
    with pytest.raises(TypeError, match="an option is a row or its name, not 3"):
        COMMON.option(3)


def test_messages_are_typed_by_the_rows() -> None:
    message = definitions(control=[KIND]).message(
        b"data", None, [(7, 4, bytes(4)), (7, 5, b"?")], 0
    )
    assert message.get(KIND) == 0
    assert message.get(SCM_TIMESTAMPNS) is None
    assert len(message.control) == 2


def test_constants_are_found_without_options_and_control_messages() -> None:
    code = (
        "import sys, famsock\n"
        "assert famsock.IFF_UP == 1\n"
        "assert famsock.plugins.constant('SO_RCVBUF')\n"
        "assert not {'attrs', 'famsock.options', 'famsock.control'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
