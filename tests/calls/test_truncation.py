"""A result fits its budget: whole items in order, what is left out counted, and never a page skipped."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.calls.results.json_sizes import to_json_text
from mcp_server_tiktok_shop.calls.results.truncation import (
    TRUNCATION_NOTICE_BYTES,
    Cut,
    TruncatedResult,
    build_truncation_notice,
    truncate,
)

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

BUDGET = 2_000
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=())) | st.builds(
    lambda character, times: character * times, st.characters(exclude_categories=()), st.integers(0, 3000)
)
values = st.recursive(
    scalars | texts,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(max_size=30), inner)
        | st.builds(lambda item, times: [item] * times, inner, st.integers(0, 30))
        | st.builds(lambda item, times: {str(n): item for n in range(times)}, inner, st.integers(0, 30))
    ),
    max_leaves=8,
)


def size(told: Json) -> int:
    return len(to_json_text(told).encode())


def order(number: int, **more: Any) -> Json:
    return {"id": str(number), "status": "UNPAID", "note": "x" * 80, **more}


def answer(orders: list[Json], **more: Any) -> Json:
    return {"data": {"total_count": len(orders), "orders": orders}, "request_id": "r1", "next_page_token": "t1", **more}


def test_what_fits_is_left_as_it_is() -> None:
    told = answer([order(n) for n in range(10)])
    assert truncate(told, size(told)) == TruncatedResult(told)
    assert truncate(told, size(told)).is_complete
    assert not truncate(told, size(told) - 1).is_complete


def test_whole_items_are_kept_in_order_and_the_rest_is_counted() -> None:
    orders = [order(n) for n in range(100)]
    fit = truncate(answer(orders), BUDGET)
    kept = fit.result["data"]["orders"]
    assert kept == orders[: len(kept)]
    assert 5 <= len(kept) < 100
    assert fit.left_out == 100 - len(kept)
    assert fit.cuts == (Cut("orders", len(kept), 100),)
    assert (
        size(fit.result) <= BUDGET - TRUNCATION_NOTICE_BYTES < size(fit.result) + size(orders[0]) + 1
    )  # not one more would fit


def test_the_next_page_is_not_offered_while_items_of_this_one_are_left_out() -> None:
    fit = truncate(answer([order(n) for n in range(100)]), BUDGET)
    assert "next_page_token" not in fit.result
    assert fit.result["request_id"] == "r1"
    assert fit.result["data"]["total_count"] == 100


def test_a_long_text_is_shortened_with_its_length_told_and_nothing_left_out() -> None:
    told = {"data": {"id": "1", "description": "ä" * 12_345, "skus": [{"id": "s"}]}, "next_page_token": "t1"}
    fit = truncate(told, BUDGET)
    assert fit.result["data"]["description"].endswith("ä… [12,345 characters in all]")
    assert fit.result["data"]["skus"] == [{"id": "s"}]
    assert fit.result["next_page_token"] == "t1"
    assert (fit.left_out, fit.cuts, fit.shortened) == (0, (), ("description",))
    assert BUDGET - TRUNCATION_NOTICE_BYTES - 10 <= size(fit.result) <= BUDGET - TRUNCATION_NOTICE_BYTES


def test_a_first_item_that_is_too_large_is_gone_into_and_texts_give_way_before_lists() -> None:
    skus = [{"id": str(n)} for n in range(20)]
    orders = [order(1, text="y" * 50_000, skus=skus), order(2)]
    fit = truncate(answer(orders), BUDGET)
    (kept,) = fit.result["data"]["orders"]
    assert kept["skus"] == skus
    assert kept["text"].endswith("… [50,000 characters in all]")
    assert fit.cuts == (Cut("orders", 1, 2),)
    assert fit.shortened == ("orders[0].text",)


def test_lists_in_the_first_item_are_cut_where_shorter_texts_are_not_enough() -> None:
    lines = [{"id": str(n), "name": "z" * 50} for n in range(100)]
    fit = truncate(answer([order(1, line_items=lines), order(2)]), BUDGET)
    kept = fit.result["data"]["orders"][0]["line_items"]
    assert kept == lines[: len(kept)]
    assert fit.cuts == (Cut("orders", 1, 2), Cut("orders[0].line_items", len(kept), 100))
    assert fit.left_out == 1 + 100 - len(kept)


def test_a_large_second_item_is_left_out_whole() -> None:
    fit = truncate(answer([order(1), order(2, text="y" * 50_000), order(3)]), BUDGET)
    assert fit.result["data"]["orders"] == [order(1)]
    assert fit.shortened == ()


def test_rows_of_a_table_are_cut_and_its_columns_stay() -> None:
    table = {"columns": ["id", "name"], "rows": [[str(n), "n" * 20] for n in range(500)]}
    fit = truncate({"data": {"orders": table}}, BUDGET)
    assert fit.result["data"]["orders"]["columns"] == ["id", "name"]
    assert fit.cuts[0].path == "orders"  # by which the rest is read, whether kept as a table or as a list
    assert truncate({"data": {"page": {"rows": table["rows"]}}}, BUDGET).cuts[0].path == "page.rows"
    wide = {"columns": ["id", "name"], "rows": [["1", "n" * 20_000]]}
    fit = truncate({"data": {"orders": wide}}, BUDGET)
    assert [len(row) for row in fit.result["data"]["orders"]["rows"]] == [2]


def test_a_list_beside_the_data_shares_the_room_and_is_told_apart() -> None:
    failed = [{"id": str(n), "code": 1, "message": "m" * 30} for n in range(200)]
    fit = truncate(answer([order(n) for n in range(100)], failed=failed), 4_000)
    assert fit.result["data"]["orders"]
    assert fit.result["failed"] == failed[: len(fit.result["failed"])] != []
    assert [cut.path for cut in fit.cuts] == ["orders"]
    assert [cut.path for cut in fit.outer_cuts] == ["failed"]
    assert fit.left_out == 300 - len(fit.result["failed"]) - len(fit.result["data"]["orders"])


def test_an_object_with_too_many_fields_keeps_the_first_of_them() -> None:
    data = {f"sku{n}": {"stock": n, "warehouse": "w" * 40} for n in range(1000)}
    fit = truncate({"data": data}, BUDGET)
    kept = fit.result["data"]
    assert list(kept.items()) == list(data.items())[: len(kept)]
    assert len(kept) > 10
    assert fit.cuts == (Cut("", len(kept), 1000),)


def test_half_a_character_makes_every_other_longer_and_still_fits() -> None:
    fit = truncate(answer([order(n, name="é" * 20 + "\ud800") for n in range(100)]), BUDGET)
    assert 1 <= len(fit.result["data"]["orders"]) < 100
    assert size(fit.result) <= BUDGET


def check_part(part: Any, whole: Any) -> int:
    """That one is the start of the other at every depth; answers how many items and fields are missing."""
    if isinstance(whole, list):
        assert isinstance(part, list)
        return len(whole) - len(part) + sum(check_part(p, w) for p, w in zip(part, whole, strict=False))
    if isinstance(whole, dict):
        assert [name for name in whole if name in part] == list(part)
        return len(whole) - len(part) + sum(check_part(inner, whole[name]) for name, inner in part.items())
    if part != whole:
        start, _, end = part.rpartition("… [")
        assert whole.startswith(start)
        assert end == f"{len(whole):,} characters in all]"
    return 0


@settings(max_examples=100)
@given(values, st.lists(values, max_size=3), st.integers(2_000, 6_000))
@example([[["x" * 5_000]]], [], 2_000)
@example({str(n): ["x" * n] for n in range(300)}, [[1] * 9_000], 2_000)
@example(None, ["0" * 1_924], 2_000)
@example([["\ud800" * 5_000] * 3], [], 2_000)
@example({"a": [1e-05] * 2_000, "b": "\ud800"}, [], 2_000)
def test_any_answer_fits_any_budget(data: Any, failed: list[Any], budget: int) -> None:
    told = {"data": {"rows": data}, "request_id": "r1", "next_page_token": "t1", "failed": failed}
    before = size(told)
    assume(before < 500_000)  # larger ones have a test of their own
    fit = truncate(told, budget)
    assert json.loads(to_json_text(fit.result)) == fit.result
    assert size(fit.result) <= budget
    assert fit.is_complete or size(fit.result) <= budget - TRUNCATION_NOTICE_BYTES
    assert fit.is_complete is (before <= budget)
    cut = bool(fit.cuts or fit.outer_cuts)
    assert ("next_page_token" in fit.result) is not cut
    whole = {name: value for name, value in told.items() if name != "next_page_token" or not cut}
    assert check_part(fit.result, whole) == fit.left_out
    assert (fit.left_out > 0) is cut
    assert size(told) == before
    assert size(fit.result | build_truncation_notice(fit, "0123456789abcdef")) <= budget


def test_what_is_left_out_is_told_with_how_to_go_on() -> None:
    fit = truncate(answer([order(n) for n in range(100)]), BUDGET)
    told = build_truncation_notice(fit, "0123456789abcdef")
    kept = fit.cuts[0].shown_count
    assert told["left_out"] == fit.left_out
    assert told["result_id"] == "0123456789abcdef"
    assert f"orders: {kept} of 100" in told["note"]
    assert f"read_result with id 0123456789abcdef, path orders, offset {kept}" in told["note"]
    assert "result_id" not in build_truncation_notice(fit, None)
    assert build_truncation_notice(TruncatedResult({}), None) == {}


@pytest.mark.parametrize("depth", [1, 20])
def test_ten_megabytes_are_cut_in_a_moment(depth: int) -> None:
    rows: Any = [order(n) for n in range(90_000)]
    for _ in range(depth - 1):
        rows = [rows]
    began = time.thread_time()
    fit = truncate({"data": {"rows": rows}}, 40_000)
    assert time.thread_time() - began < 5
    assert fit.left_out > 89_000
