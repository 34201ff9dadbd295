"""What an order earns: revenue, shipping, fees and tax, line by line, so that every sum holds to the penny.

A refund takes back revenue and the commissions on it, and costs the postage of what is sent back; the transaction fee
stays, and of the commission a part is charged for the work. Lines cancelled before they were shipped earn nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from mcp_server_tiktok_shop.sandbox.after_sales.refunds import RETURN_POSTAGE_AMOUNT, Refund
from mcp_server_tiktok_shop.sandbox.marketing.creators import COMMISSION_RATE as CREATOR_COMMISSION_RATE
from mcp_server_tiktok_shop.sandbox.marketing.creators import find_creator
from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount, round_amount, split_amount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order

COMMISSION_RATE = Decimal("0.09")
TRANSACTION_FEE_RATE = Decimal("0.01")
# Of the commission that a refund gives back, the platform keeps this share.
REFUND_ADMINISTRATION_RATE = Decimal("0.20")
# Tax that the platform charges on its fees, by market.
FEE_TAX_RATES = {"GB": Decimal("0.20"), "DE": Decimal("0.19"), "US": ZERO}
POSTAGE_AMOUNT = Decimal("2.65")


class Earnings(NamedTuple):
    """Amounts with the platform's signs: what it keeps is negative, as is what goes back to the buyer."""

    listed: Decimal = ZERO
    seller_discount: Decimal = ZERO
    listed_refund: Decimal = ZERO
    seller_discount_refund: Decimal = ZERO
    postage: Decimal = ZERO
    postage_paid_by_buyer: Decimal = ZERO
    postage_discount: Decimal = ZERO
    return_postage: Decimal = ZERO
    commission: Decimal = ZERO
    transaction: Decimal = ZERO
    affiliate: Decimal = ZERO
    refund_administration: Decimal = ZERO
    fee_tax: Decimal = ZERO

    @property
    def revenue(self) -> Decimal:
        return self.listed + self.seller_discount + self.listed_refund + self.seller_discount_refund

    @property
    def shipping(self) -> Decimal:
        return self.postage + self.postage_paid_by_buyer + self.postage_discount + self.return_postage

    @property
    def fees(self) -> Decimal:
        return self.commission + self.transaction + self.affiliate + self.refund_administration + self.fee_tax

    @property
    def settlement(self) -> Decimal:
        return self.revenue + self.shipping + self.fees

    def subtract(self, other: Earnings) -> Earnings:
        return Earnings(*(mine - its for mine, its in zip(self, other, strict=True)))


def sum_earnings(parts: Iterable[Earnings]) -> Earnings:
    """All of them, field by field; tens of thousands at a time."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    return Earnings(*(sum(amounts, ZERO) for amounts in zip(*parts, strict=True)))


@dataclass(slots=True)
class _LineRefund:
    """What a line's buyer got back by now, and what its way back cost."""

    refund: Refund = field(default_factory=Refund)
    postage: Decimal = ZERO


def settle_lines(order: Order, region: str, refunding: Iterable[Request] = ()) -> list[tuple[Line, Earnings]]:
    """What each line earns once the requests of `refunding` are granted."""
    lines = [line for line in order.lines if not line.cancel_time]
    if not lines:
        return []
    count = len(lines)
    by_platform = order.shipping_type == "TIKTOK"
    postage = split_amount(-POSTAGE_AMOUNT if by_platform else ZERO, count)
    paid = split_amount(order.paid_by_buyer_for_shipping, count)
    # What the platform gave the buyer on shipping it gives back to the seller.
    given_back = split_amount(order.shipping_platform_discount, count)
    creator_rate = CREATOR_COMMISSION_RATE if find_creator(order) else ZERO
    refunds_by_line = _sum_refunds_by_line(refunding)
    return [
        (line, _settle_line(line, region, creator_rate, refunds_by_line.get(line.id), *parts))
        for line, *parts in zip(lines, postage, paid, given_back, strict=True)
    ]


def _sum_refunds_by_line(refunding: Iterable[Request]) -> dict[str, _LineRefund]:
    by_line: defaultdict[str, _LineRefund] = defaultdict(_LineRefund)
    for request in refunding:
        return_postage = RETURN_POSTAGE_AMOUNT if request.tracking_number else ZERO
        for line, refund, part in zip(
            request.lines, request.refunds, split_amount(return_postage, len(request.lines)), strict=True
        ):
            by_line[line.id].refund += refund
            by_line[line.id].postage += part
    return by_line


def _settle_line(
    line: Line,
    region: str,
    creator_rate: Decimal,
    refunded: _LineRefund | None,
    postage: Decimal,
    paid: Decimal,
    given_back: Decimal,
) -> Earnings:
    revenue = line.original_price - line.seller_discount
    commission, transaction = round_amount(revenue * COMMISSION_RATE), round_amount(revenue * TRANSACTION_FEE_RATE)
    earnings = Earnings(
        listed=line.original_price,
        seller_discount=-line.seller_discount,
        postage=postage,
        postage_paid_by_buyer=paid,
        postage_discount=given_back,
        commission=-commission,
        transaction=-transaction,
        affiliate=-round_amount(revenue * creator_rate),
        fee_tax=-round_amount((commission + transaction) * FEE_TAX_RATES[region]),
    )
    return _take_back(line, region, creator_rate, earnings, refunded) if refunded else earnings


def _take_back(line: Line, region: str, creator_rate: Decimal, earnings: Earnings, refunded: _LineRefund) -> Earnings:
    """What is left of a line's earnings after its refunds."""
    # An amount agreed on may be more than the line's price: the rest of it is postage.
    goods = min(refunded.refund.subtotal, line.sale_price)
    share = goods / line.sale_price if line.sale_price else ZERO
    listed, discount = round_amount(line.original_price * share), round_amount(line.seller_discount * share)
    net = earnings.revenue - listed + discount
    commission = round_amount(net * COMMISSION_RATE)
    administration = round_amount((-earnings.commission - commission) * REFUND_ADMINISTRATION_RATE)
    fees = commission - earnings.transaction + administration
    return earnings._replace(
        listed_refund=-listed,
        seller_discount_refund=discount,
        postage_paid_by_buyer=earnings.postage_paid_by_buyer
        - refunded.refund.shipping
        - (refunded.refund.subtotal - goods),
        return_postage=-refunded.postage,
        commission=-commission,
        affiliate=-round_amount(net * creator_rate),
        refund_administration=-administration,
        fee_tax=-round_amount(fees * FEE_TAX_RATES[region]),
    )


def render_breakdown(earnings: Earnings, *, is_estimate: bool = False) -> Json:
    """The three breakdowns as the transactions show them, some amounts twice as the platform does."""
    before_tax = "affiliate_commission_before_pit_amount" if is_estimate else "affiliate_commission_amount_before_pit"
    return {
        "revenue_breakdown": {
            "subtotal_before_discount_amount": format_amount(earnings.listed),
            "seller_discount_amount": format_amount(earnings.seller_discount),
            "refund_subtotal_before_discount_amount": format_amount(earnings.listed_refund),
            "seller_discount_refund_amount": format_amount(earnings.seller_discount_refund),
        },
        "shipping_cost_breakdown": {
            "actual_shipping_fee_amount": format_amount(earnings.postage),
            "customer_paid_shipping_fee_amount": format_amount(earnings.postage_paid_by_buyer),
            "shipping_fee_discount_amount": format_amount(earnings.postage_discount),
            "tiktok_shop_shipping_incentive_amount": format_amount(earnings.postage_discount),
            "return_shipping_fee_amount": format_amount(earnings.return_postage),
        },
        "fee_tax_breakdown": {
            "fee": {
                "platform_commission_amount": format_amount(earnings.commission),
                "transaction_fee_amount": format_amount(earnings.transaction),
                "affiliate_commission_amount": format_amount(earnings.affiliate),
                before_tax: format_amount(earnings.affiliate),
                "refund_administration_fee_amount": format_amount(earnings.refund_administration),
            },
            "tax": {"vat_amount": format_amount(earnings.fee_tax)},
        },
    }
