"""Sums what was settled in a period: statements as the platform cut them, and what their fees were for."""

from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_values import SkippedValues, read_text
from mcp_server_tiktok_shop.money import ZERO, is_missing, parse_amount, parse_amounts, sum_amounts
from mcp_server_tiktok_shop.platform.paging import is_invalid_page_token
from mcp_server_tiktok_shop.tools.summaries.course import ProgressStep, SummaryDefinition
from mcp_server_tiktok_shop.tools.summaries.position import MAX_PAGE_SIZE, Position
from mcp_server_tiktok_shop.tools.summaries.totals import (
    TableLayout,
    TotalsTable,
    format_day,
    format_number,
    format_week,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.summaries.course import ShopPaginator, SummaryRequest

STATEMENTS_OPERATION = "get_statements"
TRANSACTIONS_OPERATION = "get_transactions_by_statement"
AMOUNT_FIELDS = {
    "settlement": "settlement_amount",
    "revenue": "revenue_amount",
    "shipping": "shipping_cost_amount",
    "fees": "fee_amount",
    "adjustments": "adjustment_amount",
}
MEASURES = ("statements", *AMOUNT_FIELDS)
FEE_TYPE = "fee_type"
NOT_ITEMISED = "not itemised"
UNREADABLE_NOTE = "unreadable_amounts are no numbers, and in no sum."
WITHOUT_AMOUNT_NOTE = "without_amount statements tell no settlement."
NOTE = "By statement_time: statements are cut at 00:00 UTC for the day before. What the platform keeps is negative."
LAYOUTS = {
    "day": TableLayout(("day",), "by name"),
    "week": TableLayout(("week",), "by name"),
    "status": TableLayout(("status",)),
    FEE_TYPE: TableLayout((FEE_TYPE,), "smallest first"),
}


class FinanceSummary:
    def __init__(self, terms: SummaryRequest, state: Json | None) -> None:
        state = state or {}
        self._request = terms
        self._group_by = terms.values.get("group_by")
        self._position = Position(state.get("position"))
        self._count: int = state.get("count", 0)
        self._transactions: int = state.get("transactions", 0)
        self._without_amount: int = state.get("without", 0)
        self._unreadable_amounts: int = state.get("unreadable", 0)
        self._skipped = SkippedValues(state.get("skipped", {}))
        self._parts = TotalsTable(MEASURES, state.get("parts"))
        self._groups = TotalsTable(("amount",) if self._group_by == FEE_TYPE else MEASURES, state.get("groups"))
        # A statement whose transactions are read in part: its id, the token that leads on, and its fees so far.
        self._open: Json | None = state.get("open")

    @property
    def has_rows(self) -> bool:
        return self._count > 0 or self._open is not None

    async def iter_steps(self, walk: ShopPaginator) -> AsyncGenerator[ProgressStep, None]:
        async with aclosing(
            self._position.iter_pages(walk, STATEMENTS_OPERATION, "statement_time", self._request)
        ) as pages:
            async for page in pages:
                self._skipped.add("statements", page.skipped)
                for statement in page.rows:
                    if not read_text(statement, "id"):
                        self._skipped.add("statements")  # it could come again, and nobody would know it
                        continue
                    if self._group_by == FEE_TYPE:
                        async with aclosing(self._read_fees(walk, statement)) as steps:
                            async for step in steps:
                                yield step
                    self._add_statement(statement)
                    if self._group_by == FEE_TYPE:
                        yield self._make_step()
                self._position.finish(page, "statement_time")
                if self._group_by != FEE_TYPE:
                    yield self._make_step()

    def _make_step(self) -> ProgressStep:
        read = self._transactions + (self._open["read"] if self._open else 0)
        items = f" with {read} transactions" if read else ""
        return ProgressStep(self._count + read, None, f"{self._count} statements{items} added up")

    async def _read_fees(self, walk: ShopPaginator, statement: Json) -> AsyncGenerator[ProgressStep, None]:
        """Read the statement's transactions; a token that died in between begins this statement again."""
        statement_id = read_text(statement, "id")
        if self._open is None or self._open["id"] != statement_id:
            self._open = _new_fee_state(statement_id)
        try:
            async with aclosing(self._read_transactions(walk, self._open)) as steps:
                async for step in steps:
                    yield step
        except ShopError as error:
            if not is_invalid_page_token(error):
                raise
            self._open = _new_fee_state(statement_id)
            async with aclosing(self._read_transactions(walk, self._open)) as steps:
                async for step in steps:
                    yield step

    async def _read_transactions(self, walk: ShopPaginator, opened: Json) -> AsyncGenerator[ProgressStep, None]:
        values = {"statement_id": opened["id"], "sort_field": "order_create_time", "page_size": MAX_PAGE_SIZE}
        if opened["token"]:
            values["page_token"] = opened["token"]
        async with aclosing(walk(TRANSACTIONS_OPERATION, values, set())) as pages:
            async for page in pages:
                skipped = SkippedValues(opened["skipped"])
                skipped.add("transactions", page.skipped)
                for transaction in page.rows:
                    _add_fees(opened, transaction, skipped)
                opened["skipped"] = dict(skipped)
                opened["read"] += len(page.rows)
                opened["token"] = page.next_token
                if page.next_token is not None:  # after the last page, the statement is added up first
                    yield self._make_step()

    def _add_statement(self, statement: Json) -> None:
        currency = read_text(statement, "currency")
        status = read_text(statement, "payment_status") or "UNKNOWN"
        amounts = parse_amounts(statement, AMOUNT_FIELDS)
        # What a statement leaves out of its parts is nothing; without a settlement it says nothing at all.
        self._without_amount += amounts.get("settlement") is None and amounts.is_certain("settlement")
        self._unreadable_amounts += len(amounts.unreadable)
        sums = {name: amounts.get(name) or ZERO for name in AMOUNT_FIELDS}
        self._count += 1
        self._parts.add(status, currency, (1, *sums.values()))
        time = self._position.advance(statement, "statement_time")
        if self._group_by == FEE_TYPE and self._open is not None:
            fees = {name: Decimal(fee) for name, fee in self._open["fees"].items()}
            rest = sums["fees"] - sum_amounts(fees.values())
            for name, fee in (fees | ({NOT_ITEMISED: rest} if rest else {})).items():
                self._groups.add(name, currency, (fee,))
            self._transactions += self._open["read"]
            self._unreadable_amounts += self._open["unreadable"]
            self._skipped.update(self._open["skipped"])
            self._open = None
        elif self._group_by:
            zone = self._request.zone
            names = {"day": format_day(time, zone), "week": format_week(time, zone), "status": status}
            self._groups.add(names[self._group_by], currency, (1, *sums.values()))

    def to_result(self, *, complete: bool) -> Json:  # noqa: ARG002 - sums of a part need no other form
        told: Json = {"statements": self._count, "totals": _format_sums(self._parts, None)}
        brief = ("statements", "settlement")
        told["by_status"] = {
            status: {c: {name: sums[name] for name in brief} for c, sums in _format_sums(self._parts, status).items()}
            for status in sorted(self._parts.list_keys())
        }
        if self._position.time is not None:
            told["summed_until"] = self._request.format_time(self._position.time)
        if self._group_by == FEE_TYPE:
            told["transactions"] = self._transactions
        if self._group_by:
            told["groups"] = self._groups.to_json(LAYOUTS[self._group_by])
        if self._without_amount:
            told["without_amount"] = self._without_amount
        if self._unreadable_amounts:
            told["unreadable_amounts"] = self._unreadable_amounts
        more = (
            "Groups add up to fees."
            if self._group_by == FEE_TYPE
            else "Groups add up to totals."
            if self._group_by
            else ""
        )
        notes = (
            self._skipped.describe(),
            UNREADABLE_NOTE if self._unreadable_amounts else "",
            WITHOUT_AMOUNT_NOTE if self._without_amount else "",
            NOTE,
            more,
        )
        return told | {"note": " ".join(filter(None, notes))}

    def to_state(self) -> Json:
        told = {"position": self._position.to_state(), "count": self._count, "without": self._without_amount}
        told |= {"unreadable": self._unreadable_amounts, "skipped": dict(self._skipped)}
        told |= {"parts": self._parts.to_state(), "groups": self._groups.to_state()}
        return told | {"transactions": self._transactions, "open": self._open}


def _new_fee_state(statement_id: str) -> Json:
    return {"id": statement_id, "token": None, "read": 0, "fees": {}, "unreadable": 0, "skipped": {}}


def _format_sums(table: TotalsTable, key: str | None) -> dict[str, dict[str, Any]]:
    return {
        c: {name: format_number(number) for name, number in sums.items()}
        for c, sums in table.sum_by_currency(key).items()
    }


def _add_fees(opened: Json, transaction: Json, skipped: SkippedValues) -> None:
    """Add each fee and tax of a transaction that is not zero to those of its statement, by its name."""
    breakdown = skipped.select_object(transaction.get("fee_tax_breakdown"), "fee_tax_breakdown")
    for part in ("fee", "tax"):
        for field, value in skipped.select_object(breakdown.get(part), part).items():
            if fee := parse_amount(value):
                name = field.removesuffix("_amount")
                opened["fees"][name] = str(Decimal(opened["fees"].get(name, 0)) + fee)
            elif fee is None and not is_missing(value):
                opened["unreadable"] += 1


FINANCE = SummaryDefinition("summarize_finance", FinanceSummary, (STATEMENTS_OPERATION, TRANSACTIONS_OPERATION))
