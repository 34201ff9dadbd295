"""What the platform tells of money, as values: statements, their transactions, payments, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.tools.payouts.amounts import Amounts, parse_amounts

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
            read_timestamp(row, "statement_time"),
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
            read_timestamp(row, "create_time"),
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
            read_timestamp(row, "order_delivery_time") or read_timestamp(row, "order_create_time"),
            parse_amounts(row, {"settlement": "est_settlement_amount"}),
        )


def read_text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != 0 else ""


def read_timestamp(row: Mapping[str, Any], name: str) -> int:
    value = read_text(row, name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < len(str(10**11)) else 0
