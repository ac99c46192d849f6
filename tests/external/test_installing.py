"""docs/installing.md, each command of it; those for Alpine against the files of a release only."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from .conftest import LEFT_BEHIND, NEEDS_UV, REPOSITORY, Release, run

pytestmark = [NEEDS_UV, pytest.mark.slow]
PAGE = (REPOSITORY / "docs" / "installing.md").read_text()
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
# Optimisation does not matter here. pip looks where the page says, and not where this machine does.
_SETTINGS = "unset PIP_FIND_LINKS; export PIP_DISABLE_PIP_VERSION_CHECK=1 CFLAGS=-O0\n"
_COMPILED = "from famsock import _calls; print(_calls.implementation())"


def _blocks(section: str, language: str = "sh") -> list[str]:
    """The commands of a section of the page."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, section
    return found


@pytest.fixture
def place(tmp_path: Path, released: Release) -> Path:
    """A folder with what the page presumes: a clone in ``famsock``, and the files in ``dist``."""
    clone = tmp_path / "famsock"
    for name in ("famsock", "plugins"):
        shutil.copytree(REPOSITORY / name, clone / name, ignore=LEFT_BEHIND)
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(REPOSITORY / name, clone)
    (tmp_path / "dist").symlink_to(released.dist)
    return tmp_path


def _shell(script: str, place: Path, settings: str = "") -> str:
    script = script.replace("python3 -m venv", f"{sys.executable} -m venv")
    return run("sh", "-e", "-c", _SETTINGS + settings + script, cwd=place)


def _says(environment: str, place: Path) -> str:
    return run(place / environment / "bin" / "python", "-c", _COMPILED, cwd=place).strip()


def test_every_command_is_run_by_a_test() -> None:
    sections = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    known = [*SECTIONS, "What can go wrong"]
    assert sections == known
    assert "```" not in PAGE.partition("## What can go wrong")[2]


SECTIONS = (
    "From a clone, without uv",
    "From files, without a network",
    "In a container without a compiler",
    "On Alpine",
)


def test_from_a_clone_without_uv(place: Path) -> None:
    first, second = _blocks(SECTIONS[0])
    said = _shell(first, place)
    assert "AF_CAN" in said
    assert "AF_INET6" in said
    assert _says("environment", place) == "compiled"
    _shell(second, place)
    where = "import famsock, famsock_can; print(famsock.__file__, famsock_can.__file__)"
    said = run(place / "environment" / "bin" / "python", "-c", where, cwd=place)
    assert said.split() == [
        str(place / "famsock" / "famsock" / "__init__.py"),
        str(place / "famsock" / "plugins" / "can" / "famsock_can" / "__init__.py"),
    ]


def test_from_files_in_a_container_and_for_alpine(place: Path) -> None:
    collect, install = _blocks(SECTIONS[1])
    _shell(collect, place)
    assert list((place / "wheels").glob("famsock-*-manylinux_2_17_x86_64.whl"))
    assert list((place / "wheels").glob("attrs-*.whl"))
    no_network = "export PIP_CONFIG_FILE=/dev/null; unset PIP_INDEX_URL PIP_EXTRA_INDEX_URL\n"
    assert "AF_CAN" in _shell(install, place, no_network)
    assert _says("offline", place) == "compiled"
    _container(place, no_network)
    _alpine(place)


def _container(place: Path, settings: str) -> None:
    (file,) = _blocks(SECTIONS[2], "dockerfile")
    _, *commands = re.findall(r"^RUN (.*)$", file.replace("\\\n", ""), re.MULTILINE)
    assert len(commands) == 3
    script = "\n".join(commands).replace("/opt/app", "container").replace("/wheels", "wheels")
    assert "AF_CAN" in _shell(script, place, f"{settings}export CC=false\n")
    assert _says("container", place) == "compiled"


def _alpine(place: Path) -> None:
    (command,) = _blocks(SECTIONS[3])
    stated = re.search(r"--python-version (\S+)", command)
    assert stated is not None
    _shell(command.replace(stated[0], f"--python-version {THIS}"), place)
    (wheel,) = (place / "alpine").glob("famsock-*.whl")
    assert wheel.name.endswith("-musllinux_1_2_x86_64.whl")
    assert {"famsock_can", "attrs", "pluggy", "click", "rich"} <= {
        path.name.partition("-")[0] for path in (place / "alpine").iterdir()
    }
