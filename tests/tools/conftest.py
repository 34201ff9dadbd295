"""A simulated shop for the tests of a tool, or several with `pytest.mark.shops(3)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    mark = request.node.get_closest_marker("shops")
    return Sandbox(shops=mark.args[0] if mark else 1)


@pytest.fixture
def shop(sandbox: Sandbox) -> SimulatedShop:
    return sandbox.accounts[0].shops[0]
