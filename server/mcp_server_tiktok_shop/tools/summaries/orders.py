"""Sums the orders of a period: what was sold, and apart from it what was not paid and what was cancelled."""

from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.tools.summaries.course import ProgressStep, SummaryDefinition
from mcp_server_tiktok_shop.tools.summaries.position import Position
from mcp_server_tiktok_shop.tools.summaries.totals import (
    ZERO,
    Number,
    TableLayout,
    TotalsTable,
    format_average,
    format_day,
    format_number,
    format_week,
    parse_amount,
    shorten_title,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.summaries.course import ShopPaginator, SummaryRequest

ORDERS_OPERATION = "get_order_list"
SALES = "sales"
UNSOLD_STATUSES = {"UNPAID": "unpaid", "CANCELLED": "cancelled"}
CANCELLED = "CANCELLED"
NOTE = (
    "Sales are payment.total_amount of the orders created in the period, ON_HOLD included; later refunds are not "
    "taken off."
)
LACKING_NOTE = "The platform counts more orders than it gave: so many are lacking in these sums."
BY_ORDER_NOTE = "Groups add up to sales."
BY_STATUS_NOTE = "Groups add up to sales, unpaid and cancelled."
BY_LINE_NOTE = (
    "Groups add up to line_total: sale_price of the lines, without shipping and tax. What sold nothing is not listed."
)
LINE_COLUMNS = {"product": ("product_id", "product"), "sku": ("sku_id", "seller_sku", "product")}
LAYOUTS = {
    "day": TableLayout(("day",), "by name"),
    "week": TableLayout(("week",), "by name"),
    "status": TableLayout(("status",)),
    "warehouse": TableLayout(("warehouse_id",), sort_measure=2),
    "product": TableLayout(LINE_COLUMNS["product"], sort_measure=1),
    "sku": TableLayout(LINE_COLUMNS["sku"], sort_measure=1),
}


class OrderSummary:
    def __init__(self, terms: SummaryRequest, state: Json | None) -> None:
        state = state or {}
        self._request = terms
        self._group_by = terms.values.get("group_by")
        self._position = Position(state.get("position"))
        self._count: int = state.get("count", 0)
        self._without_amount: int = state.get("without", 0)
        self._expected: int | None = state.get("expected")
        totals = ("orders", "units", "total", "line_total", "cancelled_units")
        self._totals = TotalsTable(totals, state.get("totals"))
        measures = ("units", "line_total") if self._group_by in LINE_COLUMNS else ("orders", "units", "total")
        self._groups = TotalsTable(measures, state.get("groups"))

    @property
    def has_rows(self) -> bool:
        return self._count > 0

    async def iter_steps(self, walk: ShopPaginator) -> AsyncGenerator[ProgressStep, None]:
        before = self._count - len(self._position.ids)  # those of the last second come again
        async with aclosing(self._position.iter_pages(walk, ORDERS_OPERATION, "create_time", self._request)) as pages:
            async for page in pages:
                for order in page.rows:
                    self._add_order(order)
                if self._expected is None and isinstance(count := page.data.get("total_count"), int):
                    self._expected = before + count
                yield ProgressStep(self._count, self._expected, f"{self._count} orders added up")

    def _add_order(self, order: Json) -> None:
        status = str(order.get("status") or "")
        part = UNSOLD_STATUSES.get(status, SALES)
        payment = order.get("payment") or {}
        currency = str(payment.get("currency") or "")
        total = parse_amount(payment.get("total_amount"))
        lines = order.get("line_items") or []
        kept = lines if part != SALES else [line for line in lines if line.get("display_status") != CANCELLED]
        prices = [parse_amount(line.get("sale_price")) for line in kept]
        worth = [price or ZERO for price in prices]
        self._count += 1
        self._without_amount += total is None or None in prices
        total = ZERO if total is None else total
        sums: tuple[Number, ...] = (1, len(kept), total, sum(worth, ZERO), len(lines) - len(kept))
        self._totals.add(part, currency, sums)
        created = self._position.advance(order, "create_time")
        if self._group_by in LINE_COLUMNS:
            for line, price in zip(kept if part == SALES else [], worth, strict=False):
                titles = {
                    "product": shorten_title(line.get("product_name")),
                    "seller_sku": str(line.get("seller_sku") or ""),
                }
                names = LINE_COLUMNS[self._group_by]
                labels = [titles[name] for name in names[1:]]
                self._groups.add(str(line.get(names[0]) or ""), currency, (1, price), labels)
        elif self._group_by == "status" or (self._group_by and part == SALES):
            self._groups.add(self._get_group_key(order, created, status), currency, sums[:3])

    def _get_group_key(self, order: Json, created: int, status: str) -> str:
        match self._group_by:
            case "day":
                return format_day(created, self._request.zone)
            case "week":
                return format_week(created, self._request.zone)
            case "warehouse":
                return str(order.get("warehouse_id") or "")
            case _:
                return status

    def to_result(self, *, complete: bool) -> Json:
        told: Json = {"orders": self._count, SALES: self._format_sales()}
        for name in UNSOLD_STATUSES.values():
            part = self._totals.sum_by_currency(name)
            told[name] = {
                c: {n: format_number(sums[n]) for n in ("orders", "units", "total")} for c, sums in part.items()
            }
        if self._position.time is not None:
            told["summed_until"] = self._request.format_time(self._position.time)
        if self._group_by:
            told["groups"] = self._groups.to_json(LAYOUTS[self._group_by])
        if self._without_amount:
            told["without_amount"] = self._without_amount
        lacking = (self._expected or 0) - self._count
        if complete and lacking > 0:
            told["lacking"] = lacking  # the platform counts more than it gave: no sum may hide that
        more = {None: "", "status": BY_STATUS_NOTE}.get(
            self._group_by, BY_LINE_NOTE if self._group_by in LINE_COLUMNS else BY_ORDER_NOTE
        )
        lacks = LACKING_NOTE if "lacking" in told else ""
        return told | {"note": " ".join(filter(None, (lacks, NOTE, more)))}

    def _format_sales(self) -> Json:
        told: Json = {}
        for currency, sums in self._totals.sum_by_currency(SALES).items():
            shown = {
                name: format_number(number) for name, number in sums.items() if name != "cancelled_units" or number
            }
            told[currency] = shown | {"average_order": format_average(Decimal(sums["total"]), int(sums["orders"]))}
        return told

    def to_state(self) -> Json:
        sums: Json = {"totals": self._totals.to_state(), "groups": self._groups.to_state()}
        return sums | {
            "position": self._position.to_state(),
            "count": self._count,
            "without": self._without_amount,
            "expected": self._expected,
        }


ORDERS = SummaryDefinition("summarize_orders", OrderSummary, (ORDERS_OPERATION,))
