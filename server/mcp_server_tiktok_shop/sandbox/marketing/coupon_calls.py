"""Coupons as they are found and read; sellers make them elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json


def search_coupon_list(call: Call) -> Json:
    arguments, now = call.arguments, call.now
    found = [
        coupon
        for coupon in call.shop.promotions.coupons.values()
        if (not arguments.get("status") or coupon.get_status(now) in arguments["status"])
        and (not arguments.get("display_type") or coupon.facts["display_type"] in arguments["display_type"])
        and arguments.get("title_keyword", "").casefold() in coupon.title.casefold()
    ]
    matches = SortedItems.sort(found, lambda coupon: (coupon.begin_time, coupon.id))
    page = pages.paginate(matches, arguments, call.page_scope, descending=True)
    return pages.render_page(page, "coupons", lambda coupon: coupon.to_summary_json(now))


def get_coupon(call: Call) -> Json:
    coupon = call.shop.promotions.coupons.get(call.arguments["coupon_id"])
    if coupon is None:
        raise RefusalError(17029028, f"The shop has no coupon '{call.arguments['coupon_id']}'.")
    return {"coupon": coupon.to_json(call.now)}
