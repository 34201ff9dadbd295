"""What buyers ask for after a sale is decided by ids or by a rule, all of it shown before one yes."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.calls.test_writes import Person, told, writes
from tests.sandbox.client import Clock

if TYPE_CHECKING:
    from mcp import Client

    from mcp_server_tiktok_shop.sandbox.after_sales.aftersales import Request
    from mcp_server_tiktok_shop.sandbox.shop import SimulatedShop
    from tests.conftest import Connect


async def decide(client: Client, **arguments: Any) -> dict[str, Any]:
    return await told(client, "run_write_operation", name="decide_returns", arguments=arguments)


def find_request(shop: SimulatedShop, name: str) -> Request:
    """The request of a planted order."""
    (request,) = shop.aftersales.by_order[shop.planted[name]]
    return request


async def test_a_rule_finds_what_waits_and_leaves_goods_to_be_looked_at(connect: Connect) -> None:
    clock = Clock()  # on other days two may be equally dear
    sandbox = Sandbox(clock=clock)
    shop = sandbox.accounts[0].shops[0]
    waiting = [find_request(shop, name) for name in ("cancel_request", "return_pending", "refund_pending")]
    limit = max(request.refund.total for request in waiting)
    expected = {request.id: request for request in waiting if request.refund.total < limit}
    assert len(expected) == 2
    runtime = Runtime(clock, time.monotonic)
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, runtime=runtime) as client:
        asked = await decide(client, decision="approve", below=str(limit))
        assert writes(sandbox) == []
        items = asked["preview"]["items"]
        assert {item.get("return") or item["cancellation"] for item in items} == set(expected)
        for item in items:
            request = expected[item.get("return") or item["cancellation"]]
            assert item["order"] == request.order.id
            assert item["refund"] == f"{request.refund.total} GBP"
            assert item["answer_by"]
            assert str(request.refund.total) in item["will_be"]
        total = sum(request.refund.total for request in expected.values())
        too_much = next(request for request in waiting if request.id not in expected)
        back = find_request(shop, "return_shipped")
        in_all, rest = asked["preview"]["warnings"]
        assert in_all == f"These pay back {total} GBP in all"
        assert rest.startswith("Left out by the rule, though waiting: 2 (")
        assert f"not below {limit} GBP: {too_much.id} of {too_much.refund.total} GBP" in rest
        assert f"goods_back, a kind not asked for: {back.id} of {back.refund.total} GBP" in rest
        assert "explanation" not in asked["preview"]
        done = await told(client, "confirm_write", token=asked["confirm"])
        listed = (await told(client, "run_read_operation", name="list_changes", arguments={}))["data"]["changes"]
    (row,) = [" ".join(map(str, cells)) for cells in listed["rows"]]
    for request in expected.values():
        assert f"{request.id} of {request.refund.total} GBP" in row, "an approval is told with its amount"
    assert done["data"]["done"] == 2
    assert {item["now"] for item in done["data"]["items"]} == {request.status for request in expected.values()}
    assert find_request(shop, "return_shipped").status == "BUYER_SHIPPED_ITEM"


@pytest.mark.parametrize(
    ("name", "decision", "status"),
    [
        ("cancel_request", "approve", "CANCELLATION_REQUEST_SUCCESS"),
        ("refund_pending", "approve", "RETURN_OR_REFUND_REQUEST_SUCCESS"),
        ("return_pending", "approve", "AWAITING_BUYER_SHIP"),
        ("return_shipped", "approve", "RETURN_OR_REFUND_REQUEST_SUCCESS"),
        ("cancel_request", "reject", "CANCELLATION_REQUEST_CANCEL"),
        ("refund_pending", "reject", "REFUND_OR_RETURN_REQUEST_REJECT"),
        ("return_pending", "reject", "REFUND_OR_RETURN_REQUEST_REJECT"),
        ("return_shipped", "reject", "REJECT_RECEIVE_PACKAGE"),
    ],
)
async def test_each_kind_of_request_is_decided_by_its_order_id(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, name: str, decision: str, status: str
) -> None:
    request = find_request(shop, name)
    reason = {"reason": "already packed" if name == "cancel_request" else "no proof"} if decision == "reject" else {}
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await decide(client, decision=decision, ids=request.order.id, comment="As agreed.", **reason)
    assert [item["outcome"] for item in done["data"]["items"]] == ["done"]
    assert request.status == status
    (note,) = (event.note for event in request.events[-1:])
    assert note == ("As agreed." if decision == "reject" else "")


async def test_before_a_refusal_stands_when_was_asked_what_the_buyer_wrote_and_that_proof_can_go_along(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    request = find_request(shop, "return_pending")
    refusal = {"decision": "reject", "ids": [request.id], "reason": "no proof"}
    async with connect(sandbox="1", confirm="asks", buyer_data="full", sandbox_object=sandbox) as client:
        asked = await decide(client, **refusal)
        with_proof = await decide(client, **refusal, images=["tos-maliva-i-1"])
        await told(client, "confirm_write", token=with_proof["confirm"])
        approval = await decide(client, decision="approve", ids=[find_request(shop, "refund_pending").id])
    preview, (item,) = asked["preview"], asked["preview"]["items"]
    assert datetime.fromisoformat(item["asked_at"]).timestamp() == request.create_time
    assert item["buyer_wrote"] == request.events[0].note
    assert "upload_product_image" in preview["explanation"]
    assert preview["undo"].startswith("No way back")
    assert "items" in preview["untrusted"]
    assert "explanation" not in with_proof["preview"]
    body = json.loads(sandbox.log.list_entries("reject_return")[-1].body)
    assert body["images"] == [{"image_id": "tos-maliva-i-1"}]
    assert "asked_at" in approval["preview"]["items"][0]
    assert "explanation" not in approval["preview"]


async def test_a_person_is_asked_of_a_return_with_what_is_known_of_it_alone(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    person, request = Person("decline"), find_request(shop, "return_pending")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, asked=person) as client:
        await decide(client, decision="approve", ids=[request.id])
    (question,) = person.questions
    assert "(asked_at " in question
    assert "order_status" not in question


async def test_goods_on_their_way_back_are_not_told_as_come_and_their_refund_is_warned_of(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    back, before = find_request(shop, "return_shipped"), find_request(shop, "return_pending")
    warning = "Goods on their way back, of which nothing tells that they have come: 1; approving pays the buyer now"
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        whole = (await decide(client, decision="approve", ids=[back.id, before.id]))["preview"]
        single = await told(
            client,
            "run_write_operation",
            name="approve_return",
            arguments={"return_id": back.id, "decision": "APPROVE_RECEIVED_PACKAGE"},
        )
        refusal = (await decide(client, decision="reject", ids=[back.id], reason="no proof"))["preview"]
        not_yet = (await decide(client, decision="approve", ids=[before.id]))["preview"]
    words = {item["return"]: item["will_be"] for item in whole["items"]}
    assert words[back.id] == f"taken as come back and accepted, {back.refund.total} GBP paid back"
    assert [w for w in whole["warnings"] if w.startswith(warning)] != []
    assert single["preview"]["warnings"][0].startswith(warning)
    for preview in (refusal, not_yet):
        assert not any("on their way back" in text for text in preview.get("warnings", ()))


async def test_a_buyer_may_keep_the_goods(connect: Connect, sandbox: Sandbox, shop: SimulatedShop) -> None:
    request = find_request(shop, "return_pending")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        asked = await decide(client, decision="approve", ids=[request.id], keeps_goods=True)
        assert "keeps the goods" in asked["preview"]["items"][0]["will_be"]
        await told(client, "confirm_write", token=asked["confirm"])
    assert request.status == "RETURN_OR_REFUND_REQUEST_SUCCESS"


async def test_what_is_decided_already_is_skipped_and_what_is_unknown_is_named(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    decided = find_request(shop, "refund_rejected")
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        done = await decide(client, decision="approve", ids=[decided.id, "12345678"])
    items = {item.get("return") or item.get("id"): item for item in done["data"]["items"]}
    assert "nothing waits for the seller" in items[decided.id]["reason"]
    assert "no return" in items["12345678"]["reason"]
    assert writes(sandbox) == []


async def test_the_reason_to_reject_is_mapped_and_shown(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    request = find_request(shop, "return_shipped")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        denied = await decide(client, decision="reject", ids=[request.id], reason="nothing was missing, see our photo")
        assert denied["problems"][0]["argument"] == "reason"  # not that evidence is missing
        wrong = await decide(client, decision="reject", ids=[request.id], reason="I don't like it")
        assert wrong["error"] == "invalid_arguments"
        assert request.id in wrong["message"]
        assert "reverse_reject_request_reason_used (The product was used)" in wrong["problems"][0]["allowed"]
        missing = await decide(client, decision="reject", ids=[request.id])
        assert missing["problems"][0]["argument"] == "reason"
        asked = await decide(client, decision="reject", ids=[request.id], reason="it has been worn")
        assert "reverse_reject_request_reason_used" in asked["preview"]["items"][0]["will_be"]
        await told(client, "confirm_write", token=asked["confirm"])
    body = json.loads(sandbox.log.list_entries("reject_return")[0].body)
    assert body["reject_reason"] == "reverse_reject_request_reason_used"
    assert request.status == "REJECT_RECEIVE_PACKAGE"


async def test_what_was_decided_elsewhere_in_between_is_not_decided_again(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    one, other = find_request(shop, "refund_pending"), find_request(shop, "return_pending")
    async with (
        connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client,
        connect(sandbox="1", confirm="none", sandbox_object=sandbox) as elsewhere,
    ):
        asked = await decide(client, decision="approve", ids=[one.id, other.id])
        await decide(elsewhere, decision="reject", ids=[one.id], reason="no evidence")
        stale = await told(client, "confirm_write", token=asked["confirm"])
        assert stale["status"] == "confirmation_required"
        assert one.id in {change.get("return") for change in stale["changed"]}
        assert writes(sandbox) == ["reject_return"]
        done = await told(client, "confirm_write", token=stale["confirm"])
    assert {item["return"]: item["outcome"] for item in done["data"]["items"]} == {one.id: "skipped", other.id: "done"}


async def test_a_decision_whose_answer_was_lost_is_looked_at_and_not_made_again(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    one, other = find_request(shop, "refund_pending"), find_request(shop, "return_pending")
    sandbox.faults.add("approve_return", cut="after")
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        first = await decide(client, decision="approve", ids=[one.id, other.id])
        again = await decide(client, decision="approve", ids=[one.id, other.id])
    assert (first["data"]["done"], first["data"]["unknown"]) == (1, 1)
    assert [item["outcome"] for item in again["data"]["items"]] == ["skipped", "skipped"]
    assert len(writes(sandbox)) == 2


async def test_a_rule_may_go_by_kind_and_by_what_the_buyer_says(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    back = find_request(shop, "return_shipped")
    missing = find_request(shop, "refund_pending")
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        by_kind = await decide(client, decision="approve", kinds="goods_back", dry_run=True)
        by_words = await decide(client, decision="approve", buyer_says="MISSING", dry_run=True)
        nothing = await decide(client, decision="approve", kinds=["refund"], below="0.01")
        both = await decide(client, decision="approve", kinds=["refund"], ids=["1"])
        neither = await decide(client, decision="approve")
    assert [item["return"] for item in by_kind["data"]["items"]] == [back.id]
    assert [item["return"] for item in by_words["data"]["items"]] == [missing.id]
    assert "nothing to do" in nothing["note"]
    assert both["error"] == neither["error"] == "invalid_arguments"
    assert writes(sandbox) == []


async def test_a_kind_of_which_nothing_waits_is_told_with_the_other_kinds(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        await decide(client, decision="approve", ids=[find_request(shop, "cancel_request").id])
        nothing = await decide(client, decision="approve", kinds=["cancellation"])
        returns = await decide(client, decision="approve", kinds="replacement")
    assert "No cancellation waits; of their own are refund, return, goods_back, replacement" in nothing["note"]
    assert "refund, a kind not asked for: " in returns["note"]
    assert "goods_back, a kind not asked for: " in returns["note"]


async def test_one_odd_row_costs_none_of_the_others(connect: Connect, sandbox: Sandbox, shop: SimulatedShop) -> None:
    missing = find_request(shop, "refund_pending")
    odd = {"return_status": "RETURN_OR_REFUND_REQUEST_PENDING", "return_type": "REFUND", "refund_amount": "?"}
    rows = [odd, odd | {"return_id": "77", "refund_amount": {"refund_total": "much"}}, None, 5]
    sandbox.faults.add("search_returns", edit=lambda d: d | {"return_orders": [*rows, *d["return_orders"]]})
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        shown = await decide(client, decision="approve", kinds="refund", below="1000", dry_run=True)
    assert [item["return"] for item in shown["data"]["items"]] == [missing.id]


async def test_what_waits_and_does_not_fit_the_rule_is_counted(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop
) -> None:
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox) as client:
        whole = (await decide(client, decision="approve", kinds=["refund", "return"], dry_run=True))["data"]
        none = await decide(client, decision="approve", kinds=["refund", "return"], below="0.01")
    goods_back = find_request(shop, "return_shipped")
    waiting = {item["return"] for item in whole["items"]}
    assert whole["warnings"][-1].startswith(
        f"Left out by the rule, though waiting: 1 (goods_back, a kind not asked for: {goods_back.id}"
    )
    assert f"{len(waiting) + 1} (" in none["note"]
    assert all(request_id in none["note"] for request_id in waiting)


@pytest.mark.parametrize("buyer_data", ["masked", "full", "none"])
async def test_a_wish_to_cancel_shows_whose_as_far_as_buyers_may_be_shown_and_how_its_order_stands(
    connect: Connect, sandbox: Sandbox, shop: SimulatedShop, buyer_data: str
) -> None:
    request = find_request(shop, "cancel_request")
    async with connect(sandbox="1", confirm="asks", sandbox_object=sandbox, buyer_data=buyer_data) as client:
        order = (await told(client, "get_order_detail", ids=[request.order.id]))["data"]["orders"][0]
        shown = (await decide(client, decision="approve", kinds=["cancellation"], dry_run=True))["data"]
        listed = (await told(client, "get_worklist", kinds=["cancellations"]))["data"]["cancellations"]
    (item,) = shown["items"]
    name = order.get("recipient_address", {}).get("name")
    assert item.get("buyer") == (None if buyer_data == "none" else name)
    assert (name is None) == (buyer_data == "none")
    assert item["order_status"] == "AWAITING_SHIPMENT"
    assert item["answer_by"]
    (row,) = [dict(zip(listed["columns"], row, strict=True)) for row in listed["rows"]]
    assert "to pay back of an order that is AWAITING_SHIPMENT, asked 20" in row["detail"]
