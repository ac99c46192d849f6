"""README and the documentation: every example runs, and README's commands are those of CI."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "docs/index.md",
    "docs/getting-started.md",
    "docs/asyncio.md",
    "docs/endpoints.md",
    "docs/frameworks.md",
    "docs/interface.md",
    "docs/relay.md",
    "docs/trio.md",
)
_BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


def programs() -> Iterator[Any]:
    """The Python blocks of the pages that can run here, each with its output, if that follows.

    Those that show another framework need it: ``uv run --group frameworks pytest`` has them all.
    """
    for page in PAGES:
        for block in _BLOCK.finditer((ROOT / page).read_text()):
            needed = re.findall(r"^(?:import|from) (\w+)", block[1], re.MULTILINE)
            if all(map(find_spec, needed)):
                line = block.string.count("\n", 0, block.start()) + 1
                yield pytest.param(block[1], block[2], id=f"{Path(page).stem}:{line}")


@pytest.mark.parametrize(("program", "output"), list(programs()))
def test_examples_run(program: str, output: str | None, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(program)
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "print" not in program or done.stdout
    assert output is None or done.stdout == output


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
