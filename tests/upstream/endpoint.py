"""A plugin of pytest: asyncio's loops make famsock's datagram endpoints."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

import famsock
from famsock.aio import create_datagram_endpoint


@pytest.fixture(autouse=True)
def famsock_endpoint(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put famsock's endpoint in the place of the loop's, as ``sendto`` where a test replaces that.

    A test of loss does: without sendmmsg(2) the endpoint sends each datagram by ``sendto``.
    """

    async def create(_: asyncio.AbstractEventLoop, *arguments: Any, **keywords: Any) -> Any:
        return await create_datagram_endpoint(*arguments, **keywords)

    def refuse(*_: Any) -> int:
        raise OSError(errno.ENOSYS, "no sendmmsg here")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_datagram_endpoint", create)
    if "loss" in request.node.name:
        monkeypatch.setattr(famsock.socket, "sendmmsg", refuse)
