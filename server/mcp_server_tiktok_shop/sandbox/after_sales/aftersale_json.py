"""How requests after the sale look over the wire, and how searches find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL, REASON_TEXTS, REFUND, RETURN
from mcp_server_tiktok_shop.sandbox.after_sales.refunds import RETURN_POSTAGE_AMOUNT
from mcp_server_tiktok_shop.sandbox.fulfillment.warehouses import PARCEL_CARRIER, RETURN_WAREHOUSE
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.money import ZERO, format_amount
from mcp_server_tiktok_shop.sandbox.ordering.buyers import make_user_id
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.after_sales.refunds import Refund
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line

SELLER_ACTIONS = {
    (CANCEL, aftersales.CANCEL_PENDING): "SELLER_RESPOND_CANCEL",
    (REFUND, aftersales.PENDING): "SELLER_RESPOND_REFUND",
    (RETURN, aftersales.PENDING): "SELLER_RESPOND_RETURN",
    (RETURN, aftersales.SHIPPED): "SELLER_RESPOND_RECEIVE_PACKAGE",
}


def search_requests(
    call: Call,
    requests: Iterable[Request],
    filters: tuple[tuple[str, str], ...],
    name: str,
    render: Callable[..., Json],
) -> Json:
    """A page of the requests that pass all filters: (argument, what it holds of the request)."""
    found = [request for request in requests if _matches_filters(call, request, filters)]
    by_update = call.arguments.get("sort_field") == "update_time"
    matches = SortedItems.sort(found, lambda r: (r.update_time if by_update else r.create_time, r.id))
    descending = call.arguments.get("sort_order") == "DESC"
    page = pages.paginate(matches, call.arguments, call.page_scope, descending=descending)
    return pages.render_page(page, name, lambda request: render(call, request))


def _matches_filters(call: Call, request: Request, filters: tuple[tuple[str, str], ...]) -> bool:
    arguments = call.arguments
    values = {
        "id": request.id,
        "order": request.order.id,
        "status": request.status,
        "buyer": make_user_id(call.shop.region, request.order.buyer) if arguments.get("buyer_user_ids") else "",
        "kind": request.kind,
        "type": "BUYER_CANCEL" if request.role == "BUYER" else "CANCEL",
    }
    if any(arguments.get(argument) and values[fact] not in arguments[argument] for argument, fact in filters):
        return False
    return all(
        arguments.get(f"{field}_ge", time) <= time < arguments.get(f"{field}_lt", time + 1)
        for field, time in (("create_time", request.create_time), ("update_time", request.update_time))
    )


def render_cancellation(call: Call, request: Request) -> Json:
    return _render_common_fields(call, request) | {
        "cancel_id": request.id,
        "cancel_type": "BUYER_CANCEL" if request.role == "BUYER" else "CANCEL",
        "cancel_status": request.status,
        "cancel_reason": request.reason,
        "cancel_reason_text": REASON_TEXTS.get(request.reason, request.reason),
        "should_replenish_stock": request.status in aftersales.GRANTED_STATUSES,
        "cancel_line_items": [
            _render_line(call, line, refund) | {"cancel_line_item_id": make_id("4036", request.id, line.id)}
            for line, refund in zip(request.lines, request.refunds, strict=True)
        ],
    }


def render_return(call: Call, request: Request) -> Json:
    payload = _render_common_fields(call, request) | {
        "return_id": request.id,
        "return_type": request.kind,
        "return_status": request.status,
        "return_reason": request.reason,
        "return_reason_text": REASON_TEXTS.get(request.reason, request.reason),
        "can_buyer_keep_item": request.buyer_keeps,
        "is_combined_return": False,
        "is_quick_refund": False,
        "return_line_items": [
            _render_line(call, line, refund) | {"return_line_item_id": make_id("4036", request.id, line.id)}
            for line, refund in zip(request.lines, request.refunds, strict=True)
        ],
        "discount_amount": [_render_discounts(call, request)],
        "shipping_fee_amount": [
            {
                "currency": call.shop.currency,
                "seller_paid_return_shipping_fee": format_amount(
                    RETURN_POSTAGE_AMOUNT if request.tracking_number else ZERO
                ),
                "platform_paid_return_shipping_fee": "0.00",
                "buyer_paid_return_shipping_fee": "0.00",
            }
        ],
    }
    if request.offered:
        amount = {"currency": call.shop.currency, "amount": format_amount(request.refund.total)}
        payload |= {"seller_proposed_return_type": "PARTIAL_REFUND", "partial_refund": amount}
    return payload | (_render_shipment(call, request) if request.kind == RETURN else {})


def _render_shipment(call: Call, request: Request) -> Json:
    shipment, handover = request.shipment
    payload: Json = {
        "shipment_type": shipment,
        "handover_method": handover,
        "return_method": "PLATFORM_SHIPPED" if shipment == "PLATFORM" else "BUYER_SHIPPED",
        "return_shipping_document_type": "SHIPPING_LABEL",
    }
    address = next((w.to_json()["address"] for w in call.shop.warehouses if w.kind == RETURN_WAREHOUSE), None)
    if address:
        payload["return_warehouse_address"] = {"full_address": address["full_address"]}
    if request.tracking_number:
        payload |= {
            "return_tracking_number": request.tracking_number,
            "return_provider_id": PARCEL_CARRIER.id,
            "return_provider_name": PARCEL_CARRIER.name,
        }
    return payload


def _render_common_fields(call: Call, request: Request) -> Json:
    payload: Json = {
        "order_id": request.order.id,
        "role": request.role,
        "create_time": request.create_time,
        "update_time": request.update_time,
        "refund_amount": _render_refund(call, request.refund),
    }
    action = SELLER_ACTIONS.get((request.kind, request.status))
    if action:
        payload["seller_next_action_response"] = [{"action": action, "deadline": request.due}]
    return payload


def _render_refund(call: Call, refund: Refund) -> Json:
    return refund.to_json(call.shop.currency) | {"buyer_service_fee": "0.00"}


def _render_line(call: Call, line: Line, refund: Refund) -> Json:
    payload: Json = {
        "order_line_item_id": line.id,
        "sku_id": line.sku.id,
        "sku_name": line.sku.name,
        "product_name": line.product.title,
        "seller_sku": line.sku.seller_sku,
        "refund_amount": _render_refund(call, refund),
    }
    if line.product.images:
        image = line.product.images[0]
        url = f"{call.base_url}/images/{image.uri}"
        payload["product_image"] = {"url": url, "width": image.width, "height": image.height}
    return payload


def _render_discounts(call: Call, request: Request) -> Json:
    return {
        "currency": call.shop.currency,
        "product_seller_discount": format_amount(sum((line.seller_discount for line in request.lines), ZERO)),
        "product_platform_discount": format_amount(sum((line.platform_discount for line in request.lines), ZERO)),
        "shipping_fee_seller_discount": "0.00",
        "shipping_fee_platform_discount": "0.00",
    }


EVENT_NAMES = {
    aftersales.PENDING: "ORDER_RETURN",
    aftersales.AWAITING_SHIP: "SELLER_AGREE_RETURN",
    aftersales.AWAITING_RESPONSE: "SELLER_OFFER_PARTIAL_REFUND",
    aftersales.SHIPPED: "BUYER_SHIPPED",
    aftersales.SUCCESS: "REFUND_APPROVED",
    aftersales.COMPLETE: "REFUND_COMPLETE",
    aftersales.REJECTED: "SELLER_REJECT",
    aftersales.RECEIPT_REJECTED: "SELLER_REJECT_RECEIVE",
    aftersales.WITHDRAWN: "ORDER_RETURN_CLOSED",
}


def render_history(request: Request) -> list[Json]:
    """The request's history, from its beginning."""
    return [
        {
            "event": EVENT_NAMES.get(event.status, event.status),
            "role": event.role,
            "description": f"{event.role.capitalize()}: {event.status.replace('_', ' ').lower()}",
            "reason_text": REASON_TEXTS.get(event.reason, event.reason),
            "note": event.note,
            "images": [],
            "videos": [],
            "create_time": event.time,
        }
        for event in request.events
    ]
