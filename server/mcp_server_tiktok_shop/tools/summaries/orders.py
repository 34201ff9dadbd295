"""Sums the orders of a period: what was sold, and apart from it what was not paid and what was cancelled."""

from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.tools.summaries.course import Kind, Step
from mcp_server_tiktok_shop.tools.summaries.position import Position
from mcp_server_tiktok_shop.tools.summaries.totals import (
    NOTHING,
    Look,
    Number,
    Table,
    amount,
    average,
    cut,
    day,
    text,
    week,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.summaries.course import Terms, Walk

OPERATION = "get_order_list"
SALES = "sales"
APART = {"UNPAID": "unpaid", "CANCELLED": "cancelled"}
GONE = "CANCELLED"
NOTE = (
    "Sales are payment.total_amount of the orders created in the period, ON_HOLD included; later refunds are not "
    "taken off."
)
LACKING = "The platform counts more orders than it gave: so many are lacking in these sums."
BY_ORDER = "Groups add up to sales."
BY_STATUS = "Groups add up to sales, unpaid and cancelled."
BY_LINE = (
    "Groups add up to line_total: sale_price of the lines, without shipping and tax. What sold nothing is not listed."
)
LINE = {"product": ("product_id", "product"), "sku": ("sku_id", "seller_sku", "product")}
LOOKS = {
    "day": Look(("day",), "by name"),
    "week": Look(("week",), "by name"),
    "status": Look(("status",)),
    "warehouse": Look(("warehouse_id",), by=2),
    "product": Look(LINE["product"], by=1),
    "sku": Look(LINE["sku"], by=1),
}


class Orders:
    def __init__(self, terms: Terms, state: Json | None) -> None:
        state = state or {}
        self._terms = terms
        self._by = terms.asked.get("group_by")
        self._position = Position(state.get("position"))
        self._count: int = state.get("count", 0)
        self._without: int = state.get("without", 0)
        self._expected: int | None = state.get("expected")
        totals = ("orders", "units", "total", "line_total", "cancelled_units")
        self._totals = Table(totals, state.get("totals"))
        measures = ("units", "line_total") if self._by in LINE else ("orders", "units", "total")
        self._groups = Table(measures, state.get("groups"))

    @property
    def begun(self) -> bool:
        return self._count > 0

    async def steps(self, walk: Walk) -> AsyncGenerator[Step, None]:
        before = self._count - len(self._position.ids)  # those of the last second come again
        async with aclosing(self._position.pages(walk, OPERATION, "create_time", self._terms)) as pages:
            async for page in pages:
                for order in page.rows:
                    self._add(order)
                if self._expected is None and isinstance(count := page.data.get("total_count"), int):
                    self._expected = before + count
                yield Step(self._count, self._expected, f"{self._count} orders added up")

    def _add(self, order: Json) -> None:
        status = str(order.get("status") or "")
        part = APART.get(status, SALES)
        payment = order.get("payment") or {}
        currency = str(payment.get("currency") or "")
        total = amount(payment.get("total_amount"))
        lines = order.get("line_items") or []
        kept = lines if part != SALES else [line for line in lines if line.get("display_status") != GONE]
        prices = [amount(line.get("sale_price")) for line in kept]
        worth = [price or NOTHING for price in prices]
        self._count += 1
        self._without += total is None or None in prices
        total = NOTHING if total is None else total
        sums: tuple[Number, ...] = (1, len(kept), total, sum(worth, NOTHING), len(lines) - len(kept))
        self._totals.add(part, currency, sums)
        created = self._position.passed(order, "create_time")
        if self._by in LINE:
            for line, price in zip(kept if part == SALES else [], worth, strict=False):
                titles = {"product": cut(line.get("product_name")), "seller_sku": str(line.get("seller_sku") or "")}
                names = LINE[self._by]
                labels = [titles[name] for name in names[1:]]
                self._groups.add(str(line.get(names[0]) or ""), currency, (1, price), labels)
        elif self._by == "status" or (self._by and part == SALES):
            self._groups.add(self._group(order, created, status), currency, sums[:3])

    def _group(self, order: Json, created: int, status: str) -> str:
        match self._by:
            case "day":
                return day(created, self._terms.zone)
            case "week":
                return week(created, self._terms.zone)
            case "warehouse":
                return str(order.get("warehouse_id") or "")
            case _:
                return status

    def shown(self, *, complete: bool) -> Json:
        told: Json = {"orders": self._count, SALES: self._sales()}
        for name in APART.values():
            part = self._totals.of(name)
            told[name] = {c: {n: text(sums[n]) for n in ("orders", "units", "total")} for c, sums in part.items()}
        if self._position.time is not None:
            told["summed_until"] = self._terms.moment(self._position.time)
        if self._by:
            told["groups"] = self._groups.shown(LOOKS[self._by])
        if self._without:
            told["without_amount"] = self._without
        lacking = (self._expected or 0) - self._count
        if complete and lacking > 0:
            told["lacking"] = lacking  # the platform counts more than it gave: no sum may hide that
        more = {None: "", "status": BY_STATUS}.get(self._by, BY_LINE if self._by in LINE else BY_ORDER)
        lacks = LACKING if "lacking" in told else ""
        return told | {"note": " ".join(filter(None, (lacks, NOTE, more)))}

    def _sales(self) -> Json:
        told: Json = {}
        for currency, sums in self._totals.of(SALES).items():
            shown = {name: text(number) for name, number in sums.items() if name != "cancelled_units" or number}
            told[currency] = shown | {"average_order": average(Decimal(sums["total"]), int(sums["orders"]))}
        return told

    def state(self) -> Json:
        sums: Json = {"totals": self._totals.state(), "groups": self._groups.state()}
        return sums | {
            "position": self._position.state(),
            "count": self._count,
            "without": self._without,
            "expected": self._expected,
        }


ORDERS = Kind("summarize_orders", Orders, (OPERATION,))
