"""What the platform tells of money, as values: statements, their transactions, payments, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.tools.payouts.amounts import Amounts, amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.catalog.operation import Json

RESERVE = "RESERVE"
PARTS = ("revenue", "shipping", "fees", "adjustments")
STATEMENT = {
    "settlement": "settlement_amount",
    "revenue": "revenue_amount",
    "net_sales": "net_sales_amount",
    "shipping": "shipping_cost_amount",
    "fees": "fee_amount",
    "adjustments": "adjustment_amount",
}
TRANSACTION = {
    "settlement": "settlement_amount",
    "revenue": "revenue_amount",
    "shipping": "shipping_cost_amount",
    "fees": "fee_tax_amount",
    "adjustments": "adjustment_amount",
    "reserve": "reserve_amount",
}
CONTENTS = {"settlement": "total_settlement_amount", "reserve": "total_reserve_amount", "payable": "payable_amount"}
PAYMENT = {
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
    def of(cls, row: Json) -> Statement:
        return cls(
            text(row, "id"),
            seconds(row, "statement_time"),
            text(row, "currency"),
            text(row, "payment_status"),
            text(row, "payment_id"),
            amounts(row, STATEMENT),
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
    def of(cls, row: Json) -> Transaction:
        order = text(row, "order_id")
        reserve = "/".join(filter(None, (text(row, "reserve_id"), text(row, "reserve_status"))))
        related = order or text(row, "adjustment_order_id") or text(row, "associated_order_id")
        subject = order or text(row, "adjustment_id") or reserve
        return cls(text(row, "id"), text(row, "type"), related, subject, amounts(row, TRANSACTION))

    @property
    def is_reserve(self) -> bool:
        """Money held back or given back: it changes what is paid out, not what is settled."""
        return self.type == RESERVE


@dataclass(frozen=True, slots=True)
class Contents:
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
    created: int
    currencies: Mapping[str, str]
    amounts: Amounts

    @classmethod
    def of(cls, row: Json) -> Payment:
        money = {name: row[place] for name, place in PAYMENT.items() if isinstance(row.get(place), dict)}
        values = {name: told.get("value") for name, told in money.items()} | {"rate": row.get("exchange_rate")}
        return cls(
            text(row, "id"),
            text(row, "status"),
            seconds(row, "create_time"),
            {name: text(told, "currency") for name, told in money.items()},
            amounts(values, {name: name for name in values}),
        )


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Money that no statement holds yet, as the platform estimates it."""

    id: str
    order_id: str
    currency: str
    reason: str
    since: int
    amounts: Amounts

    @classmethod
    def of(cls, row: Json) -> Unsettled:
        return cls(
            text(row, "id"),
            text(row, "order_id") or text(row, "adjustment_order_id"),
            text(row, "currency"),
            text(row, "unsettled_reason"),
            seconds(row, "order_delivery_time") or seconds(row, "order_create_time"),
            amounts(row, {"settlement": "est_settlement_amount"}),
        )


def text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != 0 else ""


def seconds(row: Mapping[str, Any], name: str) -> int:
    value = text(row, name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < len(str(10**11)) else 0
