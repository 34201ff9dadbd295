"""The shop's own figures: sales by day or whole, and by the hour, as its orders add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.analytics.analytics_ranges import Traffic, asked, day, latest, mean, money, share
from mcp_server_tiktok_shop.sandbox.analytics.tally import (
    CARD,
    CREATOR,
    LIVE,
    SELLER,
    VIDEO,
    Tally,
    between,
    by_hour,
    day_of,
)
from mcp_server_tiktok_shop.sandbox.money import ZERO, rounded
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from decimal import Decimal

    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

AUTHORS = {"": (CREATOR, SELLER), "creator_": (CREATOR,), "seller_": (SELLER,)}


def get_shop_performance(call: Call) -> Json:
    intervals = [
        part.shown | _interval(call, between(call.shop, part.start, part.end, call.now), part.start.isoformat())
        for part in asked(call).intervals(call.arguments["granularity"])
    ]
    return {"latest_available_date": latest(call), "performance": {"intervals": intervals}}


def _interval(call: Call, tally: Tally, name: str) -> Json:
    return {
        "sales": _sales(call, tally),
        "breakdowns": _breakdowns(call, tally),
        "traffic": _traffic(call, tally, name),
    }


def _sales(call: Call, tally: Tally) -> Json:
    told: Json = {
        "gmv": money(call, tally.gmv),
        "gmv_with_tax": money(call, tally.gmv),
        "gmv_with_tiktok_co_funding": money(call, tally.gmv),
        "tax": money(call, tally.tax),
        "shipping_fees": money(call, tally.shipping),
        "refunds": money(call, tally.refunds),
        "orders_count": tally.orders,
        "sku_orders_count": tally.sku_orders,
        "items_sold": tally.items,
        "customers_count": len(tally.buyers),
        "avg_order_value": money(call, mean(tally.gmv, tally.orders)),
        "avg_sku_order_value": money(call, mean(tally.gmv, tally.sku_orders)),
        "cancellations_and_returns": tally.cancelled + tally.returned,
        "product_card_attributed_gmv": money(call, _channel(tally, "", CARD)),
    }
    for prefix in AUTHORS:
        for content in (LIVE, VIDEO):
            amount, name = money(call, _channel(tally, prefix, content)), f"{prefix}{content.lower()}"
            told |= {f"{name}_attributed_gmv": amount, f"{name}_gmv": amount}
            told[f"{name}_indirect_gmv"] = money(call, ZERO)
    return told


def _channel(tally: Tally, prefix: str, content: str) -> Decimal:
    return sum((tally.channels.get((author, content), ZERO) for author in AUTHORS[prefix]), ZERO)


def _breakdowns(call: Call, tally: Tally) -> Json:
    card = _channel(tally, "seller_", CARD)
    searched = rounded(card / 2)
    return {
        "content_breakdown": [
            {
                "channel": author,
                "content_type": content,
                "gmv": money(call, tally.channels.get((author, content), ZERO)),
                "indirect_gmv": money(call, ZERO),
            }
            for author in (CREATOR, SELLER)
            for content in (LIVE, VIDEO)
        ],
        "affiliate_product_card_attributed_gmv": money(call, _channel(tally, "creator_", CARD)),
        "seller_product_card_gmv": money(call, card),
        "shop_tab_and_search": {
            "search_attributed": money(call, searched),
            "shop_tab_attributed": money(call, card - searched),
            "others": money(call, ZERO),
        },
    }


def _traffic(call: Call, tally: Tally, name: str) -> Json:
    traffic = Traffic.of(tally.orders, call.shop.id, name)
    return {
        "product_impressions": traffic.impressions,
        "unique_product_impressions": traffic.viewers,
        "product_clicks": traffic.clicks,
        "unique_clicks": traffic.visitors,
        "avg_visitors": traffic.visitors,
        "avg_page_views": traffic.clicks,
        "avg_conversation_rate": share(tally.orders, traffic.visitors),
    }


def get_shop_performance_per_hour(call: Call) -> Json:
    """One day of the shop's calendar; hours that have not come yet are empty."""
    wanted = day(call.arguments["date"])
    if wanted > day_of(call.shop, call.now):
        raise Refusal(28001022, f"Invalid 'date': {wanted} has not come yet.")
    hours, whole = by_hour(call.shop, wanted, call.now), Tally()
    for tally in hours:
        whole.add(tally)
    return {
        "performance": {
            "latest_available_timestamp": call.now,
            "overall": _hour(call, whole, wanted.isoformat()),
            "intervals": [
                {"index": index} | _hour(call, tally, f"{wanted} {index}") for index, tally in enumerate(hours)
            ],
        }
    }


def _hour(call: Call, tally: Tally, name: str) -> Json:
    traffic = Traffic.of(tally.orders, call.shop.id, name)
    return {
        "gmv": money(call, tally.gmv),
        "orders_count": tally.orders,
        "sku_orders_count": tally.sku_orders,
        "items_sold": tally.items,
        "customers": len(tally.buyers),
        "customers_count": len(tally.buyers),
        "avg_order_value": money(call, mean(tally.gmv, tally.orders)),
        "avg_sku_order_value": money(call, mean(tally.gmv, tally.sku_orders)),
        "live_attributed_gmv": money(call, _channel(tally, "", LIVE)),
        "video_attributed_gmv": money(call, _channel(tally, "", VIDEO)),
        "product_card_attributed_gmv": money(call, _channel(tally, "", CARD)),
        "product_impressions": traffic.impressions,
        "unique_product_impressions": traffic.viewers,
        "product_clicks": traffic.clicks,
        "unique_clicks": traffic.visitors,
        "visitors": traffic.visitors,
    }
