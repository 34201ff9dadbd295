"""The performance score is counted from the shop's own orders: whoever counts them comes to the same shares."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.sandbox.client import NOW, Clock
from tests.sandbox.conftest import calling
from tests.sandbox.test_whole_lists import TABLES

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Json

SCORE = "/analytics/202606/shop_performances"
MIDNIGHT = NOW - NOW % (24 * 3600)
START = MIDNIGHT - 30 * 24 * 3600


def open_us_shop(orders: int = 300) -> Sandbox:
    """The score is told in the US alone."""
    sandbox = Sandbox(orders=orders, clock=Clock())
    sandbox.accounts[0].shops[0].region = "US"
    return sandbox


@pytest.fixture
def sandbox() -> Sandbox:
    return open_us_shop()


async def diagnosis(caller: Caller, code: str, **query: str) -> Json:
    return await caller.call("GET", f"{SCORE}/metrics/{code}/diagnosis", query)


def percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / whole).quantize(Decimal("0.01"))


async def check_rule(caller: Caller, code: str, part: int, whole: int) -> None:
    data = await diagnosis(caller, code)
    rule = data["calculation_rule"]
    assert (int(rule["numerator_value"]), int(rule["denominator_value"])) == (part, whole)
    assert Decimal(data["value"]) == percent(part, whole)
    told = {m["metric_code"]: m["value"] for m in (await caller.call("GET", f"{SCORE}/metrics"))["metrics"]}
    assert told[code] == data["value"]


async def test_late_parcels_are_those_delivered_after_their_time(caller: Caller) -> None:
    orders = [o for o in await TABLES["orders"].rows(caller) if START <= o.get("delivery_time", 0) < MIDNIGHT]
    late = {o["id"] for o in orders if o["delivery_time"] > o["delivery_sla_time"]}
    assert len(orders) > 50
    assert late
    await check_rule(caller, "OTDR", len(orders) - len(late), len(orders))
    path, query = f"{SCORE}/metrics/OTDR/problem_details", {"page_size": "3"}
    rows = await caller.all_pages("GET", path, query, None, "otdr_problem_order_items")
    assert {row["order_id"] for row in rows} == late
    carriers = (await caller.call("GET", f"{SCORE}/metrics/OTDR/top_items"))["otdr_logistics_items"]
    assert sum(row["delivered_order_count"] for row in carriers) == len(orders)
    assert sum(row["on_time_deliver_order_count"] for row in carriers) == len(orders) - len(late)


async def test_cancellations_that_count_are_the_sellers(caller: Caller) -> None:
    orders = [o for o in await TABLES["orders"].rows(caller) if START <= o["create_time"] < MIDNIGHT]
    paid = [order for order in orders if "paid_time" in order]
    ours = [o for o in paid if o.get("cancellation_initiator") in ("SELLER", "SYSTEM") and o["cancel_time"] < MIDNIGHT]
    await check_rule(caller, "SFCR", len(ours), len(paid))
    before = Decimal((await diagnosis(caller, "SFCR"))["value"])
    target = next(o for o in paid if o["status"] == "AWAITING_SHIPMENT")
    body = {"order_id": target["id"], "cancel_reason": "seller_cancel_reason_out_of_stock"}
    await caller.call("POST", "/return_refund/202602/cancellations", None, body)
    caller.sandbox.clock_skew = 24 * 3600  # a day is counted once it is over
    assert Decimal((await diagnosis(caller, "SFCR"))["value"]) > before


async def test_goods_that_came_back_count_where_the_seller_is_to_blame(caller: Caller) -> None:
    delivered = {o["id"] for o in await TABLES["orders"].rows(caller) if START <= o.get("delivery_time", 0) < MIDNIGHT}
    returns = await TABLES["returns"].rows(caller)
    faults = ("defective", "wrong_product", "missing_item", "damaged", "not_received")
    blamed = {
        r["order_id"]
        for r in returns
        if r["order_id"] in delivered and r["create_time"] < MIDNIGHT and any(f in r["return_reason"] for f in faults)
    }
    await check_rule(caller, "NBFR", len(blamed), len(delivered))
    items = (await caller.call("GET", f"{SCORE}/metrics/NBFR/top_items"))["nbfr_top_product_items"]
    assert sum(row["return_order_count"] for row in items) >= len(blamed) > 0


async def test_the_score_is_made_of_its_dimensions(caller: Caller) -> None:
    whole = await caller.call("GET", f"{SCORE}/overview")
    weights = [(Decimal(d["score"]), int(d["weight"])) for d in whole["dimensions"]]
    assert sum(weight for _, weight in weights) == 100
    mean = sum((score * weight for score, weight in weights), Decimal(0)) / 100
    assert Decimal(whole["sps_score"]) == mean.quantize(Decimal("0.01"))
    assert (whole["start_evaluation_time"], whole["end_evaluation_time"]) == (START, MIDNIGHT)
    issues = whole["top_issues"]["issues"]
    assert [issue["rank"] for issue in issues] == [*range(1, len(issues) + 1)]
    metrics = (await caller.call("GET", f"{SCORE}/metrics"))["metrics"]
    excellent = {metric["metric_code"] for metric in metrics if metric["status"] == "EXCELLENT"}
    assert excellent  # what can't be better is no issue
    assert not excellent & {issue["metric_code"] for issue in issues}
    trend = (await diagnosis(caller, "OTDR", trend_duration_days="5"))["trend"]["data_points"]
    assert [point["record_date"] for point in trend] == ["20261117", "20261118", "20261119", "20261120", "20261121"]


async def test_what_no_order_tells_is_not_invented(caller: Caller) -> None:
    assert await diagnosis(caller, "IM_DSAT") == {}
    assert await caller.code("GET", f"{SCORE}/metrics/NONE/diagnosis") == 28001022
    async with calling(open_us_shop(orders=0)) as empty:
        assert "sps_score" not in await empty.call("GET", f"{SCORE}/overview")
        assert (await empty.call("GET", f"{SCORE}/metrics"))["metrics"] == []
