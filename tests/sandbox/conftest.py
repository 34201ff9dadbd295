"""A sandbox on a clock that stands still, served over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.sandbox.client import Caller, Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return Sandbox(clock=clock)


@asynccontextmanager
async def calling(sandbox: Sandbox) -> AsyncIterator[Caller]:
    # Nothing here speaks TLS, and reading the certificates would take longer than most tests.
    async with sandbox.serve() as base_url, httpx2.AsyncClient(trust_env=False, verify=False) as http:
        yield Caller(sandbox, http, base_url)


@pytest.fixture
async def caller(sandbox: Sandbox) -> AsyncIterator[Caller]:
    async with calling(sandbox) as one:
        yield one


@pytest.fixture
async def three(clock: Clock) -> AsyncIterator[Caller]:
    """Two accounts, three shops."""
    async with calling(Sandbox(shops=3, clock=clock)) as one:
        yield one
