"""An amount that may mean a thousand times as much is refused before it is sent, with the plain form named."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.catalog.amounts import is_money
from mcp_server_tiktok_shop.catalog.validation import to_plain_decimal
from mcp_server_tiktok_shop.money import CURRENCY_BY_REGION, WHOLE_CURRENCIES
from mcp_server_tiktok_shop.time_zones import ZONE_BY_REGION
from tests.conftest import CATALOG
from tests.platform.test_tokens import bad, good
from tests.wire.recorder import TEA, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

WHOLE = {"ID": "IDR", "VN": "VND", "JP": "JPY", "KR": "KRW", "CL": "CLP"}


@pytest.fixture
def era() -> str:
    """What is sent has nothing to do with the protocol's era: one is enough."""
    return "auto"


@asynccontextmanager
async def shop_in(connect: Connect, region: str, **more: Any) -> AsyncIterator[tuple[Client, Recorder]]:
    async with (
        Recorder(shops=[TEA | {"region": region}]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url, toolsets="all", **more) as client,
    ):
        yield client, recorder


def price(amount: Any, currency: str | None = None) -> Json:
    beside = {} if currency is None else {"currency": currency}
    return {"product_id": "1729592969712207008", "skus": [{"id": "1", "price": {"amount": amount} | beside}]}


def test_the_currencies_are_those_without_a_fraction() -> None:
    assert set(WHOLE.values()) == WHOLE_CURRENCIES
    assert {region: CURRENCY_BY_REGION[region] for region in WHOLE} == WHOLE
    assert ZONE_BY_REGION.keys() <= CURRENCY_BY_REGION.keys()


def writes(recorder: Recorder) -> list[Any]:
    """What was sent with a body: no look before or after it."""
    return [call for call in recorder.calls if call.body]


async def refuse(client: Client, recorder: Recorder, tool: str, arguments: Json) -> Json:
    """The one problem with which a call is refused, as a dry run and as itself; nothing was sent."""
    for more in ({"dry_run": True}, {}):
        told = bad(await client.call_tool(tool, arguments | more))
        assert told["error"] == "invalid_arguments"
        assert "nothing was sent" in told["hint"]
    assert recorder.calls == []
    (problem,) = told["problems"]
    return dict(problem)


@pytest.mark.parametrize(
    ("amount", "plain"),
    [
        ("125.000", "125000 or 125"),
        ("1200.50", "1200 or 1201"),
        ("125.00", "125"),
        ("1200.0", "1200"),
        (1200.5, "1200 or 1201"),
        (125.0, "125"),
    ],
)
async def test_a_fraction_is_refused_before_sending_with_the_plain_form(
    connect: Connect, amount: Any, plain: str
) -> None:
    async with shop_in(connect, "ID") as (client, recorder):
        problem = await refuse(client, recorder, "update_price", price(amount, "IDR"))
    assert problem["argument"] == "skus[0].price.amount"
    assert "IDR has no fraction" in problem["message"]
    assert problem["allowed"].endswith(f": {plain}")


@pytest.mark.parametrize("region", WHOLE)
async def test_an_amount_without_currency_is_in_the_shops_own(connect: Connect, region: str) -> None:
    product = {"id": "1", "activity_price_amount": "125.000", "quantity_limit": -1, "quantity_per_user": -1}
    arguments = {"activity_id": "1", "products": [product]}
    async with shop_in(connect, region) as (client, recorder):
        problem = await refuse(client, recorder, "update_promotion_activity_products", arguments)
    assert problem["argument"] == "products[0].activity_price_amount"
    assert WHOLE[region] in problem["message"]


async def test_thresholds_of_a_sale_are_amounts_too(connect: Connect) -> None:
    tiers = {"tier": 1, "threshold_type": "MINIMAL_ORDER_AMOUNT", "threshold_value": "125.00"}
    details = [tiers | {"type": "AMOUNT_OFF", "value": "10000"}]
    arguments = {
        "title": "A sale",
        "activity_type": "BUY_MORE_SAVE_MORE",
        "product_level": "SHOP",
        "begin_time": "2027-01-01",
        "end_time": "2027-01-02",
        "participation_limit": [{"type": "BUYER_NO_LIMIT"}],
        "discount": {"bmsm_discount": {"details": details}},
    }
    async with shop_in(connect, "ID") as (client, recorder):
        problem = await refuse(client, recorder, "create_promotion_activity", arguments)
    assert problem["argument"] == "discount.bmsm_discount.details[0].threshold_value"


@pytest.mark.parametrize("amount", ["125000", 125000, "0"])
async def test_a_whole_amount_is_sent_as_it_is(connect: Connect, amount: Any) -> None:
    async with shop_in(connect, "ID") as (client, recorder):
        good(await client.call_tool("update_price", price(amount, "IDR")))
        assert json.loads(writes(recorder)[0].body)["skus"][0]["price"]["amount"] == str(amount)


async def test_two_decimals_are_sent_where_there_are_two_and_three_are_not(connect: Connect) -> None:
    async with shop_in(connect, "DE") as (client, recorder):
        good(await client.call_tool("update_price", price("12.50", "EUR")))
        told = bad(await client.call_tool("update_price", price("1.250", "EUR")))
        assert told["problems"][0]["allowed"].endswith(": 1250 or 1.25")
        assert len(writes(recorder)) == 1


async def test_the_currency_beside_an_amount_counts_before_the_shops(connect: Connect) -> None:
    async with shop_in(connect, "ID") as (client, recorder):
        good(await client.call_tool("update_price", price("12.50", "USD")))
        assert len(writes(recorder)) == 1
    async with shop_in(connect, "GB") as (client, recorder):
        bad(await client.call_tool("update_price", price("12.50", "VND")))
        assert recorder.calls == []


async def test_the_country_an_amount_is_for_counts_where_no_currency_stands_beside_it(connect: Connect) -> None:
    prices = [{"region": "JP", "amount": "1200.50"}, {"region": "US", "amount": "9.90"}]
    arguments = {"global_product_id": "1", "skus": [{"id": "1", "sale_prices": prices}]}
    async with shop_in(connect, "GB") as (client, recorder):
        problem = await refuse(client, recorder, "partial_edit_global_product", arguments)
    assert problem["argument"] == "skus[0].sale_prices[0].amount"
    assert "JPY" in problem["message"]


async def test_weights_and_measures_keep_their_fraction(connect: Connect) -> None:
    arguments = {
        "order_id": "1",
        "weight": {"value": "1.500", "unit": "KILOGRAM"},
        "dimension": {"length": "10.125", "width": "1.5", "height": "2.25", "unit": "CM"},
    }
    async with shop_in(connect, "ID") as (client, _):
        told = await client.call_tool("get_eligible_shipping_services", arguments)
        assert "no fraction" not in str(told)


async def test_a_filter_by_price_is_held_to_it_too(connect: Connect) -> None:
    async with shop_in(connect, "ID") as (client, recorder):
        arguments = {"sales_price_range": {"amount_ge": "125.000"}, "page_size": 10}
        told = bad(await client.call_tool("seller_search_open_collab_products", arguments))
        assert told["problems"][0]["allowed"].endswith(": 125000 or 125")
        assert recorder.calls == []


MEASURES = ("weight", "length", "width", "height", "sku_unit_count", "size.")


def test_every_decimal_number_is_known_for_money_or_for_a_measure() -> None:
    def walk(fields: Json, path: str) -> Iterator[tuple[str, bool]]:
        for name, schema in fields.items():
            inner = schema.get("items", schema)
            if inner.get("x-unit") == "decimal-string":
                yield f"{path}.{name}", is_money(inner, name, fields)
            yield from walk(inner.get("properties", {}), f"{path}.{name}")

    for operation in CATALOG.operations.values():
        if (
            operation.is_local
        ):  # a job looks itself at what it is given, and at what it sends with the operation's record
            continue
        for path, found in walk(operation.arguments, operation.name):
            assert found is not any(measure in path for measure in MEASURES), path


# ---- what is no plain number


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1.250,50", "1250.50"),
        ("1,250.50", "1250.50"),
        ("12,50", "12.50"),
        ("125,000", "125000"),
        ("1.250.000", "1250000"),
        ("Rp 125.000", "125000"),
        ("£12.50", "12.50"),
        ("12.50 GBP", "12.50"),
        ("-1,5", "-1.5"),
        ("1 250,00", "1250.00"),
        ("free", ""),
        ("40%", ""),
        ("40 percent", ""),
        ("12k", ""),
        ("3.5 million", ""),
        ("1e3", ""),
        ("2 x 3.50", ""),
        ("250 Kč", "250"),
        ("1,25,000", ""),
        ("", ""),
    ],
)
async def test_the_plain_form_of_an_amount_as_people_write_it_is_named(connect: Connect, text: str, plain: str) -> None:
    assert to_plain_decimal(text) == plain
    if text:
        async with shop_in(connect, "GB") as (client, recorder):
            told = bad(await client.call_tool("update_price", price(text, "GBP")))
            assert told["problems"][0].get("allowed", "") == plain
            assert recorder.calls == []


@given(st.text(alphabet="0123456789.,- €x\u0663", max_size=20))
def test_a_plain_form_is_a_number(text: str) -> None:
    plain = to_plain_decimal(text)
    assert plain == "" or float(plain) is not None
