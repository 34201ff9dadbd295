"""Decides what waits for the seller after a sale: cancellations, refunds, returns and goods that came back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.calls.chat_messages import BUYER_ROLE
from mcp_server_tiktok_shop.calls.current_state import CurrentState, Item
from mcp_server_tiktok_shop.calls.jobs.job import Job, JobItem, Plan, Step
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.tools.jobs.aftersale_requests import KINDS, find_requests_by_id, find_requests_by_rule
from mcp_server_tiktok_shop.tools.jobs.cancellation_warnings import Repayment, warn_of_total
from mcp_server_tiktok_shop.tools.jobs.order_reads import MAX_IDS_PER_READ, split_into_batches
from mcp_server_tiktok_shop.tools.jobs.order_words import find_buyer
from mcp_server_tiktok_shop.tools.jobs.reasons import Reason, find_reasons, make_reason_error
from mcp_server_tiktok_shop.tools.jobs.refusals import explain_refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.jobs.aftersale_requests import AftersaleRequest

APPROVE, REJECT = "approve", "reject"
RULE_ARGUMENTS = ("kinds", "below", "buyer_says")
DIRECT_REFUND, APPROVE_RETURN = "DIRECT_REFUND", "APPROVE_RETURN"
# The platform's decisions, the first of which that is open is meant; and what each does, `{refund}` being the amount.
DECISIONS: dict[str, dict[str, str]] = {
    APPROVE: {
        "APPROVE_REQUEST_CANCEL": "cancelled, {refund} paid back",
        "APPROVE_REFUND": "{refund} paid back, nothing is sent back",
        APPROVE_RETURN: "accepted: the buyer sends the goods back and then gets {refund}",
        "APPROVE_RECEIVED_PACKAGE": "taken as come back and accepted, {refund} paid back",
        "APPROVE_REPLACEMENT": "accepted: the goods are replaced",
    },
    REJECT: dict.fromkeys(
        (
            *("REJECT_REQUEST_CANCEL", "REJECT_REFUND", "REJECT_RETURN", "REJECT_RECEIVED_PACKAGE"),
            "REJECT_REPLACEMENT",
        ),
        "refused",
    ),
}
DIRECT_REFUND_WORDS = "{refund} paid back, the buyer keeps the goods"
PAYING_DECISIONS = frozenset(
    ("APPROVE_REQUEST_CANCEL", "APPROVE_REFUND", APPROVE_RETURN, "APPROVE_RECEIVED_PACKAGE", DIRECT_REFUND)
)
UNKNOWN_REASON = "this shop has no return and no cancellation of that id, nor an order with one"
MAX_OTHERS = 5  # that wait and do not fit a rule for one reason, named one by one
MAX_RECORD_READS = 50  # returns whose records are read before they are refused
MAX_NOTE_CHARS = 300
PROOF_WORDS = (
    "Pictures can go along as proof: images, which is taken though not listed, has what upload_product_image gave."
)
DECIDED_REASON = "it is {status}: nothing waits for the seller"


class OpenDecision(Struct, frozen=True):
    """A decision that is open for a request, and the reasons that it may be given."""

    name: str
    reasons: tuple[Reason, ...] = ()


class DecideReturnsJob(Job, frozen=True):
    """The tool `decide_returns`."""

    async def plan(self, values: Json, context: JobContext) -> Plan:
        """Every request that is meant: decided, or skipped where nothing waits for the seller."""
        _check_values(values)
        unknown_ids: list[str] = []
        others: dict[str, list[AftersaleRequest]] = {}
        if "ids" in values:
            requests, unknown_ids = await find_requests_by_id(values["ids"], context)
        else:
            requests, others = await find_requests_by_rule(values, context)
        waiting = [request for request in requests if request.kind is not None]
        decisions, obstacles = await _find_decisions(waiting, values, context)
        orders = await _read_orders(waiting, context)
        is_rejection = values["decision"] == REJECT and bool(decisions)
        words = await _read_buyers_words([r for r in waiting if r.id in decisions], context) if is_rejection else {}
        items = []
        for request in requests:
            decision = decisions.get(request.id)
            obstacle = obstacles.get(request.id, "") or (
                "" if decision else DECIDED_REASON.format(status=request.status or "decided")
            )
            order = orders.get(request.order_id, {})
            items.append(_make_item(request, decision, obstacle, values, order, words.get(request.id, {})))
        items += [JobItem("id", i, skip_reason=UNKNOWN_REASON, is_missing=True) for i in unknown_ids]
        paid = [r for r in waiting if (decision := decisions.get(r.id)) and decision.name in PAYING_DECISIONS]
        repayments = [Repayment(r.amount, r.currency) for r in paid if r.amount is not None]
        state = CurrentState(tuple(Item(request.noun, request.id, {}, request.row) for request in requests))
        rest = _describe_others(others) or _describe_kinds(values, requests)
        warnings = [*warn_of_total(repayments, len(paid)), *filter(None, (rest,))] if decisions else []
        explanation = PROOF_WORDS if is_rejection and not values.get("images") else ""
        explanations = (explanation if decisions else rest,)
        return Plan(tuple(items), state, tuple(warnings), explanations, is_chosen_by_amount="below" in values)

    def make_steps(self, items: Sequence[JobItem]) -> list[Step]:
        """A request a write."""
        return [Step(item.parameters["operation"], item.parameters["arguments"], (item,)) for item in items]

    def find_now(self, item: JobItem, state: Sequence[Json]) -> Any:
        """The request's status."""
        own = next((thing for thing in state if thing.get(item.noun) == item.id), {})
        return own.get("cancel_status") or own.get("return_status")


def _check_values(values: Json) -> None:
    """Raise ShopError where what is given is too little or too much to know what is meant."""
    given_rules = [name for name in RULE_ARGUMENTS if name in values]
    if ("ids" in values) == bool(given_rules):
        message = "give ids, or a rule (kinds, below, buyer_says)"
        problem = Problem("ids", message, "ids of returns, cancellations or their orders; or kinds")
        raise ShopError("invalid_arguments", f"{message}: nothing was sent.", problems=(problem,))
    if values["decision"] == REJECT and not values.get("reason"):
        problem = Problem("reason", "is missing: TikTok wants a reason", "why, in plain words")
        raise ShopError("invalid_arguments", "reason is missing: nothing was sent.", problems=(problem,))


async def _find_decisions(
    requests: list[AftersaleRequest], values: Json, context: JobContext
) -> tuple[dict[str, OpenDecision], dict[str, str]]:
    """The decision for each request that is open now, and why others have none.

    Raises:
        ShopError: The reason means none of the platform's for a request, or several.

    """
    answers = await context.read_each("get_decision_eligibility", [{"return_or_cancel_id": r.id} for r in requests])
    names = list(DECISIONS[values["decision"]])
    if values.get("keeps_goods"):
        names[names.index(APPROVE_RETURN) : names.index(APPROVE_RETURN) + 1] = [DIRECT_REFUND]
    decisions: dict[str, OpenDecision] = {}
    obstacles: dict[str, str] = {}
    for request, answer in zip(requests, answers, strict=True):
        if isinstance(answer, ShopError):
            obstacles[request.id] = explain_refusal(answer)
            continue
        rows = {str(row.get("decision")): row for row in answer.get("decisions") or () if isinstance(row, dict)}
        name = next((name for name in names if rows.get(name, {}).get("eligible")), None)
        if name is None:
            refusals = (str(rows.get(name, {}).get("ineligible_reason", "")) for name in names)
            why = next(filter(None, refusals), "").rstrip(".")
            obstacles[request.id] = f"TikTok doesn't let it be decided so{f': {why}' if why else ''}"
            continue
        decision = OpenDecision(name)
        if values["decision"] == REJECT:
            decision = OpenDecision(name, (await _choose_reason(request, rows[name], values["reason"], context),))
        decisions[request.id] = decision
    return decisions, obstacles


async def _choose_reason(request: AftersaleRequest, row: Json, words: str, context: JobContext) -> Reason:
    """The platform's reason to refuse a request; raises ShopError where the words mean none of them, or several."""
    rows = row.get("available_reject_reasons") or ()
    if not rows:
        rows = (await context.read("get_reject_reasons", {"return_or_cancel_id": request.id})).get("reasons") or ()
    reasons = [Reason(str(r["name"]), str(r.get("text", ""))) for r in rows if isinstance(r, dict) and r.get("name")]
    matches = find_reasons(words, reasons)
    if len(matches) != 1:
        raise make_reason_error("reason", words, matches, reasons, f"for {request.noun} {request.id}")
    return matches[0]


async def _read_orders(requests: list[AftersaleRequest], context: JobContext) -> dict[str, Json]:
    """The orders that requests are about, by id, as far as they can be read."""
    order_ids = list(dict.fromkeys(request.order_id for request in requests if request.order_id))
    chunks = split_into_batches(order_ids, MAX_IDS_PER_READ)
    answers = await context.read_each("get_order_detail", [{"ids": chunk} for chunk in chunks])
    orders = [order for answer in answers if not isinstance(answer, ShopError) for order in answer.get("orders") or ()]
    return {str(order["id"]): order for order in orders if isinstance(order, dict)}


async def _read_buyers_words(requests: list[AftersaleRequest], context: JobContext) -> dict[str, Json]:
    """What buyers wrote beside their reasons, and how many photos and videos they gave, by the return's id."""
    returns = [request for request in requests if request.noun == "return"][:MAX_RECORD_READS]
    answers = await context.read_each("get_return_records", [{"return_id": request.id} for request in returns])
    found: dict[str, Json] = {}
    for request, answer in zip(returns, answers, strict=True):
        records = [] if isinstance(answer, ShopError) else answer.get("records") or []
        own = [record for record in records if isinstance(record, dict) and record.get("role") == BUYER_ROLE]
        notes = [str(record["note"])[:MAX_NOTE_CHARS] for record in own if record.get("note")]
        proofs = sum(len(record.get(kind) or ()) for record in own for kind in ("images", "videos"))
        values = {"buyer_wrote": " / ".join(dict.fromkeys(notes)), "buyers_photos": str(proofs) if proofs else ""}
        found[request.id] = {name: value for name, value in values.items() if value}
    return found


def _describe_others(others: dict[str, list[AftersaleRequest]]) -> str:
    """What waits as well, and why the rule leaves it out; nothing where there is none."""
    count = sum(map(len, others.values()))
    if not count:
        return ""
    parts = []
    for reason, requests in others.items():
        named = [f"{r.id}" + (f" of {r.refund_text}" if r.refund_text else "") for r in requests[:MAX_OTHERS]]
        more = f" and {len(requests) - MAX_OTHERS} more" if len(requests) > MAX_OTHERS else ""
        parts.append(f"{reason}: {', '.join(named)}{more}")
    return f"Left out by the rule, though waiting: {count} ({'; '.join(parts)})"


def _describe_kinds(values: Json, requests: list[AftersaleRequest]) -> str:
    """Of a rule for some kinds that nothing fits, which kinds it does not mean: people say returns for several."""
    kinds = values.get("kinds")
    if not kinds or requests:
        return ""
    rest = ", ".join(kind for kind in KINDS if kind not in kinds)
    return f"No {' or '.join(kinds)} waits; of their own are {rest}"


def _make_item(
    request: AftersaleRequest,
    decision: OpenDecision | None,
    obstacle: str,
    values: Json,
    order: Json,
    buyers_words: Json,
) -> JobItem:
    order_state = str(order.get("status", "")) if request.noun == "cancellation" else ""
    details = {"order_status": order_state, "asked_at": request.asked_at, "answer_by": request.deadline} | buyers_words
    buyer = find_buyer(order)
    names = request.names | ({"buyer": buyer} if buyer else {})
    if decision is None:
        return JobItem(request.noun, request.id, names, request.status, skip_reason=obstacle, details=details)
    reason = next(iter(decision.reasons), None)
    words = DECISIONS[values["decision"]].get(decision.name, DIRECT_REFUND_WORDS)
    will_be = words.format(refund=request.refund_text or "the money") + (f", reason {reason}" if reason else "")
    arguments: Json = {"cancel_id" if request.noun == "cancellation" else "return_id": request.id}
    arguments |= {"decision": decision.name} if request.noun == "return" else {}
    arguments |= {"reject_reason": reason.name} if reason else {}
    arguments |= {"comment": values["comment"]} if reason and values.get("comment") else {}
    arguments |= {"images": [{"image_id": i} for i in values["images"]]} if reason and values.get("images") else {}
    operation = f"{values['decision']}_{request.noun}"
    parameters: Json = {"operation": operation, "arguments": arguments}
    return JobItem(request.noun, request.id, names, request.status, will_be, parameters=parameters, details=details)
