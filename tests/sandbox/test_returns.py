"""Returns and refunds: a believable handful at first, then what seller, buyer and time make of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Clock, Json

SEARCH = "/return_refund/202602/returns/search"
CREATE = "/return_refund/202602/returns"
HOUR, DAY = 3600, 24 * 3600
GOODWILL = "seller_refund_reason_goodwill"


async def search(caller: Caller, **body: Any) -> list[Json]:
    return await caller.all_pages("POST", SEARCH, {"page_size": "50"}, body, "return_orders")


async def planted(caller: Caller, name: str) -> Json:
    return (await search(caller, order_ids=[caller.shop.planted[name]]))[0]


async def decide(caller: Caller, return_id: str, decision: str, **body: Any) -> Any:
    verb, version = ("reject", "202606") if "reject_reason" in body else ("approve", "202309")
    path = f"/return_refund/{version}/returns/{return_id}/{verb}"
    return (await caller.send("POST", path, None, {"decision": decision} | body)).json()["code"]


async def status(caller: Caller, return_id: str) -> str:
    found: str = (await search(caller, return_ids=[return_id]))[0]["return_status"]
    return found


def delivered(caller: Caller, lines: int = 1) -> Any:
    """An order that was delivered and of which nothing was asked back."""
    shop, now = caller.shop, int(caller.sandbox.now())
    return next(
        order
        for order in reversed(shop.orders.values())
        if order.get_status(now) == "DELIVERED" and order.id not in shop.planted.values() and len(order.lines) >= lines
    )


async def test_a_seeded_shop_has_returns_in_every_state(caller: Caller) -> None:
    found = await search(caller)
    assert {r["return_status"] for r in found} >= {
        "RETURN_OR_REFUND_REQUEST_PENDING", "AWAITING_BUYER_SHIP", "BUYER_SHIPPED_ITEM", "AWAITING_BUYER_RESPONSE",
        "REFUND_OR_RETURN_REQUEST_REJECT", "RETURN_OR_REFUND_REQUEST_COMPLETE",
    }  # fmt: skip
    for request in found:
        order = caller.shop.orders[request["order_id"]]
        lines = {line.id: line for line in order.lines}
        assert {item["order_line_item_id"] for item in request["return_line_items"]} <= set(lines)
        total = sum(Decimal(i["refund_amount"]["refund_total"]) for i in request["return_line_items"])
        assert total == Decimal(request["refund_amount"]["refund_total"]) <= order.total_amount
        assert order.delivered_time <= request["create_time"] <= request["update_time"] <= caller.sandbox.now()


@pytest.mark.parametrize(
    ("name", "decision", "after"),
    [
        ("refund_pending", "APPROVE_REFUND", "RETURN_OR_REFUND_REQUEST_SUCCESS"),
        ("return_pending", "APPROVE_RETURN", "AWAITING_BUYER_SHIP"),
        ("return_pending", "DIRECT_REFUND", "RETURN_OR_REFUND_REQUEST_SUCCESS"),
        ("return_shipped", "APPROVE_RECEIVED_PACKAGE", "RETURN_OR_REFUND_REQUEST_SUCCESS"),
    ],
)
async def test_an_approval_leads_on(caller: Caller, name: str, decision: str, after: str) -> None:
    request = await planted(caller, name)
    assert request["seller_next_action_response"]
    assert await decide(caller, request["return_id"], decision) == 0
    assert await status(caller, request["return_id"]) == after
    records = (await caller.call("GET", f"/return_refund/202309/returns/{request['return_id']}/records"))["records"]
    assert [r["role"] for r in records][-1] == "SELLER"
    assert records[-1]["create_time"] == int(caller.sandbox.now())


async def test_a_rejection_needs_a_reason_of_the_list(caller: Caller) -> None:
    request = await planted(caller, "refund_pending")
    query = {"return_or_cancel_id": request["return_id"]}
    reasons = (await caller.call("GET", "/return_refund/202309/reject_reasons", query))["reasons"]
    assert await decide(caller, request["return_id"], "REJECT_REFUND", reject_reason="no") == 25001016
    words = {"reject_reason": reasons[0]["name"], "comment": "Weighed before dispatch."}
    assert await decide(caller, request["return_id"], "REJECT_REFUND", **words) == 0
    assert await status(caller, request["return_id"]) == "REFUND_OR_RETURN_REQUEST_REJECT"
    records = (await caller.call("GET", f"/return_refund/202309/returns/{request['return_id']}/records"))["records"]
    assert (records[-1]["reason_text"], records[-1]["note"]) == (reasons[0]["name"], "Weighed before dispatch.")


async def test_decisions_that_do_not_fit_are_refused(caller: Caller) -> None:
    refund, shipped = await planted(caller, "refund_pending"), await planted(caller, "return_shipped")
    done = await planted(caller, "return_completed")
    reason = "reverse_reject_request_reason_used"
    assert await decide(caller, refund["return_id"], "APPROVE_RETURN") == 25011013
    assert await decide(caller, refund["return_id"], "REJECT_RETURN", reject_reason=reason) == 25011035
    assert await decide(caller, shipped["return_id"], "APPROVE_RETURN") == 25001003
    assert await decide(caller, done["return_id"], "APPROVE_RECEIVED_PACKAGE") == 25001044
    assert await decide(caller, done["return_id"], "REJECT_RECEIVED_PACKAGE", reject_reason=reason) == 25020010
    assert await decide(caller, "4035", "APPROVE_REFUND") == 25007006


async def test_eligible_decisions_are_the_ones_that_work(caller: Caller) -> None:
    for name in ("refund_pending", "return_pending", "return_shipped", "return_awaiting", "cancel_request"):
        if name == "cancel_request":
            order = caller.shop.orders[caller.shop.planted[name]]
            request_id = caller.shop.aftersales.find_open(order).id
        else:
            request_id = (await planted(caller, name))["return_id"]
        query = {"return_or_cancel_id": request_id}
        told = (await caller.call("GET", "/return_refund/202601/decision_eligibility", query))["decisions"]
        eligible = {d["decision"] for d in told if d["eligible"]}
        assert bool(eligible) == (name != "return_awaiting")
        for decision in told:
            assert bool(decision["available_reject_reasons"]) == (
                decision["eligible"] and decision["decision"].startswith("REJECT")
            )


async def test_a_return_runs_to_its_end_by_itself(caller: Caller, clock: Clock) -> None:
    request = await planted(caller, "return_pending")
    seen = [request["return_status"]]
    for _ in range(16):
        clock.pass_by(DAY)
        caller.renew()
        seen.append(await status(caller, request["return_id"]))
    assert list(dict.fromkeys(seen)) == [
        "RETURN_OR_REFUND_REQUEST_PENDING", "AWAITING_BUYER_SHIP", "BUYER_SHIPPED_ITEM",
        "RETURN_OR_REFUND_REQUEST_COMPLETE",
    ]  # fmt: skip
    assert (await search(caller, return_ids=[request["return_id"]]))[0]["return_tracking_number"].startswith("SBR")


async def test_an_offer_of_a_part_is_taken_after_a_day(caller: Caller, clock: Clock) -> None:
    request = await planted(caller, "refund_pending")
    total = Decimal(request["refund_amount"]["refund_total"])
    too_much = {"amount": str(total + 1), "currency": "GBP"}
    assert await decide(caller, request["return_id"], "OFFER_PARTIAL_REFUND") == 25001001
    assert await decide(caller, request["return_id"], "OFFER_PARTIAL_REFUND", partial_refund=too_much) == 25005005
    dollars = {"amount": "1.00", "currency": "USD"}
    assert await decide(caller, request["return_id"], "OFFER_PARTIAL_REFUND", partial_refund=dollars) == 25001001
    offer = {"amount": "1.00", "currency": "GBP"}
    assert await decide(caller, request["return_id"], "OFFER_PARTIAL_REFUND", partial_refund=offer) == 0
    assert await status(caller, request["return_id"]) == "AWAITING_BUYER_RESPONSE"
    clock.pass_by(DAY + HOUR)
    after = (await search(caller, return_ids=[request["return_id"]]))[0]
    assert after["return_status"] == "RETURN_OR_REFUND_REQUEST_COMPLETE"
    assert (after["partial_refund"]["amount"], after["refund_amount"]["refund_total"]) == ("1.00", "1.00")


async def test_a_full_refund_completes_the_order_and_leaves_only_its_costs(caller: Caller) -> None:
    order = delivered(caller)
    body = {"order_id": order.id, "return_type": "REFUND", "return_reason": GOODWILL}
    amount = await caller.call(
        "POST",
        "/return_refund/202602/refunds/calculate",
        None,
        {"order_id": order.id, "request_type": "REFUND", "reason_name": GOODWILL},
    )
    assert Decimal(amount["order_refund_amount"]["refund_total"]) == order.total_amount
    made = await caller.call("POST", CREATE, {"idempotency_key": "r1"}, body)
    assert made["return_status"] == "RETURN_OR_REFUND_REQUEST_SUCCESS"
    assert await caller.call("POST", CREATE, {"idempotency_key": "r1"}, body) == made
    shown = (await caller.call("GET", "/order/202507/orders", {"ids": order.id}))["orders"][0]
    assert shown["status"] == "COMPLETED"
    query = {"page_size": "100"}
    unsettled = await caller.all_pages(
        "GET", "/finance/202507/orders/unsettled", query | {"sort_field": "order_create_time"}, None, "transactions"
    )
    (estimate,) = [t for t in unsettled if t["order_id"] == order.id]
    assert Decimal(estimate["est_revenue_amount"]) == 0
    assert Decimal(estimate["fee_tax_breakdown"]["fee"]["affiliate_commission_amount"]) == 0
    assert Decimal(estimate["est_settlement_amount"]) < 0
    assert await caller.code("POST", CREATE, {"idempotency_key": "r2"}, body) == 25001010


async def test_a_return_that_the_seller_asks_for_waits_for_the_buyer(caller: Caller) -> None:
    order = delivered(caller, lines=2)
    body: Json = {
        "order_id": order.id,
        "return_type": "RETURN_AND_REFUND",
        "return_reason": "seller_return_reason_wrong_product",
        "order_line_item_ids": [order.lines[0].id],
    }
    assert await caller.code("POST", CREATE, None, body | {"refund_total": "9999", "currency": "GBP"}) == 25005005
    assert await caller.code("POST", CREATE, None, body | {"refund_total": "1", "currency": "EUR"}) == 25001001
    assert await caller.code("POST", CREATE, None, body | {"return_reason": GOODWILL}) == 25001015
    made = await caller.call("POST", CREATE, None, body)
    assert made["return_status"] == "AWAITING_BUYER_SHIP"
    found = (await search(caller, return_ids=[made["return_id"]]))[0]
    assert [item["order_line_item_id"] for item in found["return_line_items"]] == [order.lines[0].id]
    assert found["role"] == "SELLER"


async def test_eligibility_follows_the_status_and_the_side(caller: Caller) -> None:
    async def possible(order_id: str, **query: str) -> set[str]:
        path = f"/return_refund/202602/orders/{order_id}/aftersale_eligibility"
        told = (await caller.call("GET", path, query))["sku_eligibility"]
        return {e["request_type"] for sku in told for e in sku["line_item_eligibility"] if e["eligible"]}

    shop, now = caller.shop, int(caller.sandbox.now())
    by_status = {
        order.get_status(now): order for order in shop.orders.values() if order.id not in shop.planted.values()
    }
    assert await possible(by_status["AWAITING_SHIPMENT"].id) == {"CANCEL"}
    assert await possible(by_status["AWAITING_SHIPMENT"].id, request_types="REFUND") == set()
    assert await possible(by_status["IN_TRANSIT"].id) == {"REFUND"}
    assert await possible(delivered(caller).id) == {"REFUND", "RETURN_AND_REFUND"}
    assert await possible(by_status["COMPLETED"].id) == set()
    assert await possible(shop.planted["unpaid"]) == set()
    assert await possible(shop.planted["unpaid"], initiate_aftersale_user="BUYER") == {"CANCEL"}
    assert await caller.code("GET", "/return_refund/202602/orders/1/aftersale_eligibility") == 25020005


async def test_returns_are_found_by_their_facts(caller: Caller) -> None:
    found = await search(caller)
    one = await planted(caller, "return_shipped")
    assert [r["return_id"] for r in await search(caller, return_status=["BUYER_SHIPPED_ITEM"])] == [one["return_id"]]
    assert {r["return_type"] for r in await search(caller, return_types=["REFUND"])} == {"REFUND"}
    assert await search(caller, return_types=["EXCHANGE"]) == []
    offered = await search(caller, seller_proposed_return_type=["PARTIAL_REFUND"])
    assert [r["order_id"] for r in offered] == [caller.shop.planted["refund_offered"]]
    newest = await caller.call(
        "POST", SEARCH, {"page_size": "10", "sort_order": "DESC", "sort_field": "update_time"}, {}
    )
    times = [r["update_time"] for r in newest["return_orders"]]
    assert times == sorted((r["update_time"] for r in found), reverse=True)


async def test_the_newer_requests_tell_of_the_same_returns(caller: Caller) -> None:
    path = "/return_refund/202603/aftersales/search"
    first = await caller.call("POST", path, None, {"pagination": {"page_size": 5}})
    pagination = {"page_size": 5, "page_token": first["next_page_token"]}
    second = await caller.call("POST", path, None, {"pagination": pagination})
    told = first["aftersales_requests"] + second["aftersales_requests"]
    assert {r["id"] for r in told} == {r["return_id"] for r in await search(caller)}
    parcels = "/return_refund/202604/rma/search"
    filters = {"statuses": ["PENDING_PACKAGE_REVIEW"]}
    (sent,) = (await caller.call("POST", parcels, None, {"filters": filters}))["return_merchandise_authorizations"]
    assert sent["line_items"][0]["main_order_id"] == caller.shop.planted["return_shipped"]


async def test_a_review_decides_each_request_by_itself(caller: Caller) -> None:
    refund, done = await planted(caller, "refund_pending"), await planted(caller, "return_completed")

    def item(request: Json, action: str, **more: Any) -> Json:
        lines = [{"return_line_item_id": i["return_line_item_id"]} for i in request["return_line_items"]]
        return {
            "request_id": request["return_id"],
            "line_item_decisions": [{"line_items": lines, "action": action} | more],
        }

    path = "/return_refund/202609/aftersales/review"
    body = {"aftersales_request_decisions": [item(done, "APPROVE_REQUEST"), item(refund, "APPROVE_REQUEST")]}
    told = await caller.call("POST", path, None, body)
    assert [error["code"] for error in told["errors"]] == ["25001044"]
    assert await status(caller, refund["return_id"]) == "RETURN_OR_REFUND_REQUEST_SUCCESS"
    pending = await planted(caller, "return_pending")
    body = {"aftersales_request_decisions": [item(pending, "REJECT_REQUEST")]}
    assert (await caller.call("POST", path, None, body))["errors"][0]["code"] == "25001016"
    query = {"return_or_cancel_id": pending["return_id"], "seller_id": "7"}
    told = await caller.call("GET", "/return_refund/202606/review_decision", query)
    rejection = next(d for d in told["line_items"][0]["decisions"] if d["decision"] == "REJECT_RETURN")
    reason = {"reason_id": rejection["available_reject_reasons"][0]["name"], "text": "Worn."}
    body = {"aftersales_request_decisions": [item(pending, "REJECT_REQUEST", reason=reason)]}
    assert await caller.call("POST", path, None, body) == {}
    assert await status(caller, pending["return_id"]) == "REFUND_OR_RETURN_REQUEST_REJECT"


async def test_a_refused_decision_leaves_its_key_unused(caller: Caller) -> None:
    request = await planted(caller, "refund_pending")
    path, key = f"/return_refund/202309/returns/{request['return_id']}/approve", {"idempotency_key": "once"}
    assert await caller.code("POST", path, key, {"decision": "APPROVE_RETURN"}) == 25011013
    assert await caller.call("POST", path, key, {"decision": "APPROVE_REFUND"}) == {}
    assert await caller.call("POST", path, key, {"decision": "APPROVE_REFUND"}) == {}
    assert await caller.code("POST", path, None, {"decision": "APPROVE_REFUND"}) == 25001044
