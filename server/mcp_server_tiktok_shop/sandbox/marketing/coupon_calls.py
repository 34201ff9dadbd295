"""Coupons as they are found and read; sellers make them elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.refusals import Refusal
from mcp_server_tiktok_shop.sandbox.sorted_items import View

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json


def search_coupon_list(call: Call) -> Json:
    asked, now = call.arguments, call.now
    found = [
        coupon
        for coupon in call.shop.promotions.coupons.values()
        if (not asked.get("status") or coupon.status(now) in asked["status"])
        and (not asked.get("display_type") or coupon.facts["display_type"] in asked["display_type"])
        and asked.get("title_keyword", "").casefold() in coupon.title.casefold()
    ]
    view = View.of(found, lambda coupon: (coupon.begin_time, coupon.id))
    page = pages.cut(view, asked, f"{call.operation.name}/{call.shop.id}", descending=True)
    return pages.answer(page, "coupons", lambda coupon: coupon.listed(now))


def get_coupon(call: Call) -> Json:
    coupon = call.shop.promotions.coupons.get(call.arguments["coupon_id"])
    if coupon is None:
        raise Refusal(17029028, f"The shop has no coupon '{call.arguments['coupon_id']}'.")
    return {"coupon": coupon.shown(call.now)}
