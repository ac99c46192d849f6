"""What the tests below share: pytester, for those that run pytest; what the lab leaves out."""

from __future__ import annotations

import os

pytest_plugins = ["pytester"]

# In emulation a compiler takes minutes, and the headers are the same outside.
collect_ignore = ["test_core_headers.py"] if os.environ.get("FAMSOCK_LAB") else []
