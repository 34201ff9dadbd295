"""What may be asked for after the sale, by whom and when: for each line of an order, and for each decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import (
    CANCEL,
    REASONS,
    REFUND,
    REQUEST_KINDS,
    RETURN,
    list_reject_reasons,
)
from mcp_server_tiktok_shop.sandbox.after_sales.refunds import refund_lines, sum_refunds
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import require_order
from mcp_server_tiktok_shop.sandbox.refusals import RefusalError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order

TO_SHIP_STATUSES = ("AWAITING_SHIPMENT", "PARTIALLY_SHIPPING")
WITH_CARRIER_STATUSES = ("AWAITING_COLLECTION", "IN_TRANSIT")
# In which statuses of the order who may ask for what.
ALLOWED_ORDER_STATUSES = {
    ("BUYER", CANCEL): ("UNPAID", "ON_HOLD", *TO_SHIP_STATUSES),
    ("SELLER", CANCEL): ("ON_HOLD", *TO_SHIP_STATUSES),
    ("BUYER", REFUND): (*WITH_CARRIER_STATUSES, "DELIVERED"),
    ("SELLER", REFUND): (*WITH_CARRIER_STATUSES, "DELIVERED"),
    ("BUYER", RETURN): ("DELIVERED",),
    ("SELLER", RETURN): ("DELIVERED",),
}


def find_obstacle(call: Call, line: Line, kind: str, role: str) -> tuple[int, str] | None:
    """Why a line can't be asked for; None where it can."""
    order, now = line.order, call.now
    if call.shop.aftersales.find_by_line(line) or line.cancel_time or order.is_cancelled(now):
        return 25001010, f"The line '{line.id}' is cancelled or returned already, or a request for it is open."
    status = order.get_status(now)
    allowed = ALLOWED_ORDER_STATUSES[role, kind]
    if role == "SELLER" and kind == CANCEL and call.shop.region == "US":
        allowed = (*allowed, "AWAITING_COLLECTION")
    if status not in allowed:
        if kind == CANCEL and status in (*WITH_CARRIER_STATUSES, "DELIVERED", "COMPLETED"):
            return 25001045, f"The order '{order.id}' is {status}: it is shipped and cannot be cancelled."
        return 25001003, f"The order '{order.id}' is {status}: {kind} is not possible."
    if kind == CANCEL and line.package and line.package.get_status(now) != "TO_FULFILL" and status in TO_SHIP_STATUSES:
        return 25001045, f"The line '{line.id}' is shipped and cannot be cancelled."
    return None


def get_aftersale_eligibility(call: Call) -> Json:
    """By SKU; lines of a SKU that differ in what is possible are told apart."""
    order = require_call_order(call)
    role = call.arguments["initiate_aftersale_user"]
    kinds = call.arguments.get("request_types") or list(REQUEST_KINDS)
    by_sku: dict[str, list[Line]] = {}
    for line in order.lines:
        by_sku.setdefault(line.sku.id, []).append(line)
    rows = []
    for sku_id, lines in by_sku.items():
        groups: list[Json] = []
        for kind in kinds:
            groups += _group_by_obstacle(call, lines, kind, role)
        rows.append({"sku_id": sku_id, "line_item_eligibility": groups})
    return {"sku_eligibility": rows}


def _group_by_obstacle(call: Call, lines: list[Line], kind: str, role: str) -> list[Json]:
    if (role, kind) not in ALLOWED_ORDER_STATUSES:
        return []
    groups: dict[int, tuple[str, list[Line]]] = {}
    for line in lines:
        code, reason = find_obstacle(call, line, kind, role) or (0, "")
        groups.setdefault(code, (reason, []))[1].append(line)
    return [
        {
            "request_type": kind,
            "order_line_items_ids": [line.id for line in group_lines],
            "order_line_list": [{"order_line_item_id": line.id} for line in group_lines],
            "eligible": not code,
            "ineligible_code": code,
            "ineligible_reason": reason,
            "available_reason_names": [] if code else list(REASONS[role, kind]),
        }
        for code, (reason, group_lines) in groups.items()
    ]


def require_call_order(call: Call) -> Order:
    """The order of the call; one that isn't the shop's is not found here."""
    try:
        return require_order(call, call.arguments["order_id"])
    except RefusalError as refusal:
        raise RefusalError(25020005, refusal.message) from None


def select_call_lines(call: Call, order: Order) -> list[Line]:
    """The lines that a call names, by their ids or by SKU and number; all that are left where it names none."""
    arguments = call.arguments
    ids = list(arguments.get("order_line_item_ids") or ())
    ids += [item.get("order_line_item_id", "") for item in arguments.get("order_line_list") or ()]
    lines_by_id = {line.id: line for line in order.lines}
    unknown_ids = [line_id for line_id in ids if line_id not in lines_by_id]
    if unknown_ids:
        raise RefusalError(25001001, f"Invalid param 'order_line_item_ids': the order has no line '{unknown_ids[0]}'.")
    if ids:
        return [lines_by_id[line_id] for line_id in dict.fromkeys(ids)]
    if arguments.get("skus"):
        return _select_lines_by_sku(call, order)
    return [line for line in order.lines if not line.cancel_time]


def _select_lines_by_sku(call: Call, order: Order) -> list[Line]:
    lines: list[Line] = []
    for item in call.arguments["skus"]:
        sku_lines = [line for line in order.lines if line.sku.id == item["sku_id"]]
        if not sku_lines:
            raise RefusalError(25001001, f"Invalid param 'skus': the order has no SKU '{item['sku_id']}'.")
        available_lines = [
            line for line in sku_lines if not line.cancel_time and not call.shop.aftersales.find_by_line(line)
        ]
        if not 0 < item["quantity"] <= len(sku_lines):
            raise RefusalError(25005011, f"Invalid param 'skus': the order has {len(sku_lines)} of '{item['sku_id']}'.")
        lines += (available_lines + [line for line in sku_lines if line not in available_lines])[: item["quantity"]]
    return lines


def check_request(call: Call, lines: list[Line], kind: str, reason: str, role: str = "SELLER") -> None:
    """Every line may be asked for, and the reason is one of those for it."""
    if not lines:
        raise RefusalError(25001010, "Nothing of the order is left: all of it is cancelled or returned.")
    for line in lines:
        problem = find_obstacle(call, line, kind, role)
        if problem:
            raise RefusalError(*problem)
    if reason not in REASONS[role, kind]:
        elsewhere = any(reason in reasons for reasons in REASONS.values())
        code = 25001015 if elsewhere else 25001014
        raise RefusalError(code, f"Invalid reason '{reason}': see get_aftersale_eligibility for those that apply.")


def calculate_refund(call: Call) -> Json:
    order, arguments = require_call_order(call), call.arguments
    lines = select_call_lines(call, order)
    check_request(call, lines, arguments["request_type"], arguments["reason_name"])
    return {"order_refund_amount": sum_refunds(refund_lines(order, lines)).to_json(call.shop.currency)}


# Decision: the kinds it is made for, the status it is made in, and the one that it leads to.
DECISIONS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "APPROVE_REQUEST_CANCEL": ((CANCEL,), aftersales.CANCEL_PENDING, aftersales.CANCEL_SUCCESS),
    "REJECT_REQUEST_CANCEL": ((CANCEL,), aftersales.CANCEL_PENDING, aftersales.CANCEL_WITHDRAWN),
    "APPROVE_REFUND": ((REFUND,), aftersales.PENDING, aftersales.SUCCESS),
    "APPROVE_RETURN": ((RETURN,), aftersales.PENDING, aftersales.AWAITING_SHIP),
    "APPROVE_RECEIVED_PACKAGE": ((RETURN,), aftersales.SHIPPED, aftersales.SUCCESS),
    "DIRECT_REFUND": ((RETURN,), aftersales.PENDING, aftersales.SUCCESS),
    "OFFER_PARTIAL_REFUND": ((REFUND, RETURN), aftersales.PENDING, aftersales.AWAITING_RESPONSE),
    "REJECT_REFUND": ((REFUND,), aftersales.PENDING, aftersales.REJECTED),
    "REJECT_RETURN": ((RETURN,), aftersales.PENDING, aftersales.REJECTED),
    "REJECT_RECEIVED_PACKAGE": ((RETURN,), aftersales.SHIPPED, aftersales.RECEIPT_REJECTED),
    "OFFER_PARTIAL_REFUND_AFTER_RECEIVING_PKG": ((RETURN,), aftersales.SHIPPED, aftersales.AWAITING_RESPONSE),
}


def find_decision_obstacle(request: Request, decision: str) -> tuple[int, str] | None:
    """Why a decision can't be made now; None where it can."""
    kinds, status, _ = DECISIONS.get(decision, ((), "", ""))
    if request.kind not in kinds:
        code = 25011035 if decision.startswith("REJECT") else 25011013
        return code, f"'{decision}' is not a decision for a request of type {request.kind}."
    if request.status != status:
        return 25001003, f"The request '{request.id}' is {request.status}: '{decision}' is not possible."
    return None


def require_request(call: Call, request_id: str, *kinds: str) -> Request:
    request = call.shop.aftersales.requests.get(request_id)
    if request is None or (kinds and request.kind not in kinds) or request.status == aftersales.CANCEL_SCHEDULED:
        raise RefusalError(25007006, f"The shop has no such request '{request_id}'.")
    return request


def get_reject_reasons(call: Call) -> Json:
    return {"reasons": list_reject_reasons(require_request(call, call.arguments["return_or_cancel_id"]).kind)}


def get_decision_eligibility(call: Call) -> Json:
    request = require_request(call, call.arguments["return_or_cancel_id"])
    decisions = call.arguments.get("check_decisions") or [name for name in DECISIONS if not name.startswith("OFFER")]
    rows = []
    for decision in decisions:
        code, reason = find_decision_obstacle(request, decision) or (0, "")
        reasons = list_reject_reasons(request.kind) if not code and decision.startswith("REJECT") else []
        rows.append(
            {
                "decision": decision,
                "eligible": not code,
                "ineligible_code": code,
                "ineligible_reason": reason,
                "available_reject_reasons": reasons,
            }
        )
    return {"decisions": rows}
