"""Sums the stock there is now by product, SKU, warehouse or status, and how long it lasts at a period's pace."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.paging import token_refused
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.summaries.course import Kind, Step
from mcp_server_tiktok_shop.tools.summaries.orders import APART, GONE
from mcp_server_tiktok_shop.tools.summaries.orders import OPERATION as ORDERS
from mcp_server_tiktok_shop.tools.summaries.position import LARGEST, Position
from mcp_server_tiktok_shop.tools.summaries.totals import SHOWN, Beside, Look, Table, cut

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.summaries.course import Terms, Walk

PRODUCTS = "search_products"
DELETED = "DELETED"
DAY = 24 * 3600
MEASURES = ("skus", "units", "out_of_stock")
LOW = ("sku_id", "seller_sku", "product_id", "product", "status", "quantity", "by_warehouse")
LOOKS = {
    "product": Look(("product_id", "product"), "smallest first", 1),
    "sku": Look(("sku_id", "seller_sku", "product"), "smallest first", 1),
    "warehouse": Look(("warehouse_id",), "largest first", 1),
    "status": Look(("status",), "largest first", 1),
}
NOTE = "Units left to sell now, products of every status but deleted ones."
BY_WAREHOUSE = "A SKU counts in each warehouse that lists it."
PACE = "sold: units of paid orders created in the period; days_left: at that pace, null where none was sold."


class Inventory:
    def __init__(self, terms: Terms, state: Json | None) -> None:
        state = state or {}
        self._terms = terms
        self._by = terms.asked.get("group_by") or ("sku" if terms.told and "below" not in terms.asked else None)
        self._below: int | None = terms.asked.get("below")
        self._seen: set[str] = set(state.get("seen", ()))
        self._token: str | None = state.get("token")
        self._all_products: bool = state.get("all_products", False)
        self._deleted: int = state.get("deleted", 0)
        self._unknown: int = state.get("unknown", 0)
        self._total = Table(MEASURES, state.get("total"))
        self._groups = Table(MEASURES, state.get("groups"))
        self._low: list[list[Any]] = state.get("low", [])
        self._low_count: int = state.get("low_count", 0)
        self._position = Position(state.get("position"))
        self._orders: int = state.get("orders", 0)
        self._sold = Counter[str](state.get("sold", {}))
        self._units_sold: int = state.get("units_sold", 0)

    @property
    def begun(self) -> bool:
        return bool(self._seen)

    async def steps(self, walk: Walk) -> AsyncGenerator[Step, None]:
        for read in (self._read_products, self._read_orders):
            async with aclosing(read(walk)) as steps:
                async for step in steps:
                    yield step

    async def _read_products(self, walk: Walk) -> AsyncGenerator[Step, None]:
        if self._all_products:
            return
        try:
            async with aclosing(self._products(walk)) as steps:
                async for step in steps:
                    yield step
        except ShopError as error:
            if self._token is None or not token_refused(error):
                raise
            self._token = None  # from the first page again; what was counted is known by its id
            async with aclosing(self._products(walk)) as steps:
                async for step in steps:
                    yield step
        self._all_products = True

    async def _products(self, walk: Walk) -> AsyncGenerator[Step, None]:
        values: Json = {"page_size": LARGEST, "status": "ALL"}
        if self._token:
            values["page_token"] = self._token
        async with aclosing(walk(PRODUCTS, values, self._seen)) as pages:
            async for page in pages:
                for product in page.rows:
                    self._add(product)
                self._low = sorted(self._low, key=lambda row: (row[5], row[0]))[:SHOWN]
                self._token = page.next_token
                self._all_products = page.next_token is None
                total = page.data.get("total_count")
                done = len(self._seen)
                yield Step(done, total if isinstance(total, int) else None, f"{done} products counted")

    async def _read_orders(self, walk: Walk) -> AsyncGenerator[Step, None]:
        if not self._terms.told:
            return
        products, total, before = len(self._seen), None, self._orders - len(self._position.ids)
        async with aclosing(self._position.pages(walk, ORDERS, "create_time", self._terms)) as pages:
            async for page in pages:
                for order in page.rows:
                    self._sell(order)
                if total is None and isinstance(count := page.data.get("total_count"), int):
                    total = products + before + count
                yield Step(products + self._orders, total, f"{self._orders} orders added up")

    def _add(self, product: Json) -> None:
        product_id, status = str(product["id"]), str(product.get("status") or "")
        self._seen.add(product_id)
        if status == DELETED:
            self._deleted += 1
            return
        title = cut(product.get("title"))
        for sku in product.get("skus") or []:
            stock = sku.get("inventory")
            if not isinstance(stock, list):
                self._unknown += 1
                continue
            places = {str(place.get("warehouse_id") or ""): int(place.get("quantity") or 0) for place in stock}
            units = sum(places.values())
            sums = (1, units, int(units <= 0))
            sku_id, seller_sku = str(sku.get("id") or ""), str(sku.get("seller_sku") or "")
            self._total.add("", "", sums)
            if self._by == "warehouse":
                for place, quantity in places.items():
                    self._groups.add(place, "", (1, quantity, int(quantity <= 0)))
            elif self._by:
                keys = {"product": product_id, "sku": sku_id, "status": status}
                labels = {"product": [title], "sku": [seller_sku, title], "status": []}
                self._groups.add(keys[self._by], "", sums, labels[self._by])
            if self._below is not None and units <= self._below:
                self._low_count += 1
                self._low.append([sku_id, seller_sku, product_id, title, status, units, places])

    def _sell(self, order: Json) -> None:
        self._orders += 1
        self._position.passed(order, "create_time")
        if order.get("status") in APART:
            return
        for line in order.get("line_items") or []:
            if line.get("display_status") == GONE:
                continue
            self._units_sold += 1
            self._sold[f"sku {line.get('sku_id')}"] += 1
            if self._by == "product":
                self._sold[f"product {line.get('product_id')}"] += 1

    def shown(self, *, complete: bool) -> Json:
        stock = self._total.of().get("", dict.fromkeys(MEASURES, 0))
        told: Json = {"products": len(self._seen) - self._deleted, **stock}
        notes = [NOTE]
        if self._unknown:
            told["skus_of_unknown_stock"] = self._unknown
        if self._terms.told:
            told |= {"orders": self._orders, "units_sold": self._units_sold}
            if self._position.time is not None:
                told["summed_until"] = self._terms.moment(self._position.time)
        paced = complete and bool(self._terms.told)  # the pace of a part would be too slow
        if paced:
            notes.append(PACE)
        if self._below is not None:
            told["low"] = self._shown_low(paced=paced)
            if self._low_count > len(self._low):
                notes.append(f"low shows the {len(self._low)} SKUs with the least.")
        if self._by:
            pace = self._paces() if paced and self._by in ("sku", "product") else None
            told["groups"] = self._groups.shown(LOOKS[self._by], pace)
            if self._by == "warehouse":
                notes.append(BY_WAREHOUSE)
        return told | {"note": " ".join(notes)}

    def _shown_low(self, *, paced: bool) -> Json:
        rows = [[*row, *(self._pace(f"sku {row[0]}", row[5]) if paced else ())] for row in self._low]
        columns = [*LOW, *(("sold", "days_left") if paced else ())]
        told: Json = {"skus": self._low_count}
        if len(places := {place for row in self._low for place in row[6]}) == 1:
            told["warehouse_id"] = places.pop()
            columns.remove("by_warehouse")
            rows = [[*row[:6], *row[7:]] for row in rows]
        return told | {"columns": columns, "rows": rows}

    def _paces(self) -> Beside:
        cells = {row[0]: self._pace(f"{self._by} {row[0]}", int(row[3][1])) for row in self._groups.rows()}
        # What lasts shortest is shown first, then what has not been sold at all.
        return Beside(("sold", "days_left"), cells, lambda cell: (cell[1] is None, cell[1] or 0.0))

    def _pace(self, key: str, units: int) -> tuple[int, float | None]:
        """What was sold of it, and for how many days what there is lasts."""
        sold = self._sold[key]
        days = (self._terms.end - self._terms.start) / DAY
        return sold, round(max(0, units) * days / sold, 1) if sold else None

    def state(self) -> Json:
        told: Json = {"seen": sorted(self._seen), "token": self._token, "all_products": self._all_products}
        told |= {"deleted": self._deleted, "unknown": self._unknown, "low": self._low, "low_count": self._low_count}
        told |= {"total": self._total.state(), "groups": self._groups.state(), "position": self._position.state()}
        return told | {"orders": self._orders, "sold": self._sold, "units_sold": self._units_sold}


INVENTORY = Kind("summarize_inventory", Inventory, (PRODUCTS, ORDERS), needs_period=False)
