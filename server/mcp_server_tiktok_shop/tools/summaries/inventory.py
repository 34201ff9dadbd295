"""Sums the stock there is now by product, SKU, warehouse or status, and how long it lasts at a period's pace."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_values import SkippedValues, is_empty, parse_count, read_text
from mcp_server_tiktok_shop.platform.paging import is_invalid_page_token
from mcp_server_tiktok_shop.tools.summaries.course import ProgressStep, SummaryDefinition
from mcp_server_tiktok_shop.tools.summaries.orders import CANCELLED, UNSOLD_STATUSES
from mcp_server_tiktok_shop.tools.summaries.orders import ORDERS_OPERATION as ORDERS
from mcp_server_tiktok_shop.tools.summaries.position import MAX_PAGE_SIZE, Position
from mcp_server_tiktok_shop.tools.summaries.totals import (
    MAX_ROWS,
    ExtraColumns,
    TableLayout,
    TotalsTable,
    shorten_title,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.summaries.course import ShopPaginator, SummaryRequest

PRODUCTS_OPERATION = "search_products"
DELETED = "DELETED"
DAY_S = 24 * 3600
MEASURES = ("skus", "units", "out_of_stock")
LOW_STOCK_COLUMNS = ("sku_id", "seller_sku", "product_id", "product", "status", "quantity", "by_warehouse")
LAYOUTS = {
    "product": TableLayout(("product_id", "product"), "smallest first", 1),
    "sku": TableLayout(("sku_id", "seller_sku", "product"), "smallest first", 1),
    "warehouse": TableLayout(("warehouse_id",), "largest first", 1),
    "status": TableLayout(("status",), "largest first", 1),
}
NOTE = "Units left to sell now, products of every status but deleted ones."
BY_WAREHOUSE_NOTE = "A SKU counts in each warehouse that lists it."
PACE_NOTE = "sold: units of paid orders created in the period; days_left: at that pace, null where none was sold."


class InventorySummary:
    def __init__(self, terms: SummaryRequest, state: Json | None) -> None:
        state = state or {}
        self._request = terms
        self._group_by = terms.values.get("group_by") or (
            "sku" if terms.period_description and "below" not in terms.values else None
        )
        self._below: int | None = terms.values.get("below")
        self._product_ids: set[str] = set(state.get("seen", ()))
        self._token: str | None = state.get("token")
        self._all_products: bool = state.get("all_products", False)
        self._deleted: int = state.get("deleted", 0)
        self._unknown: int = state.get("unknown", 0)
        self._total = TotalsTable(MEASURES, state.get("total"))
        self._groups = TotalsTable(MEASURES, state.get("groups"))
        self._low: list[list[Any]] = state.get("low", [])
        self._low_count: int = state.get("low_count", 0)
        self._position = Position(state.get("position"))
        self._orders: int = state.get("orders", 0)
        self._expected_orders: int | None = state.get("expected_orders")
        self._skipped = SkippedValues(state.get("skipped", {}))
        self._sold = Counter[str](state.get("sold", {}))
        self._units_sold: int = state.get("units_sold", 0)

    @property
    def has_rows(self) -> bool:
        return bool(self._product_ids)

    async def iter_steps(self, walk: ShopPaginator) -> AsyncGenerator[ProgressStep, None]:
        for read in (self._read_products, self._read_orders):
            async with aclosing(read(walk)) as steps:
                async for step in steps:
                    yield step

    async def _read_products(self, walk: ShopPaginator) -> AsyncGenerator[ProgressStep, None]:
        if self._all_products:
            return
        try:
            async with aclosing(self._read_product_pages(walk)) as steps:
                async for step in steps:
                    yield step
        except ShopError as error:
            if self._token is None or not is_invalid_page_token(error):
                raise
            self._token = None  # from the first page again; what was counted is known by its id
            del self._skipped["products"]
            async with aclosing(self._read_product_pages(walk)) as steps:
                async for step in steps:
                    yield step
        self._all_products = True

    async def _read_product_pages(self, walk: ShopPaginator) -> AsyncGenerator[ProgressStep, None]:
        values: Json = {"page_size": MAX_PAGE_SIZE, "status": "ALL"}
        if self._token:
            values["page_token"] = self._token
        async with aclosing(walk(PRODUCTS_OPERATION, values, self._product_ids)) as pages:
            async for page in pages:
                self._skipped.add("products", page.skipped)
                for product in page.rows:
                    self._add_product(product)
                self._low = sorted(self._low, key=lambda row: (row[5], row[0]))[:MAX_ROWS]
                self._token = page.next_token
                self._all_products = page.next_token is None
                done = len(self._product_ids)
                yield ProgressStep(done, parse_count(page.data.get("total_count")), f"{done} products counted")

    async def _read_orders(self, walk: ShopPaginator) -> AsyncGenerator[ProgressStep, None]:
        if not self._request.period_description:
            return
        products, is_first = len(self._product_ids), self._orders == 0
        async with aclosing(self._position.iter_pages(walk, ORDERS, "create_time", self._request)) as pages:
            async for page in pages:
                self._skipped.add("orders", page.skipped)
                for order in page.rows:
                    self._add_order(order)
                self._position.finish(page, "create_time")
                if is_first and self._expected_orders is None:
                    self._expected_orders = parse_count(page.data.get("total_count"))
                total = None if self._expected_orders is None else products + self._expected_orders
                yield ProgressStep(products + self._orders, total, f"{self._orders} orders added up")

    def _add_product(self, product: Json) -> None:
        product_id, status = read_text(product, "id"), read_text(product, "status")
        if not product_id:
            self._skipped.add("products")  # it could come again, and nobody would know it
            return
        self._product_ids.add(product_id)
        if status == DELETED:
            self._deleted += 1
            return
        title = shorten_title(read_text(product, "title"))
        for sku in self._skipped.select_objects(product.get("skus"), "skus"):
            places = _read_stock(sku.get("inventory"))
            if places is None:
                self._unknown += 1
                continue
            units = sum(places.values())
            sums = (1, units, int(units <= 0))
            sku_id, seller_sku = read_text(sku, "id"), read_text(sku, "seller_sku")
            self._total.add("", "", sums)
            if self._group_by == "warehouse":
                for place, quantity in places.items():
                    self._groups.add(place, "", (1, quantity, int(quantity <= 0)))
            elif self._group_by:
                keys = {"product": product_id, "sku": sku_id, "status": status}
                labels = {"product": [title], "sku": [seller_sku, title], "status": []}
                self._groups.add(keys[self._group_by], "", sums, labels[self._group_by])
            if self._below is not None and units <= self._below:
                self._low_count += 1
                self._low.append([sku_id, seller_sku, product_id, title, status, units, places])

    def _add_order(self, order: Json) -> None:
        if not read_text(order, "id"):
            self._skipped.add("orders")  # it could come again, and nobody would know it
            return
        self._orders += 1
        self._position.advance(order, "create_time")
        if read_text(order, "status") in UNSOLD_STATUSES:
            return
        for line in self._skipped.select_objects(order.get("line_items"), "line_items"):
            if line.get("display_status") == CANCELLED:
                continue
            self._units_sold += 1
            self._sold[f"sku {read_text(line, 'sku_id')}"] += 1
            if self._group_by == "product":
                self._sold[f"product {read_text(line, 'product_id')}"] += 1

    def to_result(self, *, complete: bool) -> Json:
        stock = self._total.sum_by_currency().get("", dict.fromkeys(MEASURES, 0))
        told: Json = {"products": len(self._product_ids) - self._deleted, **stock}
        notes = [NOTE, skipped] if (skipped := self._skipped.describe()) else [NOTE]
        if self._unknown:
            told["skus_of_unknown_stock"] = self._unknown
        if self._request.period_description:
            told |= {"orders": self._orders, "units_sold": self._units_sold}
            if self._position.time is not None:
                told["summed_until"] = self._request.format_time(self._position.time)
        paced = complete and bool(self._request.period_description)  # the pace of a part would be too slow
        if paced:
            notes.append(PACE_NOTE)
        if self._below is not None:
            told["low"] = self._format_low_stock(paced=paced)
            if self._low_count > len(self._low):
                notes.append(f"low shows the {len(self._low)} SKUs with the least.")
        if self._group_by:
            pace = self._compute_pace_columns() if paced and self._group_by in ("sku", "product") else None
            told["groups"] = self._groups.to_json(LAYOUTS[self._group_by], pace)
            if self._group_by == "warehouse":
                notes.append(BY_WAREHOUSE_NOTE)
        return told | {"note": " ".join(notes)}

    def _format_low_stock(self, *, paced: bool) -> Json:
        rows = [[*row, *(self._compute_pace(f"sku {row[0]}", row[5]) if paced else ())] for row in self._low]
        columns = [*LOW_STOCK_COLUMNS, *(("sold", "days_left") if paced else ())]
        told: Json = {"skus": self._low_count}
        if len(places := {place for row in self._low for place in row[6]}) == 1:
            told["warehouse_id"] = places.pop()
            columns.remove("by_warehouse")
            rows = [[*row[:6], *row[7:]] for row in rows]
        return told | {"columns": columns, "rows": rows}

    def _compute_pace_columns(self) -> ExtraColumns:
        cells = {
            row[0]: self._compute_pace(f"{self._group_by} {row[0]}", int(row[3][1])) for row in self._groups.list_rows()
        }
        # What lasts shortest is shown first, then what has not been sold at all.
        return ExtraColumns(("sold", "days_left"), cells, lambda cell: (cell[1] is None, cell[1] or 0.0))

    def _compute_pace(self, key: str, units: int) -> tuple[int, float | None]:
        """What was sold of it, and for how many days what there is lasts."""
        sold = self._sold[key]
        days = (self._request.end - self._request.start) / DAY_S
        return sold, round(max(0, units) * days / sold, 1) if sold else None

    def to_state(self) -> Json:
        told: Json = {"seen": sorted(self._product_ids), "token": self._token, "all_products": self._all_products}
        told |= {"deleted": self._deleted, "unknown": self._unknown, "low": self._low, "low_count": self._low_count}
        told |= {
            "total": self._total.to_state(),
            "groups": self._groups.to_state(),
            "position": self._position.to_state(),
        }
        told |= {"expected_orders": self._expected_orders, "skipped": dict(self._skipped)}
        return told | {"orders": self._orders, "sold": self._sold, "units_sold": self._units_sold}


def _read_stock(places: Any) -> dict[str, int] | None:
    """The units of a SKU by warehouse; None where they can't all be read."""
    if not isinstance(places, list):
        return None
    stock: dict[str, int] = {}
    for place in places:
        quantity = place.get("quantity") if isinstance(place, dict) else None
        units = 0 if is_empty(quantity) and isinstance(place, dict) else parse_count(quantity)
        if units is None:
            return None
        warehouse_id = read_text(place, "warehouse_id")
        stock[warehouse_id] = stock.get(warehouse_id, 0) + units
    return stock


INVENTORY = SummaryDefinition("summarize_inventory", InventorySummary, (PRODUCTS_OPERATION, ORDERS), needs_period=False)
