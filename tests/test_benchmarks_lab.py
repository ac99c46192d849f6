"""The benchmarks of families that few kernels have do their work on both sides, in the lab."""

from __future__ import annotations

import pytest

from benchmarks.cases import BY_KEY, LAB_CASES

pytestmark = pytest.mark.usefixtures("alarm")

_CAN = pytest.mark.needs_interface("vcan0")
_NEEDS = {
    "can": (_CAN, pytest.mark.needs_family("AF_CAN", protocol="raw")),
    "isotp": (_CAN, pytest.mark.needs_family("AF_CAN", protocol="isotp")),
    "j1939": (_CAN, pytest.mark.needs_family("AF_CAN", protocol="j1939")),
    "vsock": (
        pytest.mark.needs_family("AF_VSOCK"),
        pytest.mark.needs_module("vsock_loopback"),
    ),
    "alg": (pytest.mark.needs_family("AF_ALG"),),
}


@pytest.mark.parametrize(
    "key",
    [pytest.param(case.key, marks=_NEEDS[case.key.split("-")[0]]) for case in LAB_CASES],
)
def test_both_sides_work(key: str) -> None:
    case = BY_KEY[key]
    assert case.is_possible
    with case.work(case.other) as theirs, case.work(case.ours) as ours:
        for work in (theirs, ours):
            spent_ns = work(64)
            assert spent_ns is None or spent_ns >= 0
