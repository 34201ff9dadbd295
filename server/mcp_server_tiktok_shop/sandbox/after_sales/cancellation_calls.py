"""Cancelling orders, whole or in part, and answering buyers who want to cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersale_json, aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL, REJECT_REASONS
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import file_request, move_request
from mcp_server_tiktok_shop.sandbox.after_sales.eligibility import (
    check_request,
    require_call_order,
    require_request,
    select_call_lines,
)
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

CANCELLATION_FILTERS = (
    ("cancel_ids", "id"),
    ("order_ids", "order"),
    ("buyer_user_ids", "buyer"),
    ("cancel_types", "type"),
    ("cancel_status", "status"),
)


def search_cancellations(call: Call) -> Json:
    found = call.shop.aftersales.iter_cancellations()
    return aftersale_json.search_requests(
        call, found, CANCELLATION_FILTERS, "cancellations", aftersale_json.render_cancellation
    )


def cancel_order(call: Call) -> Json:
    """A seller's cancellation needs nobody's consent: it holds at once, and is paid back within the hour."""
    order = require_call_order(call)
    lines, reason = select_call_lines(call, order), call.arguments["cancel_reason"]
    check_request(call, lines, CANCEL, reason)
    request = file_request(call.shop, CANCEL, order, lines, role="SELLER", reason=reason, now=call.now)
    move_request(call.shop, request, aftersales.CANCEL_SUCCESS, call.now, "SYSTEM")
    return {"cancel_id": request.id, "cancel_status": request.status}


def approve_cancellation(call: Call) -> Json:
    request = _require_cancellation(call)
    if not is_repeated_call(call, request):
        _check_undecided(request)
        move_request(call.shop, request, aftersales.CANCEL_SUCCESS, call.now, "SELLER")
        remember_call(call, request)
    return {}


def reject_cancellation(call: Call) -> Json:
    request = _require_cancellation(call)
    if not is_repeated_call(call, request):
        _check_undecided(request)
        reason = parse_reject_reason(call, request)
        note = call.arguments.get("comment", "")
        move_request(call.shop, request, aftersales.CANCEL_WITHDRAWN, call.now, "SELLER", reason=reason, note=note)
        remember_call(call, request)
    return {}


def _require_cancellation(call: Call) -> Request:
    return require_request(call, call.arguments["cancel_id"], CANCEL)


def _check_undecided(request: Request) -> None:
    if request.status != aftersales.CANCEL_PENDING:
        raise RefusalError(
            25020003, f"The cancellation '{request.id}' is {request.status}: there is nothing to decide."
        )


def parse_reject_reason(call: Call, request: Request) -> str:
    reason: str = call.arguments["reject_reason"]
    if reason not in REJECT_REASONS[request.kind]:
        raise RefusalError(
            25001016, f"Invalid 'reject_reason' '{reason}': see get_reject_reasons for those that apply."
        )
    return reason


def is_repeated_call(call: Call, request: Request) -> bool:
    """Whether this very call was answered already: the same key, the same operation, the same request."""
    key = call.arguments.get("idempotency_key", "")
    return call.shop.aftersales.handled_keys.get(key) == (call.operation.name, request.id)


def remember_call(call: Call, request: Request) -> None:
    """The call was carried out: with the same key it is not carried out again."""
    key = call.arguments.get("idempotency_key", "")
    if key:
        call.shop.aftersales.handled_keys[key] = (call.operation.name, request.id)
