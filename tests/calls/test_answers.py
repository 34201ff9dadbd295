"""What a read tells: the useful part first, the fields that were asked for, and nothing empty."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.loader import CATALOG_FOLDER, Catalog
from mcp_server_tiktok_shop.json_paths import find_values
from tests.calls.arguments import accepted
from tests.calls.shapes import empties, filled, paths
from tests.keys import reply
from tests.wire.recorder import SHOPS_PATH, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

CATALOG = Catalog()
ORDERS = CATALOG.operations["get_order_list"]
TEAS = ["Oolong", "Jasmine", "Sencha", "Matcha", "Assam", "Rooibos"]
READS = [o for o in CATALOG.operations.values() if o.effect == "read" and o.uses_platform and not o.takes_asset]
VIEWS = [o for o in READS if "shows" in o.record]


@asynccontextmanager
async def platform(connect: Connect, **more: Any) -> AsyncIterator[tuple[Client, Recorder]]:
    """A client of our server, and the platform that answers it as it is told to."""
    async with Recorder() as recorder, connect(api_url=recorder.url, **more) as client:
        yield client, recorder


def answer(recorder: Recorder, data: Json) -> None:
    """The answer to whatever is asked but for the shops."""
    recorder.answers.clear()
    recorder.answer("/", data=data)
    recorder.answer(SHOPS_PATH, data={"shops": recorder.shops})


def stands(data: Json, path: str) -> bool:
    """Whether something stands at a path, in a table or not."""
    steps = path.split(".")
    if find_values(data, steps):
        return True
    for depth in range(1, len(steps)):
        tables = [table for table in find_values(data, steps[:depth]) if isinstance(table, dict) and "columns" in table]
        if any(".".join(steps[depth:]) in table["columns"] for table in tables):
            return True
    return False


def orders(lines: int) -> list[Json]:
    """Twenty orders with all that the shape knows, of different lines."""
    shape = CATALOG.get_response_shape(ORDERS)["properties"]["orders"]["items"]
    made = []
    for number in range(20):
        order = filled(shape, 2, 100_000 * number) | {"is_buyer_request_cancel": False}
        line = filled(shape["properties"]["line_items"]["items"], 1)
        order["line_items"] = [
            line
            | {
                "id": f"5769{number:04}{place:010}",
                "sku_id": f"1729{number:04}{place:010}",
                "product_name": f"{TEAS[place]} of the mountains, 250 g",
                "sale_price": f"{place + 1}2.50",
            }
            for place in range(lines)
        ]
        made.append(order)
    return made


# ---- the useful part first


@pytest.mark.parametrize(("lines", "tokens"), [(2, 2_500), (6, 5_000)])
async def test_twenty_orders_cost_few_tokens_and_hold_what_a_seller_asks_about(
    connect: Connect, lines: int, tokens: int
) -> None:
    sent = orders(lines)
    async with platform(connect) as (client, recorder):
        answer(recorder, {"orders": sent, "total_count": 20, "next_page_token": "t2"})
        result = await client.call_tool("get_order_list", {})
    told = reply(result)
    assert len(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()) / 4 <= tokens
    assert "left_out" not in told
    assert told["next_page_token"] == "t2"
    for one, order in zip(told["data"]["orders"], sent, strict=True):
        assert (one["id"], one["status"]) == (order["id"], order["status"])
        assert one["create_time"].startswith("20")
        assert one["payment"]["total_amount"] == order["payment"]["total_amount"]
        for line, there in zip(one["line_items"], order["line_items"], strict=True):
            assert (line["sku_id"], line["sale_price"], line["quantity"]) == (there["sku_id"], there["sale_price"], 1)
            assert there["product_name"].startswith(line["product_name"].removesuffix("…"))
    assert '["*"]' in told["note"]
    assert "beginnings" in told["note"]


async def test_what_a_view_leaves_out_can_be_asked_for_path_by_path(connect: Connect) -> None:
    async with platform(connect, result_bytes=400_000) as (client, recorder):
        for operation in VIEWS:
            answer(recorder, filled(CATALOG.get_response_shape(operation)))
            arguments = accepted(operation, {})
            whole = reply(await client.call_tool(operation.name, arguments | {"fields": ["*"]}))
            told = reply(await client.call_tool(operation.name, arguments))
            assert "error" not in whole | told, (operation.name, whole, told)
            everything, shown = set(paths(whole["data"])), set(paths(told["data"]))
            merged = operation.record["shows"].get("merges", ())
            assert shown - everything <= {f"{path}.quantity" for path in merged}, operation.name
            hidden = sorted(everything - shown)
            if not hidden:  # a short one is shown whole
                assert len(json.dumps(whole["data"])) < 1_500, operation.name
                continue
            assert '["*"]' in told["note"], operation.name
            asked = reply(await client.call_tool(operation.name, arguments | {"fields": hidden}))
            rest = [path for path in hidden if not stands(asked["data"], path)]
            assert rest == [], operation.name
            assert list(empties(told)) == [], operation.name


async def test_a_short_answer_is_shown_whole(connect: Connect) -> None:
    async with connect(sandbox="1", toolsets="all") as client:
        places = reply(await client.call_tool("get_warehouse_list", {}))
        orders = reply(await client.call_tool("get_order_list", {"page_size": 10}))
    assert {"address_line1", "postal_code"} <= places["data"]["warehouses"][0]["address"].keys()
    assert "A part" not in places.get("note", "")
    assert "A part of each item" in orders["note"]


async def test_no_result_holds_an_empty_field(connect: Connect) -> None:
    async with platform(connect) as (client, recorder):
        for operation in READS:
            if operation.record["path"] == SHOPS_PATH or operation.record.get("refused"):
                continue
            data = filled(CATALOG.get_response_shape(operation))
            hollow = {name: ("" if place % 2 else None) for place, name in enumerate(data)}
            more = [{"a": [], "b": {"c": [None, {"d": ""}]}}]
            answer(recorder, {**hollow, "more": more, "zero": 0, "no": False})
            told = reply(await client.call_tool(operation.name, accepted(operation, {}) | {"fields": ["*"]}))
            assert "error" not in told, (operation.name, told)
            assert list(empties(told["data"])) == [], operation.name
            assert (told["data"].get("zero"), told["data"].get("no")) == (0, False), (operation.name, told)


# ---- the fields that were asked for

THREE: Json = {
    "orders": [{"id": str(n), "payment": {"total_amount": "1.50"}, "odd": n} for n in range(3)],
    "total_count": 3,
}


async def test_plain_fields_come_as_a_table_and_others_as_they_are(connect: Connect) -> None:
    async with platform(connect) as (client, recorder):
        answer(recorder, THREE)
        ask = client.call_tool
        for given in (["orders.id"], '["orders.id"]', "orders.id", ["data.orders[].id"]):
            told = reply(await ask("get_order_list", {"fields": given}))
            assert told["data"] == {"orders": {"columns": ["id"], "rows": [["0"], ["1"], ["2"]]}}, given
            assert "note" not in told
        told = reply(await ask("get_order_list", {"fields": ["total_count", "orders.payment"]}))
        assert told["data"] == {"total_count": 3, "orders": [{"payment": {"total_amount": "1.50"}}] * 3}
        assert reply(await ask("get_order_list", {"fields": ["orders.odd"]}))["data"]["orders"]["rows"][2] == [2]
        assert reply(await ask("get_order_list", {"fields": []}))["data"]["orders"][0]["id"] == "0"


async def test_fields_mean_the_same_beside_and_inside_the_arguments_of_a_named_read(connect: Connect) -> None:
    async with platform(connect) as (client, recorder):
        answer(recorder, THREE)
        direct = reply(await client.call_tool("get_order_list", {"fields": ["orders.id"], "page_size": 5}))["data"]
        for inner, beside in (
            ({"page_size": 5, "fields": ["orders.id"]}, {}),
            ({"page_size": 5}, {"fields": ["orders.id"]}),
        ):
            call = {"name": "get_order_list", "arguments": inner, **beside}
            assert reply(await client.call_tool("run_read_operation", call))["data"] == direct
        call = {"name": "get_order_list", "fields": "orders.idd"}
        wrong = reply(await client.call_tool("run_read_operation", call))
        assert wrong["problems"][0]["allowed"] == "orders.id"


async def test_a_wrong_field_is_refused_with_the_nearest_right_one(connect: Connect) -> None:
    async with platform(connect) as (client, recorder):
        answer(recorder, THREE)
        told = reply(await client.call_tool("get_order_list", {"fields": ["orders.total_amount", "nothing"]}))
    assert told["error"] == "invalid_arguments"
    assert [problem["argument"] for problem in told["problems"]] == ["fields[0]", "fields[1]"]
    assert told["problems"][0]["allowed"] == "orders.payment.total_amount"


@pytest.mark.parametrize("pages", [{}, {"pages": "all"}])
async def test_a_field_that_nobody_knows_is_a_note_where_the_others_are_known(
    connect: Connect, pages: dict[str, str]
) -> None:
    async with platform(connect) as (client, recorder):
        answer(recorder, THREE)
        fields = ["orders.total_amount", "orders.id", "nothing"]
        told = reply(await client.call_tool("get_order_list", {"fields": fields, **pages}))
        assert told["data"] == {"orders": {"columns": ["id"], "rows": [["0"], ["1"], ["2"]]}}
        assert "orders.total_amount (did you mean orders.payment.total_amount?), nothing." in told["note"]
        wrong = [*(f"orders.{n}" for n in range(150)), "orders.id"]
        told = reply(await client.call_tool("get_order_list", {"fields": wrong, **pages}))
        assert "and 140 more" in told["note"]


async def test_a_known_field_that_was_empty_is_said_to_be_empty(connect: Connect) -> None:
    async with platform(connect) as (client, recorder):
        answer(recorder, THREE)
        fields = ["orders.id", "orders.buyer_message", "orders.tracking_number", "orders.payment.total_amount"]
        told = reply(await client.call_tool("get_order_list", {"fields": fields}))
        assert told["data"]["orders"]["rows"][0] == ["0", None, None, "1.50"]
        assert told["note"] == "Empty here: orders.buyer_message, orders.tracking_number."
        one = {"orders": [*THREE["orders"], {"id": "3", "tracking_number": "T1"}]}
        answer(recorder, one)
        told = reply(await client.call_tool("get_order_list", {"fields": fields}))
        assert told["note"] == "Empty here: orders.buyer_message."
        answer(recorder, {"orders": []})
        told = reply(await client.call_tool("get_order_list", {"fields": fields}))
        assert "Empty" not in told["note"]


async def test_a_field_is_empty_only_where_it_is_so_on_every_page(connect: Connect) -> None:
    fields = ["orders.id", "orders.cancel_reason", "orders.cpf"]
    async with connect(sandbox="1") as client:
        call = {"fields": fields, "pages": "all", "page_size": 10}
        told = reply(await client.call_tool("get_order_list", call))
        reasons = [row[1] for row in told["data"]["orders"]["rows"]]
    assert any(reasons), "the simulated shop has cancelled orders"
    assert not any(reasons[:10]) or not any(reasons[-10:]), "on some page there are none"
    assert "Empty here: orders.cpf." in told["note"]


async def test_buyers_data_that_is_not_shown_is_not_called_empty(connect: Connect) -> None:
    fields = ["orders.id", "orders.recipient_address.name", "orders.cpf"]
    async with connect(sandbox="1", buyer_data="none") as client:
        told = reply(await client.call_tool("get_order_list", {"fields": fields}))
    assert "Buyers' data, not shown: orders.recipient_address.name, orders.cpf." in told["note"]
    assert "Empty" not in told["note"]


@pytest.mark.parametrize("more", [{}, {"pages": "all"}, {"fields": ["*"]}, {"fields": ["orders.rts_sla_time"]}])
async def test_a_deadline_is_explained_once_where_it_is_shown(connect: Connect, more: dict[str, Any]) -> None:
    async with connect(sandbox="1") as client:
        told = reply(await client.call_tool("get_order_list", {"page_size": 10, **more}))
        assert stands(told["data"], "orders.rts_sla_time")
        assert (
            told["note"].count(
                "rts_sla_time: announce it (ship) by then, or it is overdue; still ship it if it is past"
            )
            == 1
        )
        assert ("shipping_due_time: not shipped" in told["note"]) is (more == {"fields": ["*"]})
        told = reply(await client.call_tool("get_order_list", {"fields": ["orders.id"]}))
        assert "due_time" not in told.get("note", "")


def test_every_deadline_with_a_meaning_is_a_field_of_some_answer() -> None:
    meanings = json.loads((CATALOG_FOLDER / "deadlines.json").read_text(encoding="utf-8"))
    explained = {
        meaning for operation in CATALOG.operations.values() for meaning in CATALOG.get_deadlines(operation).values()
    }
    assert explained == {*meanings.values()}
    names = {path.rpartition(".")[2] for path in paths(filled(CATALOG.get_response_shape(ORDERS)))}
    deadlines = {name for name in names if name.endswith(("_sla_time", "_due_time"))}
    assert len(deadlines) >= 9
    assert deadlines <= meanings.keys()


async def test_what_can_not_be_a_path_is_refused_before_anything_is_sent(connect: Connect) -> None:
    async with platform(connect) as (client, recorder):
        for wrong, right in (("orders[3].id", "orders.id"), (".", "such as orders.id"), ("a[", "such as orders.id")):
            for pages in ({}, {"pages": "all"}):
                told = reply(await client.call_tool("get_order_list", {"fields": ["orders.id", wrong], **pages}))
                (problem,) = told["problems"]
                assert (problem["argument"], problem["allowed"]) == ("fields[1]", right)
        assert recorder.calls == []


async def test_fields_of_an_empty_answer_are_no_error(connect: Connect) -> None:
    async with platform(connect) as (client, recorder):
        for data in ({}, {"orders": [], "total_count": 0}, {"orders": None}):
            answer(recorder, data)
            for more in ({}, {"pages": "3"}):
                told = reply(await client.call_tool("get_order_list", {"fields": ["orders.id", "total_count"], **more}))
                assert "error" not in told
                assert told["data"]["orders"] == []
                assert list(empties({**told["data"], "orders": 1})) == []


# ---- what is said where there is nothing, or only our own count


async def test_nothing_found_is_said_whatever_was_asked_for(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        for fields in ([], ["orders.id"], ["*"]):
            told = reply(await client.call_tool("get_order_list", {"create_time_lt": "2020-01-01", "fields": fields}))
            assert "Nothing found" in told["note"]
            assert told["data"]["orders"] == []
        for pages in ({}, {"pages": "all"}):
            told = reply(await client.call_tool("get_statements", {"statement_time_lt": "2020-01-01", **pages}))
            assert told["data"] == {"statements": []}
            assert told["note"].startswith("Nothing found: ")


async def test_of_a_title_that_nothing_has_it_is_said_once(connect: Connect) -> None:
    async with connect(sandbox="1") as client:
        told = reply(await client.call_tool("search_products", {"title": "no such tea", "fields": ["products.title"]}))
    assert told["note"].startswith("0 match by the local copy, as_of ")
    assert told["note"].endswith(": none was read live. Nothing found: the answer is empty.")


async def test_a_read_whose_items_failed_is_not_told_as_empty(connect: Connect) -> None:
    error = {"code": 1, "message": "too old", "detail": {"order_id": "9"}}
    async with platform(connect) as (client, recorder):
        answer(recorder, {"orders": [], "errors": [error]})
        told = reply(await client.call_tool("get_order_list", {}))
    assert [failed["message"] for failed in told["failed"]] == ["too old"]
    assert "Nothing found" not in told.get("note", "")


async def test_the_number_of_equal_items_can_be_asked_for(connect: Connect) -> None:
    fields = ["orders.id", "orders.line_items.sku_id", "orders.line_items.quantity"]
    async with connect(sandbox="1") as client:
        told = reply(await client.call_tool("get_order_list", {"page_size": 50, "fields": fields}))
        whole = reply(await client.call_tool("get_order_list", {"page_size": 50, "fields": fields[:2]}))
    for counted, single in zip(told["data"]["orders"], whole["data"]["orders"], strict=True):
        assert sum(line["quantity"] for line in counted["line_items"]) == len(single["line_items"])
    assert any(line["quantity"] > 1 for order in told["data"]["orders"] for line in order["line_items"])


# ---- what the simulated shop makes up


@pytest.mark.parametrize("more", [{}, {"fields": ["creators.username"]}, {"pages": "all"}, {"fields": "*"}])
async def test_what_the_simulated_shop_makes_up_says_so(connect: Connect, more: Json) -> None:
    async with connect(sandbox="true", toolsets="all") as client:
        call = {"page_size": 12, **more}
        told = reply(await client.call_tool("search_creators_in_creator_marketplace", call))
        true = reply(await client.call_tool("search_seller_affiliate_orders", {"page_size": 5}))
    assert told["data"]["placeholder"] is True
    assert told["data"]["creators"]
    assert next(iter(told)) == "note"
    assert told["note"].startswith("`placeholder`: the simulated shop made this up")
    assert "placeholder" not in true["data"]
    assert "made this up" not in true.get("note", "")


async def test_a_part_that_is_made_up_says_so_where_it_stands(connect: Connect) -> None:
    async with connect(sandbox="true", toolsets="all") as client:
        days = {"start_date_ge": "2026-11-01", "end_date_lt": "2026-11-03"}
        told = reply(await client.call_tool("get_shop_performance", days))
    found = find_values(told["data"], ["performance", "intervals", "traffic", "placeholder"])
    assert found
    assert all(value is True for value in found)
    assert next(iter(told)) == "note"


async def test_what_is_made_up_keeps_to_what_was_asked_and_to_the_shop(connect: Connect) -> None:
    days = {"start_date_ge": "2026-10-01", "end_date_lt": "2026-10-08", "account_type": "ALL", "currency": "LOCAL"}
    async with connect(sandbox="true", toolsets="all") as client:
        videos = reply(await client.call_tool("get_shop_video_performance_list", days | {"fields": ["*"]}))["data"]
        sku_ids = ["1729272563980276786", "1729272563980276799"]
        goods = reply(await client.call_tool("search_goods_info", {"sku_ids": sku_ids}))["data"]
    assert videos["videos"]
    assert all("2026-10-01" <= video["video_post_time"] < "2026-10-08" for video in videos["videos"])
    assert {*find_values(videos, ["videos", "gmv", "currency"])} == {"GBP"}
    assert goods["total_count"] == len(sku_ids)
    assert find_values(goods, ["goods", "skus", "id"]) == sku_ids
    assert {*find_values(goods, ["goods", "warehouse_confirmation_info", "weight", "unit"])} == {"GRAM"}
