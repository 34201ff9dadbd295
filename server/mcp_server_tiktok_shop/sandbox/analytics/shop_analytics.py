"""The shop's own figures: sales by day or whole, and by the hour, as its orders add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.analytics.analytics_ranges import (
    Traffic,
    compute_mean,
    parse_day,
    parse_range,
    render_latest_day,
    render_money,
    render_share,
)
from mcp_server_tiktok_shop.sandbox.analytics.tally import (
    CARD,
    CREATOR,
    LIVE,
    SELLER,
    VIDEO,
    Tally,
    tally_hours,
    tally_range,
    to_local_day,
)
from mcp_server_tiktok_shop.sandbox.money import ZERO, round_amount
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

PREFIX_AUTHORS = {"": (CREATOR, SELLER), "creator_": (CREATOR,), "seller_": (SELLER,)}


def get_shop_performance(call: Call) -> Json:
    intervals = [
        part.to_json()
        | _render_interval(call, tally_range(call.shop, part.start, part.end, call.now), part.start.isoformat())
        for part in parse_range(call).iter_intervals(call.arguments["granularity"])
    ]
    return {"latest_available_date": render_latest_day(call), "performance": {"intervals": intervals}}


def _render_interval(call: Call, tally: Tally, name: str) -> Json:
    return {
        "sales": _render_sales(call, tally),
        "breakdowns": _render_breakdowns(call, tally),
        "traffic": _render_traffic(call, tally, name),
    }


def _render_sales(call: Call, tally: Tally) -> Json:
    payload: Json = {
        "gmv": render_money(call, tally.gmv),
        "gmv_with_tax": render_money(call, tally.gmv),
        "gmv_with_tiktok_co_funding": render_money(call, tally.gmv),
        "tax": render_money(call, tally.tax),
        "shipping_fees": render_money(call, tally.shipping),
        "refunds": render_money(call, tally.refunds),
        "orders_count": tally.orders,
        "sku_orders_count": tally.sku_orders,
        "items_sold": tally.items,
        "customers_count": len(tally.buyers),
        "avg_order_value": render_money(call, compute_mean(tally.gmv, tally.orders)),
        "avg_sku_order_value": render_money(call, compute_mean(tally.gmv, tally.sku_orders)),
        "cancellations_and_returns": tally.cancelled + tally.returned,
        "product_card_attributed_gmv": render_money(call, _sum_channel(tally, "", CARD)),
    }
    for prefix in PREFIX_AUTHORS:
        for content in (LIVE, VIDEO):
            amount, name = render_money(call, _sum_channel(tally, prefix, content)), f"{prefix}{content.lower()}"
            payload |= {f"{name}_attributed_gmv": amount, f"{name}_gmv": amount}
            payload[f"{name}_indirect_gmv"] = render_money(call, ZERO)
    return payload


def _sum_channel(tally: Tally, prefix: str, content: str) -> Decimal:
    return sum((tally.channels.get((author, content), ZERO) for author in PREFIX_AUTHORS[prefix]), ZERO)


def _render_breakdowns(call: Call, tally: Tally) -> Json:
    card = _sum_channel(tally, "seller_", CARD)
    searched = round_amount(card / 2)
    return {
        "content_breakdown": [
            {
                "channel": author,
                "content_type": content,
                "gmv": render_money(call, tally.channels.get((author, content), ZERO)),
                "indirect_gmv": render_money(call, ZERO),
            }
            for author in (CREATOR, SELLER)
            for content in (LIVE, VIDEO)
        ],
        "affiliate_product_card_attributed_gmv": render_money(call, _sum_channel(tally, "creator_", CARD)),
        "seller_product_card_gmv": render_money(call, card),
        "shop_tab_and_search": {
            "search_attributed": render_money(call, searched),
            "shop_tab_attributed": render_money(call, card - searched),
            "others": render_money(call, ZERO),
        },
    }


def _render_traffic(call: Call, tally: Tally, name: str) -> Json:
    traffic = Traffic.estimate(tally.orders, call.shop.id, name)
    return {
        "product_impressions": traffic.impressions,
        "unique_product_impressions": traffic.viewers,
        "product_clicks": traffic.clicks,
        "unique_clicks": traffic.visitors,
        "avg_visitors": traffic.visitors,
        "avg_page_views": traffic.clicks,
        "avg_conversation_rate": render_share(tally.orders, traffic.visitors),
        "placeholder": True,
    }


def get_shop_performance_per_hour(call: Call) -> Json:
    """One day of the shop's calendar; hours that have not come yet are empty."""
    report_day = parse_day(call.arguments["date"])
    if report_day > to_local_day(call.shop, call.now):
        raise RefusalError(28001022, f"Invalid 'date': {report_day} has not come yet.")
    hours, total = tally_hours(call.shop, report_day, call.now), Tally()
    for tally in hours:
        total.add(tally)
    return {
        "performance": {
            "latest_available_timestamp": call.now,
            "overall": _render_hour(call, total, report_day.isoformat()),
            "intervals": [
                {"index": index} | _render_hour(call, tally, f"{report_day} {index}")
                for index, tally in enumerate(hours)
            ],
        }
    }


def _render_hour(call: Call, tally: Tally, name: str) -> Json:
    traffic = Traffic.estimate(tally.orders, call.shop.id, name)
    return {
        "gmv": render_money(call, tally.gmv),
        "orders_count": tally.orders,
        "sku_orders_count": tally.sku_orders,
        "items_sold": tally.items,
        "customers": len(tally.buyers),
        "customers_count": len(tally.buyers),
        "avg_order_value": render_money(call, compute_mean(tally.gmv, tally.orders)),
        "avg_sku_order_value": render_money(call, compute_mean(tally.gmv, tally.sku_orders)),
        "live_attributed_gmv": render_money(call, _sum_channel(tally, "", LIVE)),
        "video_attributed_gmv": render_money(call, _sum_channel(tally, "", VIDEO)),
        "product_card_attributed_gmv": render_money(call, _sum_channel(tally, "", CARD)),
        "product_impressions": traffic.impressions,
        "unique_product_impressions": traffic.viewers,
        "product_clicks": traffic.clicks,
        "unique_clicks": traffic.visitors,
        "visitors": traffic.visitors,
    }
