"""Warns before the seller cancels orders: what is paid back, and what is still on sale."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_paths import find_values
from mcp_server_tiktok_shop.money import parse_amount
from mcp_server_tiktok_shop.tools.jobs.parcels import get_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.reasons import Reason

OUT_OF_STOCK = "out_of_stock"  # in the names of reasons
STOCK_WRITE = "update_inventory"  # whose look shows the stock of a product
MAX_REPAYMENTS = 50  # orders of which it is looked up what they pay back
MAX_PRODUCTS = 20  # whose stock is looked up
MAX_NAMED_SKUS = 10
SCORE_WORDS = (
    "What a seller calls off can count as the seller's fault, in the cancellation rate of the shop's performance score."
)


class Repayment(Struct, frozen=True):
    """What a buyer gets back."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}".strip()


async def read_repayments(reasons: Mapping[str, Reason], context: JobContext) -> dict[str, Repayment]:
    """What the platform works out that each order pays back, by its id, as far as it says so."""
    looked_up = list(reasons.items())[:MAX_REPAYMENTS]
    answers = await context.read_each(
        "calculate_refund",
        [{"order_id": i, "request_type": "CANCEL", "reason_name": reason.name} for i, reason in looked_up],
    )
    repayments = {}
    for (order_id, _), answer in zip(looked_up, answers, strict=True):
        refund = {} if isinstance(answer, ShopError) else answer.get("order_refund_amount") or {}
        amount = parse_amount(str(refund.get("refund_total", ""))) if isinstance(refund, dict) else None
        if amount is not None:
            repayments[order_id] = Repayment(amount, str(refund.get("currency", "")))
    return repayments


def warn_of_total(repayments: Iterable[Repayment], count: int) -> list[str]:
    """What several come to; `count` are all of which something is paid back."""
    totals: dict[str, Decimal] = {}
    known = 0
    for repayment in repayments:
        totals[repayment.currency] = totals.get(repayment.currency, Decimal(0)) + repayment.amount
        known += 1
    if count <= 1 or not totals:
        return []
    amounts = " and ".join(f"{total} {currency}".strip() for currency, total in totals.items())
    rest = f", without {count - known} of unknown amount" if known < count else ""
    return [f"These pay back {amounts} in all{rest}"]


async def warn_of_stock(orders: Iterable[Json], context: JobContext) -> list[str]:
    """Of SKUs that orders are called off for as out of stock, and that buyers can go on ordering."""
    sku_ids = {str(line.get("sku_id")) for order in orders for line in get_lines(order)}
    product_ids = list(dict.fromkeys(str(line.get("product_id")) for order in orders for line in get_lines(order)))
    if not product_ids:
        return []
    state = await context.read_state(STOCK_WRITE, {"product_id": product_ids[:MAX_PRODUCTS]})
    on_sale = [item.data for item in state.items if item.data.get("status") == "ACTIVATE"]
    names = list(_name_stock(on_sale, sku_ids))
    if not names:
        return []
    more = f" and {len(names) - MAX_NAMED_SKUS} more" if len(names) > MAX_NAMED_SKUS else ""
    named = ", ".join(names[:MAX_NAMED_SKUS])
    return [f"Out of stock, and still sold: {named}{more}. change_stock sets what is left to 0"]


def _name_stock(products: Iterable[Json], sku_ids: set[str]) -> Iterator[str]:
    for product in products:
        for sku in product.get("skus") or ():
            quantities = [q for q in find_values(sku, ["inventory", "quantity"]) if isinstance(q, int)]
            if isinstance(sku, dict) and str(sku.get("id")) in sku_ids and sum(quantities) > 0:
                yield f"{sku.get('seller_sku') or sku.get('id')} with {sum(quantities)} left"
