"""A view is the part of a wide answer that is shown by default: what it names exists, and what matters is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scripts.import_facts import merge_record

from mcp_server_tiktok_shop.catalog.loader import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

CATALOG = Catalog()
READS = [o for o in CATALOG.operations.values() if o.effect == "read" and o.uses_platform]
VIEWS = [o for o in CATALOG.operations.values() if "shows" in o.record]
WIDE = 20  # fields; below that, an answer costs little more than a view of it
WRONG = {"error", "errors", "warnings", "failed", "fail_reasons", "failed_reasons", "product_sync_fail_reasons"}
KEYS = {"fields", "starts", "merges", "if_any"}

every_view = pytest.mark.parametrize("operation", VIEWS, ids=lambda each: each.name)
every_read = pytest.mark.parametrize("operation", READS, ids=lambda each: each.name)


def fields(schema: Json) -> Json:
    """The fields of an object or of a list's items, without those that the platform retires."""
    while "items" in schema:
        schema = schema["items"]
    named = schema.get("properties", {})
    return {name: f for name, f in named.items() if name != "next_page_token" and not f.get("deprecated")}


def leaves(schema: Json, path: str = "") -> set[str]:
    """The dotted paths of all fields that have no fields of their own."""
    named = fields(schema)
    if not named:
        return {path} if path else set()
    return {leaf for name, f in named.items() for leaf in leaves(f, f"{path}.{name}" if path else name)}


def lists(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every list of objects, by its dotted path, with the fields of its items."""
    for name, field in fields(schema).items():
        here = f"{path}.{name}" if path else name
        if "items" in field and fields(field):
            yield here, fields(field)
        yield from lists(field, here)


def found(schema: Json, path: str) -> Json | None:
    for step in path.split("."):
        named = fields(schema)
        if step not in named:
            return None
        schema = named[step]
    return schema


def shown(operation: Operation) -> set[str]:
    """The leaves that the view shows: a path to an object or a list shows all below it."""
    below = tuple(f"{path}." for path in operation.record["shows"]["fields"])
    return {leaf for leaf in leaves(CATALOG.get_response_shape(operation)) if f"{leaf}.".startswith(below)}


def naming(path: str, item: Json) -> str | None:
    """What names an item: `id`, for `cancel_line_items` `cancel_line_item_id` or `line_item_id`, or `code`."""
    words = path.rpartition(".")[2].removesuffix("s").split("_")
    names = ["id", *("_".join([*words[first:], "id"]) for first in range(len(words))), "code"]
    return next((name for name in names if name in item), None)


@every_view
def test_a_view_belongs_to_a_read_and_says_nothing_unknown(operation: Operation) -> None:
    assert operation.effect == "read"
    assert operation.record["shows"].keys() <= KEYS
    assert operation.record["shows"]["fields"]


@every_view
def test_a_view_names_what_the_answer_has(operation: Operation) -> None:
    shape = CATALOG.get_response_shape(operation)
    assert [path for path in operation.record["shows"]["fields"] if found(shape, path) is None] == []


@every_view
def test_a_view_names_nothing_twice(operation: Operation) -> None:
    paths = operation.record["shows"]["fields"]
    assert len(paths) == len(set(paths))
    assert [(low, high) for low in paths for high in paths if low.startswith(f"{high}.")] == []


@every_view
def test_every_list_in_a_view_tells_which_item_is_which(operation: Operation) -> None:
    seen = shown(operation)
    merged = operation.record["shows"].get("merges", ())
    for path, item in lists(CATALOG.get_response_shape(operation)):
        name = naming(path, item)
        if name is None or not any(leaf.startswith(f"{path}.") for leaf in seen):
            continue
        assert (f"{path}.{name}" in seen) != (path in merged), f"{path}.{name}"


@every_view
def test_a_view_shortens_texts_and_merges_lists_that_it_shows(operation: Operation) -> None:
    shows, seen = operation.record["shows"], shown(operation)
    for path, length in shows.get("starts", {}).items():
        assert path in seen
        assert (found(CATALOG.get_response_shape(operation), path) or {}).get("type") == "string", path
        assert length >= 20, "a name cut shorter than that is no name"
    assert [
        path for path in shows.get("if_any", ()) if found(CATALOG.get_response_shape(operation), path) is None
    ] == []
    objects = {path for path, _ in lists(CATALOG.get_response_shape(operation))}
    for path in shows.get("merges", ()):
        assert path in objects
        assert any(leaf.startswith(f"{path}.") for leaf in seen), path


@every_view
def test_a_view_leaves_out_half_of_the_fields_and_more(operation: Operation) -> None:
    """What is shown only where there is any counts as left out: it mostly is."""
    seldom = tuple(f"{path}." for path in operation.record["shows"].get("if_any", ()))
    always = [leaf for leaf in shown(operation) if not f"{leaf}.".startswith(seldom)] if seldom else shown(operation)
    assert 2 * len(always) <= len(leaves(CATALOG.get_response_shape(operation)))


@every_view
def test_what_went_wrong_is_never_left_out(operation: Operation) -> None:
    wrong = {leaf for leaf in leaves(CATALOG.get_response_shape(operation)) if WRONG & set(leaf.split("."))}
    assert wrong <= shown(operation)


@every_read
def test_a_wide_answer_has_a_view(operation: Operation) -> None:
    assert len(leaves(CATALOG.get_response_shape(operation))) <= WIDE or "shows" in operation.record


def test_a_page_of_orders_shows_neither_who_bought_nor_where_it_goes() -> None:
    hidden = ("recipient_address", "buyer_email", "buyer_nickname", "cpf", "user_id")
    seen = shown(CATALOG.operations["get_order_list"])
    assert not [leaf for leaf in seen if set(leaf.split(".")) & set(hidden)]


def test_importing_facts_leaves_a_view_alone() -> None:
    words = CATALOG.operations["get_order_list"].record
    optional = ("other_cipher", "content_type", "paging", "scope", "regions", "superseded_by", "older_versions", "body")
    facts: dict[str, Any] = dict.fromkeys(optional) | {"path_params": {}, "query": {}, "required": []}
    facts |= {key: words[key] for key in ("method", "path", "effect", "asks")} | {"shop_cipher": words["cipher"]}
    made = merge_record(facts, words)
    assert made["shows"] == words["shows"]
    assert [*made].index("shows") + 1 == [*made].index("arguments"), "beside what the next import writes"
