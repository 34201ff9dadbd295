"""The seeded shops hold, at every hour, what a seller meets every day."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.sandbox.client import NOW, Clock
from tests.sandbox.conftest import calling
from tests.sandbox.test_whole_lists import TABLES

if TYPE_CHECKING:
    from tests.sandbox.client import Caller, Json

DAY, HOUR = 24 * 3600, 3600
MIDNIGHT = NOW - NOW % DAY
SHOPS = [(0, 0), (0, 1), (1, 0)]
UNSHIPPED = ("AWAITING_SHIPMENT", "PARTIALLY_SHIPPING")


def pick(caller: Caller, account: int, place: int) -> str:
    """From now on the calls are the account's; gives the shop's cipher."""
    caller.account = account
    cipher: str = caller.sandbox.accounts[account].shops[place].cipher
    return cipher


@pytest.mark.parametrize("hour", [0, 3, 9, 12, 18, 23.9])
async def test_orders_wait_that_are_late_due_soon_and_due_later(hour: float) -> None:
    now = MIDNIGHT + int(hour * HOUR)
    async with calling(Sandbox(shops=3, clock=Clock(now))) as caller:
        for account, place in SHOPS:
            rows = await TABLES["orders"].rows(caller, size=100, cipher=pick(caller, account, place))
            waiting = [row for row in rows if row["status"] in UNSHIPPED]
            left = [row["rts_sla_time"] - now for row in waiting]
            assert sum(hours < 0 for hours in left) >= 2
            assert any(0 <= seconds < DAY + 2 * HOUR for seconds in left)
            assert any(seconds >= DAY + 2 * HOUR for seconds in left)
            # The platform would have cancelled what waits longer.
            assert all(now < row["cancel_order_sla_time"] for row in waiting)
            assert any(row["status"] == "PARTIALLY_SHIPPING" for row in waiting)
            assert any(row["is_buyer_request_cancel"] for row in waiting)
            announced = [row for row in rows if row["status"] == "AWAITING_COLLECTION"]
            assert any(row["rts_time"] <= now - DAY for row in announced)


@pytest.mark.parametrize(("account", "place"), SHOPS)
async def test_requests_wait_for_the_seller_with_their_deadline(three: Caller, account: int, place: int) -> None:
    cipher = pick(three, account, place)
    returns = await TABLES["returns"].rows(three, cipher=cipher)
    cancellations = await TABLES["cancellations"].rows(three, cipher=cipher)
    rows = [row for row in returns + cancellations if "seller_next_action_response" in row]
    actions = [action for row in rows for action in row["seller_next_action_response"]]
    assert {action["action"] for action in actions} >= {
        "SELLER_RESPOND_CANCEL",
        "SELLER_RESPOND_REFUND",
        "SELLER_RESPOND_RETURN",
        "SELLER_RESPOND_RECEIVE_PACKAGE",
    }
    assert all(NOW < action["deadline"] <= NOW + 8 * DAY for action in actions)


@pytest.mark.parametrize(("account", "place"), SHOPS)
async def test_buyers_wait_for_an_answer(three: Caller, account: int, place: int) -> None:
    rows = await TABLES["conversations"].rows(three, cipher=pick(three, account, place))
    last = Counter(row["latest_message"]["sender"]["role"] for row in rows)
    assert last["BUYER"] >= 3
    assert last["CUSTOMER_SERVICE"] >= 1


@pytest.mark.parametrize(("account", "place"), SHOPS)
async def test_listings_are_turned_down_frozen_out_and_nearly_out(three: Caller, account: int, place: int) -> None:
    cipher = pick(three, account, place)
    products = await TABLES["products"].rows(three, size=50, cipher=cipher)
    by_status = {product["status"]: product["id"] for product in products}
    assert {"FAILED", "FREEZE", "ACTIVATE"} <= set(by_status)
    failed = await three.call("GET", f"/product/202309/products/{by_status['FAILED']}", cipher=cipher)
    assert failed["audit_failed_reasons"][0]["reasons"]
    body = {"product_ids": [product["id"] for product in products]}
    data = await three.call("POST", "/product/202309/inventory/search", None, body, cipher=cipher)
    stock = {sku["id"]: sku["total_available_quantity"] for row in data["inventory"] for sku in row["skus"]}
    sold: Counter[str] = Counter()
    for order in await TABLES["orders"].rows(three, size=100, cipher=cipher, create_time_ge=NOW - 30 * DAY):
        if order["status"] not in ("UNPAID", "CANCELLED"):
            sold.update(line["sku_id"] for line in order["line_items"])
    assert 0 in stock.values()
    days = sorted(30 * stock[sku_id] / count for sku_id, count in sold.items() if stock[sku_id])
    assert len([one for one in days if one <= 14]) >= 2


async def test_shops_differ_in_currency_and_the_time_their_authorization_has(three: Caller) -> None:
    currencies = set()
    for account, place in SHOPS:
        rows = await TABLES["orders"].rows(three, size=100, cipher=pick(three, account, place))
        currencies |= {row["payment"]["currency"] for row in rows}
    assert currencies == {"GBP", "EUR", "USD"}
    ends = [account.refresh_token_expire_in - NOW for account in three.sandbox.accounts]
    assert ends[0] > 365 * DAY
    assert 10 * DAY < ends[1] <= 12 * DAY
    # Whoever asks the seller anew gets the platform's own limit.
    renewed = three.sandbox.tokens.exchange(three.sandbox.authorization_code(1))
    assert renewed.refresh_token_expire_in - NOW > 365 * DAY


async def test_some_buyers_come_again_and_some_orders_are_split_or_refunded_in_part(caller: Caller) -> None:
    rows = await TABLES["orders"].rows(caller, size=100)
    buyers = Counter(row["user_id"] for row in rows)
    assert sum(count > 2 for count in buyers.values()) > 20
    assert sum(row["split_or_combine_tag"] == "SPLIT" for row in rows) > 3
    granted = [row for row in await TABLES["returns"].rows(caller) if row["return_status"].endswith("COMPLETE")]
    totals = {row["id"]: row["payment"]["total_amount"] for row in rows}
    assert len(granted) >= 3
    assert all(float(r["refund_amount"]["refund_total"]) < float(totals[r["order_id"]]) for r in granted)


async def test_orders_lie_on_the_day_on_which_the_clocks_change(caller: Caller) -> None:
    """Sixty days before late November hold the last Sunday of October, which has 25 hours in London."""
    midnight, hours = 1_792_882_800, 25
    end = midnight + hours * HOUR
    assert len(await TABLES["orders"].rows(caller, size=50, create_time_ge=midnight, create_time_lt=end)) > 2


async def test_answers_take_as_long_as_is_asked_for_and_side_by_side(clock: Clock) -> None:
    async with calling(Sandbox(orders=5, clock=clock, answer_delay_s=0.2)) as caller:
        start = time.perf_counter()
        sent: list[Any] = [caller.send("GET", "/logistics/202309/warehouses") for _ in range(6)]
        answers: list[Json] = [response.json() for response in await asyncio.gather(*sent)]
        took = time.perf_counter() - start
        app = caller.sandbox.app
        assert (app.in_flight, app.max_in_flight) == (0, 6)
    assert [answer["code"] for answer in answers] == [0] * 6
    assert took >= 0.2


@pytest.mark.parametrize("delay", [-1, float("nan"), float("inf")])
def test_a_delay_is_a_number_of_seconds(delay: float) -> None:
    with pytest.raises(ValueError, match="seconds from 0"):
        Sandbox(answer_delay_s=delay)
