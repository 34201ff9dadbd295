"""Every field that smells of a person is decided on: masked, shown on purpose, or listed as nobody's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.catalog.loader import Catalog
from mcp_server_tiktok_shop.catalog.sensitive_fields import PERSONAL_KINDS, SensitiveFields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity

CATALOG = Catalog()
FACTS = SensitiveFields()
PERSONS = (
    "name|names|phone|mobile|email|emails|mail|address|addresses|street|street2|postal|postcode|zip|city|town|province"
    "|district|recipient|buyer|nick|nickname|username|avatar|contact|receiver|consignee|customer|cpf|cnpj|curp|ssn"
    "|tax_id|tax_number|passport|whatsapp|telegram|viber|zalo|latitude|longitude|birthday|gender"
)
SMELL = re.compile(rf"(?:^|_)(?:{PERSONS})(?:_|$)")
PLACES = re.compile(r"(?:^|[._])(?:address|recipient|consignee|contact|receiver|customer)(?:[._]|$)")
THINGS = re.compile(r"(?:_id|_ids|_fee|_amount|_tax|_code|_type)$|^id$")
BARE = ("name", "full_name", "user_name", "username", "gender")


def leaves(schema: Json, path: str) -> Iterator[tuple[str, Json]]:
    """The fields that hold values, lists passed through."""
    if "properties" in schema:
        for name, field in schema["properties"].items():
            yield from leaves(field, f"{path}.{name}" if path else name)
    elif "items" in schema:
        yield from leaves(schema["items"], path)
    else:
        yield path, schema


def fields() -> Iterator[tuple[str, str, Json]]:
    """Of all operations: answers and arguments."""
    for operation in CATALOG.operations.values():
        found = list(leaves(CATALOG.get_response_shape(operation), ""))
        for name, schema in operation.record.get("arguments", {}).items():
            found += leaves(schema, name)
        yield from ((operation.name, path, schema) for path, schema in found if path)


def at(operation: str, path: str) -> FieldSensitivity:
    field = FACTS.get_root(operation)
    for name in path.split("."):
        field = field.get_child(name)
    return field


def smells(path: str, schema: Json) -> bool:
    name = path.rpartition(".")[2]
    if schema.get("type") in ("integer", "number", "boolean") or "enum" in schema or THINGS.search(name):
        return False
    return bool(SMELL.search(name) or PLACES.search(path))


def ends(path: str) -> set[str]:
    """How the list may name the field: by its name, or by its holder's too where the name says too little."""
    names = path.split(".")
    return {".".join(names[-2:])} if names[-1] in BARE else {names[-1], ".".join(names[-2:])}


LISTED = frozenset(FACTS.rules["not_personal"])
SMELLING = [(op, path) for op, path, schema in fields() if smells(path, schema)]
UNDECIDED = [(op, path) for op, path in SMELLING if at(op, path).kind is None and not at(op, path).is_public]


def test_every_field_that_smells_personal_is_decided_on() -> None:
    assert [f"{op}: {path}" for op, path in UNDECIDED if not ends(path) & LISTED] == []


def test_nothing_is_listed_in_vain() -> None:
    used = set().union(*(ends(path) for _, path in UNDECIDED))
    assert sorted(LISTED - used) == []


def test_no_rule_is_written_for_an_operation_that_does_not_need_it() -> None:
    for name, rules in FACTS.rules["operations"].items():
        if CATALOG.operations[name].is_local:
            continue  # no shape is written down of what this server answers itself: tests/attack looks at its answers
        paths = [path for op, path, _ in fields() if op == name]
        for suffix in (suffix for listed in rules.values() for suffix in listed):
            assert suffix == "*" or any(f".{suffix}." in f".{path}." for path in paths), (name, suffix)


def test_no_suffix_has_two_kinds() -> None:
    listed = [suffix for rules in FACTS.rules["everywhere"].values() for suffix in rules]
    assert sorted(listed) == sorted(set(listed))


def test_ids_amounts_and_times_are_never_personal() -> None:
    for op, path, schema in fields():
        name = path.rpartition(".")[2]
        if name == "id" or name.endswith(("_id", "_ids")) or "x-unit" in schema or schema.get("type") == "boolean":
            assert not at(op, path).is_personal, (op, path)


@pytest.mark.parametrize(
    ("operation", "path", "kind"),
    [
        ("get_order_list", "orders.recipient_address.name", "name"),
        ("get_order_list", "orders.recipient_address.phone_number", "phone"),
        ("get_order_list", "orders.recipient_address.district_info.address_name", "address"),
        ("get_order_list", "orders.recipient_address.something_new", "address"),
        ("get_order_list", "orders.recipient_address.region_code", None),
        ("get_order_list", "orders.recipient_address.delivery_preferences.drop_off_location", "address"),
        ("get_order_list", "orders.buyer_email", "email"),
        ("get_order_list", "orders.cpf", "number"),
        ("get_order_list", "orders.buyer_message", "text"),
        ("get_order_list", "orders.seller_note", "note"),
        ("get_order_list", "orders.line_items.product_name", "title"),
        ("get_order_list", "orders.user_id", None),
        ("get_package_detail", "recipient_address.full_address", "address"),
        ("get_package_detail", "sender_address.full_address", None),
        ("get_warehouse_list", "warehouses.address.phone_number", None),
        ("get_tax_information", "business_entity.address", None),
        ("get_shop_webhooks", "webhooks.address", None),
        ("get_conversations", "conversations.participants.nickname", "name"),
        ("get_marketplace_creator_performance", "creator.nickname", None),
        ("get_marketplace_creator_performance", "creator.shipping_address.phone_number", "phone"),
        ("create_fbt_mcf_order", "consignee.address.city", "address"),
        ("create_fbt_mcf_order", "consignee.address.country_code", None),
        ("send_message", "content", None),
        ("an_operation_of_tomorrow", "parcels.recipient_address.email", "email"),
    ],
)
def test_the_facts_say_what_a_field_holds(operation: str, path: str, kind: str | None) -> None:
    assert at(operation, path).kind == kind


def test_what_is_the_sellers_own_holds_nothing_personal_within() -> None:
    own = at("get_warehouse_list", "warehouses")
    assert own.is_public
    assert own.get_child("manager").get_child("first_name").kind not in PERSONAL_KINDS


def test_names_that_are_ids_do_not_fill_the_memory() -> None:
    place = SensitiveFields().get_root("get_order_list").get_child("by_id")
    for number in range(5000):
        assert place.get_child(str(number)).get_child("phone_number").kind == "phone"
    assert len(place.children) <= 2000
