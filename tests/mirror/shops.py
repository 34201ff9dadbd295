"""A server beside a simulated shop over real HTTP, and the rows of its copy as Python values."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import duckdb

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.settings import read_settings
from tests.conftest import CATALOG
from tests.platform.worker import environment, keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection
    from pathlib import Path

    from mcp_server_tiktok_shop.application import App
    from mcp_server_tiktok_shop.mirror.shop_snapshot import ShopSnapshot
    from mcp_server_tiktok_shop.platform.shops import Target
    from mcp_server_tiktok_shop.sandbox import Sandbox

PATIENCE_S = 120.0


@asynccontextmanager
async def open_app(
    home: Path, sandbox: Sandbox, url: str, clock: Callable[[], float] = time.time, account: int = 0, **more: str
) -> AsyncIterator[App]:
    settings = read_settings(environment(home, keys(sandbox, url, account) | more))
    app = build_app(settings, runtime=Runtime(clock, time.monotonic), catalog=CATALOG)
    try:
        yield app
    finally:
        await app.close()


async def only_target(app: App, name: str | None = None) -> Target:
    return await app.platform.shops.choose(name, "required")


async def refreshed(
    app: App, tables: Collection[str], max_age_s: float = 0, patience_s: float = PATIENCE_S, shop: str | None = None
) -> ShopSnapshot:
    target = await only_target(app, shop)
    deadline = time.monotonic() + patience_s
    return await app.mirror.refresh(target, tables, max_age_s=max_age_s, deadline=deadline)


def rows_of(snapshot: ShopSnapshot, table: str, columns: str = "*", where: str = "true") -> list[dict[str, Any]]:
    with duckdb.connect(str(snapshot.path), read_only=True) as connection:
        connection.execute("SET TimeZone='UTC'")
        result = connection.execute(f"SELECT {columns} FROM {table} WHERE {where}")
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
