"""What an order earns: revenue, shipping, fees and tax, line by line, so that every sum holds to the penny."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.ids import draw_number
from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount, round_amount, split_amount

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order

COMMISSION_RATE = Decimal("0.09")
TRANSACTION_FEE_RATE = Decimal("0.01")
AFFILIATE_RATE = Decimal("0.10")
# Tax that the platform charges on its fees, by market.
FEE_TAX_RATES = {"GB": Decimal("0.20"), "DE": Decimal("0.19"), "US": ZERO}
POSTAGE_AMOUNT = Decimal("2.65")
# Every fifth order came through a creator.
AFFILIATE_EVERY_ORDERS = 5


@dataclass(frozen=True, slots=True)
class Earnings:
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

    def __add__(self, other: Earnings) -> Earnings:
        return Earnings(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def settle_lines(order: Order, region: str) -> list[tuple[Line, Earnings]]:
    count = len(order.lines)
    by_platform = order.shipping_type == "TIKTOK"
    postage = split_amount(-POSTAGE_AMOUNT if by_platform else ZERO, count)
    paid = split_amount(order.paid_by_buyer_for_shipping, count)
    # What the platform gave the buyer on shipping it gives back to the seller.
    given_back = split_amount(order.shipping_platform_discount, count)
    affiliate_rate = AFFILIATE_RATE if draw_number("creator", order.id) % AFFILIATE_EVERY_ORDERS == 0 else ZERO
    earnings = []
    for line, sent, received, returned in zip(order.lines, postage, paid, given_back, strict=True):
        revenue = line.original_price - line.seller_discount
        commission, transaction = round_amount(revenue * COMMISSION_RATE), round_amount(revenue * TRANSACTION_FEE_RATE)
        affiliate = round_amount(revenue * affiliate_rate)
        tax = round_amount((commission + transaction) * FEE_TAX_RATES[region])
        earnings.append(
            (
                line,
                Earnings(
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
    return earnings


def settle_order(order: Order, region: str) -> Earnings:
    lines = settle_lines(order, region)
    total = lines[0][1]
    for _, earnings in lines[1:]:
        total += earnings
    return total


def render_breakdown(earnings: Earnings) -> Json:
    """The three breakdowns as the transactions show them."""
    return {
        "revenue_breakdown": {
            "subtotal_before_discount_amount": format_amount(earnings.listed),
            "seller_discount_amount": format_amount(earnings.seller_discount),
            "refund_subtotal_before_discount_amount": "0.00",
            "seller_discount_refund_amount": "0.00",
        },
        "shipping_cost_breakdown": {
            "actual_shipping_fee_amount": format_amount(earnings.postage),
            "customer_paid_shipping_fee_amount": format_amount(earnings.postage_paid_by_buyer),
            "shipping_fee_discount_amount": format_amount(earnings.postage_discount),
            "return_shipping_fee_amount": "0.00",
        },
        "fee_tax_breakdown": {
            "fee": {
                "platform_commission_amount": format_amount(earnings.commission),
                "transaction_fee_amount": format_amount(earnings.transaction),
                "affiliate_commission_amount": format_amount(earnings.affiliate),
            },
            "tax": {"vat_amount": format_amount(earnings.fee_tax)},
        },
    }
