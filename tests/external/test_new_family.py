"""``famsock new-family demo``: what it writes installs; it conforms once the names are real."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from famsock._cli import main

from .conftest import NEEDS_UV, Environment


def _new_family(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["new-family", *map(str, words)])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new-family")
    done = _new_family("demo", "--number", "200", "--into", folder)
    assert done.exit_code == 0, done.output
    return folder / "famsock-demo"


HEADER = """
#include <linux/types.h>
#define AF_DEMO 200
#define SOL_DEMO 200
#define DEMO_PRIORITY 1
#define DEMO_RECVPRIORITY 2
struct sockaddr_demo { __u16 demo_family; __u32 demo_node; __u32 demo_port; };
"""


@NEEDS_UV
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: apt install gcc")
def test_demo_installs_and_conforms(
    demo: Path,
    installed: Callable[[Path], Environment],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = installed(demo)
    (row,) = json.loads(environment.famsock("families", "--json"))
    assert (row["family"], row["distributions"]) == ("AF_DEMO", ["famsock-demo 0.1.0"])
    with pytest.raises(AssertionError) as told:
        environment.pytest(demo)
    for check in (
        "test_headers_are_there",
        "test_headers_declare_every_constant",
        "test_headers_declare_every_struct",
    ):
        assert f"::{check}" in str(told.value)
    assert environment.mypy("famsock_demo", "tests", cwd=demo).startswith("Success")
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux" / "demo.h").write_text(HEADER)
    monkeypatch.setenv("CPATH", str(tmp_path))  # now the kernel has them
    assert " passed" in environment.pytest(demo)
    environment.pip("uninstall", "famsock-demo")
    assert json.loads(environment.famsock("families", "--json")) == []
    assert not list(environment.packages.rglob("famsock_demo*"))
