"""A kept result can be read in parts, each small enough, and all of them together are all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.calls.caller import NON_INTERACTIVE_CALLER
from mcp_server_tiktok_shop.calls.results.chunks import ChunkRequest, read_chunk
from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.json_paths import format_path
from mcp_server_tiktok_shop.state.files.results import FileResultStore
from mcp_server_tiktok_shop.tools.read_result import ReadResultTool
from tests.keys import reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.catalog.operation import Json
    from tests.conftest import Connect

BUDGET = 2_000
ROOM = 1_000
LINES = [{"sku_id": f"s{n}", "quantity": n} for n in range(5)]
ORDERS = [
    {"id": str(n), "payment": {"total_amount": f"{n}.00"}, "note": "n" * 30, "line_items": LINES} for n in range(50)
]
DATA: Json = {"total_count": 50, "orders": ORDERS}
TABLE: Json = {"columns": ["id", "payment.total_amount"], "rows": [[str(n), f"{n}.00"] for n in range(200)]}


def read(path: str | None = None, data: Any = DATA, room: int = ROOM, **more: Any) -> Json:
    told = read_chunk(data, ChunkRequest(path, **more), room)
    assert len(to_json_text(told).encode()) <= room
    return told


def refusal(path: str | None = None, data: Any = DATA, **more: Any) -> Any:
    with pytest.raises(ShopError) as caught:
        read(path, data, **more)
    assert caught.value.kind == "invalid_arguments"
    return caught.value.problems[0]


# ---- lists


def test_items_come_from_an_offset_with_the_total_and_where_to_go_on() -> None:
    told = read("orders", offset=3, limit=2)
    assert told == {"total": 50, "next_offset": 5, "items": ORDERS[3:5]}
    assert "next_offset" not in read("orders", offset=48)


def test_fewer_come_where_more_do_not_fit() -> None:
    told = read("orders", limit=40)
    assert 1 <= len(told["items"]) == told["next_offset"] < 40
    assert told["items"] == ORDERS[: told["next_offset"]]


def test_without_a_path_the_one_list_of_an_answer_is_read() -> None:
    assert read(offset=10, limit=1) == {"path": "orders", "total": 50, "next_offset": 11, "items": ORDERS[10:11]}


def test_items_inside_an_item_are_reached_by_path() -> None:
    for path in ("orders[3].line_items", "data.orders[3].line_items", 'orders[3]["line_items"]'):
        assert read(path, limit=1) == {"total": 5, "next_offset": 1, "items": LINES[:1]}
    assert read("orders[3].line_items[4].sku_id") == {"total": 2, "text": "s4"}
    assert read("orders[3].line_items[4].quantity") == {"value": 4}
    assert read("orders[3]") == {"value": ORDERS[3]}


def test_fields_of_the_items_come_as_a_table_where_they_are_plain() -> None:
    told = read("orders", fields=["payment.total_amount", "id"], limit=2)
    assert told == {
        "total": 50,
        "next_offset": 2,
        "columns": ["payment.total_amount", "id"],
        "rows": [["0.00", "0"], ["1.00", "1"]],
    }
    assert read("orders", fields=["line_items.sku_id"], limit=1)["items"] == [
        {"line_items": [{"sku_id": f"s{n}"} for n in range(5)]}
    ]
    assert read("orders[0]", fields=["id"]) == {"value": {"id": "0"}}


def test_fields_written_from_the_top_are_understood() -> None:
    assert read("orders", fields=["orders.id"], limit=1)["rows"] == [["0"]]
    assert read("orders[0].line_items", fields=["orders.line_items.sku_id"], limit=1)["rows"] == [["s0"]]


def test_a_wrong_field_is_refused_with_the_nearest_even_where_this_part_has_no_items() -> None:
    assert refusal("orders", fields=["total_amount"]).allowed == "payment.total_amount"
    rows = {"rows": [{"a": 1}] * 40 + [{"rare": 2}]}
    assert read("rows", rows, fields=["rare"], limit=1)["rows"] == [[None]]


def test_a_wrong_field_beside_right_ones_is_named_and_left_out() -> None:
    part = read("orders", fields=["idd", "id"], limit=1)
    assert part["rows"] == [["0"]]
    assert "idd (did you mean id?)" in part["note"]
    part = read("orders[0]", fields=["id", "nonsense"])
    assert part["value"] == {"id": "0"}
    assert "nonsense" in part["note"]


def test_an_item_too_large_for_any_answer_is_named_and_passed() -> None:
    data = {"orders": [{"id": "1"}, {"id": "2", "text": "t" * 5_000}, {"id": "3"}]}
    assert read("orders", data) == {"total": 3, "next_offset": 1, "items": [{"id": "1"}]}
    told = read("orders", data, offset=1)
    assert (told["in_parts"], told["next_offset"], told["items"]) == ("orders[1]", 2, [])
    assert read("orders[1]", data)["values"] == {"id": "2"}
    assert read("orders[1]", data)["parts"] == {"text": "a text of 5000 characters"}
    assert read("orders", data, offset=2) == {"total": 3, "items": [{"id": "3"}]}


def test_an_offset_beyond_the_end_is_told_the_total() -> None:
    told = refusal("orders", offset=50)
    assert told.argument == "offset"
    assert "50" in told.message
    assert told.allowed == "0-49"
    assert read("orders", {"orders": []}) == {"total": 0, "items": []}


# ---- tables, texts, objects


def test_rows_of_a_table_come_with_its_columns() -> None:
    for path in (None, "orders", "orders.rows"):
        told = read(path, {"orders": TABLE}, offset=150, limit=2)
        assert (told["total"], told["next_offset"]) == (200, 152)
        assert told["columns"] == TABLE["columns"]
        assert told["rows"] == TABLE["rows"][150:152]
    assert read("orders.rows[7]", {"orders": TABLE}) == {"total": 2, "items": TABLE["rows"][7]}


def test_fields_of_a_table_are_its_columns() -> None:
    data = {"orders": TABLE}
    assert read("orders", data, fields=["payment"], limit=1)["rows"] == [["0.00"]]
    assert read("orders", data, fields=["orders.id"], limit=1)["rows"] == [["0"]]
    assert refusal("orders", data, fields=["idd"]).allowed == "id"
    part = read("orders", data, fields=["idd", "payment"], limit=1)
    assert part["rows"] == [["0.00"]]
    assert "idd (did you mean id?)" in part["note"]


def test_a_text_is_read_by_characters() -> None:
    data = {"id": "1", "text": "äbc" * 4_000}
    assert read("text", data, offset=3, limit=4) == {"total": 12_000, "next_offset": 7, "text": "äbcä"}
    told = read("text", data)
    assert len(told["text"]) == told["next_offset"] > ROOM // 3


def test_an_object_too_large_is_told_field_by_field() -> None:
    data = {"id": "1", "tags": ["t"] * 9_000, "rates": {str(n): n for n in range(5_000)}, "table": TABLE}
    assert read("data", data | {"more": []}) == {
        "total": 5,
        "values": {"id": "1", "more": []},
        "parts": {
            "tags": "a list of 9000 items",
            "rates": "an object of 5000 fields",
            "table": "a table of 200 rows",
        },
    }
    told = read("rates", data, offset=4_000)
    assert next(iter(told["values"].items())) == ("4000", 4000)
    assert told["next_offset"] == 4_000 + len(told["values"])


# ---- wrong paths


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("ordres", "orders"),
        ("orders.line_items", "orders[0].line_items"),
        ("orders[3].line_itms[0].sku_id", "orders[3].line_items[0].sku_id"),
        ("orders[50]", "0-49"),
        ("total_count[0]", "total_count"),
        ("orders[0].id.more", "orders[0].id"),
        ("nothing_like_it", "total_count, orders"),
        ("orders[", "such as orders[3].line_items"),
        ("orders[-1]", "such as orders[3].line_items"),
    ],
)
def test_a_wrong_path_is_refused_with_the_nearest_right_one(wrong: str, right: str) -> None:
    told = refusal(wrong)
    assert told.argument == "path"
    assert told.allowed == right


def test_a_row_of_a_table_is_named_as_one() -> None:
    assert refusal("orders[3]", {"orders": TABLE}).allowed == "orders.rows[3]"


# ---- all of it


def read_all(data: Any, steps: tuple[str | int, ...], room: int) -> Any:
    """What a patient reader puts together who follows every hint."""
    path = format_path(steps)
    offset = 0
    made: Any = None
    while True:
        told = read_chunk(data, ChunkRequest(path, offset=offset), room)
        assert len(to_json_text(told).encode()) <= room
        if "value" in told:
            return told["value"]
        if "text" in told:
            made = (made or "") + told["text"]
        elif "rows" in told:
            made = made or {"columns": told["columns"], "rows": []}
            made["rows"] += told["rows"]
        elif "items" in told:
            made = (made or []) + told["items"]
            if "in_parts" in told:
                assert told["in_parts"] == format_path((*steps, offset))
                made.append(read_all(data, (*steps, offset), room))
        else:
            made = (made or {}) | told.get("values", {})
            for name in told.get("parts", {}):
                made[name] = read_all(data, (*steps, name), room)
        if "next_offset" not in told:
            return made
        assert told["next_offset"] > offset
        offset = told["next_offset"]


names = st.text(st.characters(exclude_categories=()), max_size=12)
texts = st.text(st.characters(exclude_categories=())) | st.builds(
    lambda character, times: character * times, st.characters(exclude_categories=()), st.integers(0, 3_000)
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(names, inner)
        | st.builds(lambda item, times: [item] * times, inner, st.integers(0, 12))
        | st.builds(lambda item, times: {str(n): item for n in range(times)}, inner, st.integers(0, 12))
    ),
    max_leaves=8,
)


def nested(depth: int) -> Any:
    value: Any = "x" * 3_000
    for level in range(depth):
        value = [value] if level % 2 else {"a": value, "b": level}
    return value


@settings(max_examples=60)
@given(st.dictionaries(names, values))
@example({"orders": ORDERS})
@example({"orders": TABLE, "": {"": ["" * 9]}})
@example({"one": [{"text": "x\ud800é" * 2_000}]})
@example({"deep": nested(60)})
@example({"a.b": {"c[0]": {'"': {"*": ["z" * 3_000]}}}, "data": 1})
def test_reading_all_parts_gives_back_all_of_it(data: Json) -> None:
    assert read_all(data, (), ROOM) == data


# ---- the tool


class NoPin:
    async def resolve_pinned_id(self) -> None:
        return None


def keeping(folder: Path, clock: Callable[[], float]) -> ScopedResultStore:
    return ScopedResultStore(FileResultStore(folder, clock), NoPin(), "masked")


@pytest.fixture
def kept(home: Path) -> ScopedResultStore:
    return keeping(home / "results", lambda: 1_000_000.0)


async def test_the_tool_reads_what_was_kept_within_its_budget(kept: ScopedResultStore) -> None:
    tool = ReadResultTool(kept, BUDGET)
    name = await kept.put(to_json_text({"data": DATA, "next_page_token": "t1"}).encode(), None)
    told = await tool({"id": name}, None, NON_INTERACTIVE_CALLER)
    seen = told["items"]
    while "next_offset" in told:
        assert "next_page_token" not in told
        told = await tool({"id": name, "offset": told["next_offset"]}, None, NON_INTERACTIVE_CALLER)
        assert len(to_json_text({"data": told, "sandbox": True}).encode()) <= BUDGET
        seen += told["items"]
    assert seen == ORDERS
    assert told["next_page_token"] == "t1"  # only now the next page skips nothing
    assert "next_page_token" not in await tool(
        {"id": name, "path": "orders[0].line_items"}, None, NON_INTERACTIVE_CALLER
    )


async def test_an_unknown_id_is_not_found_and_told_how_long_they_live(kept: ScopedResultStore) -> None:
    tool = ReadResultTool(kept, BUDGET)
    with pytest.raises(ShopError, match="one day") as caught:
        await tool({"id": "0" * 16}, None, NON_INTERACTIVE_CALLER)
    assert caught.value.kind == "not_found"


async def test_a_client_reads_a_kept_result(connect: Connect, home: Path) -> None:
    import time

    name = await keeping(home / "sandbox" / "results", time.time).put(to_json_text({"data": DATA}).encode(), None)
    async with connect(sandbox=True) as client:
        told = reply(await client.call_tool("read_result", {"id": name, "fields": "id", "limit": 2}))
        wrong = reply(await client.call_tool("read_result", {"id": name, "offset": -1, "limit": 0}))
        gone = reply(await client.call_tool("run_read_operation", {"name": "read_result", "arguments": {"id": "1"}}))
    assert told["data"]["rows"] == [["0"], ["1"]]
    assert [problem["argument"] for problem in wrong["problems"]] == ["offset", "limit"]
    assert gone["error"] == "not_found"
