"""What comes back: readable times, whole ids, no secret, and failures where they are seen."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.keys import ACCESS_TOKEN, call_agreed, reply
from tests.wire.checks import query_of
from tests.wire.recorder import COFFEE, TEA, Recorder

if TYPE_CHECKING:
    from tests.conftest import Connect


@pytest.fixture
def era() -> str:
    """What an answer is made into has nothing to do with the protocol's era: one is enough."""
    return "legacy"


async def answered(
    connect: Connect, tool: str, arguments: dict[str, Any], data: Any, prefix: str = "/", **more: Any
) -> dict[str, Any]:
    """What a tool tells when the platform answers `data`."""
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url, **more) as client:
        recorder.answer(prefix, data=data)
        result = await client.call_tool(tool, arguments)
    told = reply(result)
    assert not result.is_error, told
    return told


async def order(connect: Connect, fields: dict[str, Any], **more: Any) -> Any:
    """One order with these fields, as it is told."""
    arguments = {"ids": ["1"], "fields": ["*"]}
    told = await answered(connect, "get_order_detail", arguments, {"orders": [fields]}, "/order/", **more)
    return told["data"]["orders"][0]


# ---- times


async def test_times_are_told_in_the_shops_zone_in_summer_and_in_winter(connect: Connect) -> None:
    told = await order(connect, {"create_time": 1782896400, "update_time": 1767261600, "paid_time": 1774746000})
    assert told["create_time"] == "2026-07-01T10:00:00+01:00"
    assert told["update_time"] == "2026-01-01T10:00:00+00:00"
    assert told["paid_time"] == "2026-03-29T02:00:00+01:00"  # the first moment of summer time


async def test_the_zone_is_that_of_the_settings_where_one_is_set(connect: Connect) -> None:
    told = await order(connect, {"create_time": 1782896400}, time_zone="Asia/Kolkata")
    assert told["create_time"] == "2026-07-01T14:30:00+05:30"


async def test_a_time_that_has_not_come_is_no_date_in_1970(connect: Connect) -> None:
    told = await order(connect, {"create_time": 1782896400, "paid_time": 0, "rts_time": "0", "cancel_time": None})
    assert "1970" not in json.dumps(told)
    assert "paid_time" not in told


async def test_a_time_told_can_be_given_back(connect: Connect) -> None:
    told = await order(connect, {"create_time": 1782896400})
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        await client.call_tool("get_order_list", {"create_time_ge": told["create_time"]})
        assert json.loads(recorder.calls[0].body)["create_time_ge"] == 1782896400


async def test_what_is_no_plausible_time_is_left_as_it_is(connect: Connect) -> None:
    fields = {"create_time": -1, "update_time": 3, "paid_time": "soon", "rts_time": True, "collection_time": 10**18}
    told = await order(connect, fields)
    assert told["create_time"] == -1
    assert told["update_time"] == 3
    assert told["paid_time"] == "soon"
    assert told["collection_time"] == str(10**18)


async def test_a_note_names_the_zone_in_which_a_local_time_was_read(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        local = reply(await client.call_tool("get_order_list", {"create_time_ge": "2026-07-01"}))
        exact = reply(await client.call_tool("get_order_list", {"create_time_ge": "2026-07-01T00:00:00+01:00"}))
        unix = reply(await client.call_tool("get_order_list", {"create_time_ge": "1782860400"}))
        bodies = [json.loads(request.body) for request in recorder.calls]
    assert "Europe/London" in local["note"]
    assert "Europe/London" not in exact["note"]
    assert "Europe/London" not in unix["note"]
    assert bodies == [{"create_time_ge": 1782860400}] * 3


async def test_a_local_time_is_read_in_the_zone_of_the_shop_that_is_meant(connect: Connect) -> None:
    async with (
        Recorder(shops=[TEA, COFFEE]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        told = reply(await client.call_tool("get_order_list", {"create_time_ge": "2026-07-01", "shop": "DE"}))
        assert json.loads(recorder.calls[0].body)["create_time_ge"] == 1782856800
    assert "Europe/Berlin" in told["note"]
    assert told["shop"] == COFFEE["name"]


# ---- ids


async def test_an_id_too_large_for_a_number_becomes_text(connect: Connect) -> None:
    fields = {"id": 576461413038785752, "line_items": [{"sku_id": 2**53, "quantity": 3}], "x": {"y": [-(2**60)]}}
    told = await order(connect, fields)
    assert told["id"] == "576461413038785752"
    assert told["line_items"] == [{"sku_id": str(2**53), "quantity": 3}]
    assert told["x"] == {"y": [str(-(2**60))]}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.sampled_from(["cipher", "access_token", "refresh_token", "shop_cipher", "id", "name", "create_time"])


@settings(max_examples=20)
@given(st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=6))
def test_whatever_the_platform_answers_is_told_without_a_secret_or_a_rounded_number(
    connect: Connect, data: dict[str, Any]
) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            assert not {"cipher", "access_token", "refresh_token", "shop_cipher"} & value.keys()
            for field in value.values():
                walk(field)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, int) and not isinstance(value, bool):
            assert abs(value) < 2**53

    walk(asyncio.run(order(connect, data)))


@settings(max_examples=15)
@given(st.integers(10**9, 10**11 - 1))
def test_a_time_that_is_told_is_the_time_that_was_answered(connect: Connect, moment: int) -> None:
    told = asyncio.run(
        order(connect, {"create_time": moment, "update_time": str(moment)}, time_zone="America/New_York")
    )
    assert datetime.fromisoformat(told["create_time"]).timestamp() == moment
    assert datetime.fromisoformat(told["update_time"]).timestamp() == moment


# ---- secrets


async def test_ciphers_are_never_told(connect: Connect) -> None:
    async with (
        Recorder(shops=[TEA, COFFEE]) as recorder,
        connect(api_url=recorder.url, auth_url=recorder.url) as client,
    ):
        told = [
            reply(await client.call_tool("get_authorized_shops", {})),
            reply(await client.call_tool("list_shops", {})),
            reply(await client.call_tool("check_connection", {})),
        ]
    assert [shop["name"] for shop in told[0]["data"]["shops"]] == [TEA["name"], COFFEE["name"]]
    for answer in told:
        text = json.dumps(answer)
        assert TEA["cipher"] not in text
        assert COFFEE["cipher"] not in text
        assert "cipher" not in text
        assert ACCESS_TOKEN not in text


async def test_ciphers_are_not_told_on_a_first_call_that_shows_them(connect: Connect) -> None:
    """Before anything was learned, an unknown field may hold what is a cipher."""
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", data={"orders": [{"id": "1", "note": f"for {TEA['cipher']}"}]})
        told = reply(await client.call_tool("get_order_detail", {"ids": ["1"]}))
    assert TEA["cipher"] not in json.dumps(told)


async def test_sign_in_answers_whose_and_how_long_and_no_token(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        exchanged = reply(await call_agreed(client, "exchange_authorization_code", {"auth_code": "TTP_0123456789"}))
        # Two accounts now: the environment's and the new one.
        renewed = reply(await client.call_tool("refresh_access_token", {"shop": TEA["id"]}))
    for told in (exchanged, renewed):
        assert told["data"]["seller"] == "Leaf and Kettle Ltd", told
        assert told["data"]["access_token_expires"].startswith("2100-01-01T00:00:00")
        assert told["data"]["refresh_token_expires"].startswith("2100-01-01T00:00:00")
        assert "seller.order.info" in told["data"]["scopes"]
        assert "GCP_a_new" not in json.dumps(told)
        assert "TTP_0123456789" not in json.dumps(told)


# ---- what stands beside the data


async def test_a_result_says_its_shop_and_request(connect: Connect) -> None:
    told = await answered(connect, "get_order_detail", {"ids": ["1"]}, {"orders": []}, "/order/")
    assert told["shop"] == TEA["name"]
    assert told["request_id"].startswith("20261122")
    assert told["data"] == {"orders": []}
    assert "Nothing" in told["note"]
    assert "sandbox" not in told
    assert "next_page_token" not in told


async def test_the_token_of_the_next_page_is_at_the_top_and_leads_on(connect: Connect) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        page = {"orders": [{"id": "1"}], "next_page_token": "aDU2/+=&x", "total_count": 2}
        recorder.answer("/order/", data=page, times=1)
        first = reply(await client.call_tool("get_order_list", {"page_size": 1}))
        assert first["next_page_token"] == "aDU2/+=&x"
        assert "next_page_token" not in first["data"]
        recorder.answer("/order/", data={"orders": [{"id": "2"}], "next_page_token": ""}, times=1)
        arguments = {"page_size": 1, "page_token": first["next_page_token"]}
        last = reply(await client.call_tool("get_order_list", arguments))
        assert query_of(recorder.calls[1])["page_token"] == "aDU2/+=&x"
    assert "next_page_token" not in last


async def test_pages_of_the_simulated_shop_lead_to_its_end(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        ids: list[str] = []
        arguments: dict[str, Any] = {"page_size": 50}
        while True:
            told = reply(await client.call_tool("get_order_list", arguments))
            assert told["sandbox"] is True
            ids += [found["id"] for found in told["data"]["orders"]]
            if "next_page_token" not in told:
                break
            arguments["page_token"] = told["next_page_token"]
    assert len(ids) == len(set(ids)) == told["data"]["total_count"]


async def test_an_answer_without_data_is_an_empty_one(connect: Connect) -> None:
    nothing: tuple[Any, ...] = (None, {}, [])
    for data in nothing:
        assert (await answered(connect, "get_order_detail", {"ids": ["1"]}, data, "/order/"))["data"] == {"orders": []}


# ---- failures inside a success


def fault(product_id: str, code: int = 12052048) -> dict[str, Any]:
    return {"code": code, "message": "The product is in a campaign", "detail": {"product_id": product_id}}


async def test_what_was_not_done_of_a_batch_comes_up_as_failed(connect: Connect) -> None:
    data = {"errors": [fault("2")]}
    told = await answered(connect, "delete_products", {"product_ids": ["1", "2", "3"]}, data, "/product/")
    assert told["failed"][0]["id"] == "2"
    assert told["failed"][0]["code"] == 12052048
    assert told["failed"][0]["message"] == "The product is in a campaign"
    assert "errors" not in told["data"]


async def test_a_failure_whose_code_is_known_has_a_hint(connect: Connect) -> None:
    data = {"errors": [fault("2", 105005)]}
    told = await answered(connect, "delete_products", {"product_ids": ["1", "2"]}, data, "/product/")
    assert told["failed"][0]["hint"]


@pytest.mark.parametrize("ids", [["1"], ["1", "2", "3"]])
async def test_a_batch_of_which_nothing_was_done_is_an_error(connect: Connect, ids: list[str]) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/product/", data={"errors": [fault(number) for number in ids]})
        result = await client.call_tool("delete_products", {"product_ids": ids})
    told = reply(result)
    assert result.is_error
    assert told["error"] == "platform"
    assert [item["id"] for item in told["failed"]] == ids
    assert told["code"] == 12052048
    assert told["request_id"]
    assert told["hint"]


async def test_a_batch_of_orders_of_which_none_was_done_is_an_error(connect: Connect) -> None:
    """Codes come as text here, and the id of the failed order stands beside that of the other system."""
    lines = [{"id": "1", "origin_id": "77"}]
    orders = [
        {"id": number, "external_order": {"id": f"S-{number}", "platform": "SHOPIFY", "line_items": lines}}
        for number in ("11", "12")
    ]
    errors = [
        {
            "code": "36020001",
            "message": "No such order",
            "detail": {"order_id": order["id"], "external_order": order["external_order"]},
        }
        for order in orders
    ]
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/order/", data={"errors": errors})
        result = await client.call_tool("add_external_order_references", {"orders": orders})
        recorder.answer("/order/", data={"errors": errors[:1]})
        part = await client.call_tool("add_external_order_references", {"orders": orders})
    assert result.is_error
    assert [item["id"] for item in reply(result)["failed"]] == ["11", "12"]
    assert not part.is_error
    assert [item["id"] for item in reply(part)["failed"]] == ["11"]
    assert reply(part)["failed"][0]["code"] == 36020001


@pytest.mark.parametrize(
    "errors",
    [
        [{"code": 7, "message": "no detail"}, {"code": 7, "message": "no detail"}],
        [{"code": 7, "message": "empty detail", "detail": {}}, {"code": 7, "message": "x", "detail": None}],
        [{"code": None, "message": None, "detail": {"product_id": 1}}],
        [{"code": "E7", "message": "a code of letters", "detail": {"product_id": "1"}}],
        ["just a text"],
        {"code": 7, "message": "not a list"},
        [None],
        [],
        None,
    ],
)
async def test_failures_in_an_unknown_form_are_told_and_no_fault_of_the_server(connect: Connect, errors: Any) -> None:
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/product/", data={"errors": errors})
        result = await client.call_tool("delete_products", {"product_ids": ["1", "2", "3"]})
    told = reply(result)
    assert told.get("error") != "internal", told
    if errors:
        assert told.get("failed"), told


async def test_what_was_done_of_a_batch_is_told_though_one_item_failed_twice(connect: Connect) -> None:
    """Two faults for two items: both may be about the same one."""
    data = {"errors": [fault("2"), fault("2", 105005)]}
    told = await answered(connect, "delete_products", {"product_ids": ["1", "2"]}, data, "/product/")
    assert told["done"] == ["1"]
    assert told["again"] == {"product_ids": ["2"]}


async def test_two_faults_inside_of_one_item_leave_the_other_done(connect: Connect) -> None:
    packages = [{"id": "1", "order_ids": ["11", "12"]}, {"id": "2", "order_ids": ["13", "14"]}]
    errors = [{"code": 7, "message": "no", "detail": {"order_id": number}} for number in ("11", "12")]
    data = {"errors": errors}
    told = await answered(connect, "combine_package", {"combinable_packages": packages}, data, "/fulfillment/")
    assert told["done"] == ["2"]
    assert told["again"] == {"combinable_packages": packages[:1]}


async def test_nothing_is_told_as_done_where_a_failed_id_was_not_asked_for(connect: Connect) -> None:
    data = {"errors": [fault("9")]}
    told = await answered(connect, "delete_products", {"product_ids": ["1", "2"]}, data, "/product/")
    assert told["failed"][0]["id"] == "9"
    assert "done" not in told
    assert "again" not in told


async def test_a_batch_whose_list_the_platform_calls_optional_is_one_all_the_same(connect: Connect) -> None:
    data = {"errors": [fault("2")]}
    told = await answered(connect, "add_live_products", {"product_ids": ["1", "2"]}, data, "/affiliate/")
    assert told["done"] == ["1"]
    assert told["again"] == {"product_ids": ["2"]}


async def test_two_failures_without_an_id_are_two(connect: Connect) -> None:
    """Of two things asked for, two failed: nothing was done, whether or not the platform says of which."""
    async with Recorder() as recorder, connect(api_url=recorder.url, auth_url=recorder.url) as client:
        recorder.answer("/product/", data={"errors": [{"code": 7, "message": "no"}, {"code": 7, "message": "no"}]})
        result = await client.call_tool("delete_products", {"product_ids": ["1", "2"]})
    assert result.is_error, reply(result)


async def test_the_simulated_shop_deletes_what_it_can_and_says_what_it_could_not(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        products = reply(await client.call_tool("search_products", {"page_size": 5}))["data"]["products"]
        ids = [products[0]["id"], "1729592969712299999"]
        result = await client.call_tool("delete_products", {"product_ids": ids})
        told = reply(result)
        assert not result.is_error, told
        assert [item["id"] for item in told["failed"]] == ids[1:]
        result = await client.call_tool("delete_products", {"product_ids": ids[1:]})
    assert result.is_error
    assert reply(result)["failed"][0]["id"] == ids[1]
