"""What an order earns: revenue, shipping, fees and tax, line by line, so that every sum holds to the penny."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import number
from mcp_server_tiktok_shop.sandbox.money import ZERO, rounded, spread, text

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order

COMMISSION = Decimal("0.09")
TRANSACTION = Decimal("0.01")
AFFILIATE = Decimal("0.10")
# Tax that the platform charges on its fees, by market.
FEE_TAX = {"GB": Decimal("0.20"), "DE": Decimal("0.19"), "US": ZERO}
POSTAGE = Decimal("2.65")
# Every fifth order came through a creator.
AFFILIATE_EVERY = 5


@dataclass(frozen=True, slots=True)
class Earned:
    """Amounts with the platform's signs: what it keeps is negative."""

    listed: Decimal = ZERO
    seller_discount: Decimal = ZERO
    postage: Decimal = ZERO
    postage_paid_by_buyer: Decimal = ZERO
    postage_discount: Decimal = ZERO
    commission: Decimal = ZERO
    transaction: Decimal = ZERO
    affiliate: Decimal = ZERO
    fee_tax: Decimal = ZERO

    @property
    def revenue(self) -> Decimal:
        return self.listed + self.seller_discount

    @property
    def shipping(self) -> Decimal:
        return self.postage + self.postage_paid_by_buyer + self.postage_discount

    @property
    def fees(self) -> Decimal:
        return self.commission + self.transaction + self.affiliate + self.fee_tax

    @property
    def settlement(self) -> Decimal:
        return self.revenue + self.shipping + self.fees

    def __add__(self, other: Earned) -> Earned:
        return Earned(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def by_line(order: Order, region: str) -> list[tuple[Line, Earned]]:
    count = len(order.lines)
    by_platform = order.shipping_type == "TIKTOK"
    postage = spread(-POSTAGE if by_platform else ZERO, count)
    paid = spread(order.paid_by_buyer_for_shipping, count)
    # What the platform gave the buyer on shipping it gives back to the seller.
    given_back = spread(order.shipping_platform_discount, count)
    creator = AFFILIATE if number("creator", order.id) % AFFILIATE_EVERY == 0 else ZERO
    earned = []
    for line, sent, received, returned in zip(order.lines, postage, paid, given_back, strict=True):
        revenue = line.original_price - line.seller_discount
        commission, transaction = rounded(revenue * COMMISSION), rounded(revenue * TRANSACTION)
        affiliate = rounded(revenue * creator)
        tax = rounded((commission + transaction) * FEE_TAX[region])
        earned.append(
            (
                line,
                Earned(
                    line.original_price,
                    -line.seller_discount,
                    sent,
                    received,
                    returned,
                    -commission,
                    -transaction,
                    -affiliate,
                    -tax,
                ),
            )
        )
    return earned


def of_order(order: Order, region: str) -> Earned:
    lines = by_line(order, region)
    total = lines[0][1]
    for _, earned in lines[1:]:
        total += earned
    return total


def breakdown(earned: Earned) -> Json:
    """The three breakdowns as the transactions show them."""
    return {
        "revenue_breakdown": {
            "subtotal_before_discount_amount": text(earned.listed),
            "seller_discount_amount": text(earned.seller_discount),
            "refund_subtotal_before_discount_amount": "0.00",
            "seller_discount_refund_amount": "0.00",
        },
        "shipping_cost_breakdown": {
            "actual_shipping_fee_amount": text(earned.postage),
            "customer_paid_shipping_fee_amount": text(earned.postage_paid_by_buyer),
            "shipping_fee_discount_amount": text(earned.postage_discount),
            "return_shipping_fee_amount": "0.00",
        },
        "fee_tax_breakdown": {
            "fee": {
                "platform_commission_amount": text(earned.commission),
                "transaction_fee_amount": text(earned.transaction),
                "affiliate_commission_amount": text(earned.affiliate),
            },
            "tax": {"vat_amount": text(earned.fee_tax)},
        },
    }
