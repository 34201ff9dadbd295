"""Returns and refunds: searched, asked for by the seller, and decided step by step."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersale_json, aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import REFUND, RETURN
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import file_request, move_request
from mcp_server_tiktok_shop.sandbox.after_sales.cancellation_calls import (
    is_repeated_call,
    parse_reject_reason,
    remember_call,
)
from mcp_server_tiktok_shop.sandbox.after_sales.eligibility import (
    DECISIONS,
    check_request,
    find_decision_obstacle,
    require_call_order,
    require_request,
    select_call_lines,
)
from mcp_server_tiktok_shop.sandbox.after_sales.refunds import split_refund
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

RETURN_FILTERS = (
    ("return_ids", "id"),
    ("order_ids", "order"),
    ("buyer_user_ids", "buyer"),
    ("return_types", "kind"),
    ("return_status", "status"),
)


def search_returns(call: Call) -> Json:
    found = list(call.shop.aftersales.iter_returns())
    if call.arguments.get("arbitration_status"):
        found = []  # no case was ever taken to the platform
    if call.arguments.get("seller_proposed_return_type"):
        found = [request for request in found if request.offered]
    return aftersale_json.search_requests(call, found, RETURN_FILTERS, "return_orders", aftersale_json.render_return)


def get_return_records(call: Call) -> Json:
    return {
        "records": aftersale_json.render_history(require_request(call, call.arguments["return_id"], REFUND, RETURN))
    }


def create_return(call: Call) -> Json:
    """What the seller asks for needs no consent: a refund is granted, a return waits for the buyer to send it."""
    arguments, key = call.arguments, call.arguments.get("idempotency_key", "")
    name, previous_id = call.shop.aftersales.handled_keys.get(key, ("", ""))
    if name == call.operation.name:
        return _render_status(require_request(call, previous_id))
    order = require_call_order(call)
    lines = select_call_lines(call, order)
    check_request(call, lines, arguments["return_type"], arguments["return_reason"])
    amount = _parse_amount(call, "refund_total", arguments.get("refund_total"), arguments.get("currency"))
    request = file_request(
        call.shop,
        arguments["return_type"],
        order,
        lines,
        role="SELLER",
        reason=arguments["return_reason"],
        now=call.now,
    )
    if amount is not None:
        if amount > request.refund.total:
            _remove_request(call, request)
            raise RefusalError(25005005, f"Invalid 'refund_total': at most {request.refund.total} can be refunded.")
        request.refunds = split_refund(amount, request.lines)
    request.shipment = (arguments.get("shipment_type", "PLATFORM"), arguments.get("handover_method", "DROP_OFF"))
    granted = aftersales.SUCCESS if request.kind == REFUND else aftersales.AWAITING_SHIP
    move_request(call.shop, request, granted, call.now, "SELLER")
    remember_call(call, request)
    return _render_status(request)


def _render_status(request: Request) -> Json:
    return {"return_id": request.id, "return_status": request.status}


def _remove_request(call: Call, request: Request) -> None:
    del call.shop.aftersales.requests[request.id]
    call.shop.aftersales.by_order[request.order.id].remove(request)


def _parse_amount(call: Call, name: str, amount: str | None, currency: str | None) -> Decimal | None:
    if not amount:
        return None
    if currency != call.shop.currency:
        raise RefusalError(25001001, f"Invalid 'currency': this shop refunds in '{call.shop.currency}'.")
    if Decimal(amount) <= 0:
        raise RefusalError(25001001, f"Invalid '{name}': more than 0 is expected.")
    return Decimal(amount)


def approve_return(call: Call) -> Json:
    request, arguments = _require_return(call), call.arguments
    if not is_repeated_call(call, request):
        partial_refund = arguments.get("partial_refund", {})
        if arguments["decision"].startswith("REJECT"):
            raise RefusalError(25011013, f"'{arguments['decision']}' is no approval.")
        decide(call, request, arguments["decision"], partial_refund.get("amount"), partial_refund.get("currency"))
        remember_call(call, request)
    return {}


def reject_return(call: Call) -> Json:
    request, arguments = _require_return(call), call.arguments
    if not is_repeated_call(call, request):
        if arguments["decision"] in ("DIRECT_REFUND", "OFFER_PARTIAL_REFUND") or arguments["decision"].startswith(
            "APPROVE"
        ):
            raise RefusalError(25011035, f"'{arguments['decision']}' is no rejection.")
        _check_decision(request, arguments["decision"])
        partial_refund, note = arguments.get("partial_refund_amount", {}), arguments.get("comment", "")
        amount, currency = partial_refund.get("partial_refund_total"), partial_refund.get("currency")
        decide(call, request, arguments["decision"], amount, currency, parse_reject_reason(call, request), note)
        remember_call(call, request)
    return {}


def decide(
    call: Call,
    request: Request,
    decision: str,
    amount: str | None = None,
    currency: str | None = None,
    reason: str = "",
    note: str = "",
) -> None:
    """Take the request to where the decision leads; an offer needs an amount."""
    _check_decision(request, decision)
    status = DECISIONS[decision][2]
    if decision.startswith("OFFER"):
        _offer_partial_refund(call, request, amount, currency)
    elif decision == "APPROVE_RETURN" and call.arguments.get("buyer_keep_item"):
        request.buyer_keeps, status = True, aftersales.SUCCESS
    move_request(call.shop, request, status, call.now, "SELLER", reason=reason, note=note)


def _require_return(call: Call) -> Request:
    return require_request(call, call.arguments["return_id"], REFUND, RETURN)


def _check_decision(request: Request, decision: str) -> None:
    if request.status in (aftersales.SUCCESS, aftersales.COMPLETE):
        code = 25020010 if decision.startswith("REJECT") else 25001044
        raise RefusalError(code, f"The request '{request.id}' is approved already.")
    problem = find_decision_obstacle(request, decision)
    if problem:
        raise RefusalError(*problem)


def _offer_partial_refund(call: Call, request: Request, amount: str | None, currency: str | None) -> None:
    """A part of the refund: what the buyer gets back if they agree, which they do within a day."""
    offered_amount = _parse_amount(call, "partial_refund", amount, currency)
    if offered_amount is None:
        raise RefusalError(25001001, "Invalid param 'partial_refund': an offer needs an amount.")
    if offered_amount > request.refund.total:
        raise RefusalError(25005005, f"Invalid 'partial_refund': at most {request.refund.total} can be refunded.")
    request.refunds, request.offered = split_refund(offered_amount, request.lines), True
