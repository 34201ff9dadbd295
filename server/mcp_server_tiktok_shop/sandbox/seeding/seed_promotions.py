"""Promotions and coupons of the seeded shop: one of each status, on products in the middle of the range."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.durations import DAY_S
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.marketing.promotions import Activity, Coupon
from mcp_server_tiktok_shop.sandbox.money import format_amount

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop

FIRST_PRODUCT = 9
# Title, kind, level, days from today to begin and end, switched off, how many products.
SEED_ACTIVITIES = (
    ("Autumn tea week", "DIRECT_DISCOUNT", "PRODUCT", -3, 4, False, 3),
    ("Winter flash sale", "FLASHSALE", "VARIATION", 5, 6, False, 2),
    ("Summer prices", "FIXED_PRICE", "VARIATION", -75, -61, False, 2),
    ("Welcome discount", "DIRECT_DISCOUNT", "PRODUCT", -20, 40, True, 2),
    ("Free postage from 25", "SHIPPING_DISCOUNT", "SHOP", -10, 20, False, 0),
)
SEED_COUPONS: tuple[tuple[str, str, str, int, int, str], ...] = (
    ("5 off 40", "REGULAR", "AMOUNT_OFF", -5, 10, ""),
    ("Ten percent for new followers", "CHAT", "PERCENT_OFF", -30, 30, ""),
    ("TEATIME", "PROMO_CODE", "PERCENT_OFF", 2, 9, "TEATIME10"),
    ("Live only: 3 off", "LIVE", "AMOUNT_OFF", -40, -33, ""),
)


def add_promotions(shop: SimulatedShop, now: int) -> None:
    today = now - now % DAY_S
    products = [product for product in list(shop.products.values())[FIRST_PRODUCT:] if product.status == "ACTIVATE"]
    for place, (title, kind, level, begin, end, off, count) in enumerate(SEED_ACTIVITIES):
        created = today + min(begin, 0) * DAY_S - (2 + place) * DAY_S
        activity = Activity(
            id=make_id("71", shop.id, "seeded", place),
            title=title,
            kind=kind,
            level=level,
            begin_time=today + begin * DAY_S,
            end_time=today + end * DAY_S,
            create_time=created,
            update_time=created,
            deactivated=off,
            terms={"participation_limit": [{"type": "BUYER_NO_LIMIT"}]},
        )
        if level == "SHOP":
            activity.terms["discount"] = {"shipping_discount": _make_free_postage()}
        chosen, products = products[:count], products[count:]
        activity.products = {product.id: _make_entry(product, kind) for product in chosen}
        shop.promotions.activities[activity.id] = activity
    for place, facts in enumerate(SEED_COUPONS):
        coupon = _make_coupon(shop, place, *facts, today=today)
        shop.promotions.coupons[coupon.id] = coupon


def _make_free_postage() -> Json:
    return {
        "threshold_type": "MINIMAL_ORDER_AMOUNT",
        "threshold_value": "25",
        "type": "FREE_SHIPPING",
        "value": "0",
        "shipping_method": "STANDARD_SHIPPING",
        "inventory_type": "SELF_FULFILLED",
        "area_scope": {"type": "WHOLE", "specific_areas": []},
    }


def _make_entry(product: Product, kind: str) -> Json:
    limits = {"quantity_limit": -1, "quantity_per_user": -1, "used_quantity": 0}
    if kind == "DIRECT_DISCOUNT":
        return {"id": product.id, "discount": "10", "skus": []} | limits
    skus = [
        {"id": sku.id, "activity_price_amount": format_amount(sku.price * Decimal("0.8"))} | limits
        for sku in product.skus
    ]
    return {"id": product.id, "skus": skus} | limits


def _make_coupon(
    shop: SimulatedShop, place: int, title: str, display: str, kind: str, begin: int, end: int, code: str, *, today: int
) -> Coupon:
    start, over = today + begin * DAY_S, today + end * DAY_S
    created = (min(start, today) - DAY_S) * 1000
    money = {"amount": "5.00" if place == 0 else "3.00", "currency": shop.currency}
    discount: Json = {"type": kind}
    discount |= {"reduction_amount": money} if kind == "AMOUNT_OFF" else {"percentage": "10"}
    threshold: Json = {"type": "NONE"}
    if place == 0:
        threshold = {"type": "MIN_SPEND", "min_spend": {"amount": "40.00", "currency": shop.currency}}
    facts: Json = {
        "display_type": display,
        "create_time": created,
        "update_time": created,
        "claim_duration": {"start_time": start, "end_time": over},
        "redemption_duration": {"type": "ABSOLUTE", "start_time": start, "end_time": over, "relative_time": 0},
        "promo_code": code,
        "target_buyer_segment": "NEW_FOLLOWERS" if display == "CHAT" else "ALL",
        "usage_limits": {"single_buyer_claim_limit": 1, "total_claim_limit": 500, "redemption_limit": 500},
        "discount": discount,
        "threshold": threshold,
        "product_scope": "FULL_SHOP",
        "creation_source": "SELLER_CENTER",
    }
    used = 0 if begin > 0 else 20 + 7 * place
    detail: Json = {
        "display_channels": ["LIVE"] if display == "LIVE" else ["ALL"],
        "usage_stats": {"claimed_count": 2 * used, "redeemed_count": used},
        "product_ids": [],
        "seller_tnc": "",
        "live_tasks": [],
    }
    return Coupon(make_id("71", shop.id, "coupon", place), title, start, over, facts, detail)
