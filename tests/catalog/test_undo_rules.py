"""The rules by which a write is taken back name operations, arguments and fields that there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.looks import find_looks
from mcp_server_tiktok_shop.catalog.undo import DEFAULT_REASON, describe_inverse, describe_no_way_back, find_undo_rule
from tests.calls.arguments import accepted
from tests.catalog.test_looks import FILES, FOLDER, get_shape, iter_paths
from tests.catalog.test_looks import RULES as LOOKS
from tests.conftest import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES: dict[str, Any] = json.loads((Path(FOLDER) / "undo.json").read_text(encoding="utf-8"))
READS_BY_NOUN = {rule.get("noun", thing): rule["operation"] for thing, rule in LOOKS["things"].items()}
TEMPLATE_KEYS = {"each", "first", "named", "give", "if", "in", "not_in", "lacks"}


def get_argument(operation: str, path: list[str]) -> Any:
    """The schema at a path of an operation's arguments, lists passed through; None where there is none."""
    shape: Any = {"properties": CATALOG.operations[operation].arguments}
    for name in path:
        shape = shape.get("items", shape)
        shape = shape.get("properties", {}).get(name)
        if shape is None:
            return None
    return shape


def iter_arguments(template: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """The paths of arguments that a template makes."""
    if "give" in template:
        assert set(template) <= TEMPLATE_KEYS, template
        template = template["give"] if isinstance(template["give"], dict) else {}
    for name, part in template.items():
        yield [*path, name]
        if isinstance(part, dict) and "as_given" not in part:
            yield from iter_arguments(part, (*path, name))


@pytest.mark.parametrize("name", RULES["operations"])
def test_a_way_back_is_made_of_what_there_is(name: str) -> None:
    record = RULES["operations"][name]
    assert CATALOG.operations[name].is_platform_write
    read = READS_BY_NOUN[record["noun"]]
    watches = record["watches"]
    paths = [*watches.get("shows", ()), *(f"{n}.{p}" for n, ps in watches.get("rows", {}).items() for p in ps)]
    assert paths
    for path in paths:
        assert get_shape(read, path.split(".")) is not None, path
    for way in record["ways"]:
        for path in way.get("takes", ()):
            assert get_argument(name, path.removesuffix(".*").split(".")) is not None, path
        tools = [step["tool"] for step in way["steps"]]
        assert len(set(tools)) == len(tools)  # a step that was taken is known by its tool
        for step in way["steps"]:
            assert CATALOG.operations[step["tool"]].is_platform_write
            assert {*CATALOG.operations[step["tool"]].required} <= step["arguments"].keys()
            for argument in iter_arguments(step["arguments"]):
                assert get_argument(step["tool"], argument) is not None, argument


@pytest.mark.parametrize("name", RULES["operations"])
def test_a_way_back_is_looked_at_before_it_is_taken(name: str) -> None:
    """Each step's own look reads the thing that must not have changed: an undo is never sent blindly."""
    record = RULES["operations"][name]
    for way in record["ways"]:
        for step in way["steps"]:
            operation = CATALOG.operations[step["tool"]]
            assert record["noun"] in {look.noun for look in find_looks(operation, accepted(operation, FILES))}


def test_what_is_kept_is_shown_somewhere_and_is_no_buyers() -> None:
    shown = {path for rule in LOOKS["things"].values() for path in iter_fact_names(rule)}
    assert {*RULES["audited"]} <= shown
    words = ("recipient", "address", "buyer_message", "phone", "name", "tracking", "reason_text")
    kept = {*RULES["audited"]} - {"address"}  # it is a webhook's, and no other thing's
    assert not [path for path in kept if any(word in path for word in words)]
    assert [thing for thing, rule in LOOKS["things"].items() if "address" in iter_fact_names(rule)] == ["webhook"]


def iter_fact_names(rule: dict[str, Any]) -> Iterator[str]:
    yield from rule["shows"]
    yield from (path for paths in rule.get("shows_if_named", {}).values() for path in paths)
    yield from rule.get("rows", {})
    yield from rule.get("rows_if_named", {})
    yield from iter_paths(rule)


def test_reasons_are_of_operations_without_a_way_back() -> None:
    for name in RULES["no_way_back"]:
        assert CATALOG.operations[name].is_platform_write
        assert find_undo_rule(name) is None
    assert describe_no_way_back("upload_product_image")


INVERSE_VERBS = {
    "create": ("remove", "delete", "cancel"),
    "add": ("remove", "delete"),
    "remove": ("create", "add"),
    "delete": ("create", "add", "recover", "update"),
    "cancel": ("create", "reserve"),
    "reserve": ("cancel",),
    "combine": ("uncombine",),
    "uncombine": ("combine",),
    "activate": ("deactivate",),
    "deactivate": ("activate", "republish"),
    "enable": ("disable",),
    "disable": ("enable",),
    "bind": ("unbind",),
    "unbind": ("bind",),
    "pin": ("unpin",),
    "unpin": ("pin",),
    "publish": ("unpublish", "withdraw"),
    "update": ("delete",),
}
SETTING_WORDS = {"edit", "update"}  # what is set can be set once more
WRITES = [name for name, operation in CATALOG.operations.items() if operation.is_platform_write]


def split_name(name: str) -> list[str]:
    return [word.removesuffix("s") for word in name.removesuffix("_v2").split("_")]


def list_inverses(name: str) -> list[str]:
    """The writes whose name says the contrary of this one's."""
    words = split_name(name)
    contraries = [
        [*words[:index], verb, *words[index + 1 :]]
        for index, word in enumerate(words)
        for verb in INVERSE_VERBS.get(word, ())
    ]
    return [other for other in WRITES if split_name(other) in contraries]


@pytest.mark.parametrize("name", WRITES)
def test_nothing_is_said_to_have_no_way_back_whose_inverse_has_a_name(name: str) -> None:
    """Either there is a rule, or the inverse is named, or a reason of its own says why it brings nothing back."""
    may_be_set_again = bool(SETTING_WORDS & {*name.split("_")[:2]})
    if list_inverses(name) or may_be_set_again:
        has_own_reason = describe_no_way_back(name) != DEFAULT_REASON
        assert find_undo_rule(name) or describe_inverse(name) or has_own_reason, list_inverses(name)


def test_contrary_names_are_found() -> None:
    assert list_inverses("create_open_collaboration") == ["remove_open_collaboration"]
    assert list_inverses("combine_package") == ["uncombine_packages"]
    assert list_inverses("gs_reserve_shipment") == ["gs_cancel_shipment"]


def test_an_inverse_is_named_of_operations_without_a_rule_or_a_reason() -> None:
    named = {*RULES["undone_by"], *RULES["undone_by_itself"]}
    assert not named & {*RULES["no_way_back"], *RULES["operations"]}
    assert named <= {*WRITES}
    assert {each for names in RULES["undone_by"].values() for each in names} <= CATALOG.operations.keys()
