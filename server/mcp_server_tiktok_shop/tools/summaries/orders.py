"""Sums the orders of a period: what was sold, and apart from it what was not paid and what was cancelled."""

from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.json_values import SkippedValues, parse_count, read_text
from mcp_server_tiktok_shop.money import ZERO, is_missing, parse_amount
from mcp_server_tiktok_shop.tools.summaries.course import ProgressStep, SummaryDefinition
from mcp_server_tiktok_shop.tools.summaries.position import Position
from mcp_server_tiktok_shop.tools.summaries.totals import (
    Number,
    TableLayout,
    TotalsTable,
    format_average,
    format_day,
    format_number,
    format_week,
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
UNREADABLE_NOTE = (
    "unreadable_amounts orders have an amount that is no number: it is in no sum, and the order in no average."
)
WITHOUT_AMOUNT_NOTE = "without_amount orders came without an amount."
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
        self._unreadable_amounts: int = state.get("unreadable", 0)
        self._skipped = SkippedValues(state.get("skipped", {}))
        self._expected: int | None = state.get("expected")
        # `totals_read` counts the orders that an average is made of: those whose total can be read.
        totals = ("orders", "units", "total", "line_total", "cancelled_units", "totals_read")
        self._totals = TotalsTable(totals, state.get("totals"))
        measures = ("units", "line_total") if self._group_by in LINE_COLUMNS else ("orders", "units", "total")
        self._groups = TotalsTable(measures, state.get("groups"))

    @property
    def has_rows(self) -> bool:
        return self._count > 0

    async def iter_steps(self, walk: ShopPaginator) -> AsyncGenerator[ProgressStep, None]:
        is_first = not self.has_rows
        async with aclosing(self._position.iter_pages(walk, ORDERS_OPERATION, "create_time", self._request)) as pages:
            async for page in pages:
                self._skipped.add("orders", page.skipped)
                for order in page.rows:
                    self._add_order(order)
                self._position.finish(page, "create_time")
                if is_first and self._expected is None:
                    self._expected = parse_count(page.data.get("total_count"))
                yield ProgressStep(self._count, self._expected, f"{self._count} orders added up")

    def _add_order(self, order: Json) -> None:
        if not read_text(order, "id"):
            self._skipped.add("orders")  # it could come again, and nobody would know it
            return
        status = read_text(order, "status")
        part = UNSOLD_STATUSES.get(status, SALES)
        payment = self._skipped.select_object(order.get("payment"), "payment")
        currency = read_text(payment, "currency")
        lines = self._skipped.select_objects(order.get("line_items"), "line_items")
        kept = lines if part != SALES else [line for line in lines if line.get("display_status") != CANCELLED]
        given = [payment.get("total_amount"), *(line.get("sale_price") for line in kept)]
        total, *prices = amounts = [parse_amount(value) for value in given]
        missing = [is_missing(value) for value in given]
        worth = [price or ZERO for price in prices]
        self._count += 1
        self._without_amount += any(missing)
        self._unreadable_amounts += any(
            amount is None and not is_absent for amount, is_absent in zip(amounts, missing, strict=True)
        )
        sums: tuple[Number, ...] = (1, len(kept), total or ZERO, sum(worth, ZERO), len(lines) - len(kept))
        self._totals.add(part, currency, (*sums, int(total is not None)))
        created = self._position.advance(order, "create_time")
        if self._group_by in LINE_COLUMNS:
            for line, price in zip(kept if part == SALES else [], worth, strict=False):
                titles = {
                    "product": shorten_title(read_text(line, "product_name")),
                    "seller_sku": read_text(line, "seller_sku"),
                }
                names = LINE_COLUMNS[self._group_by]
                labels = [titles[name] for name in names[1:]]
                self._groups.add(read_text(line, names[0]), currency, (1, price), labels)
        elif self._group_by == "status" or (self._group_by and part == SALES):
            self._groups.add(self._get_group_key(order, created, status), currency, sums[:3])

    def _get_group_key(self, order: Json, created: int | None, status: str) -> str:
        match self._group_by:
            case "day":
                return format_day(created, self._request.zone)
            case "week":
                return format_week(created, self._request.zone)
            case "warehouse":
                return read_text(order, "warehouse_id")
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
        if self._unreadable_amounts:
            told["unreadable_amounts"] = self._unreadable_amounts
        lacking = (self._expected or 0) - self._count - self._skipped["orders"]
        if complete and lacking > 0:
            told["lacking"] = lacking  # the platform counts more than it gave: no sum may hide that
        more = {None: "", "status": BY_STATUS_NOTE}.get(
            self._group_by, BY_LINE_NOTE if self._group_by in LINE_COLUMNS else BY_ORDER_NOTE
        )
        notes = (
            LACKING_NOTE if "lacking" in told else "",
            self._skipped.describe(),
            UNREADABLE_NOTE if self._unreadable_amounts else "",
            WITHOUT_AMOUNT_NOTE if self._without_amount else "",
            NOTE,
            more,
        )
        return told | {"note": " ".join(filter(None, notes))}

    def _format_sales(self) -> Json:
        told: Json = {}
        for currency, sums in self._totals.sum_by_currency(SALES).items():
            count = int(sums.pop("totals_read"))
            told[currency] = {
                name: format_number(number) for name, number in sums.items() if name != "cancelled_units" or number
            }
            if count:
                told[currency]["average_order"] = format_average(Decimal(sums["total"]), count)
        return told

    def to_state(self) -> Json:
        sums: Json = {"totals": self._totals.to_state(), "groups": self._groups.to_state()}
        return sums | {
            "position": self._position.to_state(),
            "count": self._count,
            "without": self._without_amount,
            "unreadable": self._unreadable_amounts,
            "skipped": dict(self._skipped),
            "expected": self._expected,
        }


ORDERS = SummaryDefinition("summarize_orders", OrderSummary, (ORDERS_OPERATION,))
