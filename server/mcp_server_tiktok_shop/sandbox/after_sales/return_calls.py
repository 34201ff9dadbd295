"""Returns and refunds: searched, asked for by the seller, and decided step by step."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersale_views, aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import REFUND, RETURN
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_steps import file, move
from mcp_server_tiktok_shop.sandbox.after_sales.cancellation_calls import answered_before, reject_reason, remember
from mcp_server_tiktok_shop.sandbox.after_sales.eligibility import (
    DECISIONS,
    asked_order,
    check,
    chosen,
    refusal_of,
    request_of,
)
from mcp_server_tiktok_shop.sandbox.after_sales.refunds import of_amount
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json

FILTERS = (
    ("return_ids", "id"),
    ("order_ids", "order"),
    ("buyer_user_ids", "buyer"),
    ("return_types", "kind"),
    ("return_status", "status"),
)


def search_returns(call: Call) -> Json:
    found = list(call.shop.aftersales.returns())
    if call.arguments.get("arbitration_status"):
        found = []  # no case was ever taken to the platform
    if call.arguments.get("seller_proposed_return_type"):
        found = [request for request in found if request.offered]
    return aftersale_views.search(call, found, FILTERS, "return_orders", aftersale_views.returned)


def get_return_records(call: Call) -> Json:
    return {"records": aftersale_views.records(request_of(call, call.arguments["return_id"], REFUND, RETURN))}


def create_return(call: Call) -> Json:
    """What the seller asks for needs no consent: a refund is granted, a return waits for the buyer to send it."""
    asked, key = call.arguments, call.arguments.get("idempotency_key", "")
    name, before = call.shop.aftersales.answered.get(key, ("", ""))
    if name == call.operation.name:
        return _told(request_of(call, before))
    order = asked_order(call)
    lines = chosen(call, order)
    check(call, lines, asked["return_type"], asked["return_reason"])
    amount = _amount(call, "refund_total", asked.get("refund_total"), asked.get("currency"))
    request = file(
        call.shop, asked["return_type"], order, lines, role="SELLER", reason=asked["return_reason"], now=call.now
    )
    if amount is not None:
        if amount > request.refund.total:
            _forget(call, request)
            raise Refusal(25005005, f"Invalid 'refund_total': at most {request.refund.total} can be refunded.")
        request.refunds = of_amount(amount, request.lines)
    request.shipment = (asked.get("shipment_type", "PLATFORM"), asked.get("handover_method", "DROP_OFF"))
    granted = aftersales.SUCCESS if request.kind == REFUND else aftersales.AWAITING_SHIP
    move(call.shop, request, granted, call.now, "SELLER")
    remember(call, request)
    return _told(request)


def _told(request: Request) -> Json:
    return {"return_id": request.id, "return_status": request.status}


def _forget(call: Call, request: Request) -> None:
    del call.shop.aftersales.requests[request.id]
    call.shop.aftersales.by_order[request.order.id].remove(request)


def _amount(call: Call, name: str, amount: str | None, currency: str | None) -> Decimal | None:
    if not amount:
        return None
    if currency != call.shop.currency:
        raise Refusal(25001001, f"Invalid 'currency': this shop refunds in '{call.shop.currency}'.")
    if Decimal(amount) <= 0:
        raise Refusal(25001001, f"Invalid '{name}': more than 0 is expected.")
    return Decimal(amount)


def approve_return(call: Call) -> Json:
    request, asked = _asked(call), call.arguments
    if not answered_before(call, request):
        given = asked.get("partial_refund", {})
        if asked["decision"].startswith("REJECT"):
            raise Refusal(25011013, f"'{asked['decision']}' is no approval.")
        decide(call, request, asked["decision"], given.get("amount"), given.get("currency"))
        remember(call, request)
    return {}


def reject_return(call: Call) -> Json:
    request, asked = _asked(call), call.arguments
    if not answered_before(call, request):
        if asked["decision"] in ("DIRECT_REFUND", "OFFER_PARTIAL_REFUND") or asked["decision"].startswith("APPROVE"):
            raise Refusal(25011035, f"'{asked['decision']}' is no rejection.")
        _refuse(request, asked["decision"])
        given, note = asked.get("partial_refund_amount", {}), asked.get("comment", "")
        amount, currency = given.get("partial_refund_total"), given.get("currency")
        decide(call, request, asked["decision"], amount, currency, reject_reason(call, request), note)
        remember(call, request)
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
    _refuse(request, decision)
    status = DECISIONS[decision][2]
    if decision.startswith("OFFER"):
        _offer(call, request, amount, currency)
    elif decision == "APPROVE_RETURN" and call.arguments.get("buyer_keep_item"):
        request.buyer_keeps, status = True, aftersales.SUCCESS
    move(call.shop, request, status, call.now, "SELLER", reason=reason, note=note)


def _asked(call: Call) -> Request:
    return request_of(call, call.arguments["return_id"], REFUND, RETURN)


def _refuse(request: Request, decision: str) -> None:
    if request.status in (aftersales.SUCCESS, aftersales.COMPLETE):
        code = 25020010 if decision.startswith("REJECT") else 25001044
        raise Refusal(code, f"The request '{request.id}' is approved already.")
    problem = refusal_of(request, decision)
    if problem:
        raise Refusal(*problem)


def _offer(call: Call, request: Request, amount: str | None, currency: str | None) -> None:
    """A part of the refund: what the buyer gets back if they agree, which they do within a day."""
    offered = _amount(call, "partial_refund", amount, currency)
    if offered is None:
        raise Refusal(25001001, "Invalid param 'partial_refund': an offer needs an amount.")
    if offered > request.refund.total:
        raise Refusal(25005005, f"Invalid 'partial_refund': at most {request.refund.total} can be refunded.")
    request.refunds, request.offered = of_amount(offered, request.lines), True
