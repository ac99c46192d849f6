"""The changelog's fragments: towncrier takes each of them, and refuses a branch without one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.external.conftest import NEEDS_UV, REPOSITORY, Environment, run

pytestmark = [pytest.mark.slow, NEEDS_UV]
FRAGMENTS = sorted((REPOSITORY / "changelog.d").glob("*.md"))
DRAFT = ("build", "--draft", "--version", "next")
CHECK = ("check", "--compare-with", "main")


@pytest.fixture(scope="module")
def towncrier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, of the versions that the dependency group allows."""
    environment = Environment(tmp_path_factory.mktemp("changelog") / "environment")
    environment.pip("install", "--group", f"{REPOSITORY / 'pyproject.toml'}:changelog")
    return environment.folder / "bin" / "towncrier"


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A repository with our configuration and fragments, and a branch that changed a file."""
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "changelog.d", tmp_path / "changelog.d")
    _git(tmp_path, "init", "--quiet", "--initial-branch=main")
    _commit(tmp_path)
    _git(tmp_path, "checkout", "--quiet", "-b", "change")
    (tmp_path / "program.py").write_text("pass\n")
    _commit(tmp_path)
    return tmp_path


def _git(folder: Path, *words: str) -> None:
    author = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    run("git", *author, *words, cwd=folder)


def _commit(folder: Path) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "Change")


def test_each_fragment_is_in_the_changelog(towncrier: Path) -> None:
    told = " ".join(run(towncrier, *DRAFT, cwd=REPOSITORY).split())
    for fragment in FRAGMENTS:
        assert " ".join(fragment.read_text().split()) in told, fragment.name


def test_a_branch_without_a_fragment_is_refused(towncrier: Path, branch: Path) -> None:
    assert "No new newsfragments found" in run(towncrier, *CHECK, cwd=branch, status=1)


@pytest.mark.parametrize("name", ["+why.fixed.md", "12.changed.md"])
def test_a_branch_with_a_fragment_is_taken(name: str, towncrier: Path, branch: Path) -> None:
    (branch / "changelog.d" / name).write_text("It works.\n")
    _commit(branch)
    run(towncrier, *CHECK, cwd=branch)


@pytest.mark.parametrize("name", ["why.md", "+why.repaired.md"])
def test_a_fragment_of_another_name_is_refused(name: str, towncrier: Path, branch: Path) -> None:
    (branch / "changelog.d" / name).write_text("It works.\n")
    _commit(branch)
    assert name in run(towncrier, *CHECK, cwd=branch, status=1)


def test_a_release_moves_the_fragments_to_the_changelog(towncrier: Path, branch: Path) -> None:
    (branch / "changelog.d" / "12.fixed.md").write_text("It works.\n")
    _commit(branch)
    run(towncrier, "build", "--yes", "--version", "0.1.0", "--date", "2030-01-02", cwd=branch)
    changelog = (branch / "CHANGELOG.md").read_text()
    before, _, section = changelog.partition("## 0.1.0, 2030-01-02\n")
    assert before.startswith("# Changelog\n")
    assert "### Fixed\n\n- It works. (#12)\n" in section
    assert not list(branch.glob("changelog.d/*.md"))
