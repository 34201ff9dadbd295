"""Cancelling orders, whole or in part, and answering buyers who want to cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersale_views, aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL, REJECT_REASONS
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import file, move
from mcp_server_tiktok_shop.sandbox.after_sales.eligibility import asked_order, check, chosen, request_of
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

FILTERS = (
    ("cancel_ids", "id"),
    ("order_ids", "order"),
    ("buyer_user_ids", "buyer"),
    ("cancel_types", "type"),
    ("cancel_status", "status"),
)


def search_cancellations(call: Call) -> Json:
    found = call.shop.aftersales.cancellations()
    return aftersale_views.search(call, found, FILTERS, "cancellations", aftersale_views.cancellation)


def cancel_order(call: Call) -> Json:
    """A seller's cancellation needs nobody's consent: it holds at once, and is paid back within the hour."""
    order = asked_order(call)
    lines, reason = chosen(call, order), call.arguments["cancel_reason"]
    check(call, lines, CANCEL, reason)
    request = file(call.shop, CANCEL, order, lines, role="SELLER", reason=reason, now=call.now)
    move(call.shop, request, aftersales.CANCEL_SUCCESS, call.now, "SYSTEM")
    return {"cancel_id": request.id, "cancel_status": request.status}


def approve_cancellation(call: Call) -> Json:
    request = _asked(call)
    if not answered_before(call, request):
        _refuse_decided(request)
        move(call.shop, request, aftersales.CANCEL_SUCCESS, call.now, "SELLER")
        remember(call, request)
    return {}


def reject_cancellation(call: Call) -> Json:
    request = _asked(call)
    if not answered_before(call, request):
        _refuse_decided(request)
        reason = reject_reason(call, request)
        note = call.arguments.get("comment", "")
        move(call.shop, request, aftersales.CANCEL_WITHDRAWN, call.now, "SELLER", reason=reason, note=note)
        remember(call, request)
    return {}


def _asked(call: Call) -> Request:
    return request_of(call, call.arguments["cancel_id"], CANCEL)


def _refuse_decided(request: Request) -> None:
    if request.status != aftersales.CANCEL_PENDING:
        raise Refusal(25020003, f"The cancellation '{request.id}' is {request.status}: there is nothing to decide.")


def reject_reason(call: Call, request: Request) -> str:
    reason: str = call.arguments["reject_reason"]
    if reason not in REJECT_REASONS[request.kind]:
        raise Refusal(25001016, f"Invalid 'reject_reason' '{reason}': see get_reject_reasons for those that apply.")
    return reason


def answered_before(call: Call, request: Request) -> bool:
    """Whether this very call was answered already: the same key, the same operation, the same request."""
    key = call.arguments.get("idempotency_key", "")
    return call.shop.aftersales.answered.get(key) == (call.operation.name, request.id)


def remember(call: Call, request: Request) -> None:
    """The call was carried out: with the same key it is not carried out again."""
    key = call.arguments.get("idempotency_key", "")
    if key:
        call.shop.aftersales.answered[key] = (call.operation.name, request.id)
