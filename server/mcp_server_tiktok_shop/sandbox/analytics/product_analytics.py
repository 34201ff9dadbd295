"""Figures of products and SKUs: lists from the best down, and each by itself, as the orders' lines add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import GRANTED
from mcp_server_tiktok_shop.sandbox.analytics.analytics_ranges import Range, Traffic, asked, latest, mean, money, share
from mcp_server_tiktok_shop.sandbox.analytics.tally import (
    CARD,
    CONTENTS,
    LIVE,
    VIDEO,
    SkuTally,
    Tally,
    between,
    midnight,
)
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.refusals import Refusal
from mcp_server_tiktok_shop.sandbox.sorted_items import View

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product, Sku

PARTS = {
    LIVE: "seller_live_performance",
    VIDEO: "seller_video_performance",
    CARD: "seller_product_card_performance",
}


def _chosen(call: Call) -> list[Product]:
    """The products that the filters leave; deleted ones are in none."""
    wanted, categories = call.arguments.get("product_status_filter", "ALL"), call.arguments.get("category_filter")
    ids = call.arguments.get("product_ids")
    found = []
    for product in call.shop.products.values():
        status = product.status_at(call.now)
        fits = wanted == "ALL" or (wanted == "LIVE") == (status == "ACTIVATE")
        if status == "DELETED" or not fits:
            continue
        if (not categories or product.category_id in categories) and (not ids or product.id in ids):
            found.append(product)
    return found


def _of_product(tally: Tally, product: Product) -> SkuTally:
    whole = SkuTally()
    for sku in product.skus:
        if sku.id in tally.skus:
            whole.add(tally.skus[sku.id])
    return whole


def _rank(sold: SkuTally, field: str) -> int:
    return {"items_sold": sold.units, "units_sold": sold.units, "gmv": int(sold.gmv * 100)}.get(field, sold.orders)


def get_shop_product_performance_list(call: Call) -> Json:
    wanted, field = asked(call), call.arguments["sort_field"]
    tally = between(call.shop, wanted.start, wanted.end, call.now)
    found = [(product, _of_product(tally, product)) for product in _chosen(call)]
    view = View.of(found, lambda pair: (_rank(pair[1], field), pair[0].id))
    page = pages.cut(view, call.arguments, _seal(call), descending=call.arguments["sort_order"] == "DESC")
    told = pages.answer(page, "products", lambda pair: _product(call, *pair))
    return told | {"latest_available_date": latest(call)}


def _seal(call: Call) -> str:
    return f"{call.operation.name}/{call.shop.id}"


def _product(call: Call, product: Product, sold: SkuTally) -> Json:
    traffic = Traffic.of(sold.orders, product.id, call.arguments["start_date_ge"])
    told: Json = {
        "id": product.id,
        "total_performance": {
            "gmv": money(call, sold.gmv),
            "gross_merchandise_value": money(call, sold.gmv),
            "orders": sold.orders,
            "sku_orders": sold.orders,
            "items_sold": sold.units,
            "estimated_customers": len(sold.buyers),
            "aov": money(call, mean(sold.gmv, sold.orders)),
            "product_impressions": traffic.impressions,
            "product_clicks": traffic.clicks,
            "ctr": share(traffic.clicks, traffic.impressions),
            "unique_product_impressions": traffic.viewers,
            "unique_clicks": traffic.visitors,
            "click_order_rate": share(sold.orders, traffic.clicks),
        },
    }
    for content, name in PARTS.items():
        told[name] = {
            "attributed_gmv": money(call, sold.by_content[content]),
            "attributed_sold_items": sold.units_by_content[content],
        }
    return told


def get_shop_product_performance_detail(call: Call) -> Json:
    product = call.shop.products.get(call.arguments["product_id"])
    if product is None:
        raise Refusal(28001007, f"The shop has no product '{call.arguments['product_id']}'.")
    intervals = [_interval(call, product, part) for part in asked(call).intervals(call.arguments["granularity"])]
    performance = {"intervals": intervals, "ratings": [], "top_contents": [], "top_creators": []}
    return {"performance": performance, "latest_available_date": latest(call)}


def _interval(call: Call, product: Product, part: Range) -> Json:
    sold = _of_product(between(call.shop, part.start, part.end, call.now), product)
    traffic = Traffic.of(sold.orders, product.id, part.start.isoformat())
    looked = {
        "impressions": traffic.impressions,
        "page_views": traffic.clicks,
        "avg_unique_page_views": traffic.visitors,
        "ctr": share(traffic.clicks, traffic.impressions),
        "avg_conversion_rate": share(sold.orders, traffic.visitors),
    }
    return part.shown | {
        "sales": {
            "gmv": money(call, sold.gmv),
            "orders": sold.orders,
            "items_sold": sold.units,
            "breakdowns": [
                {"content_type": content, "sales": {"items_sold": sold.units_by_content[content]}}
                for content in CONTENTS
            ],
        },
        "traffic": {"breakdowns": [{"content_type": CARD, "traffic": looked}]},
        "cancel_and_refunds": _given_back(call, product, part),
    }


def _given_back(call: Call, product: Product, part: Range) -> Json:
    """Lines of orders that were placed in the range, and then cancelled or refunded."""
    counts = {"canceled": 0, "refunded": 0, "returned": 0, "replacements": 0}
    start, end = midnight(call.shop, part.start), midnight(call.shop, part.end)
    for request in call.shop.aftersales.requests.values():
        name = {"CANCEL": "canceled", "REFUND": "refunded"}.get(request.kind, "returned")
        if start <= request.order.create_time < end and request.status in GRANTED:
            counts[name] += sum(1 for line in request.lines if line.product.id == product.id)
    return counts


def get_shop_sku_performance_list(call: Call) -> Json:
    """Here ids are numbers, as the platform writes them in this one list."""
    wanted, field = asked(call), call.arguments["sort_field"]
    tally = between(call.shop, wanted.start, wanted.end, call.now)
    found = [(sku, tally.skus.get(sku.id) or SkuTally()) for product in _chosen(call) for sku in product.skus]
    view = View.of(found, lambda pair: (_rank(pair[1], field), pair[0].id))
    page = pages.cut(view, call.arguments, _seal(call), descending=call.arguments["sort_order"] == "DESC")
    return pages.answer(page, "skus", lambda pair: _sku(call, *pair)) | {"latest_available_date": latest(call)}


def _sku(call: Call, sku: Sku, sold: SkuTally) -> Json:
    return {
        "id": int(sku.id),
        "product_id": int(sku.product_id),
        "gmv": money(call, sold.gmv),
        "sku_orders": sold.orders,
        "units_sold": sold.units,
    }


def get_shop_sku_performance_detail(call: Call) -> Json:
    sku_id = call.arguments["sku_id"]
    sku = next((found for product in call.shop.products.values() if (found := product.sku(sku_id))), None)
    if sku is None:
        raise Refusal(28001007, f"The shop has no SKU '{sku_id}'.")
    intervals = []
    for part in asked(call).intervals(call.arguments["granularity"]):
        sold = between(call.shop, part.start, part.end, call.now).skus.get(sku_id) or SkuTally()
        intervals.append(
            part.shown
            | {
                "gmv": money(call, sold.gmv),
                "gmv_breakdown": [money(call, sold.by_content[name]) | {"type": name} for name in CONTENTS],
                "items_sold": sold.units,
                "items_sold_breakdown": [{"amount": sold.units_by_content[n], "type": n} for n in CONTENTS],
                "sku_orders": sold.orders,
            }
        )
    performance = {"product_id": int(sku.product_id), "sku_id": sku_id, "intervals": intervals}
    return {"performance": performance, "latest_available_date": latest(call)}
