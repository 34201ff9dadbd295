"""Promotion activities over the wire: created, found, read, changed, switched off and published again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.marketing.promotions import NEVER, Activity
from mcp_server_tiktok_shop.sandbox.refusals import Refusal
from mcp_server_tiktok_shop.sandbox.sorted_items import View

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

TERMS = ("participation_limit", "discount", "target_user_info", "auction_support_type")
DISCOUNTS = {
    "SHIPPING_DISCOUNT": "shipping_discount",
    "BUY_MORE_SAVE_MORE": "bmsm_discount",
    "GIFT_WITH_PURCHASE": "gift_discount",
    "BUY_X_GET_Y": "bxgy_discount",
}


def create_promotion_activity(call: Call) -> Json:
    """Products are added to it by another call, unless it is for the whole shop."""
    asked = call.arguments
    needed = DISCOUNTS.get(asked["activity_type"])
    if needed and not asked.get("discount", {}).get(needed):
        raise Refusal(17029001, f"Invalid param 'discount': '{asked['activity_type']}' needs '{needed}'.")
    begin, end = _times(call)
    activity = Activity(
        id=make_id("71", call.shop.id, "activity", len(call.shop.promotions.activities), asked["title"]),
        title=asked["title"],
        kind=asked["activity_type"],
        level=asked["product_level"],
        begin_time=begin,
        end_time=end,
        create_time=call.now,
        update_time=call.now,
        duration=asked["duration_type"],
        terms={name: asked[name] for name in TERMS if name in asked},
    )
    call.shop.promotions.activities[activity.id] = activity
    call.shop.changed()
    return {
        "activity_id": activity.id,
        "create_time": call.now,
        "update_time": call.now,
        "status": activity.status(call.now),
    }


def _times(call: Call) -> tuple[int, int]:
    asked = call.arguments
    begin, end = asked["begin_time"], asked["end_time"]
    if asked.get("duration_type") == "INDEFINITE":
        end = NEVER
    if end <= begin or end <= call.now:
        raise Refusal(17029001, "Invalid param 'end_time': it must lie after 'begin_time' and after now.")
    return begin, end


def search_promotion_activities(call: Call) -> Json:
    asked, now = call.arguments, call.now
    found = [
        activity
        for activity in call.shop.promotions.activities.values()
        if asked.get("status") in (None, activity.status(now))
        and asked.get("activity_type") in (None, activity.kind)
        and asked.get("activity_title", "").casefold() in activity.title.casefold()
    ]
    view = View.of(found, lambda activity: (activity.create_time, activity.id))
    query = asked | {"page_size": asked["page_size"] or pages.DEFAULT_SIZE}
    page = pages.cut(view, query, f"{call.operation.name}/{call.shop.id}", descending=True)
    return pages.answer(page, "activities", lambda activity: activity.listed(now))


def get_activity(call: Call) -> Json:
    activity = activity_of(call, call.arguments["activity_id"], changing=False)
    return activity.shown(call.now, call.shop.currency)


def update_promotion_activity(call: Call) -> Json:
    asked = call.arguments
    activity = activity_of(call, asked["activity_id"])
    begin, end = _times(call)
    if activity.status(call.now) == "ONGOING" and begin != activity.begin_time:
        raise Refusal(17029001, "Invalid param 'begin_time': the promotion runs already.")
    activity.title, activity.begin_time, activity.end_time = asked["title"], begin, end
    activity.duration = asked["duration_type"]
    activity.level = asked.get("product_level", activity.level)
    activity.terms = activity.terms | {name: asked[name] for name in TERMS if name in asked}
    _touch(call, activity)
    return {"activity_id": activity.id, "title": activity.title, "update_time": call.now}


def deactivate_activity(call: Call) -> Json:
    activity = activity_of(call, call.arguments["activity_id"])
    activity.deactivated = True
    _touch(call, activity)
    return {"activity_id": activity.id, "title": activity.title, "status": "DEACTIVATED", "update_time": call.now}


def republish_activity(call: Call) -> Json:
    """What was switched off, or is over, runs again with its products at the new times."""
    activity = activity_of(call, call.arguments["activity_id"], changing=False)
    if activity.status(call.now) not in ("DEACTIVATED", "EXPIRED"):
        raise Refusal(
            17029010, f"The promotion '{activity.id}' is {activity.status(call.now)}: it is published already."
        )
    activity.begin_time, activity.end_time = _times(call)
    activity.deactivated = False
    _touch(call, activity)
    return {"activity_id": activity.id}


def _touch(call: Call, activity: Activity) -> None:
    activity.update_time = call.now
    call.shop.changed()


def activity_of(call: Call, activity_id: str, *, changing: bool = True) -> Activity:
    """The shop's activity; one that is over or switched off can't be changed."""
    activity = call.shop.promotions.activities.get(activity_id)
    if activity is None:
        raise Refusal(17029009, f"The shop has no promotion '{activity_id}'.")
    status = activity.status(call.now)
    if changing and status == "DEACTIVATED":
        raise Refusal(17029010, f"The promotion '{activity_id}' is deactivated.")
    if changing and status == "EXPIRED":
        raise Refusal(17029012, f"The promotion '{activity_id}' is over.")
    return activity
