"""Finds the prices that a write sets, promotions included, with the current ones."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.value_texts import to_single_line
from mcp_server_tiktok_shop.money import get_fraction_digits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_server_tiktok_shop.calls.current_state import Item
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.state.accounts import Shop

PRICE_FIELDS = ("amount", "sale_price")
MAX_SHOWN_PRICES = 20


def has_prices(values: Json) -> bool:
    """Whether a write sets prices, those of promotions included."""
    rows = [row for product in get_rows(values, "products") for row in (product, *get_rows(product, "skus"))]
    is_promotion = any(row.get("activity_price_amount") or row.get("discount") for row in rows)
    return is_promotion or any("price" in sku for sku in get_rows(values, "skus"))


class NewPrice(Struct, frozen=True):
    """What a SKU is to be sold for; `title` says by which kind of price."""

    title: str
    sku_id: str
    seller_sku: str
    amount: Decimal
    currency: str
    old_amount: Decimal | None = None


def describe_discounts(values: Json, items: Sequence[Item], shop: Shop | None) -> tuple[str, ...]:
    """Of each SKU that gets a discount by percent, what its price is and becomes."""
    rows = [row for product in get_rows(values, "products") for row in (product, *get_rows(product, "skus"))]
    if not any(row.get("discount") for row in rows):
        return ()
    prices = [price for price in iter_new_prices(values, items, shop) if price.old_amount is not None]
    lines = [
        f"{to_single_line(price.seller_sku or price.sku_id)}: {price.old_amount:f} -> {_round(price)} {price.currency}"
        for price in prices[:MAX_SHOWN_PRICES]
    ]
    return (*lines, *([f"and {len(prices) - MAX_SHOWN_PRICES} more"] if len(prices) > MAX_SHOWN_PRICES else []))


def _round(price: NewPrice) -> str:
    step = Decimal(1).scaleb(-(get_fraction_digits(price.currency) or 0))
    return f"{price.amount.quantize(step, ROUND_HALF_UP):f}"


def iter_new_prices(values: Json, items: Sequence[Item], shop: Shop | None) -> Iterator[NewPrice]:
    """Every price that a write sets; of a promotion that of each SKU, by its discount where that is given."""
    shop_currency = (shop.currency if shop else "") or ""
    for sku in get_rows(values, "skus"):
        new_price = sku.get("price")
        amount = to_number(get_amount(new_price)) if isinstance(new_price, dict) else None
        if amount is None or not isinstance(new_price, dict):
            continue
        sku_id = str(sku.get("id", ""))
        old_sku = next((row for row in iter_rows(items, "skus") if str(row.get("id")) == sku_id), {})
        old_price = old_sku.get("price")
        currency = new_price.get("currency") or (old_price.get("currency") if isinstance(old_price, dict) else "")
        seller_sku = str(sku.get("seller_sku") or old_sku.get("seller_sku") or "")
        yield NewPrice("the price", sku_id, seller_sku, amount, str(currency or shop_currency))
    old_products = {item.id: get_rows(item.data, "skus") for item in items if item.noun == "product"}
    for product in get_rows(values, "products"):
        old_skus = old_products.get(str(product.get("id")), [])
        for row in (product, *get_rows(product, "skus")):
            for sku in old_skus if row is product else [o for o in old_skus if str(o.get("id")) == str(row.get("id"))]:
                amount, discount = to_number(row.get("activity_price_amount")), to_number(row.get("discount"))
                old_amount, old_price = to_number(get_sale_price(sku)), sku.get("price") or {}
                if amount is None and discount is not None and old_amount is not None:
                    amount = old_amount * (100 - discount) / 100
                if amount is not None:
                    seller_sku, currency = str(sku.get("seller_sku") or ""), old_price.get("currency") or shop_currency
                    sku_id = str(sku.get("id"))
                    yield NewPrice("the promotion price", sku_id, seller_sku, amount, str(currency), old_amount)


def get_amount(price: Json) -> Any:
    return next((price[name] for name in PRICE_FIELDS if price.get(name)), None)


def get_sale_price(sku: Json) -> Any:
    price = sku.get("price")
    return price.get("sale_price") if isinstance(price, dict) else None


def get_rows(data: Json, name: str) -> list[Json]:
    rows = data.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def iter_rows(items: Sequence[Item], name: str) -> Iterator[Json]:
    for item in items:
        yield from get_rows(item.data, name)


def to_number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
