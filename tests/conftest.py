"""What the tests below share: pytester, for those that run pytest; what the lab leaves out."""

from __future__ import annotations

import os

pytest_plugins = ["pytester"]

# In emulation a compiler and new interpreters take long. The headers are the same outside, and what
# another platform lacks no kernel of ours brings; benchmarks and test names need no kernel.
_LEFT_OUT = [
    "test_benchmarks.py",
    "test_collection.py",
    "test_core_headers.py",
    "test_platforms.py",
]
collect_ignore = _LEFT_OUT if os.environ.get("FAMSOCK_LAB") else []
