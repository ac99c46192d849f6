"""What README and the documentation show, runs; README's commands are those that CI runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "docs/getting-started.md")


@pytest.mark.parametrize("page", PAGES)
def test_first_example_runs(page: str) -> None:
    example = re.search(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert example is not None
    done = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", example[1]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "hello" in done.stdout, done.stderr


def test_readme_has_two_commands_and_ci_runs_the_second() -> None:
    commands = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(commands) == 2
    assert commands[0].endswith("famsock doctor")
    assert commands[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_installed_family_has_a_page_and_an_example() -> None:
    for plugin in sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()):
        page = (ROOT / "docs" / "families" / f"{plugin}.md").read_text()
        assert f'--8<-- "examples/{plugin}.py"' in page
        for section in ("## Modules and privileges", "## What differs from the stdlib"):
            assert section in page, (plugin, section)
        assert (ROOT / "examples" / f"{plugin}.py").exists()
