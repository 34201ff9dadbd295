"""What is looked up before a write is there: reads, their arguments, fields that are shown or warned of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.catalog.looks import find_looks
from tests.calls.arguments import accepted
from tests.conftest import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Operation

FOLDER = Path(__file__).parents[2] / "server" / "mcp_server_tiktok_shop" / "catalog"
RULES: dict[str, Any] = json.loads((FOLDER / "looks.json").read_text(encoding="utf-8"))
WARNINGS: list[dict[str, Any]] = json.loads((FOLDER / "warnings.json").read_text(encoding="utf-8"))
WRITES = [o for o in CATALOG.operations.values() if o.is_platform_write and "refused" not in o.record]
FILES = dict.fromkeys(("image", "video", "file", "label", "qrcode"), "a file")
# Arguments by which a write of the main areas names a thing of the shop.
NAMING_ARGUMENTS = {
    *("product_id", "product_ids", "order_id", "order_ids", "package_id", "cancel_id", "return_id", "return_ids"),
    *("activity_id", "conversation_id", "global_product_id", "global_product_ids", "main_order_id"),
}


def get_shape(operation: str, path: list[str]) -> Any:
    """The shape at a path of an answer, lists passed through; None where there is none."""
    shape: Any = CATALOG.get_response_shape(CATALOG.operations[operation])
    for name in path:
        shape = shape.get("items", shape)
        shape = shape.get("properties", {}).get(name)
        if shape is None:
            return None
    return shape


def iter_paths(rule: dict[str, Any]) -> Iterator[str]:
    head = f"{rule['list'] if 'list' in rule else rule.get('latest', '')}."
    for path in [*rule["shows"], *(path for paths in rule.get("shows_if_named", {}).values() for path in paths)]:
        yield f"{head}{path}".lstrip(".")
    for name, paths in (rule.get("rows", {}) | rule.get("rows_if_named", {}) | rule.get("named_rows", {})).items():
        for path in paths:
            yield f"{head}{name}.{path}".lstrip(".")


@pytest.mark.parametrize("thing", RULES["things"])
def test_what_is_shown_of_a_thing_is_in_the_answer(thing: str) -> None:
    rule = RULES["things"][thing]
    operation = CATALOG.operations[rule["operation"]]
    assert operation.effect == "read"
    assert {*rule.get("values", {}), *filter(None, [rule.get("argument")])} <= operation.arguments.keys()
    for path in iter_paths(rule):
        assert get_shape(rule["operation"], path.split(".")) is not None, path


def test_rules_name_operations_and_things_that_there_are() -> None:
    for name, rule in RULES["operations"].items():
        assert CATALOG.operations[name].is_platform_write, name
        assert set(rule) <= {"arguments", "lists", "each", "whole", "surroundings", "later", "without"}, name
        assert set(rule.get("surroundings", ())) <= RULES["surroundings"].keys()
    assert set(RULES["arguments"].values()) <= RULES["things"].keys()


def test_warnings_are_of_fields_that_are_looked_up() -> None:
    nouns = {rule.get("noun", thing): rule for thing, rule in RULES["things"].items()}
    for warning in WARNINGS:
        rule = nouns[warning["noun"]]
        path = ".".join(filter(None, (rule.get("list"), warning["field"])))
        assert get_shape(rule["operation"], path.split(".")) is not None, warning
        assert ("one_of" in warning) != ("none_of" in warning)
        for name in warning["operations"]:
            assert CATALOG.operations[name].is_platform_write, name


@pytest.mark.parametrize(
    "operation",
    [
        o
        for o in WRITES
        if o.area in RULES["areas"]
        and (NAMING_ARGUMENTS - {*RULES["operations"].get(o.name, {}).get("without", ())}) & {*o.required}
        and (o.cipher_rule != "never" or "global" in o.name)  # of the whole account, no shop's things can be read
    ],
    ids=lambda operation: operation.name,
)
def test_a_write_that_names_a_thing_has_a_look(operation: Operation) -> None:
    looks = find_looks(operation, accepted(operation, FILES))
    assert looks
    assert all(CATALOG.operations[look.operation].effect == "read" for look in looks)
