"""Fixtures that the tests below share, and the files that the lab leaves out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.programs import Site

pytest_plugins = ["pytester"]

# In emulation a compiler and new interpreters take long. The headers are the same outside, and what
# another platform lacks no kernel of ours brings. Benchmarks, test names and the templates of
# `famsock new-family` need no kernel.
_LEFT_OUT = [
    "test_benchmarks.py",
    "test_cli_templates.py",
    "test_collection.py",
    "test_core_headers.py",
    "test_platforms.py",
]
collect_ignore = _LEFT_OUT if os.environ.get("FAMSOCK_LAB") else []


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Distributions that only the programs run by this object see."""
    return Site(tmp_path)
