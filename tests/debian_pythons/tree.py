"""A copy of the worktree, which only changes where the worktree did."""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LIST = ".copied"


def copy_worktree(target: Path, source: Path = ROOT) -> None:
    """Bring a copy of what git tracks, and of new files, up to date.

    What was copied before and is gone is deleted. All else there stays: compiled modules and
    environments. The files keep their times, by which uv knows what to compile again.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=source, stdout=subprocess.PIPE, text=True, check=True)
    names = sorted(n for n in set(listed.stdout.split("\0")) if n and (source / n).is_file())
    kept = target / _LIST
    before = json.loads(kept.read_text()) if kept.exists() else []
    target.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(sorted({*before, *names})))  # an interrupted run forgets nothing
    for name in names:
        old, new = target / name, source / name
        if not old.is_file() or not filecmp.cmp(new, old, shallow=False):
            old.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(new, old)
    for name in set(before) - set(names):
        (target / name).unlink(missing_ok=True)
    kept.write_text(json.dumps(names))
