"""The simulated platform's lists, read in plain Python: what the tests count for themselves."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx2

from mcp_server_tiktok_shop.platform.client import Runtime
from tests.sandbox.client import Caller, Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from mcp_server_tiktok_shop.sandbox import Sandbox
    from tests.conftest import Connect
    from tests.sandbox.client import Json


@dataclass
class PlatformLists:
    """One shop's lists; `shop` is the shop in the sandbox's state."""

    caller: Caller
    shop: Any

    async def read(self, method: str, path: str, name: str, query: Json | None = None, body: Any = None) -> list[Json]:
        """Every row of a list, page after page."""
        rows: list[Json] = []
        token = ""
        while True:
            asked = (query or {}) | ({"page_token": token} if token else {})
            data = await self.caller.call(method, path, asked, body, cipher=self.shop.cipher)
            rows += data.get(name) or []
            token = data.get("next_page_token") or ""
            if not token:
                return rows

    async def orders(self) -> list[Json]:
        return await self.read("POST", "/order/202309/orders/search", "orders", {"page_size": "100"}, {})

    async def cancellations(self) -> list[Json]:
        path = "/return_refund/202602/cancellations/search"
        return await self.read("POST", path, "cancellations", {"page_size": "50"}, {})

    async def returns(self) -> list[Json]:
        path = "/return_refund/202602/returns/search"
        return await self.read("POST", path, "return_orders", {"page_size": "50"}, {})

    async def conversations(self) -> list[Json]:
        path = "/customer_service/202309/conversations"
        return await self.read("GET", path, "conversations", {"page_size": "20"})

    async def products(self) -> list[Json]:
        path = "/product/202502/products/search"
        return await self.read("POST", path, "products", {"page_size": "100"}, {"status": "ALL"})

    async def inventory(self, products: list[str]) -> list[Json]:
        """The stock of these products, one entry a SKU."""
        path = "/product/202309/inventory/search"
        found = await self.read("POST", path, "inventory", None, {"product_ids": products})
        return [sku for product in found for sku in product["skus"]]

    async def statements(self) -> list[Json]:
        query = {"sort_field": "statement_time", "page_size": "100"}
        return await self.read("GET", "/finance/202309/statements", "statements", query)

    async def payments(self) -> list[Json]:
        query = {"sort_field": "create_time", "page_size": "100"}
        return await self.read("GET", "/finance/202605/payments", "payments", query)

    async def transactions(self, statement: str) -> list[Json]:
        path = f"/finance/202501/statements/{statement}/statement_transactions"
        return await self.read("GET", path, "transactions", {"sort_field": "order_create_time", "page_size": "100"})

    async def unsettled(self) -> list[Json]:
        query = {"sort_field": "order_create_time", "page_size": "100"}
        return await self.read("GET", "/finance/202507/orders/unsettled", "transactions", query)

    async def fees_by_sku(self, order: str) -> list[Json]:
        path = f"/finance/202501/orders/{order}/statement_transactions"
        return await self.read("GET", path, "sku_transactions")


@asynccontextmanager
async def at_the_shop(
    connect: Connect, sandbox: Sandbox, clock: Clock, **more: Any
) -> AsyncIterator[tuple[Client, list[PlatformLists]]]:
    """A client of a server before the sandbox, and what the platform lists of each of its shops."""
    transport = httpx2.ASGITransport(app=sandbox.app)
    runtime = Runtime(clock, lambda: 0.0)
    async with (
        connect(sandbox=True, sandbox_object=sandbox, **({"runtime": runtime} | more)) as client,
        httpx2.AsyncClient(transport=transport, base_url="http://sandbox.localhost") as http,
    ):
        lists = []
        for place, account in enumerate(sandbox.accounts):
            caller = Caller(sandbox, http, "http://sandbox.localhost")
            caller.account = place
            lists += [PlatformLists(caller, shop) for shop in account.shops]
        yield client, lists


def to_rows(table: Json) -> list[Json]:
    """The rows of a table as objects."""
    return [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]


def add_up(rows: list[Json], name: str) -> Decimal:
    """The sum of an amount that is written as text."""
    return sum((Decimal(row[name]) for row in rows), Decimal(0))
