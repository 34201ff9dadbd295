"""The newer way to returns: requests with their returned parcels, searched by filters in the body, and reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersale_json, aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import (
    REFUND,
    REJECT_REASONS,
    RETURN,
    list_reject_reasons,
)
from mcp_server_tiktok_shop.sandbox.after_sales.eligibility import DECISIONS, find_decision_obstacle, require_request
from mcp_server_tiktok_shop.sandbox.after_sales.return_calls import decide
from mcp_server_tiktok_shop.sandbox.gateway import pages
from mcp_server_tiktok_shop.sandbox.ids import make_id
from mcp_server_tiktok_shop.sandbox.money import format_amount
from mcp_server_tiktok_shop.sandbox.ordering.buyers import make_user_id
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError
from mcp_server_tiktok_shop.sandbox.sorted_items import SortedItems

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

# Which decision an action is, for a refund and for a return.
ACTION_DECISIONS: dict[str, dict[str, str]] = {
    "APPROVE_REQUEST": {REFUND: "APPROVE_REFUND", RETURN: "APPROVE_RETURN"},
    "REJECT_REQUEST": {REFUND: "REJECT_REFUND", RETURN: "REJECT_RETURN"},
    "REFUND_INSTEAD": {RETURN: "DIRECT_REFUND"},
    "APPROVE_RETURN_PACKAGE": {RETURN: "APPROVE_RECEIVED_PACKAGE"},
    "REJECT_RETURN_PACKAGE": {RETURN: "REJECT_RECEIVED_PACKAGE"},
    "OFFER_PARTIAL_REFUND": {REFUND: "OFFER_PARTIAL_REFUND", RETURN: "OFFER_PARTIAL_REFUND"},
    "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG": {RETURN: "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG"},
}
RMA_STATUSES = {aftersales.AWAITING_SHIP: "AWAITING_BUYER_RETURN", aftersales.SHIPPED: "PENDING_PACKAGE_REVIEW"}
SKU_REQUEST_FIELDS = (
    "order_id", "return_id", "return_type", "return_status", "role", "return_reason", "return_reason_text",
    "seller_next_action_response", "shipment_type", "handover_method", "return_tracking_number",
    "return_provider_name", "return_provider_id", "refund_amount", "return_line_items", "create_time", "update_time",
    "return_shipping_document_type", "return_method", "is_combined_return", "seller_proposed_return_type",
    "return_warehouse_address", "is_quick_refund",
)  # fmt: skip


def search_aftersales_requests(call: Call) -> Json:
    found = list(call.shop.aftersales.iter_returns())
    filters = call.arguments.get("filters", {})
    facts: list[tuple[str, Callable[[Request], str]]] = [
        ("aftersales_request_ids", lambda r: r.id),
        ("aftersales_request_statuses", _get_review_status),
        ("return_types", lambda r: r.kind),
        ("main_order_ids", lambda r: r.order.id),
        ("buyer_ids", lambda r: make_user_id(call.shop.region, r.order.buyer)),
    ]
    for name, fact in facts:
        if filters.get(name):
            found = [request for request in found if fact(request) in filters[name]]
    return _render_page(call, found, "aftersales_requests", lambda request: _render_request(call, request))


def search_return_merchandise_authorizations(call: Call) -> Json:
    """A return has one as soon as the buyer may send it."""
    found = [request for request in call.shop.aftersales.iter_returns() if _get_rma_status(request)]
    filters = call.arguments.get("filters", {})
    facts: list[tuple[str, Callable[[Request], str]]] = [
        ("rma_ids", _make_rma_id),
        ("statuses", _get_rma_status),
        ("aftersales_request_ids", lambda r: r.id),
        ("main_order_ids", lambda r: r.order.id),
        ("package_ids", _make_package_id),
    ]
    for name, fact in facts:
        if filters.get(name):
            found = [request for request in found if fact(request) in filters[name]]
    return _render_page(call, found, "return_merchandise_authorizations", lambda request: _render_rma(call, request))


def _render_page(call: Call, found: list[Request], name: str, render: Callable[[Request], Json]) -> Json:
    """Page and order stand in the body, each in an object of its own."""
    arguments = call.arguments
    times = arguments.get("filters", {}).get("time", {})
    for field in ("create_time", "update_time"):
        bounds = times.get(field, {})
        low, high = bounds.get("min_unix_time_inclusive", 0), bounds.get("max_unix_time_exclusive", call.now + 1)
        found = [request for request in found if low <= getattr(request, field) < high]
    sort = arguments.get("sort", {})
    field = sort.get("sort_field", "CREATE_TIME").lower()
    matches = SortedItems.sort(found, lambda r: (r.update_time if field == "update_time" else r.create_time, r.id))
    query = {"filters": arguments.get("filters", {}), "sort": sort} | arguments.get("pagination", {})
    page = pages.paginate(matches, query, call.page_scope, descending=sort.get("sort_order", "DESC") == "DESC")
    return pages.render_page(page, name, render)


def _get_review_status(request: Request) -> str:
    return "PENDING_REQUEST_REVIEW" if request.status == aftersales.PENDING else "REQUEST_REVIEW_COMPLETED"


def _get_rma_status(request: Request) -> str:
    if request.kind != RETURN or not any(event.status == aftersales.AWAITING_SHIP for event in request.events):
        return ""
    return RMA_STATUSES.get(request.status, "PACKAGE_REVIEW_COMPLETED")


def _make_rma_id(request: Request) -> str:
    return make_id("4037", request.id)


def _make_package_id(request: Request) -> str:
    return make_id("1155", request.id)


def _render_lines(request: Request) -> list[Json]:
    return [
        {
            "return_line_item_id": make_id("4036", request.id, line.id),
            "sku_id": line.sku.id,
            "main_order_id": request.order.id,
            "sku_return_request_id": request.id,
        }
        for line in request.lines
    ]


def _render_request(call: Call, request: Request) -> Json:
    payload: Json = {
        "id": request.id,
        "status": _get_review_status(request),
        "line_items": _render_lines(request),
        "sku_return_requests": [_render_sku_request(call, request)],
    }
    if _get_rma_status(request):
        payload["return_merchandise_authorizations"] = [_render_plain_rma(request)]
    return payload


def _render_plain_rma(request: Request) -> Json:
    return {
        "id": _make_rma_id(request),
        "package_id": _make_package_id(request),
        "aftersales_request_id": request.id,
        "status": _get_rma_status(request),
        "line_items": _render_lines(request),
    }


def _render_rma(call: Call, request: Request) -> Json:
    return _render_plain_rma(request) | {"sku_return_requests": [_render_sku_request(call, request)]}


def _render_sku_request(call: Call, request: Request) -> Json:
    fields = aftersale_json.render_return(call, request)
    return {name: fields[name] for name in SKU_REQUEST_FIELDS if name in fields} | {
        "buyer_keep_item": request.buyer_keeps
    }


def get_available_review_decisions(call: Call) -> Json:
    request = require_request(call, call.arguments["return_or_cancel_id"])
    names = call.arguments.get("check_decisions") or list(DECISIONS)
    decisions = [_render_decision(call, request, decision) for decision in names]
    items = [
        {"return_line_item_id": item["return_line_item_id"], "decisions": decisions} for item in _render_lines(request)
    ]
    return {"line_items": items, "errors": []}


def _render_decision(call: Call, request: Request, decision: str) -> Json:
    code, reason = find_decision_obstacle(request, decision) or (0, "")
    reasons = list_reject_reasons(request.kind) if not code and decision.startswith("REJECT") else []
    payload: Json = {
        "decision": decision,
        "eligible": not code,
        "ineligible_code": code,
        "ineligible_reason": reason,
        "available_reject_reasons": reasons,
    }
    if not code and decision.startswith("OFFER"):
        max_amount = format_amount(request.refund.total)
        payload["partial_refund_amount_range"] = {
            "min_amount": "0.01",
            "max_amount": max_amount,
            "currency": call.shop.currency,
        }
    return payload


def review_aftersales_requests(call: Call) -> Json:
    """Each request by itself; all of its lines are decided alike, and what fails is told per item."""
    errors = []
    for item in call.arguments.get("aftersales_request_decisions", ()):
        try:
            _review_request(call, item)
        except RefusalError as refusal:
            errors.append({"code": str(refusal.code), "message": refusal.message})
    return {"errors": errors} if errors else {}


def _review_request(call: Call, item: Json) -> None:
    request_id = item["request_id"]
    if item.get("request_id_type") == "RMA":
        request_id = next(
            (r.id for r in call.shop.aftersales.iter_returns() if _make_rma_id(r) == request_id), request_id
        )
    request = require_request(call, request_id, REFUND, RETURN)
    actions = {decision["action"] for decision in item["line_item_decisions"]}
    if len(actions) > 1:
        raise RefusalError(25001001, f"The lines of '{request.id}' can only be decided alike.")
    first = item["line_item_decisions"][0]
    decision = ACTION_DECISIONS.get(first["action"], {}).get(request.kind, "")
    if not decision:
        raise RefusalError(25011013, f"'{first['action']}' is not an action for a request of type {request.kind}.")
    reason = first.get("reason", {})
    if decision.startswith("REJECT") and reason.get("reason_id") not in REJECT_REASONS[request.kind]:
        raise RefusalError(25001016, "Invalid 'reason.reason_id': see get_reject_reasons for those that apply.")
    details = first.get("alternative_solution_details", {})
    amount, currency = details.get("partial_refund_amount"), details.get("currency")
    decide(call, request, decision, amount, currency, reason.get("reason_id", ""), reason.get("text", ""))
