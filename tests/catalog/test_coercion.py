"""Arguments are read kindly where there is one way to read them, and refused by name where there is not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_server_tiktok_shop.catalog.argument_limits import check_size
from mcp_server_tiktok_shop.catalog.binding import bind
from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.operation import Operation
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


DAYS = CATALOG.operations["get_shop_performance"]
EXPORT = CATALOG.operations["create_compass_offline_export_task"]
ACCOUNT = CATALOG.operations["get_trade_in_account_transactions"]


@pytest.mark.parametrize(
    "day", ["2026-11-01", "20261101", " 2026-11-01 ", 20261101, "2026-11-01T00:00:00", "2026-W44-7"]
)
def test_a_day_is_sent_as_the_platform_writes_it(day: Any) -> None:
    values, problems = coerce_arguments(DAYS, {"start_date_ge": day, "end_date_lt": "2026-12-01"})
    assert problems == []
    assert bind(DAYS, values, LONDON).query["start_date_ge"] == "2026-11-01"
    values, problems = coerce_arguments(EXPORT, {"end_day": day})
    assert problems == []
    assert json.loads(bind(EXPORT, values, LONDON).body or b"") == {"end_day": 20261101}


@pytest.mark.parametrize(
    "day",
    [
        *("yesterday", "2026-13-45", "2026-02-30", "01/11/2026", "2026-11", "   ", "0001-01-01", "9999-12-31"),
        *("2026-11-01T09:30:00", "2026-11-01T00:00:00Z", 1793491200, True, 1.5, ["2026-11-01"]),
    ],
)
@pytest.mark.parametrize(("operation", "name"), [(DAYS, "start_date_ge"), (EXPORT, "end_day")])
def test_what_is_no_day_is_refused_with_one_that_is(operation: Operation, name: str, day: Any) -> None:
    told = refusal(operation, *coerce_arguments(operation, {"end_date_lt": "2026-12-01"} | {name: day}))
    assert told is not None
    problem = next(problem for problem in told.problems if problem.argument == name)
    assert problem.allowed is not None
    assert problem.allowed.startswith("a day such as 2026")


@pytest.mark.parametrize("text", ["soon", "2026-13-01T00:00:00Z", "7", "   "])
def test_what_is_no_moment_is_refused(text: str) -> None:
    told = refusal(ACCOUNT, *coerce_arguments(ACCOUNT, {"start_time": text}))
    assert told is not None
    assert {problem.argument for problem in told.problems} >= {"start_time"}


def test_a_moment_as_text_keeps_its_offset() -> None:
    values, problems = coerce_arguments(
        ACCOUNT, {"start_time": "2026-11-01 09:30", "end_time": "2026-11-01T09:30+07:00"}
    )
    assert problems == []
    assert values["start_time"] == "2026-11-01T09:30:00"
    assert values["end_time"] == "2026-11-01T09:30:00+07:00"


@pytest.mark.parametrize("number", [2**63, -(2**63), 10**30, 1e19])
def test_a_number_beyond_64_bits_is_refused(number: float) -> None:
    check_size({"page_size": 2**63 - 1})
    with pytest.raises(ShopError) as refused:
        check_size({"sample_rule": {"sample_quota": number}})
    assert refused.value.problems[0].argument == "sample_rule.sample_quota"


def list_text_limits(name: str, schema: dict[str, Any]) -> list[tuple[str, int]]:
    """Of the texts in a schema, the names and how many characters they may have."""
    own = [(name, schema["maxLength"])] if "maxLength" in schema else []
    inner = [*schema.get("properties", {}).items()] + ([(name, schema["items"])] if "items" in schema else [])
    return own + [limit for each in inner for limit in list_text_limits(*each)]


def test_a_text_as_long_as_its_record_lets_it_be_is_not_too_long() -> None:
    limits = {
        limit
        for operation in CATALOG.operations.values()
        for argument in operation.arguments.items()
        for limit in list_text_limits(*argument)
    }
    assert ("external_product_id", 999) in limits
    for name, max_chars in limits:
        check_size({"external_product": [{name: "9" * max_chars}]})


def test_an_external_id_past_its_limit_is_refused_with_the_limit_of_its_record() -> None:
    operation = CATALOG.operations["upload_external_product"]
    for length, is_refused in ((999, False), (1000, True)):
        arguments = {"external_product": {"external_product_id": "9" * length}}
        try:
            check_size(arguments)
            told = refusal(operation, *coerce_arguments(operation, arguments))
        except ShopError as error:
            told = error
        named = {problem.argument for problem in told.problems} if told else set()
        assert ("external_product.external_product_id" in named) is is_refused


@pytest.mark.parametrize("code", ["usd", "US", "dollars", "U$D", ""])
def test_what_is_no_currency_is_refused(code: str) -> None:
    operation = CATALOG.operations["approve_return"]
    arguments = {"decision": "OFFER_PARTIAL_REFUND", "partial_refund": {"amount": "1.00", "currency": code}}
    told = refusal(operation, *coerce_arguments(operation, arguments))
    assert told is not None
    assert "partial_refund.currency" in {problem.argument for problem in told.problems}


LISTING = CATALOG.operations["check_global_product_listing"]


@pytest.mark.parametrize(("amount", "is_sent"), [("2", True), ("2.10", True), ("2.111", False)])
def test_an_amount_has_no_more_decimals_than_its_record_says(amount: str, *, is_sent: bool) -> None:
    told = refusal(LISTING, *coerce_arguments(LISTING, {"skus": [{"price": {"amount": amount}}]}))
    found = {problem.argument for problem in told.problems} if told else set()
    assert ("skus[0].price.amount" in found) is not is_sent


@pytest.mark.parametrize(
    ("tool", "limit", "path", "arguments"),
    [
        ("create_engagement_task", 256, "task_name", lambda text: {"task_name": text}),
        ("search_coupon_list", 100, "title_keyword", lambda text: {"title_keyword": text}),
        ("create_fbt_mcf_order", 128, "consignee.name", lambda text: {"consignee": {"name": text}}),
        (
            "search_creator_target_collaborations",
            499,
            "keyword",
            lambda text: {"keyword": text, "keyword_type": "TARGET_COLLABORATIONS_NAME"},
        ),
    ],
)
def test_a_limit_in_bytes_counts_bytes(tool: str, limit: int, path: str, arguments: Any) -> None:
    operation = CATALOG.operations[tool]
    at_limit, past_limit = "x" * (limit % 2) + "\u00e9" * (limit // 2), "\u00e9" * (limit // 2 + 1)
    for text, is_sent in ((at_limit, True), (past_limit, False)):
        told = refusal(operation, *coerce_arguments(operation, arguments(text)))
        found = [problem for problem in told.problems if problem.argument == path] if told else []
        assert (found == []) is is_sent
        assert all(f"has {len(text.encode())} bytes" in problem.message for problem in found)


@pytest.mark.parametrize(
    ("threshold_type", "value", "is_sent"),
    [
        *(("MINIMAL_ITEM_QUANTITY", "1", True), ("MINIMAL_ITEM_QUANTITY", "10", True)),
        *(("MINIMAL_ITEM_QUANTITY", "0", False), ("MINIMAL_ITEM_QUANTITY", "11", False)),
        *(("MINIMAL_ORDER_AMOUNT", "0.50", True), ("MINIMAL_ORDER_AMOUNT", "11", True)),
    ],
)
def test_a_bound_on_a_number_in_text_holds_under_its_condition(
    threshold_type: str, value: str, *, is_sent: bool
) -> None:
    operation = CATALOG.operations["update_promotion_activity"]
    rule = {"threshold_type": threshold_type, "threshold_value": value}
    told = refusal(operation, *coerce_arguments(operation, {"discount": {"bxgy_discount": rule}}))
    found = {problem.argument for problem in told.problems} if told else set()
    assert ("discount.bxgy_discount.threshold_value" in found) is not is_sent


INVOICE = {"package_id": "1153132168123597000", "order_ids": ["576461413038785752"], "file_type": "XML"}


@pytest.mark.parametrize(
    ("text", "is_sent"),
    [
        (base64.b64encode(b"<nfe/>").decode(), True),
        (base64.b64encode(b"x" * 2**20).decode(), True),
        (base64.b64encode(b"x" * 2**20 + b"x").decode(), False),
        ("<nfe/>", False),
        ("PG5mZS8", False),
    ],
    ids=["small", "one MB", "more than one MB", "plain text", "cut off"],
)
def test_a_file_as_base64_is_one_of_its_size(text: str, *, is_sent: bool) -> None:
    operation = CATALOG.operations["upload_invoice"]
    arguments = {"invoices": [{**INVOICE, "file": text}]}
    check_size(arguments)
    told = refusal(operation, *coerce_arguments(operation, arguments))
    assert (told is None) is is_sent


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
@example("0\x1f")
def test_any_other_text_stays_as_it_is_and_is_refused(text: str) -> None:
    try:
        is_number = isinstance(json.loads(text.strip()), int | float)
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
