"""Fields of an answer: taken as asked, refused where there are none, shown in part by default, written as tables."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.calls.results.projection import (
    parse_field_paths,
    project_fields,
    project_view,
    resolve_selection,
)
from mcp_server_tiktok_shop.calls.results.tabular import to_table
from mcp_server_tiktok_shop.calls.results.zero_values import drop_empty
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.errors import Problem, ShopError
from mcp_server_tiktok_shop.json_paths import format_path, parse_path

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Json

CATALOG = Catalog()
SHAPE = CATALOG.get_response_shape(CATALOG.operations["get_order_list"])
LINES = [
    {"id": "11", "sku_id": "s1", "product_name": "Green tea, first harvest, 100 g", "sale_price": "5.00"},
    {"id": "12", "sku_id": "s1", "product_name": "Green tea, first harvest, 100 g", "sale_price": "5.00"},
    {"id": "13", "sku_id": "s2", "product_name": "Cup", "sale_price": "3.00"},
]
DATA: Json = {
    "total_count": 2,
    "orders": [
        {"id": "1", "status": "UNPAID", "payment": {"currency": "GBP", "total_amount": "13.00"}, "line_items": LINES},
        {"id": "2", "status": "", "payment": None, "line_items": []},
    ],
}

names = st.text("abc", min_size=1, max_size=2)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("xy", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=15,
)
answers = st.dictionaries(names, values, max_size=4)


def problem(fields: list[str], data: Json = DATA, shape: Json = SHAPE) -> Problem:
    with pytest.raises(ShopError) as caught:
        project_fields(data, fields, shape)
    assert caught.value.kind == "invalid_arguments"
    return caught.value.problems[0]


# ---- the fields asked for


def test_dotted_paths_go_through_lists_and_come_in_the_order_asked() -> None:
    part = project_fields(DATA, ["orders.payment.total_amount", "orders.id", "total_count"], SHAPE)
    assert list(part) == ["orders", "total_count"]
    assert list(part["orders"][0]) == ["payment", "id"]
    assert part["orders"][0] == {"payment": {"total_amount": "13.00"}, "id": "1"}


def test_a_path_to_an_object_or_a_list_takes_all_below_it() -> None:
    part = project_fields(DATA, ["orders.payment", "orders.line_items"], SHAPE)
    assert part["orders"][0] == {"payment": DATA["orders"][0]["payment"], "line_items": LINES}
    assert project_fields(DATA, ["orders", "orders.id"], SHAPE) == {"orders": DATA["orders"]}


@pytest.mark.parametrize("fields", [[], ["*"], ["data"], ["data.*"], ["orders.id", "*"]])
def test_a_star_takes_everything(fields: list[str]) -> None:
    assert project_fields(DATA, fields, SHAPE) == DATA


@pytest.mark.parametrize(
    "path", ["orders.id", "data.orders.id", "orders[].id", "orders.*.id", " orders.id ", 'orders["id"]']
)
def test_a_path_may_be_written_in_any_usual_way(path: str) -> None:
    assert project_fields(DATA, [path], SHAPE) == {"orders": [{"id": "1"}, {"id": "2"}]}


def test_a_field_named_data_is_not_taken_for_the_answer() -> None:
    assert project_fields({"data": {"id": "1"}, "id": "2"}, ["data.id"], {}) == {"data": {"id": "1"}}


def test_a_row_without_the_field_keeps_its_place() -> None:
    assert project_fields(DATA, ["orders.shipping_provider"], SHAPE) == {"orders": [{}, {}]}
    part = project_fields({"rows": [{"a": 1}, {"b": 2}, None, 5]}, ["rows.a"], {})
    assert part == {"rows": [{"a": 1}, {}, {}, {}]}


def test_a_field_that_only_the_answer_has_is_taken() -> None:
    part = project_fields({"orders": [{"id": "1"}, {"brand_new": {"x": 1}}]}, ["orders.brand_new.x"], SHAPE)
    assert part == {"orders": [{}, {"brand_new": {"x": 1}}]}


def test_where_nothing_is_known_a_path_is_not_refused() -> None:
    assert project_fields({"rows": []}, ["rows.anything"], {}) == {"rows": []}
    assert project_fields({}, ["rows"], {}) == {}


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("orders.idd", "orders.id"),
        ("id", "orders.id"),
        ("orders.total_amount", "orders.payment.total_amount"),
        ("total_amount", "orders.payment.total_amount"),
        ("orders.paymnt.total_amount", "orders.payment.total_amount"),
        ("order.id", "orders.id"),
        ("orders.line_item.sku_id", "orders.line_items.sku_id"),
        ("Orders.ID", "orders.id"),
    ],
)
def test_a_wrong_path_is_refused_with_the_nearest_right_one(wrong: str, right: str) -> None:
    told = problem([wrong])
    assert told.argument == "fields[0]"
    assert told.allowed == right
    assert f"did you mean {right}?" in told.message


def test_where_none_is_near_the_refusal_says_what_there_is() -> None:
    told = problem(["orders.payment.zzzzqqq"])
    assert "currency" in (told.allowed or "")
    assert problem(["orders.id.deeper"], {"orders": [{"id": "1"}]}, {}).allowed == "no fields: it is a plain value"


def test_all_wrong_paths_are_told_at_once() -> None:
    with pytest.raises(ShopError) as caught:
        project_fields(DATA, ["orders.idd", "total_cont"], SHAPE)
    assert [p.argument for p in caught.value.problems] == ["fields[0]", "fields[1]"]


def test_a_wrong_path_beside_right_ones_is_named_and_left_out() -> None:
    selection = resolve_selection(["orders.idd", "total_count", "zzzzqqq"], SHAPE, DATA)
    assert selection.project(DATA) == {"total_count": 2}
    assert selection.fields == ("total_count",)
    assert selection.unknown == ("orders.idd (did you mean orders.id?)", "zzzzqqq")


@pytest.mark.parametrize("path", ["orders[0].id", "orders[12]"])
def test_an_item_is_not_picked_by_its_place(path: str) -> None:
    with pytest.raises(ShopError) as caught:
        parse_field_paths([path])
    assert caught.value.problems[0].allowed == path.replace("[0]", "").replace("[12]", "")


@pytest.mark.parametrize("path", ["", " ", ".", "a..b", "a.", ".a", "a[", "a]", "a[x]", 'a["x]', 'a["\\x"]', "[]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ShopError, match="not a path"):
        parse_field_paths([path])


def paths_in(value: Any, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if isinstance(value, list):
        return set().union(*(paths_in(item, above) for item in value))
    if isinstance(value, dict):
        return set().union(*({(*above, n)} | paths_in(inner, (*above, n)) for n, inner in value.items()))
    return set()


@given(answers)
def test_every_path_of_any_answer_can_be_asked_for_and_all_of_them_give_all_of_it(data: Json) -> None:
    paths = [format_path(path) for path in paths_in(data)]
    before = deepcopy(data)
    for path in paths:
        assert paths_in(project_fields(data, [path], {})) <= paths_in(data)
    tops = [format_path((name,)) for name in data]
    assert project_fields(data, tops, {}) == data == before


@given(st.lists(st.text(min_size=1) | st.integers(0, 999), min_size=1))
def test_a_path_reads_as_it_was_written(steps: list[str | int]) -> None:
    assert parse_path(format_path(steps)) == tuple(steps)


# ---- tables


def tabled(data: Json, fields: list[str]) -> Json | None:
    return to_table(drop_empty(project_fields(data, fields, {})), fields)


def test_plain_fields_of_one_list_become_a_table() -> None:
    assert tabled(DATA, ["orders.status", "total_count", "orders.payment.total_amount", "orders.id"]) == {
        "orders": {
            "columns": ["status", "payment.total_amount", "id"],
            "rows": [["UNPAID", "13.00", "1"], [None, None, "2"]],
        },
        "total_count": 2,
    }


def test_a_list_inside_an_object_has_its_table_there() -> None:
    told = tabled({"page": {"rows": [{"a": 1, "b": 2}], "size": 1}}, ["page.rows.a", "page.size"])
    assert told == {"page": {"rows": {"columns": ["a"], "rows": [[1]]}, "size": 1}}


@pytest.mark.parametrize(
    "fields",
    [
        ["*"],
        ["orders"],
        ["total_count"],
        ["orders.line_items.sku_id"],
        ["orders.id", "orders.payment"],
        ["orders.id", "orders.line_items"],
    ],
)
def test_what_is_nested_is_no_table(fields: list[str]) -> None:
    assert tabled(DATA, fields) is None


def test_two_lists_are_no_table_nor_is_a_list_of_plain_values() -> None:
    assert tabled({"a": [{"x": 1}], "b": [{"x": 1}]}, ["a.x", "b.x"]) is None
    assert tabled({"a": ["x"]}, ["a"]) is None
    assert to_table({"a": [{"x": 1}, 2]}, ["a.x"]) is None
    assert to_table({"a": [{"x": [{"y": 1}]}]}, ["a.x.y"]) is None


def test_a_table_is_written_alike_however_a_field_was_asked_for() -> None:
    assert tabled(DATA, ["data.orders[].id", "orders.id"]) == {"orders": {"columns": ["id"], "rows": [["1"], ["2"]]}}


# ---- the default view


def test_the_default_view_shows_its_fields_and_says_that_it_is_a_part() -> None:
    view = project_view(DATA, {"fields": ["total_count", "orders.id", "orders.not_there"]})
    assert view.data == {"total_count": 2, "orders": [{"id": "1"}, {"id": "2"}]}
    assert (view.left_out, view.shortened, view.merged) == (True, False, False)


def test_a_view_that_leaves_nothing_out_says_so() -> None:
    view = project_view({"orders": [{"id": "1", "note": "", "tags": []}]}, {"fields": ["orders.id"]})
    assert not view.left_out


def test_a_view_shows_the_start_of_a_text() -> None:
    shows = {"fields": ["orders.line_items"], "starts": {"orders.line_items.product_name": 9, "orders.nowhere": 3}}
    view = project_view(DATA, shows)
    lines = view.data["orders"][0]["line_items"]
    assert [line["product_name"] for line in lines] == ["Green tea…", "Green tea…", "Cup"]
    assert [line["sale_price"] for line in lines] == ["5.00", "5.00", "3.00"]
    assert view.shortened
    assert DATA["orders"][0]["line_items"][0]["product_name"] == LINES[0]["product_name"] != "Green tea…"


def test_a_start_shows_no_field_that_is_not_shown() -> None:
    shows = {"fields": ["orders.id"], "starts": {"orders.status": 3}, "merges": ["orders.line_items"]}
    assert project_view(DATA, shows).data["orders"] == [{"id": "1"}, {"id": "2"}]


def test_items_alike_in_what_is_shown_are_shown_once_with_their_number() -> None:
    fields = [f"orders.line_items.{name}" for name in ("sku_id", "sale_price")]
    view = project_view(DATA, {"fields": fields, "merges": ["orders.line_items"]})
    assert view.data["orders"][0]["line_items"] == [
        {"sku_id": "s1", "sale_price": "5.00", "quantity": 2},
        {"sku_id": "s2", "sale_price": "3.00", "quantity": 1},
    ]
    assert list(view.data["orders"][0]["line_items"][0])[-1] == "quantity"
    assert view.merged


def test_items_that_differ_in_what_is_shown_stay_apart() -> None:
    view = project_view(DATA, {"fields": ["orders.line_items"], "merges": ["orders.line_items"]})
    assert [line["quantity"] for line in view.data["orders"][0]["line_items"]] == [1, 1, 1]
    assert not view.merged


def test_items_with_a_number_of_their_own_are_not_counted_over() -> None:
    data = {"skus": [{"id": "1", "quantity": 5}, {"id": "1", "quantity": 5}]}
    assert project_view(data, {"fields": ["skus"], "merges": ["skus"]}).data == data


@pytest.mark.parametrize("odd", [{"id": "2", "quantity": 2}, "text", None])
def test_a_list_that_is_not_merged_is_as_it_came_wherever_in_it_that_shows(odd: Any) -> None:
    data = {"skus": [{"id": "1"}, {"id": "1"}, odd]}
    view = project_view(data, {"fields": ["*"], "merges": ["skus"]})
    assert view.data == data == {"skus": [{"id": "1"}, {"id": "1"}, odd]}
    assert not view.merged


def test_an_answer_that_has_none_of_the_fields_is_shown_whole() -> None:
    data = {"orders": [{"renamed": "1"}]}
    view = project_view(data, {"fields": ["orders.id"]})
    assert view.data == data
    assert not view.left_out


# ---- empty values


def test_empty_values_are_dropped_at_every_depth_and_rows_keep_their_place() -> None:
    value: Json = {"a": None, "b": "", "c": [], "d": {"e": {"f": []}}, "g": [{"h": ""}, {"h": 0}, None], "i": False}
    assert drop_empty(value) == {"g": [{}, {"h": 0}, None], "i": False}
    assert drop_empty({"a": None}) == {}


@given(answers)
def test_dropping_empty_values_leaves_every_value_that_says_something(data: Json) -> None:
    def leaves(value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [leaf for inner in value.values() for leaf in leaves(inner)]
        if isinstance(value, list):
            return [leaf for item in value for leaf in leaves(item)]
        return [] if value in (None, "") else [value]

    made = drop_empty(data)
    assert leaves(made) == leaves(data)
    assert drop_empty(made) == made


def test_flags_and_amounts_of_a_view_are_shown_where_there_is_any() -> None:
    shows = {"fields": ["orders.id"], "if_any": ["orders.asks", "orders.fees"]}
    rows = [
        {"id": "1", "asks": False, "fees": {"a": "0", "b": "0.00", "c": {"d": "-0.0"}}},
        {"id": "2", "asks": True, "fees": {"a": "-1.20", "b": "0", "c": {"d": 0}}},
    ]
    view = project_view({"orders": rows}, shows)
    assert view.data == {"orders": [{"id": "1"}, {"id": "2", "asks": True, "fees": {"a": "-1.20"}}]}


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ("total", "orders.payment.total_amount"),
        ("order_id", "orders.id"),
        ("orders.line_items.name", "orders.line_items.product_name"),
        ("orders.total_amount", "orders.payment.total_amount"),
    ],
)
def test_what_a_model_would_call_it_leads_to_what_the_platform_calls_it(asked: str, right: str) -> None:
    shape = Catalog().get_response_shape(Catalog().operations["get_order_list"])
    with pytest.raises(ShopError) as caught:
        project_fields({"orders": []}, [asked], shape)
    assert right in str(caught.value.problems[0].allowed)
