"""What buyers get back: each line's price and its share of the tax, and the postage with the last of them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount, round_amount, split_amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order

# What the seller pays for a parcel that comes back.
RETURN_POSTAGE_AMOUNT = Decimal("2.65")


@dataclass(frozen=True, slots=True)
class Refund:
    subtotal: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.shipping + self.tax

    def __add__(self, other: Refund) -> Refund:
        return Refund(self.subtotal + other.subtotal, self.shipping + other.shipping, self.tax + other.tax)

    def to_json(self, currency: str) -> Json:
        return {
            "currency": currency,
            "refund_total": format_amount(self.total),
            "refund_subtotal": format_amount(self.subtotal),
            "refund_shipping_fee": format_amount(self.shipping),
            "refund_tax": format_amount(self.tax),
            "retail_delivery_fee": "0.00",
        }


def sum_refunds(refunds: Iterable[Refund]) -> Refund:
    return sum(refunds, Refund())


def refund_lines(order: Order, lines: Sequence[Line]) -> list[Refund]:
    """All that can be given back, line by line: postage only where nothing of the order is left."""
    taxes = dict(zip(order.lines, split_amount(order.tax, len(order.lines)), strict=True))
    remaining_lines = [line for line in order.lines if line not in lines and not line.cancel_time]
    postage = split_amount(ZERO if remaining_lines else order.paid_by_buyer_for_shipping, len(lines))
    return [Refund(line.sale_price, shipping, taxes[line]) for line, shipping in zip(lines, postage, strict=True)]


def split_refund(amount: Decimal, lines: Sequence[Line]) -> list[Refund]:
    """An amount agreed on, in equal parts."""
    return [Refund(part) for part in split_amount(round_amount(amount), len(lines))]
