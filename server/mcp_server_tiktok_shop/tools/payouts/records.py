"""What the platform tells of money, as values: statements, their transactions, payments, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.json_values import parse_time, read_text
from mcp_server_tiktok_shop.money import Amounts, parse_amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json

RESERVE_TYPE = "RESERVE"
PARTS = ("revenue", "shipping", "fees", "adjustments")
STATEMENT_FIELDS = {
    "settlement": "settlement_amount",
    "revenue": "revenue_amount",
    "net_sales": "net_sales_amount",
    "shipping": "shipping_cost_amount",
    "fees": "fee_amount",
    "adjustments": "adjustment_amount",
}
TRANSACTION_FIELDS = {
    "settlement": "settlement_amount",
    "revenue": "revenue_amount",
    "shipping": "shipping_cost_amount",
    "fees": "fee_tax_amount",
    "adjustments": "adjustment_amount",
    "reserve": "reserve_amount",
}
TRANSACTION_TOTAL_FIELDS = {
    "settlement": "total_settlement_amount",
    "reserve": "total_reserve_amount",
    "payable": "payable_amount",
}
PAYMENT_FIELDS = {
    "settlement": "settlement_amount",
    "reserve": "reserve_amount",
    "before": "payment_amount_before_exchange",
    "amount": "amount",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One day's settlement. `time` is Unix seconds, 0 where it is not told."""

    id: str
    time: int
    currency: str
    status: str
    payment_id: str
    amounts: Amounts

    @classmethod
    def from_row(cls, row: Json) -> Statement:
        return cls(
            read_text(row, "id"),
            parse_time(row.get("statement_time")) or 0,
            read_text(row, "currency"),
            read_text(row, "payment_status"),
            read_text(row, "payment_id"),
            parse_amounts(row, STATEMENT_FIELDS),
        )


@dataclass(frozen=True, slots=True)
class Transaction:
    """One row of a statement. `subject` is what it settles: an order, an adjustment or a reserve."""

    id: str
    type: str
    order_id: str
    subject: str
    amounts: Amounts

    @classmethod
    def from_row(cls, row: Json) -> Transaction:
        order = read_text(row, "order_id")
        reserve = "/".join(filter(None, (read_text(row, "reserve_id"), read_text(row, "reserve_status"))))
        related = order or read_text(row, "adjustment_order_id") or read_text(row, "associated_order_id")
        subject = order or read_text(row, "adjustment_id") or reserve
        return cls(
            read_text(row, "id"), read_text(row, "type"), related, subject, parse_amounts(row, TRANSACTION_FIELDS)
        )

    @property
    def is_reserve(self) -> bool:
        """Money held back or given back: it changes what is paid out, not what is settled."""
        return self.type == RESERVE_TYPE


@dataclass(frozen=True, slots=True)
class StatementTransactions:
    """A statement's transactions, and what the platform tells of them in all."""

    statement_id: str
    transactions: tuple[Transaction, ...]
    count: int | None
    currency: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Payment:
    """One payout. All amounts but `amount` are from before the exchange; `currencies` are theirs by name."""

    id: str
    status: str
    created_at: int
    currencies: Mapping[str, str]
    amounts: Amounts

    @classmethod
    def from_row(cls, row: Json) -> Payment:
        money = {name: row[place] for name, place in PAYMENT_FIELDS.items() if isinstance(row.get(place), dict)}
        values = {name: told.get("value") for name, told in money.items()} | {"rate": row.get("exchange_rate")}
        return cls(
            read_text(row, "id"),
            read_text(row, "status"),
            parse_time(row.get("create_time")) or 0,
            {name: read_text(told, "currency") for name, told in money.items()},
            parse_amounts(values, {name: name for name in values}),
        )


@dataclass(frozen=True, slots=True)
class UnsettledTransaction:
    """Money that no statement holds yet, as the platform estimates it."""

    id: str
    order_id: str
    currency: str
    reason: str
    since: int
    amounts: Amounts

    @classmethod
    def from_row(cls, row: Json) -> UnsettledTransaction:
        return cls(
            read_text(row, "id"),
            read_text(row, "order_id") or read_text(row, "adjustment_order_id"),
            read_text(row, "currency"),
            read_text(row, "unsettled_reason"),
            parse_time(row.get("order_delivery_time")) or parse_time(row.get("order_create_time")) or 0,
            parse_amounts(row, {"settlement": "est_settlement_amount"}),
        )
