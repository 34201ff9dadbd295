"""What may be asked for after the sale, by whom and when: for each line of an order, and for each decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.sandbox.after_sales import aftersales
from mcp_server_tiktok_shop.sandbox.after_sales.aftersale_reasons import CANCEL, KINDS, REASONS, REFUND, RETURN, listed
from mcp_server_tiktok_shop.sandbox.after_sales.refunds import of_lines, total
from mcp_server_tiktok_shop.sandbox.ordering.order_calls import order_of
from mcp_server_tiktok_shop.sandbox.refusals import Refusal

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.gateway.call import Call
    from mcp_server_tiktok_shop.sandbox.json_types import Json
    from mcp_server_tiktok_shop.sandbox.ordering.orders import Line, Order

TO_SHIP = ("AWAITING_SHIPMENT", "PARTIALLY_SHIPPING")
ON_THE_WAY = ("AWAITING_COLLECTION", "IN_TRANSIT")
# In which statuses of the order who may ask for what.
ALLOWED = {
    ("BUYER", CANCEL): ("UNPAID", "ON_HOLD", *TO_SHIP),
    ("SELLER", CANCEL): ("ON_HOLD", *TO_SHIP),
    ("BUYER", REFUND): (*ON_THE_WAY, "DELIVERED"),
    ("SELLER", REFUND): (*ON_THE_WAY, "DELIVERED"),
    ("BUYER", RETURN): ("DELIVERED",),
    ("SELLER", RETURN): ("DELIVERED",),
}


def obstacle(call: Call, line: Line, kind: str, role: str) -> tuple[int, str] | None:
    """Why a line can't be asked for; None where it can."""
    order, now = line.order, call.now
    if call.shop.aftersales.of_line(line) or line.cancel_time or order.is_cancelled(now):
        return 25001010, f"The line '{line.id}' is cancelled or returned already, or a request for it is open."
    status = order.status(now)
    allowed = ALLOWED[role, kind]
    if role == "SELLER" and kind == CANCEL and call.shop.region == "US":
        allowed = (*allowed, "AWAITING_COLLECTION")
    if status not in allowed:
        if kind == CANCEL and status in (*ON_THE_WAY, "DELIVERED", "COMPLETED"):
            return 25001045, f"The order '{order.id}' is {status}: it is shipped and cannot be cancelled."
        return 25001003, f"The order '{order.id}' is {status}: {kind} is not possible."
    if kind == CANCEL and line.package and line.package.status(now) != "TO_FULFILL" and status in TO_SHIP:
        return 25001045, f"The line '{line.id}' is shipped and cannot be cancelled."
    return None


def get_aftersale_eligibility(call: Call) -> Json:
    """By SKU; lines of a SKU that differ in what is possible are told apart."""
    order = asked_order(call)
    role = call.arguments["initiate_aftersale_user"]
    kinds = call.arguments.get("request_types") or list(KINDS)
    by_sku: dict[str, list[Line]] = {}
    for line in order.lines:
        by_sku.setdefault(line.sku.id, []).append(line)
    told = []
    for sku_id, lines in by_sku.items():
        groups: list[Json] = []
        for kind in kinds:
            groups += _groups(call, lines, kind, role)
        told.append({"sku_id": sku_id, "line_item_eligibility": groups})
    return {"sku_eligibility": told}


def _groups(call: Call, lines: list[Line], kind: str, role: str) -> list[Json]:
    if (role, kind) not in ALLOWED:
        return []
    found: dict[int, tuple[str, list[Line]]] = {}
    for line in lines:
        code, reason = obstacle(call, line, kind, role) or (0, "")
        found.setdefault(code, (reason, []))[1].append(line)
    return [
        {
            "request_type": kind,
            "order_line_items_ids": [line.id for line in held],
            "order_line_list": [{"order_line_item_id": line.id} for line in held],
            "eligible": not code,
            "ineligible_code": code,
            "ineligible_reason": reason,
            "available_reason_names": [] if code else list(REASONS[role, kind]),
        }
        for code, (reason, held) in found.items()
    ]


def asked_order(call: Call) -> Order:
    """The order of the call; one that isn't the shop's is not found here."""
    try:
        return order_of(call, call.arguments["order_id"])
    except Refusal as refusal:
        raise Refusal(25020005, refusal.message) from None


def chosen(call: Call, order: Order) -> list[Line]:
    """The lines that a call names, by their ids or by SKU and number; all that are left where it names none."""
    asked = call.arguments
    ids = list(asked.get("order_line_item_ids") or ())
    ids += [item.get("order_line_item_id", "") for item in asked.get("order_line_list") or ()]
    own = {line.id: line for line in order.lines}
    strange = [line_id for line_id in ids if line_id not in own]
    if strange:
        raise Refusal(25001001, f"Invalid param 'order_line_item_ids': the order has no line '{strange[0]}'.")
    if ids:
        return [own[line_id] for line_id in dict.fromkeys(ids)]
    if asked.get("skus"):
        return _by_sku(call, order)
    return [line for line in order.lines if not line.cancel_time]


def _by_sku(call: Call, order: Order) -> list[Line]:
    lines: list[Line] = []
    for item in call.arguments["skus"]:
        held = [line for line in order.lines if line.sku.id == item["sku_id"]]
        if not held:
            raise Refusal(25001001, f"Invalid param 'skus': the order has no SKU '{item['sku_id']}'.")
        free = [line for line in held if not line.cancel_time and not call.shop.aftersales.of_line(line)]
        if not 0 < item["quantity"] <= len(held):
            raise Refusal(25005011, f"Invalid param 'skus': the order has {len(held)} of '{item['sku_id']}'.")
        lines += (free + [line for line in held if line not in free])[: item["quantity"]]
    return lines


def check(call: Call, lines: list[Line], kind: str, reason: str, role: str = "SELLER") -> None:
    """Every line may be asked for, and the reason is one of those for it."""
    if not lines:
        raise Refusal(25001010, "Nothing of the order is left: all of it is cancelled or returned.")
    for line in lines:
        problem = obstacle(call, line, kind, role)
        if problem:
            raise Refusal(*problem)
    if reason not in REASONS[role, kind]:
        elsewhere = any(reason in reasons for reasons in REASONS.values())
        code = 25001015 if elsewhere else 25001014
        raise Refusal(code, f"Invalid reason '{reason}': see get_aftersale_eligibility for those that apply.")


def calculate_refund(call: Call) -> Json:
    order, asked = asked_order(call), call.arguments
    lines = chosen(call, order)
    check(call, lines, asked["request_type"], asked["reason_name"])
    return {"order_refund_amount": total(of_lines(order, lines)).shown(call.shop.currency)}


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


def refusal_of(request: Request, decision: str) -> tuple[int, str] | None:
    """Why a decision can't be made now; None where it can."""
    kinds, status, _ = DECISIONS.get(decision, ((), "", ""))
    if request.kind not in kinds:
        code = 25011035 if decision.startswith("REJECT") else 25011013
        return code, f"'{decision}' is not a decision for a request of type {request.kind}."
    if request.status != status:
        return 25001003, f"The request '{request.id}' is {request.status}: '{decision}' is not possible."
    return None


def request_of(call: Call, request_id: str, *kinds: str) -> Request:
    request = call.shop.aftersales.requests.get(request_id)
    if request is None or (kinds and request.kind not in kinds) or request.status == aftersales.CANCEL_SCHEDULED:
        raise Refusal(25007006, f"The shop has no such request '{request_id}'.")
    return request


def get_reject_reasons(call: Call) -> Json:
    return {"reasons": listed(request_of(call, call.arguments["return_or_cancel_id"]).kind)}


def get_decision_eligibility(call: Call) -> Json:
    request = request_of(call, call.arguments["return_or_cancel_id"])
    asked = call.arguments.get("check_decisions") or [name for name in DECISIONS if not name.startswith("OFFER")]
    told = []
    for decision in asked:
        code, reason = refusal_of(request, decision) or (0, "")
        reasons = listed(request.kind) if not code and decision.startswith("REJECT") else []
        told.append(
            {
                "decision": decision,
                "eligible": not code,
                "ineligible_code": code,
                "ineligible_reason": reason,
                "available_reject_reasons": reasons,
            }
        )
    return {"decisions": told}
