"""What the tests below share: pytester, for those that run pytest itself."""

from __future__ import annotations

pytest_plugins = ["pytester"]
