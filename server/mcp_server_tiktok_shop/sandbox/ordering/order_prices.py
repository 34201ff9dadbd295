"""What an order's total is made of, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount, split_amount

if TYPE_CHECKING:
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Order


def render_price_detail(order: Order, currency: str) -> Json:
    """What the total is made of, for the order and for each line; lines add up to the order."""
    count = len(order.lines)
    parts = [
        _compute_price(line.original_price, line.seller_discount, line.platform_discount, *rest)
        for line, *rest in zip(
            order.lines,
            split_amount(order.shipping_fee, count),
            split_amount(order.shipping_seller_discount, count),
            split_amount(order.shipping_platform_discount, count),
            split_amount(order.tax, count),
            strict=True,
        )
    ]
    total = {name: sum((part[name] for part in parts), ZERO) for name in parts[0]}
    lines = [
        {"id": line.id, "currency": currency} | _render_amounts(part)
        for line, part in zip(order.lines, parts, strict=True)
    ]
    return {"currency": currency} | _render_amounts(total) | {"line_items": lines}


def _compute_price(
    listed: Decimal,
    by_seller: Decimal,
    by_platform: Decimal,
    shipping: Decimal,
    shipping_by_seller: Decimal,
    shipping_by_platform: Decimal,
    tax: Decimal,
) -> dict[str, Decimal]:
    subtotal = listed - by_seller - by_platform
    shipping_paid = shipping - shipping_by_seller - shipping_by_platform
    return {
        "total": listed + shipping + tax,
        "payment": subtotal + shipping_paid + tax,
        "sku_list_price": listed,
        "sku_sale_price": subtotal,
        "subtotal": subtotal,
        "subtotal_deduction_seller": by_seller,
        "subtotal_deduction_platform": by_platform,
        "subtotal_tax_amount": tax,
        "shipping_list_price": shipping,
        "shipping_sale_price": shipping_paid,
        "shipping_fee_deduction_seller": shipping_by_seller,
        "shipping_fee_deduction_platform": shipping_by_platform,
        "tax_amount": tax,
        "net_price_amount": subtotal,
    }


def _render_amounts(amounts: dict[str, Decimal]) -> Json:
    return {name: format_amount(amount) for name, amount in amounts.items()}
