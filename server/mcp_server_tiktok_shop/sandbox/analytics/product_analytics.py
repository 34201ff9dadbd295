"""Figures of products and SKUs: lists from the best down, and each by itself, as the orders' lines add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import GRANTED_STATUSES
from mcp_server_tiktok_shop.sandbox.analytics.analytics_ranges import (
    DateRange,
    Traffic,
    compute_mean,
    parse_range,
    render_latest_day,
    render_money,
    render_share,
)
from mcp_server_tiktok_shop.sandbox.analytics.tally import (
    CARD,
    CONTENTS,
    LIVE,
    VIDEO,
    SkuTally,
    Tally,
    tally_range,
    to_midnight,
)
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.listings.products import Product, Sku

CONTENT_FIELDS = {
    LIVE: "seller_live_performance",
    VIDEO: "seller_video_performance",
    CARD: "seller_product_card_performance",
}


def _select_products(call: Call) -> list[Product]:
    """The products that the filters leave; deleted ones are in none."""
    status_filter, categories = (
        call.arguments.get("product_status_filter", "ALL"),
        call.arguments.get("category_filter"),
    )
    ids = call.arguments.get("product_ids")
    found = []
    for product in call.shop.products.values():
        status = product.get_status(call.now)
        has_status = status_filter == "ALL" or (status_filter == "LIVE") == (status == "ACTIVATE")
        if status == "DELETED" or not has_status:
            continue
        if (not categories or product.category_id in categories) and (not ids or product.id in ids):
            found.append(product)
    return found


def _sum_product(tally: Tally, product: Product) -> SkuTally:
    total = SkuTally()
    for sku in product.skus:
        if sku.id in tally.skus:
            total.add(tally.skus[sku.id])
    return total


def _compute_rank(sold: SkuTally, field: str) -> int:
    return {"items_sold": sold.units, "units_sold": sold.units, "gmv": int(sold.gmv * 100)}.get(field, sold.orders)


def get_shop_product_performance_list(call: Call) -> Json:
    date_range, field = parse_range(call), call.arguments["sort_field"]
    tally = tally_range(call.shop, date_range.start, date_range.end, call.now)
    found = [(product, _sum_product(tally, product)) for product in _select_products(call)]
    matches = SortedItems.sort(found, lambda pair: (_compute_rank(pair[1], field), pair[0].id))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=call.arguments["sort_order"] == "DESC")
    payload = pages.render_page(page, "products", lambda pair: _render_product(call, *pair))
    return payload | {"latest_available_date": render_latest_day(call)}


def _render_product(call: Call, product: Product, sold: SkuTally) -> Json:
    traffic = Traffic.estimate(sold.orders, product.id, call.arguments["start_date_ge"])
    payload: Json = {
        "id": product.id,
        "total_performance": {
            "gmv": render_money(call, sold.gmv),
            "gross_merchandise_value": render_money(call, sold.gmv),
            "orders": sold.orders,
            "sku_orders": sold.orders,
            "items_sold": sold.units,
            "estimated_customers": len(sold.buyers),
            "aov": render_money(call, compute_mean(sold.gmv, sold.orders)),
            "product_impressions": traffic.impressions,
            "product_clicks": traffic.clicks,
            "ctr": render_share(traffic.clicks, traffic.impressions),
            "unique_product_impressions": traffic.viewers,
            "unique_clicks": traffic.visitors,
            "click_order_rate": render_share(sold.orders, traffic.clicks),
        },
    }
    for content, name in CONTENT_FIELDS.items():
        payload[name] = {
            "attributed_gmv": render_money(call, sold.by_content[content]),
            "attributed_sold_items": sold.units_by_content[content],
        }
    return payload


def get_shop_product_performance_detail(call: Call) -> Json:
    product = call.shop.products.get(call.arguments["product_id"])
    if product is None:
        raise RefusalError(28001007, f"The shop has no product '{call.arguments['product_id']}'.")
    intervals = [
        _render_interval(call, product, part)
        for part in parse_range(call).iter_intervals(call.arguments["granularity"])
    ]
    performance = {"intervals": intervals, "ratings": [], "top_contents": [], "top_creators": []}
    return {"performance": performance, "latest_available_date": render_latest_day(call)}


def _render_interval(call: Call, product: Product, part: DateRange) -> Json:
    sold = _sum_product(tally_range(call.shop, part.start, part.end, call.now), product)
    traffic = Traffic.estimate(sold.orders, product.id, part.start.isoformat())
    traffic_payload = {
        "impressions": traffic.impressions,
        "page_views": traffic.clicks,
        "avg_unique_page_views": traffic.visitors,
        "ctr": render_share(traffic.clicks, traffic.impressions),
        "avg_conversion_rate": render_share(sold.orders, traffic.visitors),
    }
    return part.to_json() | {
        "sales": {
            "gmv": render_money(call, sold.gmv),
            "orders": sold.orders,
            "items_sold": sold.units,
            "breakdowns": [
                {"content_type": content, "sales": {"items_sold": sold.units_by_content[content]}}
                for content in CONTENTS
            ],
        },
        "traffic": {"breakdowns": [{"content_type": CARD, "traffic": traffic_payload}]},
        "cancel_and_refunds": _count_reversed_lines(call, product, part),
    }


def _count_reversed_lines(call: Call, product: Product, part: DateRange) -> Json:
    """Lines of orders that were placed in the range, and then cancelled or refunded."""
    counts = {"canceled": 0, "refunded": 0, "returned": 0, "replacements": 0}
    start, end = to_midnight(call.shop, part.start), to_midnight(call.shop, part.end)
    for request in call.shop.aftersales.requests.values():
        name = {"CANCEL": "canceled", "REFUND": "refunded"}.get(request.kind, "returned")
        if start <= request.order.create_time < end and request.status in GRANTED_STATUSES:
            counts[name] += sum(1 for line in request.lines if line.product.id == product.id)
    return counts


def get_shop_sku_performance_list(call: Call) -> Json:
    """Here ids are numbers, as the platform writes them in this one list."""
    date_range, field = parse_range(call), call.arguments["sort_field"]
    tally = tally_range(call.shop, date_range.start, date_range.end, call.now)
    found = [(sku, tally.skus.get(sku.id) or SkuTally()) for product in _select_products(call) for sku in product.skus]
    matches = SortedItems.sort(found, lambda pair: (_compute_rank(pair[1], field), pair[0].id))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=call.arguments["sort_order"] == "DESC")
    return pages.render_page(page, "skus", lambda pair: _render_sku(call, *pair)) | {
        "latest_available_date": render_latest_day(call)
    }


def _render_sku(call: Call, sku: Sku, sold: SkuTally) -> Json:
    return {
        "id": int(sku.id),
        "product_id": int(sku.product_id),
        "gmv": render_money(call, sold.gmv),
        "sku_orders": sold.orders,
        "units_sold": sold.units,
    }


def get_shop_sku_performance_detail(call: Call) -> Json:
    sku_id = call.arguments["sku_id"]
    sku = next((found for product in call.shop.products.values() if (found := product.find_sku(sku_id))), None)
    if sku is None:
        raise RefusalError(28001007, f"The shop has no SKU '{sku_id}'.")
    intervals = []
    for part in parse_range(call).iter_intervals(call.arguments["granularity"]):
        sold = tally_range(call.shop, part.start, part.end, call.now).skus.get(sku_id) or SkuTally()
        intervals.append(
            part.to_json()
            | {
                "gmv": render_money(call, sold.gmv),
                "gmv_breakdown": [render_money(call, sold.by_content[name]) | {"type": name} for name in CONTENTS],
                "items_sold": sold.units,
                "items_sold_breakdown": [{"amount": sold.units_by_content[n], "type": n} for n in CONTENTS],
                "sku_orders": sold.orders,
            }
        )
    performance = {"product_id": int(sku.product_id), "sku_id": sku_id, "intervals": intervals}
    return {"performance": performance, "latest_available_date": render_latest_day(call)}
