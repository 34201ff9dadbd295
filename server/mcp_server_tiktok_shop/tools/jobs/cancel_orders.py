"""Cancels orders for the seller, mapping a reason in plain words to the platform's for each order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.jobs.cancellation_warnings import (
    OUT_OF_STOCK,
    SCORE_WORDS,
    Repayment,
    read_repayments,
    warn_of_stock,
    warn_of_total,
)
from mcp_server_tiktok_shop.tools.jobs.order_reads import read_open_cancellations, read_orders
from mcp_server_tiktok_shop.tools.jobs.order_words import describe_order
from mcp_server_tiktok_shop.tools.jobs.parcels import TO_SHIP_STATUSES, find_deadline, get_lines
from mcp_server_tiktok_shop.tools.jobs.reasons import Reason, find_reasons, make_reason_error
from mcp_server_tiktok_shop.tools.jobs.refusals import explain_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json

OPERATION = "cancel_order"
STATUS_REASONS = {
    "CANCELLED": "it is cancelled already",
    "UNPAID": "it is not paid: TikTok cancels it by itself when the time to pay is over",
    "IN_TRANSIT": "it is on its way: take it back with create_return",
    "DELIVERED": "it is delivered: take it back with create_return",
    "COMPLETED": "it is completed",
}
UNKNOWN_REASON = "this shop has no order of that id"
REASON_PREFIX = re.compile(r"^.*_reason_")  # of a reason's name, before the words that tell it


class CancelOrdersJob(Job, frozen=True):
    """The tool `cancel_orders`; `clock` gives Unix seconds."""

    clock: Callable[[], float]

    async def plan(self, values: Json, context: JobContext) -> Plan:
        """Every order that is named: cancelled with the platform's reason for it, or skipped.

        Raises:
            ShopError: The reason means none of the platform's here, or several; an order is of another shop.

        """
        order_ids = list(dict.fromkeys(values["order_ids"]))
        orders = await read_orders(order_ids, context)
        cancel_ids = await read_open_cancellations(orders, context)
        skip_reasons = {order_id: UNKNOWN_REASON for order_id in order_ids if order_id not in orders}
        for order_id, order in orders.items():
            if cancel_id := cancel_ids.get(order_id):
                skip_reasons[order_id] = f"the buyer asked for that: approve {cancel_id} with decide_returns"
            elif reason := STATUS_REASONS.get(str(order.get("status"))):
                skip_reasons[order_id] = reason
        open_ids = [order_id for order_id in order_ids if order_id not in skip_reasons]
        reasons, obstacles = await _find_order_reasons(open_ids, context)
        skip_reasons |= obstacles
        chosen = _choose_reasons(values["reason"], reasons)
        now, repayments = self.clock(), await read_repayments(chosen, context)
        items = [
            _make_item(i, orders.get(i, {}), chosen.get(i), skip_reasons.get(i, ""), now, repayments.get(i))
            for i in order_ids
        ]
        state = [Item("order", i, {"status": order.get("status")}, order) for i, order in orders.items()]
        sold_out = [orders[order_id] for order_id, reason in chosen.items() if OUT_OF_STOCK in reason.name]
        warnings = [*warn_of_total(repayments.values(), len(chosen)), *await warn_of_stock(sold_out, context)]
        return Plan(tuple(items), CurrentState(tuple(state)), tuple(warnings), (SCORE_WORDS if chosen else "",))

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """An order a write."""
        return [
            Step(OPERATION, {"order_id": item.id, "cancel_reason": item.parameters["reason"]}, (item,))
            for item in items
        ]

    def find_now(self, item: JobItem, state: Sequence[Json]) -> Any:
        """The order's status, and the reason as it stands there."""
        own = next((thing for thing in state if thing.get(item.noun) == item.id), {})
        return {name: own[name] for name in ("status", "cancel_reason") if name in own} or None


async def _find_order_reasons(
    order_ids: list[str], context: JobContext
) -> tuple[dict[str, list[Reason]], dict[str, str]]:
    """The reasons with which the seller may cancel each order as a whole, and of those that can't be why."""
    arguments: Json = {"initiate_aftersale_user": "SELLER", "request_types": ["CANCEL"]}
    answers = await context.read_each("get_aftersale_eligibility", [arguments | {"order_id": i} for i in order_ids])
    reasons: dict[str, list[Reason]] = {}
    obstacles: dict[str, str] = {}
    for order_id, answer in zip(order_ids, answers, strict=True):
        if isinstance(answer, ShopError):
            obstacles[order_id] = explain_refusal(answer)
            continue
        skus = [sku for sku in answer.get("sku_eligibility") or () if isinstance(sku, dict)]
        rows = [row for sku in skus for row in sku.get("line_item_eligibility") or () if isinstance(row, dict)]
        rows = [row for row in rows if row.get("request_type", "CANCEL") == "CANCEL"]
        names = [set(row.get("available_reason_names") or ()) for row in rows if row.get("eligible")]
        refused = [row for row in rows if not row.get("eligible")]
        if names and not refused:
            shared = set.intersection(*names)
            reasons[order_id] = [Reason(name, _to_words(name)) for name in sorted(shared)]
        elif names:
            obstacles[order_id] = f"only a part of it can be cancelled ({_explain(refused)}): use {OPERATION} for that"
        else:
            obstacles[order_id] = _explain(refused) or "TikTok doesn't let it be cancelled"
    return reasons, obstacles


def _explain(rows: list[Json]) -> str:
    """The platform's words for why lines can't be cancelled."""
    return next((str(row["ineligible_reason"]) for row in rows if row.get("ineligible_reason")), "").rstrip(".")


def _choose_reasons(words: str, reasons: dict[str, list[Reason]]) -> dict[str, Reason]:
    """The platform's reason for each order.

    Raises:
        ShopError: For an order the words mean none of the reasons, or several.

    """
    chosen = {}
    for order_id, order_reasons in reasons.items():
        matches = find_reasons(words, order_reasons)
        if len(matches) != 1:
            raise make_reason_error("reason", words, matches, order_reasons, f"for order {order_id}")
        chosen[order_id] = matches[0]
    return chosen


def _to_words(name: str) -> str:
    """`out of stock` of seller_cancel_reason_out_of_stock: the platform gives these reasons no other words."""
    return REASON_PREFIX.sub("", name).replace("_", " ")


def _make_item(
    order_id: str, order: Json, reason: Reason | None, skip_reason: str, now: float, repayment: Repayment | None
) -> JobItem:
    paid = f", {repayment} paid back" if repayment else ""
    will_be = f"CANCELLED, reason {reason}{paid}" if reason and not skip_reason else ""
    parameters: Json = {"reason": reason.name} if reason else {}
    status = str(order.get("status", ""))
    deadline = find_deadline(order)
    products = len({line.get("product_id") for line in get_lines(order)})
    details = {
        "products": str(products) if products > 1 else "",
        "ordered": str(order.get("create_time") or ""),
        "ship_by": deadline.isoformat() if deadline else "",
        "overdue": "yes" if deadline and status in TO_SHIP_STATUSES and deadline.timestamp() < now else "",
    }
    details = {name: value for name, value in details.items() if value}
    description = describe_order(order)
    return JobItem(
        "order",
        order_id,
        description,
        status,
        will_be,
        skip_reason,
        details=details,
        parameters=parameters,
        is_missing=not order,
    )
