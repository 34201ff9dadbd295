"""Requests for samples over the wire: found, and decided once. Samples are not shipped here: no order comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.marketing.creators import COMMISSION_RATE
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.marketing.samples import SampleApplication


def search_sample_applications(call: Call) -> Json:
    """The newest first."""
    found = [one for one in call.shop.samples.values() if _matches_filters(call, one)]
    matches = SortedItems.sort(found, lambda application: (application.create_time, application.id))
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=True)
    return pages.render_page(page, "sample_applications", lambda application: _render_application(call, application))


def _matches_filters(call: Call, application: SampleApplication) -> bool:
    arguments, creator, product = call.arguments, application.creator, application.product
    if arguments.get("order_id") or arguments.get("target_collabration_id"):
        return False
    return (
        arguments.get("status") in (None, application.get_status(call.now))
        and arguments.get("product_id") in (None, "", product.id)
        and arguments.get("creator_user_oepn_id") in (None, "", creator.open_id)
        and arguments.get("title", "").casefold() in product.title.casefold()
        and arguments.get("username", "").casefold() in creator.username
    )


def _render_application(call: Call, application: SampleApplication) -> Json:
    creator, product, sku = application.creator, application.product, application.product.skus[0]
    status = application.get_status(call.now)
    payload: Json = {
        "id": application.id,
        "commission_rate": str(COMMISSION_RATE),
        "status": status,
        "available_quantity": sum(sku.stock.values()),
        "approve_expiration_time": application.approve_expiration_time,
        "is_approvable": status == "PENDING",
        "creator": {
            "creator_open_id": creator.open_id,
            "username": creator.username,
            "nickname": creator.nickname,
            "follower_count": creator.follower_count,
        },
        "product": {"id": product.id, "title": product.title, "sku_id": sku.id, "sku_name": sku.name},
    }
    if application.approved_time:
        payload["shipment_expiration_time"] = application.shipment_expiration_time
    return payload


def review_a_sample_application(call: Call) -> Json:
    application = call.shop.samples.get(call.arguments["application_id"])
    if application is None:
        raise RefusalError(98001004, "Invalid 'application_id': the shop has no such request for a sample.")
    status = application.get_status(call.now)
    if status != "PENDING":
        raise RefusalError(98001004, f"The request '{application.id}' is {status}: there is nothing to decide.")
    if call.arguments["review_result"] == "APPROVE":
        application.approved_time = call.now
    else:
        if not call.arguments.get("reject_reason"):
            raise RefusalError(98001004, "Invalid param 'reject_reason': a rejection needs one.")
        application.rejected_time = call.now
    call.shop.mark_changed()
    return {}
