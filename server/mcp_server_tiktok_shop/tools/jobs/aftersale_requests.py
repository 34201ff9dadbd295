"""Finds the returns, refunds and cancellations to decide: by id, or all that match a rule."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

from mcp_server_tiktok_shop.tools.jobs.order_reads import MAX_IDS_PER_READ, split_into_batches
from mcp_server_tiktok_shop.tools.jobs.order_words import count_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_server_tiktok_shop.calls.jobs.context import JobContext
    from mcp_server_tiktok_shop.catalog.operation import Json

RequestKind = Literal["cancellation", "refund", "return", "goods_back", "replacement"]
KINDS: tuple[RequestKind, ...] = get_args(RequestKind)
# What a rule means that names no kinds: goods that came back are to be looked at first.
DEFAULT_KINDS: tuple[RequestKind, ...] = ("cancellation", "refund", "return")
PENDING_CANCELLATION = "CANCELLATION_REQUEST_PENDING"
GOODS_BACK_STATUS = "BUYER_SHIPPED_ITEM"
# The statuses in which a return waits for the seller, with what it then is.
PENDING_RETURNS: dict[str, RequestKind] = {
    "RETURN_OR_REFUND_REQUEST_PENDING": "return",
    "REPLACEMENT_REQUEST_PENDING": "replacement",
    "EXCHANGE_REQUEST_PENDING": "replacement",
    GOODS_BACK_STATUS: "goods_back",
}
REFUND_TYPE = "REFUND"


class AftersaleRequest(Struct, frozen=True):
    """A cancellation or return, as its search answers it."""

    noun: Literal["cancellation", "return"]
    row: Json

    @property
    def id(self) -> str:
        return str(self.row.get("cancel_id" if self.noun == "cancellation" else "return_id") or "")

    @property
    def status(self) -> str:
        return str(self.row.get("cancel_status" if self.noun == "cancellation" else "return_status", ""))

    @property
    def order_id(self) -> str:
        return str(self.row.get("order_id", ""))

    @property
    def kind(self) -> RequestKind | None:
        """What waits for the seller's answer; None where nothing does."""
        if self.noun == "cancellation":
            return "cancellation" if self.status == PENDING_CANCELLATION else None
        kind = PENDING_RETURNS.get(self.status)
        return "refund" if kind == "return" and self.row.get("return_type") == REFUND_TYPE else kind

    @property
    def reason_text(self) -> str:
        """The buyer's reason, in the platform's words."""
        return str(self.row.get("cancel_reason_text" if self.noun == "cancellation" else "return_reason_text", ""))

    @property
    def amount(self) -> Decimal | None:
        """What is to be paid back; None where that is not told."""
        try:
            amount = Decimal(str(self._refund.get("refund_total")))
        except InvalidOperation:
            return None
        return amount if amount.is_finite() else None

    @property
    def currency(self) -> str:
        return str(self._refund.get("currency", ""))

    @property
    def refund_text(self) -> str:
        return f"{self.amount} {self.currency}".strip() if self.amount is not None else ""

    @property
    def names(self) -> Json:
        """What a person knows it by."""
        lines = self.row.get("cancel_line_items") or self.row.get("return_line_items") or ()
        values = {
            "order": self.order_id,
            "contents": count_units(lines),
            "refund": self.refund_text,
            "buyer_says": self.reason_text,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def deadline(self) -> str:
        """Until when it must be answered; empty where that is not told."""
        actions = self.row.get("seller_next_action_response") or ()
        return next((str(action.get("deadline") or "") for action in actions if isinstance(action, dict)), "")

    @property
    def asked_at(self) -> str:
        """When the buyer asked; empty where that is not told."""
        return str(self.row.get("create_time") or "")

    @property
    def _refund(self) -> Json:
        refund = self.row.get("refund_amount")
        return refund if isinstance(refund, dict) else {}


async def find_requests_by_id(ids: Sequence[str], context: JobContext) -> tuple[list[AftersaleRequest], list[str]]:
    """The requests that ids of theirs or of orders mean, and the ids that mean none.

    Of an order those that wait for the seller are meant, or where none does, all of them.
    """
    distinct_ids = list(dict.fromkeys(ids))
    found = await _search(distinct_ids, "cancel_ids", "return_ids", context)
    known_ids = {request.id for request in found}
    other_ids = [request_id for request_id in distinct_ids if request_id not in known_ids]
    of_orders = await _search(other_ids, "order_ids", "order_ids", context)
    for order_id in other_ids:
        own = [request for request in of_orders if request.order_id == order_id]
        found += [request for request in own if request.kind is not None] or own
    unknown_ids = [order_id for order_id in other_ids if order_id not in {r.order_id for r in of_orders}]
    return list({(r.noun, r.id): r for r in found if r.id}.values()), unknown_ids


async def find_requests_by_rule(
    values: Json, context: JobContext
) -> tuple[list[AftersaleRequest], dict[str, list[AftersaleRequest]]]:
    """The requests that wait for the seller and fit `kinds`, `below` and `buyer_says`, as far as they are given.

    Behind them those that wait as well and were looked at, by what of the rule they do not fit.
    """
    kinds = tuple(values.get("kinds") or DEFAULT_KINDS)
    found: list[AftersaleRequest] = []
    if "cancellation" in kinds:
        rows = await context.read_rows(
            "search_cancellations", {"cancel_status": [PENDING_CANCELLATION], "page_size": "50"}
        )
        found += [AftersaleRequest("cancellation", row) for row in rows]
    if set(kinds) != {"cancellation"}:
        rows = await context.read_rows("search_returns", {"return_status": list(PENDING_RETURNS), "page_size": "50"})
        found += [AftersaleRequest("return", row) for row in rows]
    currency = context.target.shop.currency if context.target.shop else ""
    fits: list[AftersaleRequest] = []
    others: dict[str, list[AftersaleRequest]] = {}
    for request in found:
        if not request.id or request.kind is None:
            continue
        if reason := _find_misfit(request, values, kinds, currency):
            others.setdefault(reason, []).append(request)
        else:
            fits.append(request)
    return fits, others


def _find_misfit(request: AftersaleRequest, values: Json, kinds: tuple[RequestKind, ...], currency: str) -> str:
    """What of a rule a request does not fit, in words; empty where it fits."""
    if request.kind not in kinds:
        return f"{request.kind}, a kind not asked for"
    if "below" in values and not _is_below(request, Decimal(values["below"]), currency):
        return " ".join(filter(None, (f"not below {values['below']}", currency)))
    if str(values.get("buyer_says", "")).casefold() not in request.reason_text.casefold():
        return "the buyer says something else"
    return ""


def _is_below(request: AftersaleRequest, limit: Decimal, currency: str) -> bool:
    is_own_currency = not currency or request.currency == currency
    return request.amount is not None and is_own_currency and request.amount < limit


async def _search(
    ids: Sequence[str], cancellation_argument: str, return_argument: str, context: JobContext
) -> list[AftersaleRequest]:
    found: list[AftersaleRequest] = []
    for chunk in split_into_batches(ids, MAX_IDS_PER_READ):
        rows = await context.read_rows("search_cancellations", {cancellation_argument: chunk, "page_size": "50"})
        found += [AftersaleRequest("cancellation", row) for row in rows]
        rows = await context.read_rows("search_returns", {return_argument: chunk, "page_size": "50"})
        found += [AftersaleRequest("return", row) for row in rows]
    return found
