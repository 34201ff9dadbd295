"""A browser for each module of tests, and what a host's page shows of a simulated shop."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import pytest_asyncio

from tests.board.browser_host import find_browser, launch_browser, open_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.board.browser_host import BrowserHost
    from tests.conftest import Connect


class ShowHost(Protocol):
    def __call__(
        self, *, width: int = ..., scale: float = ..., **settings: Any
    ) -> AbstractAsyncContextManager[BrowserHost]: ...


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if find_browser() is None:
        pytest.skip("No Chromium is installed: `make browser` installs it.")
    async with launch_browser() as launched:
        yield launched


@pytest.fixture
def era() -> str:
    """Hosts that show apps speak the versions with a handshake today; the board itself sees no difference."""
    return "legacy"


@pytest.fixture
def show_host(browser: Browser, connect: Connect) -> ShowHost:
    @asynccontextmanager
    async def show(*, width: int = 720, scale: float = 1, **settings: Any) -> AsyncIterator[BrowserHost]:
        async with connect(**{"sandbox": "true", "confirm": "asks"} | settings) as client:
            async with open_host(browser, client, width=width, device_scale_factor=scale) as host:
                yield host
            assert host.faults == [], "the page runs without an error, and within its policy"

    return show
