"""Metadata that the distributions share, and the lists of them: tools.distributions writes both."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from trove_classifiers import classifiers as every_classifier

import famsock
from tools import distributions
from tools.distributions import ROOT, Distribution

ALL = distributions.all_of()
_EACH = pytest.mark.parametrize("distribution", ALL, ids=lambda d: d.name)
_EACH_PLUGIN = pytest.mark.parametrize("plugin", distributions.plugins(), ids=lambda d: d.name)


def test_files_are_as_the_tool_writes_them() -> None:
    """If this fails: python -m tools.distributions --write."""
    assert [str(path) for path in distributions.differing()] == []


def test_every_plugin_is_found() -> None:
    folders = {path.name for path in (ROOT / "plugins").iterdir() if any(path.glob("*.toml"))}
    assert {d.folder.name for d in distributions.plugins()} == folders
    assert len(folders) > 10


@_EACH
def test_the_index_gets_what_it_shows(distribution: Distribution) -> None:
    project = distribution.project
    assert "version" in project["dynamic"]
    assert project["license-files"] == ["LICENSE"]
    assert (distribution.folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert set(project["classifiers"]) <= set(every_classifier)
    assert project["classifiers"] == sorted(project["classifiers"])
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog"} == set(project["urls"])
    assert all(url.startswith("https://") for url in project["urls"].values())
    assert (distribution.folder / distribution.package / "py.typed").exists()


@_EACH
def test_pythons_are_those_of_the_workflow(distribution: Distribution) -> None:
    """The matrix of the hosted tests, the classifiers and requires-python say the same."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    matrix = re.search(r"python: \[(.*)\]", workflow)
    assert matrix is not None
    tested = re.findall(r"\d\.\d+", matrix[1])
    word = "Programming Language :: Python :: "
    stated = [c.removeprefix(word) for c in distribution.project["classifiers"] if word in c]
    assert [c for c in stated if re.fullmatch(r"\d\.\d+", c)] == tested
    assert distribution.project["requires-python"] == f">={tested[0]}"


@_EACH_PLUGIN
def test_a_plugin_s_readme_stands_by_itself(plugin: Distribution) -> None:
    text = (plugin.folder / plugin.project["readme"]).read_text()
    assert text.startswith(
        f"# {plugin.name}\n\n[famsock]({plugin.project['urls']['Homepage']}) is "
    )
    assert f"pip install famsock {plugin.name}\n" in text
    assert "```python\n" in text
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert plugin.project["urls"]["Documentation"] in links
    assert [link for link in links if not link.startswith("https://")] == []
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.slow
def test_programs_of_the_readmes_have_no_error_of_types(tmp_path: Path) -> None:
    for plugin in distributions.plugins():
        text = (plugin.folder / "README.md").read_text()
        for at, program in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL)):
            (tmp_path / f"{plugin.package}_{at}.py").write_text(program)
    programs = [str(path) for path in sorted(tmp_path.glob("*.py"))]
    assert len(programs) >= len(distributions.plugins())
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={tmp_path / 'cache'}", *programs],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout.startswith("Success"), done.stdout + done.stderr


def test_readme_of_the_repository_lists_every_distribution() -> None:
    table = (ROOT / "README.md").read_text()
    assert [d.name for d in ALL if f"`{d.name}`" not in table] == []


# Versions


@_EACH_PLUGIN
def test_a_plugin_has_the_version_of_the_core(plugin: Distribution) -> None:
    hatch = tomllib.loads((plugin.folder / "pyproject.toml").read_text())["tool"]["hatch"]
    assert (plugin.folder / hatch["version"]["path"]).resolve() == ROOT / "famsock" / "__init__.py"
    assert distributions.version() == famsock.__version__


@pytest.mark.parametrize(
    ("version", "wanted", "suits", "does_not"),
    [
        ("0.1.0", ">=0.1.0,<0.2", ["0.1.0", "0.1.7"], ["0.2.0", "0.0.9", "1.0"]),
        ("0.1.3", ">=0.1.3,<0.2", ["0.1.3"], ["0.1.2", "0.2.0rc1"]),
        ("0.2.0rc1", ">=0.2.0rc1,<0.3", ["0.2.0rc1", "0.2.0"], ["0.3.0", "0.1.9"]),
        ("1.9.0", ">=1.9.0,<1.10", ["1.9.4"], ["1.10.0", "2.0.0"]),
    ],
)
def test_bounds(version: str, wanted: str, suits: list[str], does_not: list[str]) -> None:
    assert distributions.bounds(version) == wanted
    policy = SpecifierSet(wanted, prereleases=True)
    assert [v for v in suits if v not in policy] == []
    assert [v for v in does_not if v in policy] == []


@_EACH
def test_requirements_of_one_another_have_the_bounds_of_the_policy(
    distribution: Distribution,
) -> None:
    names = {d.name for d in ALL}
    extras = distribution.project.get("optional-dependencies", {}).values()
    stated = [*distribution.project["dependencies"], *(line for lines in extras for line in lines)]
    requirements = [r for r in map(Requirement, stated) if r.name in names]
    assert requirements
    for requirement in requirements:
        if requirement.name != distribution.name:  # an extra that sums up others
            assert requirement.specifier == SpecifierSet(distributions.bounds(famsock.__version__))


def test_the_core_has_an_extra_for_each_plugin() -> None:
    extras = distributions.core().project["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    plugins = distributions.plugins()
    assert everything.extras == {"cli", *(p.extra for p in plugins)}
    clients = {path.stem for path in (ROOT / "famsock" / "http").glob("[!_]*.py")} - {"client"}
    assert {*extras} == everything.extras | clients | {"all", "testing", "trio", "anyio"}
    for plugin in plugins:
        (requirement,) = map(Requirement, extras[plugin.extra])
        assert requirement.name == plugin.name


# Another repository: a new plugin, one that goes, another version


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files of the repository that the tool reads and writes."""
    shutil.copytree(ROOT / "plugins", tmp_path / "plugins", ignore=shutil.ignore_patterns("tests"))
    (tmp_path / "famsock").mkdir()
    for path in ("famsock/__init__.py", "LICENSE", "pyproject.toml"):
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def _write(root: Path) -> None:
    for path, text in distributions.differing(root).items():
        path.write_text(text)
    assert distributions.differing(root) == {}


def _tables(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


_NEW = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "famsock-novel"
description = "AF_NOVEL for famsock"
dependencies = [
    "famsock",  # the core whose public interface this plugin implements
]

[project.entry-points.famsock]
AF_NOVEL = "famsock_novel:FAMILY"
"""
_NEW_FAMILY = """\
from socket import SOCK_DGRAM
from famsock.plugin import Family, Protocol
FAMILY = Family(
    "AF_NOVEL", 199, (Protocol("novel", 0, (SOCK_DGRAM,), "x:X", scheme="novel"),),
    constants={f"NOVEL_{n}": n for n in range(5)} | {"SOL_NOVEL": 199, "ODD_ONE": 1},
)
"""


def test_a_new_plugin_is_written_into_every_list(copy: Path) -> None:
    folder = copy / "plugins" / "novel"
    (folder / "famsock_novel").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(_NEW)
    (folder / "famsock_novel" / "__init__.py").write_text(_NEW_FAMILY)
    _write(copy)
    core, plugin = (_tables(p / "pyproject.toml") for p in (copy, folder))
    extras = core["project"]["optional-dependencies"]
    assert extras["novel"] == [f"famsock-novel{distributions.bounds(famsock.__version__)}"]
    assert "novel" in Requirement(extras["all"][0]).extras
    assert core["tool"]["uv"]["sources"]["famsock-novel"] == {"workspace": True}
    groups = core["project"]["entry-points"]
    assert groups["famsock.directory"]["AF_NOVEL"] == "famsock_novel"
    assert groups["famsock.directory.schemes"]["novel"] == "famsock_novel"
    words = {k for k, v in groups["famsock.directory.constants"].items() if v == "famsock_novel"}
    assert words == {"NOVEL", "SOL_NOVEL"}
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    known = _tables(ROOT / "plugins" / "can" / "pyproject.toml")
    for key in ("dynamic", "readme", "license", "license-files", "requires-python", "classifiers"):
        assert plugin["project"][key] == known["project"][key], key
    assert plugin["project"]["dependencies"] == known["project"]["dependencies"]
    documentation = known["project"]["urls"]["Documentation"].replace("can", "novel")
    assert plugin["project"]["urls"] == known["project"]["urls"] | {"Documentation": documentation}
    assert plugin["tool"]["hatch"]["version"] == known["tool"]["hatch"]["version"]
    order = re.findall(r"^\[.*\]$", (ROOT / "plugins/can/pyproject.toml").read_text(), re.MULTILINE)
    assert re.findall(r"^\[.*\]$", (folder / "pyproject.toml").read_text(), re.MULTILINE) == order
    shutil.rmtree(folder)
    _write(copy)
    assert (copy / "pyproject.toml").read_text() == (ROOT / "pyproject.toml").read_text()


def test_a_new_version_is_written_into_every_bound(copy: Path) -> None:
    module = copy / "famsock" / "__init__.py"
    module.write_text(module.read_text().replace(f'"{famsock.__version__}"', '"0.7.1"', 1))
    shutil.copytree(ROOT / "docs", copy / "docs")
    shutil.copytree(ROOT / "examples", copy / "examples")
    _write(copy)
    assert {p.project["dependencies"][0] for p in distributions.plugins(copy)} == {
        "famsock>=0.7.1,<0.8"
    }
    assert _tables(copy / "pyproject.toml")["project"]["optional-dependencies"]["can"] == [
        "famsock-can>=0.7.1,<0.8"
    ]
    smc = _tables(copy / "examples" / "famsock-smc" / "pyproject.toml")["project"]["dependencies"]
    assert smc == ["famsock>=0.7,<0.9", "famsock-inet>=0.7,<0.9"]
    text = "".join(
        path.read_text() for path in copy.rglob("*") if path.suffix in (".toml", ".md")
        and path.name != "stability.md"
    )  # fmt: skip
    assert set(re.findall(r'"famsock(?:-(?!guide)\w+)?(>=[^"]*)"', text)) == {
        ">=0.7.1,<0.8",
        ">=0.7,<0.9",
    }


def test_a_table_without_its_mark_is_told(copy: Path) -> None:
    path = copy / "pyproject.toml"
    path.write_text(path.read_text().replace(distributions.MARK, ""))
    with pytest.raises(SystemExit, match=r"project\.optional-dependencies"):
        distributions.files(copy)


def test_an_entry_point_that_names_no_family_is_told(copy: Path) -> None:
    path = copy / "plugins" / "tipc" / "pyproject.toml"
    path.write_text(path.read_text().replace("famsock_tipc:FAMILY", "famsock_tipc:__name__"))
    with pytest.raises(SystemExit, match="famsock-tipc: famsock_tipc:__name__ is no Family"):
        distributions.files(copy)


# The directory of constants


def _many(word: str, owner: str, number: int = 5) -> dict[str, set[str]]:
    return {f"{word}_{at}": {owner} for at in range(number)}


@pytest.mark.parametrize(
    ("constants", "words"),
    [
        ({}, {}),
        (_many("X", "x"), {"X": "x"}),
        (_many("X", "x", 4), {}),  # few: the word may be anything's
        (_many("SOL", "x", 1), {"SOL_0": "x"}),  # the core's word, and the plugin's below it
        ({"AF_X": {"x"}, "PF_X": {"x"}}, {}),
        (_many("X", "x", 20) | {"X_Y": {"y"}}, {"X": "x", "X_Y": "y"}),
        (_many("X_A", "x") | _many("X_B", "y"), {"X_A": "x", "X_B": "y"}),
        ({f"X_{at}": {"x", "y"} for at in range(5)}, {"X": "x"}),  # both have them
        (_many("X", "x") | {"XY_1": {"y"}}, {"X": "x"}),  # a word ends with its underscore
    ],
)
def test_leading_words(constants: dict[str, set[str]], words: dict[str, str]) -> None:
    assert distributions.leading_words(constants, {"SOL_SOCKET"}) == words
