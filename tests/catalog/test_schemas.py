"""Two views of one record: what is listed is what is enforced, and what is enforced is closed at every depth."""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from mcp_server_tiktok_shop.catalog.coercion import coerce_arguments
from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.operation import TIME_UNITS_PER_SECOND, get_default, is_time
from mcp_server_tiktok_shop.catalog.schemas import build_full_schema, build_tool_schema, build_validation_schema
from mcp_server_tiktok_shop.catalog.toolsets import ALWAYS_LISTED_TOOLS, DEFAULT_TOOLS
from mcp_server_tiktok_shop.catalog.validation import validate
from mcp_server_tiktok_shop.catalog.write_checks import list_content
from mcp_server_tiktok_shop.errors import ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from mcp_server_tiktok_shop.errors import Problem

CATALOG = Catalog()
OPERATIONS = list(CATALOG.operations.values())
# Both sources of the facts agree on it.
GET_WITH_BODY = {"get_shipping_template_availability", "map_tokopedia_to_tiktok_product_ids"}
PLACES = {"path", "query", "body", "file", "local", "copy"}


def names(operation: Operation) -> str:
    return operation.name


every = pytest.mark.parametrize("operation", OPERATIONS, ids=names)


def subschemas(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from subschemas(field, f"{path}.{name}")
    if "items" in schema:
        yield from subschemas(schema["items"], f"{path}[]")


@every
def test_no_default_is_shown_that_another_market_does_not_have(operation: Operation) -> None:
    """The server sends the market's own: a model that was shown one would send it anywhere."""
    by_market = {name for name, schema in operation.arguments.items() if "x-enum-by-region" in schema}
    shown = build_full_schema(operation)["properties"]
    assert [name for name in by_market if "default" in shown[name]] == []


@every
def test_what_is_enforced_is_a_valid_schema_and_closed(operation: Operation) -> None:
    schema = build_validation_schema(operation)
    jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
    for path, inner in subschemas(schema):
        if "properties" in inner:
            assert inner["additionalProperties"] is False, path


@every
def test_what_is_listed_is_enforced(operation: Operation) -> None:
    """A model that keeps to the list is not refused for it: each listed keyword is at least as strict."""
    enforced = dict(subschemas(build_validation_schema(operation)))
    taken = operation.all_arguments
    declared = {f".{name}{path}": s for name, a in taken.items() for path, s in subschemas(a)}
    for path, shown in subschemas(build_tool_schema(operation)):
        if path == "":
            continue
        assert path in enforced, path
        if is_time(declared[path]):
            continue
        held = enforced[path]
        assert shown["type"] == held.get("type", shown["type"]), path
        if all(isinstance(choice, str) for choice in held.get("enum", ())):
            assert shown.get("enum") == held.get("enum"), path
        if "x-special" not in declared[path]:
            for keyword in ("minimum", "maximum", "maxItems"):
                assert shown.get(keyword) == held.get(keyword), (path, keyword)


@every
def test_an_enum_is_of_texts_and_other_choices_are_told_in_words(operation: Operation) -> None:
    """Some providers refuse the whole list for one enum of numbers."""
    declared = {f".{name}{path}": s for name, a in operation.arguments.items() for path, s in subschemas(a)}
    for build in (build_tool_schema, build_full_schema):
        for path, shown in subschemas(build(operation)):
            assert all(isinstance(choice, str) for choice in shown.get("enum", ())), path
            if "enum" not in shown:
                choices = declared.get(path, {}).get("enum", ())
                assert all(str(choice) in shown["description"] for choice in choices), path


def test_the_choices_of_numbers_are_enforced_all_the_same() -> None:
    operation = CATALOG.operations["search_target_collaborations"]
    assert build_tool_schema(operation)["properties"]["page_size"]["description"].endswith("one of 20, 50, 100")
    for page_size in (20, "50", 100.0):
        values, unread = coerce_arguments(operation, {"page_size": page_size})
        assert "page_size" not in refused_arguments(operation, values, unread)
    for page_size in (10, "51", "twenty"):
        values, unread = coerce_arguments(operation, {"page_size": page_size})
        assert "page_size" in refused_arguments(operation, values, unread)


@every
def test_an_object_says_that_it_is_open_where_it_is(operation: Operation) -> None:
    """A framework that is not told so closes an object, and what it was for can't be given any more."""
    for build in (build_tool_schema, build_full_schema):
        for path, shown in subschemas(build(operation)):
            is_delegated = operation.delegates_to is not None and path == ".arguments"
            is_open = is_delegated or (operation.name, path) == ("get_report", ".parameters")
            assert shown.get("additionalProperties") is (True if is_open else None), path


@every
def test_no_argument_is_called_by_a_word_of_python(operation: Operation) -> None:
    """Frameworks make a function with a parameter for each."""
    for path, shown in subschemas(build_full_schema(operation)):
        assert not any(map(iskeyword, shown.get("properties", ()))), path
    assert not any(map(iskeyword, build_tool_schema(operation)["properties"]))


@every
def test_a_record_declares_what_it_says(operation: Operation) -> None:
    record = operation.record
    assert operation.effect in ("read", "write", "destructive")
    assert operation.cipher_rule in ("required", "optional", "never")
    assert isinstance(record["asks"], bool)
    assert set(record["required"]) <= record["arguments"].keys()
    if operation.effect == "read":
        assert record["asks"] is False
    if "path" in record:
        placed = {name for name in operation.arguments if "path" in operation.get_locations(name)}
        assert placed == set(re.findall(r"{(\w+)}", record["path"]))
        assert placed <= set(record["required"])
        assert record["path"].startswith("/")
        assert record["method"] in ("GET", "POST", "PUT", "DELETE", "PATCH")
        if record["method"] == "GET" and not record.get("host"):
            body = {n for n in operation.arguments if "body" in operation.get_locations(n)}
            assert not body or operation.name in GET_WITH_BODY
    for name in operation.arguments:
        assert set(operation.get_locations(name)) <= PLACES, name


@every
def test_bounds_and_members_make_sense(operation: Operation) -> None:
    for name, argument in operation.arguments.items():
        for path, schema in subschemas(argument, name):
            for low, high in (("minimum", "maximum"), ("minItems", "maxItems"), ("minLength", "maxLength")):
                if low in schema and high in schema:
                    assert schema[low] <= schema[high], path
            if "enum" in schema:
                assert schema["enum"], path
                assert len(set(map(str, schema["enum"]))) == len(schema["enum"]), path
            if "default" in schema and "enum" in schema and not schema.get("x-enum-open"):
                assert schema["default"] in schema["enum"], path
            if schema.get("type") == "array":
                assert "items" in schema, path
            if schema.get("x-unit", "").startswith("unix-"):
                assert schema["x-unit"] in TIME_UNITS_PER_SECOND, path


@every
def test_our_own_arguments_are_nobody_elses(operation: Operation) -> None:
    if not operation.record.get("local"):
        assert not {"shop", "fields", "pages", "dry_run", "confirm", "repeat"} & operation.arguments.keys()


@every
def test_a_preset_is_what_the_record_takes(operation: Operation) -> None:
    """What is filled in for the caller passes the check it would have to pass."""
    values, unread = coerce_arguments(operation, {})
    assert not unread
    for name in values:
        assert get_default(operation.arguments[name], name) is not None
    missing = set(operation.required) - values.keys()
    try:
        validate(operation, values)
    except ShopError as error:
        told = {problem.argument for problem in error.problems}
        assert missing <= told <= {*missing, *list_content(operation)[:1]}
    else:
        assert not missing


@every
def test_what_is_missing_unknown_and_wrong_is_told_at_once(operation: Operation) -> None:
    given: dict[str, Any] = {"no_such_argument": 1}
    values, unread = coerce_arguments(operation, given)
    with pytest.raises(ShopError) as caught:
        validate(operation, values, unread)
    told = {problem.argument for problem in caught.value.problems}
    assert "no_such_argument" in told
    assert told - {"no_such_argument"} <= {*operation.required, *list_content(operation)}
    assert caught.value.kind == "invalid_arguments"
    assert operation.name in caught.value.hint


def refused_arguments(operation: Operation, values: Json, unread: list[Problem]) -> set[str]:
    try:
        validate(operation, values, unread)
    except ShopError as error:
        return {problem.argument for problem in error.problems}
    return set()


@pytest.mark.parametrize("name", [*ALWAYS_LISTED_TOOLS, *DEFAULT_TOOLS])
def test_every_listed_name_is_accepted_with_a_value_of_its_type(name: str) -> None:
    """A value made from the listed schema alone is never refused as unknown or of a wrong type."""
    operation = CATALOG.operations[name]
    values, unread = coerce_arguments(operation, example(build_tool_schema(operation)))
    try:
        validate(operation, values, unread)
    except ShopError as error:
        for problem in error.problems:
            assert "is not an argument here" not in problem.message, problem
            assert "must be" not in problem.message or "must be one" in problem.message, problem


def example(schema: Json) -> Any:
    """Something that the schema takes, every property given."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {name: example(field) for name, field in schema.get("properties", {}).items()}
        case "array":
            return [example(schema["items"])] * max(1, schema.get("minItems", 1))
        case "integer" | "number":
            return schema.get("minimum", schema.get("maximum", 1))
        case "boolean":
            return True
    return "2026-11-01" if "ISO 8601" in schema.get("description", "") else "12"
