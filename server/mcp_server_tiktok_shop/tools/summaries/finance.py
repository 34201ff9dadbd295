"""Sums what was settled in a period: statements as the platform cut them, and what their fees were for."""

from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.paging import token_refused
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.summaries.course import Kind, Step
from mcp_server_tiktok_shop.tools.summaries.position import LARGEST, Position
from mcp_server_tiktok_shop.tools.summaries.totals import NOTHING, Look, Table, amount, day, text, week

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.summaries.course import Terms, Walk

STATEMENTS = "get_statements"
TRANSACTIONS = "get_transactions_by_statement"
FIELDS = {
    "settlement": "settlement_amount",
    "revenue": "revenue_amount",
    "shipping": "shipping_cost_amount",
    "fees": "fee_amount",
    "adjustments": "adjustment_amount",
}
MEASURES = ("statements", *FIELDS)
FEE_TYPE = "fee_type"
NOT_ITEMISED = "not itemised"
NOTE = "By statement_time: statements are cut at 00:00 UTC for the day before. What the platform keeps is negative."
LOOKS = {
    "day": Look(("day",), "by name"),
    "week": Look(("week",), "by name"),
    "status": Look(("status",)),
    FEE_TYPE: Look((FEE_TYPE,), "smallest first"),
}


class Finance:
    def __init__(self, terms: Terms, state: Json | None) -> None:
        state = state or {}
        self._terms = terms
        self._by = terms.asked.get("group_by")
        self._position = Position(state.get("position"))
        self._count: int = state.get("count", 0)
        self._transactions: int = state.get("transactions", 0)
        self._without: int = state.get("without", 0)
        self._parts = Table(MEASURES, state.get("parts"))
        self._groups = Table(("amount",) if self._by == FEE_TYPE else MEASURES, state.get("groups"))
        # A statement whose transactions are read in part: its id, the token that leads on, and its fees so far.
        self._open: Json | None = state.get("open")

    @property
    def begun(self) -> bool:
        return self._count > 0 or self._open is not None

    async def steps(self, walk: Walk) -> AsyncGenerator[Step, None]:
        async with aclosing(self._position.pages(walk, STATEMENTS, "statement_time", self._terms)) as pages:
            async for page in pages:
                for statement in page.rows:
                    if self._by == FEE_TYPE:
                        async with aclosing(self._itemised(walk, statement)) as steps:
                            async for step in steps:
                                yield step
                    self._add(statement)
                    if self._by == FEE_TYPE:
                        yield self._step()
                if self._by != FEE_TYPE:
                    yield self._step()

    def _step(self) -> Step:
        read = self._transactions + (self._open["read"] if self._open else 0)
        items = f" with {read} transactions" if read else ""
        return Step(self._count + read, None, f"{self._count} statements{items} added up")

    async def _itemised(self, walk: Walk, statement: Json) -> AsyncGenerator[Step, None]:
        """Read the statement's transactions; a token that died in between begins this statement again."""
        statement_id = str(statement["id"])
        if self._open is None or self._open["id"] != statement_id:
            self._open = _unread(statement_id)
        try:
            async with aclosing(self._read(walk, self._open)) as steps:
                async for step in steps:
                    yield step
        except ShopError as error:
            if not token_refused(error):
                raise
            self._open = _unread(statement_id)
            async with aclosing(self._read(walk, self._open)) as steps:
                async for step in steps:
                    yield step

    async def _read(self, walk: Walk, opened: Json) -> AsyncGenerator[Step, None]:
        values = {"statement_id": opened["id"], "sort_field": "order_create_time", "page_size": LARGEST}
        if opened["token"]:
            values["page_token"] = opened["token"]
        async with aclosing(walk(TRANSACTIONS, values, set())) as pages:
            async for page in pages:
                for transaction in page.rows:
                    for name, fee in _fees(transaction.get("fee_tax_breakdown")):
                        opened["fees"][name] = str(Decimal(opened["fees"].get(name, 0)) + fee)
                opened["read"] += len(page.rows)
                opened["token"] = page.next_token
                if page.next_token is not None:  # after the last page, the statement is added up first
                    yield self._step()

    def _add(self, statement: Json) -> None:
        currency = str(statement.get("currency") or "")
        status = str(statement.get("payment_status") or "UNKNOWN")
        read = {name: amount(statement.get(field)) for name, field in FIELDS.items()}
        self._without += None in read.values()
        sums = {name: NOTHING if value is None else value for name, value in read.items()}
        self._count += 1
        self._parts.add(status, currency, (1, *sums.values()))
        time = self._position.passed(statement, "statement_time")
        if self._by == FEE_TYPE and self._open is not None:
            fees = {name: Decimal(fee) for name, fee in self._open["fees"].items()}
            rest = sums["fees"] - sum(fees.values(), NOTHING)
            for name, fee in (fees | ({NOT_ITEMISED: rest} if rest else {})).items():
                self._groups.add(name, currency, (fee,))
            self._transactions += self._open["read"]
            self._open = None
        elif self._by:
            zone = self._terms.zone
            names = {"day": day(time, zone), "week": week(time, zone), "status": status}
            self._groups.add(names[self._by], currency, (1, *sums.values()))

    def shown(self, *, complete: bool) -> Json:  # noqa: ARG002 - sums of a part need no other form
        told: Json = {"statements": self._count, "totals": _texts(self._parts, None)}
        brief = ("statements", "settlement")
        told["by_status"] = {
            status: {c: {name: sums[name] for name in brief} for c, sums in _texts(self._parts, status).items()}
            for status in sorted(self._parts.keys())
        }
        if self._position.time is not None:
            told["summed_until"] = self._terms.moment(self._position.time)
        if self._by == FEE_TYPE:
            told["transactions"] = self._transactions
        if self._by:
            told["groups"] = self._groups.shown(LOOKS[self._by])
        if self._without:
            told["without_amount"] = self._without
        more = "Groups add up to fees." if self._by == FEE_TYPE else "Groups add up to totals." if self._by else ""
        return told | {"note": f"{NOTE} {more}".strip()}

    def state(self) -> Json:
        told = {"position": self._position.state(), "count": self._count, "without": self._without}
        told |= {"parts": self._parts.state(), "groups": self._groups.state()}
        return told | {"transactions": self._transactions, "open": self._open}


def _unread(statement_id: str) -> Json:
    return {"id": statement_id, "token": None, "read": 0, "fees": {}}


def _texts(table: Table, key: str | None) -> dict[str, dict[str, Any]]:
    return {c: {name: text(number) for name, number in sums.items()} for c, sums in table.of(key).items()}


def _fees(breakdown: Any) -> Iterator[tuple[str, Decimal]]:
    """Each fee and tax of a transaction that is not zero, by its name."""
    for part in ("fee", "tax"):
        for name, value in ((breakdown or {}).get(part) or {}).items():
            if fee := amount(value):
                yield name.removesuffix("_amount"), fee


FINANCE = Kind("summarize_finance", Finance, (STATEMENTS, TRANSACTIONS))
