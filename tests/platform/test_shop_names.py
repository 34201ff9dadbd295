"""Shops of one name are told apart wherever a shop is named, and each is reached by the name that it is told by."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import ElicitResult, PromptReference
from pydantic import SecretStr

from mcp_server_tiktok_shop.platform.region_names import NAMES_PATH, find_region
from mcp_server_tiktok_shop.state.accounts import Shop, assign_display_names, normalize_name
from mcp_server_tiktok_shop.time_zones import ZONE_BY_REGION
from tests.keys import reply
from tests.platform.test_tokens import bad, good
from tests.wire.recorder import COFFEE, TEA, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from tests.conftest import Connect

READ, WRITE = "get_warehouse_list", "delete_products"
REGIONS = ("GB", "TH", "VN", "MX")
CURRENCIES = dict(zip(REGIONS, ("GBP", "THB", "VND", "MXN"), strict=True))
NAME = TEA["name"]
# One cross-border seller: the same name in four markets.
ABROAD = [
    TEA | {"id": f"74955407353657775{n:02}", "region": region, "cipher": f"ROW_cipher_of_{region}"}
    for n, region in enumerate(REGIONS)
]
PRODUCTS = {"product_ids": ["1729592969712207008"]}


@asynccontextmanager
async def shops(connect: Connect, rows: list[dict[str, str]], **more: Any) -> AsyncIterator[tuple[Client, Recorder]]:
    async with (
        Recorder(shops=rows) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url, **more) as client,
    ):
        yield client, recorder


def cipher_of(recorder: Recorder) -> str:
    return recorder.calls[-1].target.partition("shop_cipher=")[2].partition("&")[0]


async def test_each_is_listed_by_a_name_of_its_own_with_its_currency(connect: Connect) -> None:
    async with shops(connect, [*ABROAD, COFFEE]) as (client, _):
        listed = good(await client.call_tool("list_shops", {}))["data"]["shops"]
        checked = good(await client.call_tool("check_connection", {}))["data"]["sign_in"]["shops"]
        resource = json.loads((await client.read_resource("tiktok-shop://shops")).contents[0].text)["shops"]  # type: ignore[union-attr]
    names = [f"{NAME} ({region})" for region in REGIONS] + [COFFEE["name"]]
    for told in (listed, checked, resource):
        assert [shop["name"] for shop in told] == names
        assert [shop["currency"] for shop in told] == [*CURRENCIES.values(), "EUR"]


@pytest.mark.parametrize("region", REGIONS)
async def test_the_name_it_is_told_by_reaches_it_and_is_told_in_the_result(connect: Connect, region: str) -> None:
    label = f"{NAME} ({region})"
    (own,) = (row for row in ABROAD if row["region"] == region)
    async with shops(connect, ABROAD) as (client, recorder):
        for shop in (label, label.upper(), f" {label} ", region, region.lower(), own["id"]):
            assert good(await client.call_tool(READ, {"shop": shop}))["shop"] == label
            assert cipher_of(recorder) == own["cipher"]


async def test_the_bare_name_is_refused_with_the_names_there_are(connect: Connect) -> None:
    async with shops(connect, ABROAD) as (client, recorder):
        told = bad(await client.call_tool(READ, {"shop": NAME}))
        assert told["error"] == "shop_required"
        assert [shop["name"] for shop in told["shops"]] == [f"{NAME} ({region})" for region in REGIONS]
        assert recorder.calls == []


async def test_two_of_one_name_in_one_market_are_told_apart_by_the_end_of_their_ids(connect: Connect) -> None:
    twin = ABROAD[1] | {"id": "7495540735365779999", "cipher": "ROW_another"}
    async with shops(connect, [ABROAD[0], ABROAD[1], twin]) as (client, recorder):
        names = [shop["name"] for shop in good(await client.call_tool("list_shops", {}))["data"]["shops"]]
        assert names == [f"{NAME} (GB)", f"{NAME} (TH …{ABROAD[1]['id'][-4:]})", f"{NAME} (TH …9999)"]
        assert good(await client.call_tool(READ, {"shop": names[2]}))["shop"] == names[2]
        assert cipher_of(recorder) == twin["cipher"]
        assert bad(await client.call_tool(READ, {"shop": f"{NAME} (TH)"}))["error"] == "shop_required"


async def test_previews_questions_and_the_journal_name_it_so(connect: Connect) -> None:
    questions: list[str] = []

    async def agree(_context: Any, asked: Any) -> ElicitResult:
        questions.append(asked.message)
        fields: dict[str, Any] = dict.fromkeys(asked.requested_schema.get("properties", {}), True)
        return ElicitResult(action="accept", content=fields)

    label = f"{NAME} (TH)"
    async with shops(connect, ABROAD, confirm="all", asked=agree) as (client, _):
        previewed = good(await client.call_tool(WRITE, PRODUCTS | {"shop": "TH", "dry_run": True}))
        await client.call_tool(WRITE, PRODUCTS | {"shop": "TH"})
        changes = good(await client.call_tool("list_changes", {"period": "today"}))["data"]["changes"]
    assert previewed["data"]["shop"] == label
    assert f'"{label}"' in questions[0]
    assert [row[changes["columns"].index("shop")] for row in changes["rows"]] == [label]


async def test_a_token_given_for_one_is_good_for_that_one_alone_by_any_of_its_names(connect: Connect) -> None:
    async with shops(connect, ABROAD, confirm="all") as (client, recorder):

        async def token() -> str:
            told = reply(await client.call_tool(WRITE, PRODUCTS | {"shop": f"{NAME} (TH)"}))
            assert told.get("preview", told.get("data", {}).get("preview"))["shop"] == f"{NAME} (TH)"
            return str(told.get("confirm") or told["data"]["confirm"])

        first = await token()
        elsewhere = reply(await client.call_tool(WRITE, PRODUCTS | {"shop": "VN", "confirm": first}))
        assert "used up" in json.dumps(elsewhere)
        good(await client.call_tool(WRITE, PRODUCTS | {"shop": "th", "confirm": await token()}))
        assert cipher_of(recorder) == "ROW_cipher_of_TH"


async def test_the_name_is_completed_as_it_is_accepted(connect: Connect) -> None:
    async with shops(connect, ABROAD) as (client, _):
        prompt = PromptReference(name="weekly-sales")
        found = await client.complete(prompt, {"name": "shop", "value": NAME[:4].lower()})
    assert found.completion.values == [f"{NAME} ({region})" for region in REGIONS]


@pytest.mark.parametrize("pinned", [f"{NAME} (TH)", "TH"])
async def test_a_server_is_pinned_to_one_of_them(connect: Connect, pinned: str) -> None:
    async with shops(connect, ABROAD, shop=pinned) as (client, recorder):
        assert good(await client.call_tool(READ, {}))["shop"] == f"{NAME} (TH)"
        assert cipher_of(recorder) == "ROW_cipher_of_TH"
        assert "GB" not in json.dumps(good(await client.call_tool("list_shops", {})))


async def test_a_shop_alone_of_its_name_keeps_it(connect: Connect) -> None:
    async with shops(connect, [TEA, COFFEE]) as (client, _):
        assert good(await client.call_tool(READ, {"shop": "GB"}))["shop"] == NAME
        assert good(await client.call_tool(READ, {"shop": f"{NAME} (GB)"}))["shop"] == NAME


@pytest.mark.parametrize("name", ["UK", "uk", "U.K.", "Britain", " great  britain", "United Kingdom", "GB"])
async def test_a_region_goes_by_what_people_call_the_country(connect: Connect, name: str) -> None:
    async with shops(connect, ABROAD) as (client, recorder):
        assert good(await client.call_tool(READ, {"shop": name}))["shop"] == f"{NAME} (GB)"
        assert cipher_of(recorder) == "ROW_cipher_of_GB"


async def test_a_shop_of_that_name_comes_before_the_country(connect: Connect) -> None:
    rows = [*ABROAD, COFFEE | {"name": "Thailand"}]
    async with shops(connect, rows) as (client, _):
        assert good(await client.call_tool(READ, {"shop": "thailand"}))["shop"] == "Thailand"
        assert good(await client.call_tool(READ, {"shop": "Viet Nam"}))["shop"] == f"{NAME} (VN)"
        refused = reply(await client.call_tool(READ, {"shop": "Brazil"}))
    assert refused["error"] == "shop_required"


def test_every_region_with_a_time_zone_has_the_name_of_its_country_and_none_two_countries() -> None:
    names: dict[str, list[str]] = json.loads(NAMES_PATH.read_text())
    assert names.keys() == ZONE_BY_REGION.keys()
    texts = [normalize_name(name) for others in names.values() for name in others]
    assert len(set(texts)) == len(texts)
    assert all(find_region(name) == code for code, others in names.items() for name in [code, *others])


NAMES = st.sampled_from(["Tea", "TEA", "tea ", "Tea (TH)", "Tea (TH …0001)", "Te\u200ba", "", "TH", "70001", "x" * 99])
IDS = st.sampled_from([f"{start}{tail}" for start, tail in product("789", ("0001", "0002", "9999"))])


@given(st.lists(st.tuples(IDS, NAMES, st.sampled_from(["", "TH", "GB"])), unique_by=lambda shop: shop[0], max_size=9))
def test_no_name_is_told_of_two_shops_however_they_are_called(rows: list[tuple[str, str, str]]) -> None:
    found = assign_display_names([Shop(id=i, name=n, region=r, cipher=SecretStr("c")) for i, n, r in rows])
    labels = [normalize_name(shop.label) for shop in found]
    assert len(set(labels)) == len(rows)
    assert not {shop.label for shop in found if shop.label != shop.id} & {shop.id for shop in found}
