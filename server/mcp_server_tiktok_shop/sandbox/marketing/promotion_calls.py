"""Promotion activities over the wire: created, found, read, changed, switched off and published again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.marketing.promotions import NO_END_TIME, Activity
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

TERM_FIELDS = ("participation_limit", "discount", "target_user_info", "auction_support_type")
DISCOUNT_FIELDS = {
    "SHIPPING_DISCOUNT": "shipping_discount",
    "BUY_MORE_SAVE_MORE": "bmsm_discount",
    "GIFT_WITH_PURCHASE": "gift_discount",
    "BUY_X_GET_Y": "bxgy_discount",
}


def create_promotion_activity(call: Call) -> Json:
    """Products are added to it by another call, unless it is for the whole shop."""
    arguments = call.arguments
    discount_field = DISCOUNT_FIELDS.get(arguments["activity_type"])
    if discount_field and not arguments.get("discount", {}).get(discount_field):
        raise RefusalError(
            17029001, f"Invalid param 'discount': '{arguments['activity_type']}' needs '{discount_field}'."
        )
    begin, end = _parse_times(call)
    activity = Activity(
        id=make_id("71", call.shop.id, "activity", len(call.shop.promotions.activities), arguments["title"]),
        title=arguments["title"],
        kind=arguments["activity_type"],
        level=arguments["product_level"],
        begin_time=begin,
        end_time=end,
        create_time=call.now,
        update_time=call.now,
        duration=arguments["duration_type"],
        terms={name: arguments[name] for name in TERM_FIELDS if name in arguments},
    )
    call.shop.promotions.activities[activity.id] = activity
    call.shop.mark_changed()
    return {
        "activity_id": activity.id,
        "create_time": call.now,
        "update_time": call.now,
        "status": activity.get_status(call.now),
    }


def _parse_times(call: Call) -> tuple[int, int]:
    arguments = call.arguments
    begin, end = arguments["begin_time"], arguments["end_time"]
    if arguments.get("duration_type") == "INDEFINITE":
        end = NO_END_TIME
    if end <= begin or end <= call.now:
        raise RefusalError(17029001, "Invalid param 'end_time': it must lie after 'begin_time' and after now.")
    return begin, end


def search_promotion_activities(call: Call) -> Json:
    arguments, now = call.arguments, call.now
    found = [
        activity
        for activity in call.shop.promotions.activities.values()
        if arguments.get("status") in (None, activity.get_status(now))
        and arguments.get("activity_type") in (None, activity.kind)
        and arguments.get("activity_title", "").casefold() in activity.title.casefold()
    ]
    matches = SortedItems.sort(found, lambda activity: (activity.create_time, activity.id))
    query = arguments | {"page_size": arguments["page_size"] or pages.DEFAULT_PAGE_SIZE}
    page = pages.paginate(matches, query, call.page_scope, descending=True)
    return pages.render_page(page, "activities", lambda activity: activity.to_summary_json(now))


def get_activity(call: Call) -> Json:
    activity = require_activity(call, call.arguments["activity_id"], for_change=False)
    return activity.to_json(call.now, call.shop.currency)


def update_promotion_activity(call: Call) -> Json:
    arguments = call.arguments
    activity = require_activity(call, arguments["activity_id"])
    begin, end = _parse_times(call)
    if activity.get_status(call.now) == "ONGOING" and begin != activity.begin_time:
        raise RefusalError(17029001, "Invalid param 'begin_time': the promotion runs already.")
    activity.title, activity.begin_time, activity.end_time = arguments["title"], begin, end
    activity.duration = arguments["duration_type"]
    activity.level = arguments.get("product_level", activity.level)
    activity.terms = activity.terms | {name: arguments[name] for name in TERM_FIELDS if name in arguments}
    _mark_updated(call, activity)
    return {"activity_id": activity.id, "title": activity.title, "update_time": call.now}


def deactivate_activity(call: Call) -> Json:
    activity = require_activity(call, call.arguments["activity_id"])
    activity.deactivated = True
    _mark_updated(call, activity)
    return {"activity_id": activity.id, "title": activity.title, "status": "DEACTIVATED", "update_time": call.now}


def republish_activity(call: Call) -> Json:
    """What was switched off, or is over, runs again with its products at the new times."""
    activity = require_activity(call, call.arguments["activity_id"], for_change=False)
    if activity.get_status(call.now) not in ("DEACTIVATED", "EXPIRED"):
        raise RefusalError(
            17029010, f"The promotion '{activity.id}' is {activity.get_status(call.now)}: it is published already."
        )
    activity.begin_time, activity.end_time = _parse_times(call)
    activity.deactivated = False
    _mark_updated(call, activity)
    return {"activity_id": activity.id}


def _mark_updated(call: Call, activity: Activity) -> None:
    activity.update_time = call.now
    call.shop.mark_changed()


def require_activity(call: Call, activity_id: str, *, for_change: bool = True) -> Activity:
    """The shop's activity; one that is over or switched off can't be changed."""
    activity = call.shop.promotions.activities.get(activity_id)
    if activity is None:
        raise RefusalError(17029009, f"The shop has no promotion '{activity_id}'.")
    status = activity.get_status(call.now)
    if for_change and status == "DEACTIVATED":
        raise RefusalError(17029010, f"The promotion '{activity_id}' is deactivated.")
    if for_change and status == "EXPIRED":
        raise RefusalError(17029012, f"The promotion '{activity_id}' is over.")
    return activity
