"""A simulated shop for the tests of a tool; who needs another kind has a fixture of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=1)


@pytest.fixture
def shop(sandbox: Sandbox) -> SimulatedShop:
    return sandbox.accounts[0].shops[0]
