"""Arguments are read kindly where there is one way to read them, and refused by name where there is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.errors import Problem

CATALOG = Catalog()
ORDERS = CATALOG.operations["get_order_list"]
DETAIL = CATALOG.operations["get_order_detail"]
DELETE = CATALOG.operations["delete_products"]
CREATE = CATALOG.operations["create_product"]
STATEMENTS = CATALOG.operations["get_statements"]
LONDON = ZoneInfo("Europe/London")


def moment(text: Any) -> tuple[Any, list[Problem]]:
    values, problems = coerce_arguments(ORDERS, {"create_time_ge": text})
    return values.get("create_time_ge"), problems


def sent(text: Any, zone: ZoneInfo = LONDON) -> int:
    """The Unix time that goes out for a time as it was given."""
    values, problems = coerce_arguments(ORDERS, {"create_time_ge": text})
    assert problems == []
    body = bind(ORDERS, values, zone).body
    assert body is not None
    seconds: int = json.loads(body)["create_time_ge"]
    return seconds


@given(st.datetimes(datetime(1980, 1, 1), datetime(4999, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_a_time_with_offset_is_that_moment_in_any_zone(naive: datetime, minutes: int) -> None:
    exact = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    seconds = int(exact.timestamp())
    for zone in (LONDON, ZoneInfo("Asia/Tokyo")):
        assert sent(exact.isoformat(), zone) == seconds
        assert sent(seconds, zone) == seconds
        assert sent(float(seconds), zone) == seconds
        if len(str(seconds)) != 8:
            assert sent(str(seconds), zone) == seconds
    assert sent(exact.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-07-01", 1782860400),
        ("20260701", 1782860400),
        (" 2026-07-01 ", 1782860400),
        ("2026-07-01T00:00", 1782860400),
        ("2026-07-01 00:00:00", 1782860400),
        ("2026-07-01T00:00:00.000", 1782860400),
        ("2026-01-01", 1767225600),
        ("2026-01-01T00:00:00Z", 1767225600),
        ("2026-01-01T01:00:00+01:00", 1767225600),
        (1767225600, 1767225600),
        ("1767225600", 1767225600),
        (1767225600000, 1767225600000 // 1000),
    ],
)
def test_a_time_is_read_in_any_usual_form(text: Any, seconds: int) -> None:
    if text == 1767225600000:
        _, problems = moment(text)
        assert problems, "milliseconds where seconds belong are refused, not sent as the year 58000"
    else:
        assert sent(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "now", "12:00", "2026", "2026-13-01", "2026-02-30", "01/07/2026", "1.7.2026", "1e9"),
        *(
            "0000-01-01",
            "9999-12-31",
            "2026-11-01T25:00",
            "\uff11\uff17\uff16\uff17\uff12\uff12\uff15\uff16\uff10\uff10",
        ),
        *(3, 20261101, -5, 1.5, True, [], {}),
    ],
)
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: Any) -> None:
    value, problems = moment(text)
    if value is None and not problems:
        assert text in ([], {}), "only an empty value counts as not given"
        return
    (problem,) = problems
    assert problem.argument == "create_time_ge"
    assert problem.allowed is not None
    assert "ISO 8601" in problem.allowed


@given(st.text(max_size=30))
@example("0\x1f")
def test_any_text_for_a_time_is_read_or_refused(text: str) -> None:
    value, problems = moment(text)
    if not problems and value is not None:
        bind(ORDERS, {"create_time_ge": value}, LONDON)


@given(st.integers(0, 2**53 - 1))
def test_a_safe_number_for_an_id_becomes_its_digits(number: int) -> None:
    values, problems = coerce_arguments(DETAIL, {"ids": [number]})
    assert problems == []
    assert values == {"ids": [str(number)]}


@given(st.integers(2**53, 2**70))
def test_a_number_that_may_have_been_rounded_is_refused_with_the_reason(number: int) -> None:
    for given_as in ({"ids": [number]}, {"ids": f"[{number}]"}):
        _, problems = coerce_arguments(DETAIL, given_as)
        (problem,) = problems
        assert problem.argument == "ids[0]"
        assert "round" in problem.message
        assert "string" in str(problem.allowed)


@given(st.lists(st.from_regex(r"[0-9]{1,19}", fullmatch=True), min_size=1, max_size=20))
def test_a_list_may_come_as_json_text(ids: list[str]) -> None:
    for given_as in (ids, json.dumps(ids), json.dumps(ids, indent=2), f"  {json.dumps(ids)}\n"):
        values, problems = coerce_arguments(DELETE, {"product_ids": given_as})
        assert problems == []
        assert values == {"product_ids": ids}


@pytest.mark.parametrize("text", ["", "[", "1,2", "['1']", "{}", '{"ids": ["1"]}', "null", "true", "[" * 100_000])
def test_text_that_is_no_json_list_is_refused(text: str) -> None:
    values, problems = coerce_arguments(DELETE, {"product_ids": text})
    with pytest.raises(ShopError) as caught:
        validate(DELETE, values, problems)
    assert caught.value.problems[0].argument == "product_ids"


def test_objects_deep_inside_are_read_the_same_way() -> None:
    sku = {"price": '{"amount": 12.5, "currency": "GBP"}', "inventory": '[{"warehouse_id": 7, "quantity": 3.0}]'}
    values, problems = coerce_arguments(CREATE, {"skus": json.dumps([sku])})
    assert problems == []
    assert values["skus"][0]["price"] == {"amount": "12.5", "currency": "GBP"}
    assert values["skus"][0]["inventory"] == [{"warehouse_id": "7", "quantity": 3}]


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_an_optional_argument_left_empty_is_not_given(empty: Any) -> None:
    values, problems = coerce_arguments(ORDERS, {"order_status": empty, "page_token": empty, "warehouse_ids": empty})
    assert problems == []
    assert set(values) == {"page_size"}


def test_a_required_argument_with_one_sensible_value_is_filled_in() -> None:
    assert coerce_arguments(ORDERS, {})[0] == {"page_size": 20}
    assert coerce_arguments(ORDERS, {"page_size": None})[0] == {"page_size": 20}
    assert "sort_field" in coerce_arguments(STATEMENTS, {})[0] or "sort_field" not in STATEMENTS.required


def test_what_is_given_is_not_replaced_by_what_is_sensible() -> None:
    assert coerce_arguments(ORDERS, {"page_size": 0})[0] == {"page_size": 0}
    assert coerce_arguments(ORDERS, {"page_size": "many"})[0] == {"page_size": "many"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
SOME = [CATALOG.operations[name] for name in ("get_order_list", "delete_products", "create_product", "resize_pdf")]
SOME += [CATALOG.operations[name] for name in ("ship_package", "create_packages", "add_external_order_references")]


@given(st.sampled_from(SOME), st.data())
def test_whatever_is_given_is_bound_or_refused_by_name(operation: Any, data: Any) -> None:
    arguments = data.draw(st.dictionaries(st.sampled_from([*operation.arguments, "unknown"]), JSON, max_size=4))
    values, problems = coerce_arguments(operation, arguments)
    told = refusal(operation, values, problems)
    if told is not None:
        assert told.problems
        assert all(problem.argument for problem in told.problems)
    elif "path" in operation.record:
        bind(operation, values, LONDON)


def refusal(operation: Any, values: Any, problems: list[Problem]) -> ShopError | None:
    try:
        validate(operation, values, problems)
    except ShopError as error:
        return error
    return None


def test_reading_leaves_what_was_given_as_it_was() -> None:
    arguments = {"product_ids": [1, 2], "extra": {"a": [1]}}
    before = json.dumps(arguments)
    coerce_arguments(DELETE, arguments)
    assert json.dumps(arguments) == before


# ---- what a model writes where JSON text, an id, or many pages are wanted


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("Hello", '{"content": "Hello"}'),
        ('{"content": "Hello"}', '{"content": "Hello"}'),
        ({"content": "Hello"}, '{"content": "Hello"}'),
        ("5", '{"content": "5"}'),
    ],
)
def test_a_chat_message_may_be_plain_text(given: Any, sent: str) -> None:
    message = {"conversation_id": "1", "type": "TEXT", "content": given}
    values, unread = coerce_arguments(CATALOG.operations["send_message"], message)
    assert unread == []
    assert json.loads(values["content"]) == json.loads(sent)


def test_blanks_around_an_id_are_taken_off_and_those_in_a_text_stay() -> None:
    values, _ = coerce_arguments(CATALOG.operations["get_order_detail"], {"ids": [" 576461413038785752 "]})
    assert values["ids"] == ["576461413038785752"]
    values, _ = coerce_arguments(CATALOG.operations["search_products"], {"seller_skus": [" A "]})
    assert values["seller_skus"] == [" A "]


def test_who_wants_many_pages_gets_the_largest() -> None:
    order_list = CATALOG.operations["get_order_list"]
    assert coerce_arguments(order_list, {"pages": "all"})[0]["page_size"] == 100
    assert coerce_arguments(order_list, {"pages": "all", "page_size": 10})[0]["page_size"] == 10
    assert coerce_arguments(order_list, {})[0]["page_size"] == 20


# ---- numbers and booleans that came as text

RESIZE = CATALOG.operations["resize_pdf"]


@given(st.integers(-(10**14), 10**14))
def test_a_whole_number_as_text_is_that_number(number: int) -> None:
    for text in (str(number), f" {number}\n", f"{number}.0"):
        values, problems = coerce_arguments(ORDERS, {"page_size": text})
        assert problems == []
        assert values == {"page_size": number}
        assert isinstance(values["page_size"], int)


@pytest.mark.parametrize("text", ["2\x1f", "\x1c2", "\u00a02"])
def test_blanks_that_only_a_program_knows_do_not_end_in_a_fault(text: str) -> None:
    values, problems = coerce_arguments(ORDERS, {"page_size": text})
    assert values["page_size"] == 2
    assert not problems


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=3))
def test_a_fraction_as_text_is_that_number(number: Any) -> None:
    values, problems = coerce_arguments(RESIZE, {"scale": str(number)})
    assert problems == []
    assert values == {"scale": float(number)}


@given(st.text(min_size=1, max_size=12))
def test_any_other_text_stays_as_it_is_and_is_refused(text: str) -> None:
    try:
        is_number = isinstance(json.loads(text), int | float)
    except ValueError:
        is_number = False
    values, problems = coerce_arguments(ORDERS, {"page_size": text})
    if not is_number and not problems:
        assert values["page_size"] == text
        told = refusal(ORDERS, values, problems)
        assert told is not None
        assert told.problems[0].argument == "page_size"


def test_text_is_read_as_a_number_at_every_depth() -> None:
    skus = [{"inventory": [{"warehouse_id": "7", "quantity": "3"}], "price": {"amount": "1.5"}}]
    for given_as in (skus, json.dumps(skus)):
        values, problems = coerce_arguments(CREATE, {"skus": given_as})
        assert problems == []
        assert values["skus"][0]["inventory"][0]["quantity"] == 3
        assert values["skus"][0]["price"]["amount"] == "1.5"


@pytest.mark.parametrize("number", [12, 12.0])
def test_a_number_for_a_text_is_its_digits(number: float) -> None:
    values, problems = coerce_arguments(DETAIL, {"ids": [number]})
    assert problems == []
    assert values == {"ids": ["12"]}


def test_more_digits_than_a_number_holds_stay_text() -> None:
    for text in ("9" * 30, "0." + "1" * 30, "9" * 5000):
        assert coerce_arguments(ORDERS, {"page_size": text})[0]["page_size"] == text
